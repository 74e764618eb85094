"""Options about augmentation: of the training images, and of all images that D sees."""

import dataclasses
from typing import Annotated

from rawgan.config.options import Group, Named, OneOf, Range
from rawgan.errors import ArgumentError
from rawgan.gan import AUGMENTATIONS
from rawgan.gan.augmentations.adaptation import IMAGES, TARGET

SMALL = 5000
"""Number of training images below which D sees augmented images by default."""
DEFAULT = "diffaugment"
"""Augmentation of small sets: it works from the first step, while p of ada takes hundreds of thousands of images to
rise."""


def default_augmentation(count: int) -> str:
    """Name of the augmentation of so many training images, if no option sets it.

    >>> default_augmentation(400), default_augmentation(60_000)
    ('diffaugment', 'none')
    """
    return DEFAULT if count < SMALL else "none"


@dataclasses.dataclass(frozen=True)
class AugmentationOptions(Group):
    """Random transformations of images, against a D that learns them by heart."""

    name: Annotated[str | None, Named("augment"), OneOf(("none", *AUGMENTATIONS), AUGMENTATIONS)] = None
    """Transform all images that D sees, real and generated ones, so that D cannot learn few images by heart, and G does
    not learn the transformations. Unset: diffaugment for fewer than 5,000 training images, otherwise none."""
    target: Annotated[float | None, Named("augment_target"), Range(-1, 1)] = None
    """For ada: its probability p rises while r_t, the mean sign of D's logits of training images, is above this. Unset:
    0.6."""
    images: Annotated[int | None, Named("augment_images"), Range(1, 10**9)] = None
    """For ada: number of training images within which p can go from 0 to 1. Unset: 500,000."""
    mirror: bool = False
    """Mirror each training image left-right with probability 1/2. G learns that, too."""

    @property
    def is_adaptive(self) -> bool:
        """True if the augmentation adapts a probability."""
        return any(each.adaptive for each in AUGMENTATIONS.values() if each.name == self.name)

    @property
    def defaults(self) -> dict[str, float | int | None]:
        """Values of the options of an adaptive augmentation if they are unset; None for others."""
        return {
            "augment_target": TARGET if self.is_adaptive else None,
            "augment_images": IMAGES if self.is_adaptive else None,
        }

    def check(self) -> None:
        super().check()
        if not self.is_adaptive and (self.target is not None or self.images is not None):
            raise ArgumentError(
                "augment_target and augment_images have no effect without --augment ada; leave them out"
            )
