"""Options about the networks: model, widths, classes."""

import dataclasses
import re
from typing import Annotated

from rawgan.config.options import NAMES, Below, Group, Hidden, OneOf, Range
from rawgan.errors import ArgumentError, shown
from rawgan.gan import CONDITIONALS, MODELS, PATCHES, TRANSLATORS, Labels, check_conditional

SAME_SIZE = {name: model for name, model in TRANSLATORS.items() if not model.enlarges}
"""Generators whose images are as large as their source images."""


@dataclasses.dataclass(frozen=True)
class NetworkOptions(Group):
    """The networks of a run, and the average of G's weights."""

    model: str | None = None
    width: int = 64
    d_width: Annotated[int | None, Range(1, 2**12)] = None
    """Width of D. Unset: as --width."""
    spectral_norm: bool = False
    """Divide D's weights by their largest singular values."""
    ema: Annotated[float, Below(0, 1)] = 0.998
    """Make images with a running average of G's weights, of which each step keeps this share. 0: with G's weights
    themselves."""


@dataclasses.dataclass(frozen=True)
class NoiseNetworkOptions(NetworkOptions):
    """Networks that make images, or points, from noise."""

    model: Annotated[str, OneOf(MODELS)] = "style"
    """Generator and discriminator. Some have other defaults for other options: --model dcgan --help lists those of
    dcgan."""
    width: Annotated[int, Range(1, 2**12)] = 64
    """Channels, or units, of the narrowest hidden layer; cost grows with the square."""
    noise_size: Annotated[int, Range(1, 2**16)] = 100
    """Dimensions of the noise."""
    conditional: Annotated[str, OneOf(CONDITIONALS)] = "none"
    """Make images of a given class, from data with labels, such as a folder with a sub-folder for each class: D scores
    images given their class (projection), or also classifies them (auxiliary)."""
    classes: Annotated[int | None, Range(2, 2**16)] = None
    """Number of classes, with --conditional. Unset: as many as the data has."""
    class_names: Annotated[NAMES | None, Hidden()] = None
    """Names of the classes, as the data has them."""
    pack: Annotated[int, Range(1, 64)] = 1
    """Number of images that D sees together, as channels of one image: it notices when all are alike."""

    def check(self) -> None:
        super().check()
        check_conditional(self.conditional, self.pack)
        if self.conditional == "none" and self.classes is not None:
            raise ArgumentError(f"classes {self.classes} has no effect without --conditional; leave it out")
        names = self.class_names or ()
        if names and (len(names) != self.classes or len(set(names)) < len(names)):
            raise ArgumentError(f"class_names must name each of {self.classes} classes, but are {shown(names)}")
        if any(not name.strip(".") or re.search(r"[/\\\0\ud800-\udfff]", name) for name in names):
            raise ArgumentError(f"class_names must be names that files can have, but are {shown(names)}")

    def class_called(self, label: int) -> str:
        """Name of a class, or its number where classes have no names.

        >>> NoiseNetworkOptions(class_names=("cat", "dog")).class_called(1), NoiseNetworkOptions().class_called(1)
        ('dog', '1')
        """
        return self.class_names[label] if self.class_names else str(label)

    def titles(self, labels: Labels | None, columns: int | None) -> list[str]:
        """Titles of the rows of a grid in which each row is a class; none if classes have no names."""
        if labels is None or not columns or not self.class_names:
            return []
        return [self.class_names[label] for label in labels[::columns]]


@dataclasses.dataclass(frozen=True)
class TranslatorNetworkOptions(NetworkOptions):
    """Networks that translate images."""

    model: Annotated[str | None, OneOf(SAME_SIZE)] = "unet"
    """Generator."""
    width: Annotated[int, Range(1, 2**12)] = 32
    """Channels of G's layers next to the image; cost grows with the square."""
    patch: int = 34
    """Height and width of the patches that D scores, in pixels: 16, 34, 70 or 142. At most 70 for images of fewer than
    48 pixels, at most 34 for images of fewer than 24."""

    def check_size(self, size: int) -> None:
        """Raise an ArgumentError for a patch that does not fit images of a size, in pixels."""
        fitting = [patch for patch, halvings in PATCHES.items() if size >> halvings > 2]
        if self.patch not in fitting:  # instance norm needs more than one pixel
            raise ArgumentError(
                f"patch must be one of {', '.join(map(str, fitting))} for images of {size} pixels, but is {self.patch}"
            )


@dataclasses.dataclass(frozen=True)
class EnhancerNetworkOptions(TranslatorNetworkOptions):
    """Networks that enhance images."""

    model: Annotated[str | None, OneOf(TRANSLATORS)] = None
    """Generator. Unset: subpixel for super-resolution, unet for the others."""
