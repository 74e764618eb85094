"""Cross-entropy, and a G that maximises D's probability that its images are real."""

from rawgan.gan.objectives.cross_entropy import cross_entropy
from rawgan.gan.objectives.objective import Losses, Objective
from rawgan.ops import bce_with_logits


def non_saturating(smooth_real: float = 0.0, smooth_fake: float = 0.0) -> Losses:
    """D: −log σ(real) − log(1 − σ(fake));  G: −log σ(fake). G's gradient is strong while D recognises its images.

    Source: Goodfellow et al. 2014
    """
    return cross_entropy(lambda logits: bce_with_logits(logits, 1.0), smooth_real, smooth_fake)


NON_SATURATING = Objective(
    name="non-saturating",
    summary="cross-entropy, the default",
    losses=non_saturating,
    smoothable=True,
    in_nats=True,
)
