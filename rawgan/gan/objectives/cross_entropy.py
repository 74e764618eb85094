"""Cross-entropy losses of D, shared by the non-saturating and the minimax objective."""

from collections.abc import Callable

from rawgan.gan.objectives.objective import Losses
from rawgan.ops import bce_with_logits
from rawgan.tensor import Tensor


def cross_entropy(generator: Callable[[Tensor], Tensor], smooth_real: float, smooth_fake: float) -> Losses:
    """D: −log σ(real) − log(1 − σ(fake)), beside a loss of G.

    With label smoothing, D's targets are 1 − smooth_real and smooth_fake instead of 1 and 0.

    Source: Goodfellow et al. 2014; smoothing: Salimans et al. 2016
    """
    return Losses(
        real=lambda logits: bce_with_logits(logits, 1.0 - smooth_real),
        fake=lambda logits: bce_with_logits(logits, smooth_fake),
        generator=generator,
    )
