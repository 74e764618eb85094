"""The declaration of an augmentation, and what several of them need."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from rawgan.device import to_device
from rawgan.ops import concatenate
from rawgan.tensor import Tensor


@dataclass(frozen=True)
class Augmentation:
    """An augmentation that `--augment` can choose."""

    name: str
    summary: str
    """One line for help texts."""
    apply: Callable[[Tensor, np.random.Generator, float], Tensor]
    """(images, random numbers, probability p of each transformation) → the images as D sees them, each transformed by
    draws of its own. Differentiable by the images, to any order.

    Shapes: (N, H, W, C) in [−1, 1], C 1 to 4 → the same
    """
    adaptive: bool = False
    """True if p is adapted to how much D overfits; otherwise all images are transformed, and p is 1."""


def constant_like(values: Any, images: Tensor) -> Tensor:
    """Random numbers, drawn on the CPU, with the dtype and the device of images."""
    return Tensor(to_device(np.asarray(values, images.dtype), images.device))


def recoloured(images: Tensor, change: Callable[[Tensor], Tensor]) -> Tensor:
    """Images whose colours, or greys, are changed; alpha, the last of 2 or 4 channels, stays as it is.

    Shapes: (N, H, W, C) → the same; change takes and gives (N, H, W, 1) or (N, H, W, 3)
    """
    channels = images.shape[3]
    if channels % 2:
        return change(images)
    return concatenate([change(images[..., :-1]), images[..., -1:]], axis=3)
