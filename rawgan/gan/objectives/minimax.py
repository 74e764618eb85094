"""Cross-entropy as a zero-sum game, with the tutorial's formula for G."""

from rawgan.gan.objectives.cross_entropy import cross_entropy
from rawgan.gan.objectives.objective import Losses, Objective
from rawgan.ops import bce_with_logits


def minimax(smooth_real: float = 0.0, smooth_fake: float = 0.0) -> Losses:
    """D: −log σ(real) − log(1 − σ(fake));  G: log(1 − σ(fake)). G's gradient vanishes while D recognises its images.

    Source: Goodfellow et al. 2014
    """
    return cross_entropy(lambda logits: -bce_with_logits(logits, 0.0), smooth_real, smooth_fake)


MINIMAX = Objective(
    name="minimax",
    summary="cross-entropy with the tutorial's formula for G",
    losses=minimax,
    smoothable=True,
    in_nats=True,
)
