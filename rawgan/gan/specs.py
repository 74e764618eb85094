"""Specifications of the data that networks take and make: images, points, translated images."""

from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True)
class ImageSpec:
    """Square images.

    >>> ImageSpec(28, 1).shape
    (28, 28, 1)
    """

    name: ClassVar[str] = "images"
    size: int
    """Height and width, in pixels."""
    channels: int = 1

    @property
    def shape(self) -> tuple[int, int, int]:
        """(H, W, C)."""
        return self.size, self.size, self.channels


@dataclass(frozen=True)
class PointSpec:
    """Points in the plane, scaled so that coordinates have about the range of pixels, [−1, 1].

    >>> PointSpec().shape
    (2,)
    """

    name: ClassVar[str] = "points"
    dimensions: int = 2

    @property
    def shape(self) -> tuple[int]:
        """(dimensions,)."""
        return (self.dimensions,)


DataSpec = ImageSpec | PointSpec
"""Data that a generator makes from noise."""


@dataclass(frozen=True)
class TranslationSpec:
    """Source images that a translator takes, and images that it makes of them.

    >>> TranslationSpec(28, 2, 1, enlarged=1).source_shape
    (28, 28, 2)
    """

    size: int
    """Height and width of the images that it makes, in pixels, in training. Other sizes work too, in steps of
    `Translator.stride`."""
    sources: int
    """Channels of the source images."""
    channels: int
    """Channels of the images that it makes."""
    enlarged: int = 1
    """Factor by which it enlarges height and width: a power of 2."""
    masked: bool = False
    """True if the last source channel marks missing pixels, by values above 0. All other pixels are kept."""

    @property
    def source_shape(self) -> tuple[int, int, int]:
        """(H, W, C) of the source images."""
        return self.size // self.enlarged, self.size // self.enlarged, self.sources
