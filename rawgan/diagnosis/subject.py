"""Subjects of a diagnosis."""

from typing import Any, NamedTuple

from rawgan.diagnosis.held_out import LogitsOfD
from rawgan.gan import GANState
from rawgan.tensor import Tensor


class DiagnosisSubject(NamedTuple):
    """A generator with its discriminator, and a batch to examine them by."""

    name: str
    """Name among several subjects; empty for a single one."""
    gan: GANState
    real: Tensor
    """Real images or points, as D sees them."""
    latent: Tensor
    """Input of G: latent vectors, or source images."""
    given: Any
    """Condition that D sees as well: labels, or source images."""
    logits: LogitsOfD | None = None
    """D's logits of training, held-out and generated images; None where no images are held out."""
