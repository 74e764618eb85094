"""Squared distances of logits from their targets."""

from rawgan.gan.objectives.objective import Losses, Objective
from rawgan.ops import mse


def least_squares(smooth_real: float = 0.0, smooth_fake: float = 0.0) -> Losses:
    """D: ½ (real − 1)² + ½ fake²;  G: ½ (fake − 1)². Images far on the right side of the boundary still have a
    gradient.

    Source: Mao et al. 2017
    """
    return Losses(
        real=lambda logits: mse(logits, 1.0 - smooth_real) * 0.5,
        fake=lambda logits: mse(logits, smooth_fake) * 0.5,
        generator=lambda logits: mse(logits, 1.0) * 0.5,
    )


LEAST_SQUARES = Objective(
    name="least-squares",
    summary="squared distances from the targets",
    losses=least_squares,
    smoothable=True,
    centred=False,
)
