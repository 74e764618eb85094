"""WGAN-GP: D's slope between real and generated images."""

import numpy as np

from rawgan.gan.penalties.penalty import Discriminate, Penalty
from rawgan.gan.penalties.slopes import distance_from_one, uniform_like
from rawgan.tensor import Tensor


def wgan_gp(discriminate: Discriminate, real: Tensor, fake: Tensor, rng: np.random.Generator) -> Tensor:
    """(‖slope‖ − 1)² at random points between real and generated images: the slope that the earth mover's distance
    asks for.

    Source: Gulrajani et al. 2017
    """
    between = uniform_like(rng, (len(real), *[1] * (real.ndim - 1)), real)
    return distance_from_one(discriminate, real * between + fake * (1.0 - between))


WGAN_GP = Penalty("wgan-gp", "between real and generated images", wgan_gp, weight=10.0, is_random=True)
