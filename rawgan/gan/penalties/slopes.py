"""D's slopes at images, which all gradient penalties are made of."""

import numpy as np

from rawgan.autograd import grad
from rawgan.device import to_device
from rawgan.gan.penalties.penalty import Discriminate
from rawgan.ops import maximum, mean, reshape, sqrt, sum
from rawgan.tensor import Tensor

TINY = 1e-30
"""Smallest squared slope that counts as more than 0. The root of 0 has no derivative, and a flat D would give NaN."""


def squared_slopes(discriminate: Discriminate, images: Tensor) -> Tensor:
    """‖∂D(x) / ∂x‖² of each image, in a graph that leads back to D's weights.

    Shapes: images (N, H, W, C) → (N,)

    >>> squared_slopes(lambda x: sum(x * x, axis=1, keepdims=True), Tensor([[1.0, 2.0]]))
    Tensor([20.], float32, requires_grad=True)
    """
    images = images.detach()
    images.requires_grad = True
    (slopes,) = grad(sum(discriminate(images)), [images], create_graph=True)
    flat = reshape(slopes, (len(images), -1))
    return sum(flat * flat, axis=1)


def distance_from_one(discriminate: Discriminate, images: Tensor) -> Tensor:
    """Mean of (‖slope‖ − 1)². Shapes: images (N, H, W, C) → ()"""
    away = sqrt(maximum(squared_slopes(discriminate, images.detach()), TINY)) - 1.0
    return mean(away * away)


def uniform_like(rng: np.random.Generator, shape: tuple[int, ...], like: Tensor) -> Tensor:
    """Uniform random numbers in [0, 1), drawn on the CPU, with the dtype and the device of a Tensor."""
    return Tensor(to_device(rng.random(shape).astype(like.dtype), like.device))
