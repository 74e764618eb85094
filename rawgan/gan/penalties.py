"""Gradient penalties: what D pays for the slope of its judgement.

Each is differentiated twice: by the images, to have the slope, and by D's weights. Batch norm in D would make the slope
at one image depend on the others, so they are meant for networks without it (`residual`).
"""

from collections.abc import Callable

import numpy as np

from rawgan.autograd import grad
from rawgan.device import to_device
from rawgan.errors import ArgumentError
from rawgan.ops import maximum, mean, reshape, sqrt, sum
from rawgan.tensor import Tensor

Judge = Callable[[Tensor], Tensor]
"""D: images (N, H, W, C) → logits (N, 1), or of I · J patches (N, I, J, 1), whose slopes add up: with more of them, a
penalty is stronger."""

TINY = 1e-30
"""A squared slope below that is 0, whose root has no slope of its own: without it, a D that is flat would give NaN."""


def squared_slopes(judge: Judge, images: Tensor) -> Tensor:
    """‖∂D(x) / ∂x‖² of each image, in a graph that can be walked back to D's weights.

    Shapes: images (N, H, W, C) → (N,)

    >>> squared_slopes(lambda x: sum(x * x, axis=1, keepdims=True), Tensor([[1.0, 2.0]]))
    Tensor([20.], float32, requires_grad=True)
    """
    images = images.detach()
    images.requires_grad = True
    (slopes,) = grad(sum(judge(images)), [images], create_graph=True)
    flat = reshape(slopes, (len(images), -1))
    return sum(flat * flat, axis=1)


def r1(judge: Judge, real: Tensor, fake: Tensor, rng: np.random.Generator) -> Tensor:
    """½ ‖slope at real images‖²: D may not be steep where the data is.

    Source: Mescheder, Geiger, Nowozin 2018
    """
    return mean(squared_slopes(judge, real)) * 0.5


def r2(judge: Judge, real: Tensor, fake: Tensor, rng: np.random.Generator) -> Tensor:
    """½ ‖slope at generated images‖².

    Source: Mescheder, Geiger, Nowozin 2018
    """
    return mean(squared_slopes(judge, fake)) * 0.5


def r1_r2(judge: Judge, real: Tensor, fake: Tensor, rng: np.random.Generator) -> Tensor:
    """r1 + r2.

    Source: Huang et al. 2024 (R3GAN)
    """
    return r1(judge, real, fake, rng) + r2(judge, real, fake, rng)


def wgan_gp(judge: Judge, real: Tensor, fake: Tensor, rng: np.random.Generator) -> Tensor:
    """(‖slope‖ − 1)² at points between real and generated images: the slope that the earth mover's distance asks for.

    Source: Gulrajani et al. 2017
    """
    between = _draw(rng.random((len(real), *[1] * (real.ndim - 1))), real)
    return _to_one(judge, real * between + fake * (1.0 - between))


def dragan(judge: Judge, real: Tensor, fake: Tensor, rng: np.random.Generator) -> Tensor:
    """(‖slope‖ − 1)² at points around real images, half a standard deviation of all their pixels away at most.

    Source: Kodali et al. 2017
    """
    noise = _draw(rng.random(real.shape), real)
    return _to_one(judge, real + noise * (0.5 * _deviation(real)))


PENALTIES = {"r1": r1, "r2": r2, "r1+r2": r1_r2, "wgan-gp": wgan_gp, "dragan": dragan}


def penalty(name: str) -> Callable[[Judge, Tensor, Tensor, np.random.Generator], Tensor]:
    """A penalty by name.

    Raises: ArgumentError for an unknown one
    """
    if name not in PENALTIES:
        raise ArgumentError(f"there is no penalty {name!r}; choose one of: {', '.join(PENALTIES)}")
    return PENALTIES[name]


def _to_one(judge: Judge, images: Tensor) -> Tensor:
    away = sqrt(maximum(squared_slopes(judge, images.detach()), TINY)) - 1.0
    return mean(away * away)


def _deviation(images: Tensor) -> Tensor:
    centred = images - mean(images)
    return sqrt(mean(centred * centred))


def _draw(numbers: np.ndarray, like: Tensor) -> Tensor:
    """Random numbers, drawn on the CPU whatever the device."""
    return Tensor(to_device(numbers.astype(like.dtype), like.device))
