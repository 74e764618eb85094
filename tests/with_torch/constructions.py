"""Constructions of GAN papers, each one expression in rawgan and in PyTorch, on rawgan's layout of images."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from samples import compare

from rawgan import Tensor

Array = NDArray[Any]
rng = np.random.default_rng(0)


@dataclass(frozen=True)
class Construction:
    """The same function of both libraries, and its arguments: arrays of floats are differentiated, integers are not."""

    name: str
    ours: Callable[..., Tensor]
    theirs: Callable[..., torch.Tensor]
    arguments: tuple[Array, ...]

    def __str__(self) -> str:
        return self.name

    def check(self) -> None:
        """Compare values, gradients and second derivatives, in float64."""
        tensors = [torch.from_numpy(array) for array in self.arguments]
        compare(self.ours, self.theirs, *(t.requires_grad_() if t.is_floating_point() else t for t in tensors))


def construction(
    name: str, ours: Callable[..., Tensor], theirs: Callable[..., torch.Tensor], *arguments: Array
) -> Construction:
    """A construction with its arguments in order."""
    return Construction(name, ours, theirs, arguments)


def normal(*shape: int) -> Array:
    """Normally distributed numbers."""
    return rng.standard_normal(shape)


def first(images: torch.Tensor) -> torch.Tensor:
    """Shapes: (N, H, W, C) → (N, C, H, W)"""
    return images.permute(0, 3, 1, 2)


def last(images: torch.Tensor) -> torch.Tensor:
    """Shapes: (N, C, H, W) → (N, H, W, C)"""
    return images.permute(0, 2, 3, 1)


def kernels(w: torch.Tensor) -> torch.Tensor:
    """Shapes: (A, B, C, K) → (K, C, A, B)"""
    return w.permute(3, 2, 0, 1)
