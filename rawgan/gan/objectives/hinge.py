"""The hinge loss."""

from rawgan.gan.objectives.objective import Losses, Objective
from rawgan.ops import mean, relu


def hinge() -> Losses:
    """D: max(0, 1 − real) + max(0, 1 + fake);  G: −fake. D ignores images that it is sure of.

    Source: Lim and Ye 2017
    """
    return Losses(
        real=lambda logits: mean(relu(1.0 - logits)),
        fake=lambda logits: mean(relu(1.0 + logits)),
        generator=lambda logits: -mean(logits),
    )


HINGE = Objective(name="hinge", summary="D ignores images that it is sure of", losses=hinge)
