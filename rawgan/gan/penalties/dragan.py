"""DRAGAN: D's slope around real images."""

import numpy as np

from rawgan.gan.penalties.penalty import Discriminate, Penalty
from rawgan.gan.penalties.slopes import distance_from_one, uniform_like
from rawgan.ops import mean, sqrt
from rawgan.tensor import Tensor


def dragan(discriminate: Discriminate, real: Tensor, fake: Tensor, rng: np.random.Generator) -> Tensor:
    """(‖slope‖ − 1)² at random points around real images, at most half a standard deviation of all their pixels away.

    Source: Kodali et al. 2017
    """
    noise = uniform_like(rng, real.shape, real)
    return distance_from_one(discriminate, real + noise * (0.5 * _deviation(real)))


def _deviation(images: Tensor) -> Tensor:
    """Standard deviation of all pixels."""
    centred = images - mean(images)
    return sqrt(mean(centred * centred))


DRAGAN = Penalty("dragan", "around real images", dragan, weight=10.0, is_random=True)
