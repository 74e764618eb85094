"""The declaration of an objective: the losses that D and G minimise.

Losses are of logits, D's scores of how real images are; 0 is undecided. All are means over the batch.
"""

from collections.abc import Callable
from dataclasses import dataclass

from rawgan.tensor import Tensor


@dataclass(frozen=True)
class Losses:
    """Losses of D on real and on generated images, and of G.

    D's loss comes in two halves. Each half is walked back before the next begins, so only one batch's activations are
    in memory.
    """

    real: Callable[[Tensor], Tensor]
    """D's loss on the logits of real images."""
    fake: Callable[[Tensor], Tensor]
    """D's loss on the logits of generated images."""
    generator: Callable[[Tensor], Tensor]
    """G's loss on the logits of generated images."""


@dataclass(frozen=True)
class PairedLosses:
    """Losses on pairs: each real image is compared with a generated one."""

    discriminator: Callable[[Tensor, Tensor], Tensor]
    """D's loss on the logits of (real, generated) images."""
    generator: Callable[[Tensor, Tensor], Tensor]
    """G's loss on the logits of (generated, real) images."""


@dataclass(frozen=True)
class Objective:
    """An objective that `--objective` can choose."""

    name: str
    summary: str
    """One line for help texts."""
    losses: Callable[..., Losses | PairedLosses]
    """Makes the losses. If `smoothable`, of (smooth_real, smooth_fake); otherwise of nothing."""
    smoothable: bool = False
    """True if D has targets, which label smoothing moves: 1 − smooth_real for real images, smooth_fake for others."""
    centred: bool = True
    """True if D is undecided at a logit of 0; otherwise only differences between logits mean something."""
    in_nats: bool = False
    """True if the losses are cross-entropies, in nats."""

    @property
    def paired(self) -> bool:
        """True if real images are compared with generated ones, pair by pair."""
        return isinstance(self.losses(), PairedLosses)
