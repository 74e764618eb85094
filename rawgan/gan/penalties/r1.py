"""R1: D's slope at real images."""

import numpy as np

from rawgan.gan.penalties.penalty import Discriminate, Penalty
from rawgan.gan.penalties.slopes import squared_slopes
from rawgan.ops import mean
from rawgan.tensor import Tensor


def r1(discriminate: Discriminate, real: Tensor, fake: Tensor, rng: np.random.Generator) -> Tensor:
    """½ ‖slope at real images‖²: D stays flat where the data is.

    Source: Mescheder, Geiger, Nowozin 2018
    """
    return mean(squared_slopes(discriminate, real)) * 0.5


R1 = Penalty("r1", "at real images", r1, weight=1.0, point_weight=0.003)
