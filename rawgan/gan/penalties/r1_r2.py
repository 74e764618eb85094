"""R1 + R2: D's slope at real and at generated images."""

import numpy as np

from rawgan.gan.penalties.penalty import Discriminate, Penalty
from rawgan.gan.penalties.r1 import r1
from rawgan.gan.penalties.r2 import r2
from rawgan.tensor import Tensor


def r1_r2(discriminate: Discriminate, real: Tensor, fake: Tensor, rng: np.random.Generator) -> Tensor:
    """½ ‖slope at real images‖² + ½ ‖slope at generated images‖².

    Source: Huang et al. 2024 (R3GAN)
    """
    return r1(discriminate, real, fake, rng) + r2(discriminate, real, fake, rng)


R1_R2 = Penalty("r1+r2", "at both", r1_r2, weight=1.0, point_weight=0.003)
