"""Settings of a training step: objective, label smoothing, gradient penalty, instance noise, augmentation."""

from dataclasses import dataclass
from functools import cached_property

from rawgan.gan.augmentations.adaptation import IMAGES, TARGET
from rawgan.gan.objectives import Losses, PairedLosses, losses_of


@dataclass(frozen=True)
class LossConfig:
    """Losses of both networks, and their regularisation.

    Raises: ArgumentError for an unknown objective or penalty, when it is first needed
    """

    objective: str = "non-saturating"
    """Name of one of `OBJECTIVES`."""
    smooth_real: float = 0.0
    """One-sided label smoothing: D's target for real images is 1 − smooth_real."""
    smooth_fake: float = 0.0
    """Label smoothing of generated images: D's target for them is smooth_fake."""
    penalty: str | None = None
    """Name of one of `PENALTIES`."""
    penalty_weight: float = 1.0
    """Weight of the gradient penalty."""
    penalty_every: int = 1
    """Apply the penalty every N steps, weighted by N (lazy regularisation). Source: Karras et al. 2020"""
    g_penalty: str | None = None
    """Name of one of `GENERATOR_PENALTIES`, whose state the GAN must have been built with."""
    g_penalty_weight: float = 1.0
    """Weight of the penalty on G."""
    g_penalty_every: int = 1
    """Apply the penalty on G every N steps, weighted by N."""
    instance_noise: float = 0.0
    """Standard deviation, in the first step, of noise that is added to all images that D sees, but not to the source
    images or labels that they belong to."""
    noise_steps: int = 1
    """Steps in which instance noise falls to 0."""
    augment: str | None = None
    """Name of one of `AUGMENTATIONS`, for all images that D sees. The GAN must have been built with an adaptive one."""
    augment_target: float = TARGET
    """Value at which an adaptive augmentation keeps r_t."""
    augment_images: int = IMAGES
    """Training images within which its probability can go from 0 to 1."""
    seed: int = 0

    @cached_property
    def losses(self) -> Losses | PairedLosses:
        """Losses of the objective."""
        return losses_of(self.objective, self.smooth_real, self.smooth_fake)


DEFAULT_LOSS = LossConfig()
"""The non-saturating objective, without regularisation."""
