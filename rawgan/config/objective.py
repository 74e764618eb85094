"""Options about the losses: the objective, and the terms that are added to it."""

import dataclasses
from pathlib import Path
from typing import Annotated

from rawgan.config.optimiser import DEFAULT_STEPS
from rawgan.config.options import Group, Named, OneOf, Place, Range, Word
from rawgan.errors import ArgumentError
from rawgan.files import expanded
from rawgan.gan import OBJECTIVES, losses_of
from rawgan.metrics.extractors.stored_classifier import DIGITS

Weight = Annotated[float, Range(0, 10**6)]
"""Weight of a term that is added to the objective."""


@dataclasses.dataclass(frozen=True)
class ObjectiveOptions(Group):
    """Losses of both networks."""

    name: Annotated[str, Named("objective"), OneOf(OBJECTIVES)] = "non-saturating"
    """Losses of D and G."""
    smooth_real: float = 0.0
    """One-sided label smoothing: D's target for real images is 1 − s. For objectives that have targets."""
    smooth_fake: float = 0.0
    """Label smoothing of generated images: D's target for them is s."""
    instance_noise: Annotated[float, Range(0, 10)] = 0.0
    """Standard deviation, in the first step, of noise that is added to all images that D sees. Pixels are from −1 to
    1."""
    noise_steps: Annotated[int, Range(1, 10**9)] = DEFAULT_STEPS
    """Steps in which instance noise falls to 0."""

    def check(self) -> None:
        super().check()
        losses_of(self.name, self.smooth_real, self.smooth_fake)


@dataclasses.dataclass(frozen=True)
class FidelityOptions(Group):
    """Differences from the target image, which are added to G's loss."""

    pixel_weight: Weight = 100.0
    """Weight of the mean absolute difference of pixels, added to G's loss."""
    feature_weight: Weight = 0.0
    """Weight of the difference of a classifier's features: the classifier of digits, or --features."""
    features: Annotated[str | None, Word("FILE"), Place()] = None
    """A file of rawgan train-classifier, for --feature-weight. Unset: the classifier of digits that comes with
    rawgan."""
    adversarial_weight: Weight = 1.0
    """Weight of G's loss from the objective. 0: pixels and features alone."""

    def check(self) -> None:
        super().check()
        if not (self.pixel_weight or self.feature_weight or self.adversarial_weight):
            raise ArgumentError(
                "pixel_weight, feature_weight and adversarial_weight are all 0: nothing is to be learnt"
            )
        if self.features is not None and not self.feature_weight:
            raise ArgumentError("features has no effect without feature_weight, which is 0; give both or none")

    @property
    def files(self) -> dict[str, Path]:
        """The classifier's file, by the option that names it; empty if features have no weight."""
        return {"features": expanded(self.features or DIGITS)} if self.feature_weight else {}


@dataclasses.dataclass(frozen=True)
class CycleOptions(Group):
    """Terms that keep a translated image recognisable where there is no target."""

    weight: Annotated[Weight, Named("cycle_weight")] = 10.0
    """Weight of the difference between an image and itself translated there and back."""
    identity_weight: Weight = 5.0
    """Weight of the change that a translator makes to images that are of its target kind already."""
    history: Annotated[int, Range(0, 10**5)] = 50
    """Number of earlier generated images of each kind that are kept; D sees some of them again. 0: none."""
