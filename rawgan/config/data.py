"""Options about the data: the set, the size of its images, the size of a batch."""

import dataclasses
import math
from typing import Annotated

from rawgan.config.options import Above, Group, Named, OneOf, Place, Range, Word
from rawgan.data import MIXTURES, Mixture, may_be_image_folder
from rawgan.data.pixels import CROP, FITS
from rawgan.errors import ArgumentError

NATIVE_SIZES = {"mnist": 28, "stacked-mnist": 28, "fashion-mnist": 28, "cifar10": 32}
"""Sizes of the images of known data sets, in pixels."""
OTHER_SIZE = 64
"""Size to which other images are scaled by default, in pixels."""


def native_size(place: str) -> int:
    """Default height and width of the images of a data set, in pixels.

    >>> native_size("mnist"), native_size("photos")
    (28, 64)
    """
    return NATIVE_SIZES.get(place, OTHER_SIZE)


@dataclasses.dataclass(frozen=True)
class DataOptions(Group):
    """Images to train with."""

    place: Annotated[str, Named("data"), Word("DATA"), Place()] = "mnist"
    """mnist, stacked-mnist, fashion-mnist, cifar10, a folder of images or of IDX files, or an .npy or .npz file.
    Pixels are from −1 to 1."""
    image_size: Annotated[int | None, Range(8, 2**11)] = None
    """Height and width to which images are scaled, in pixels. Unset: 28 for MNIST, 32 for CIFAR-10, 64 for your own
    images."""
    fit: Annotated[str, OneOf(FITS)] = CROP
    """Framing of images that are not square."""
    channels: Annotated[int | None, Range(1, 4)] = None
    """1 for grey, 3 for colour, 2 and 4 for these with transparency. Unset: as the data, with transparency laid on
    white."""
    white: Annotated[float | None, Above(0, math.inf)] = None
    """Value of white in images of 16 bits, 32 bits or floats, where black is 0. Unset: the smallest of 1, 3, 7, …, 255,
    1023, 4095, 16383, 65535, … that no value exceeds; a run writes it down."""
    batch_size: Annotated[int, Range(1, 2**20)] = 64
    """Images per step."""
    skip_broken: bool = False
    """Skip images that cannot be read, instead of stopping before training."""

    @property
    def size(self) -> int:
        """Height and width of the images, in pixels."""
        return self.image_size or native_size(self.place)

    @property
    def mixture(self) -> Mixture | None:
        """The mixture, if the data is points of one; None for images."""
        return MIXTURES[self.place]() if self.place in MIXTURES else None

    @property
    def extent(self) -> float:
        """Value in the data that networks see as 1: pixels are from −1 to 1 for both."""
        return 1.0 if self.mixture is None else self.mixture.extent


@dataclasses.dataclass(frozen=True)
class NoiseDataOptions(DataOptions):
    """Images or points to train with."""

    place: Annotated[str, Named("data"), Word("DATA"), Place()] = "mnist"
    """mnist, stacked-mnist, fashion-mnist, cifar10, a folder of images or of IDX files, or an .npy or .npz file.
    Pixels are from −1 to 1. Or points of a mixture of Gaussians, ring8 or grid25, for which other options have other
    defaults."""
    image_size: Annotated[int | None, Range(8, 2**11)] = None
    """Height and width to which images are scaled, in pixels: 4, 5, 6 or 7 times a power of 2. Unset: 28 for MNIST, 32
    for CIFAR-10, 64 for your own images."""
    batch_size: Annotated[int, Range(1, 2**20)] = 64
    """Images, or points, per step. At least 2 for dcgan and tutorial, whose batch norm needs them."""


@dataclasses.dataclass(frozen=True)
class EnhanceDataOptions(DataOptions):
    """Images to degrade and enhance."""

    place: Annotated[str, Named("data"), Word("DATA"), Place()] = "mnist"
    """mnist, stacked-mnist, fashion-mnist, cifar10, a folder of images or of IDX files, or an .npy or .npz file. Images
    of a folder are cut into squares; pixels are from −1 to 1."""
    image_size: Annotated[int | None, Range(8, 2**11)] = None
    """Height and width of the images, or of the squares, in pixels. Unset: 28 for MNIST, 32 for CIFAR-10, 64 for your
    own images."""
    whole: bool = False
    """Scale each image of a folder to --image-size, framed as --fit says, instead of cutting squares of that size."""

    def check(self) -> None:
        super().check()
        if self.whole and not may_be_image_folder(self.place):
            raise ArgumentError(f"whole is for folders of images, but data is {self.place}; leave it out")
        if self.fit != CROP and not self.whole and may_be_image_folder(self.place):
            raise ArgumentError(
                f"fit {self.fit} has no effect on squares that are cut from images; add --whole, or leave it out"
            )
