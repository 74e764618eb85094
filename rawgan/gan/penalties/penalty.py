"""Declarations of penalties: gradient penalties on D, and penalties on G."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from rawgan.nn import Module, Sequential
from rawgan.tensor import Tensor

Discriminate = Callable[[Tensor], Tensor]
"""D: images (N, H, W, C) → logits (N, 1), or logits (N, I, J, 1) of patches. Slopes of patches add up: the more
patches, the stronger the penalty."""


@dataclass(frozen=True)
class Penalty:
    """A gradient penalty that `--penalty` can choose."""

    name: str
    summary: str
    """The images at which D's slope is penalised, for help texts."""
    value: Callable[[Discriminate, Tensor, Tensor, np.random.Generator], Tensor]
    """(D, real images, generated images, random numbers) → the penalty without its weight, a scalar."""
    weight: float
    """Weight if no option sets it."""
    point_weight: float | None = None
    """The same for points of narrow modes, around which D must be steep; None: `weight`."""
    is_random: bool = False
    """True if it draws random numbers, which a CUDA graph cannot repeat."""


class PenaltyOnG(Module):
    """A penalty on G, whose running means are Buffers: a checkpoint keeps them."""

    def value(self, generator: Sequential, latent: Tensor, rng: np.random.Generator) -> Tensor:
        """The penalty without its weight, a scalar. Shapes: latent (N, …), G's input"""
        raise NotImplementedError(f"{type(self).__name__} has no value")


@dataclass(frozen=True)
class GeneratorPenalty:
    """A penalty on G that `--g-penalty` can choose, for networks without batch norm in G: that makes the images of a
    batch depend on each other."""

    name: str
    summary: str
    """Words for help texts."""
    make: Callable[[], PenaltyOnG]
    weight: float
    """Weight if no option sets it."""
