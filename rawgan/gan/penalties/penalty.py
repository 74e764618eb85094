"""The declaration of a gradient penalty on D."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

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
