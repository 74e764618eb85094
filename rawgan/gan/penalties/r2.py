"""R2: D's slope at generated images."""

import numpy as np

from rawgan.gan.penalties.penalty import Discriminate, Penalty
from rawgan.gan.penalties.slopes import squared_slopes
from rawgan.ops import mean
from rawgan.tensor import Tensor


def r2(discriminate: Discriminate, real: Tensor, fake: Tensor, rng: np.random.Generator) -> Tensor:
    """½ ‖slope at generated images‖².

    Source: Mescheder, Geiger, Nowozin 2018
    """
    return mean(squared_slopes(discriminate, fake)) * 0.5


R2 = Penalty("r2", "at generated images", r2, weight=1.0, point_weight=0.003)
