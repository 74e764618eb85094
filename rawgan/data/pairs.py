"""Pairs of images: what a translator takes, and what it is to make of it.

Pairs lie side by side in a file, in two folders under the same names, or are made of any images: their edges, their
greys, or a map of their bright and dark regions, from which the images themselves are to be found again.
"""

from collections.abc import Callable
from dataclasses import dataclass, fields
from os import PathLike
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rawgan.data.folder import Reading, load_image_folder, read_twin_folders
from rawgan.data.imageset import ImageSet, Progress
from rawgan.errors import DataError
from rawgan.files import expanded

Images = NDArray[np.uint8]

LEVELS = 4
"""Regions that `regions` tells apart."""


@dataclass(frozen=True, eq=False, repr=False)
class PairSet(ImageSet):
    """Source and target images as one array: the channels of the source come first. What deals out images deals out
    pairs, then.

    >>> pairs = PairSet(np.zeros((10, 28, 28, 4), np.uint8), None, "zeros", sources=1)
    >>> pairs.source.shape, pairs.target.shape
    ((10, 28, 28, 1), (10, 28, 28, 3))
    """

    sources: int = 1
    """Channels of the source."""
    targets_white: float | None = None
    """What is white in files of targets, where these are files of their own; see `white`."""

    @classmethod
    def of(cls, images: ImageSet, together: Images, name: str, sources: int, **more: Any) -> "PairSet":
        """Pairs that are to a set what is told by its names, labels and notes."""
        told = {each.name: getattr(images, each.name) for each in fields(ImageSet)}
        return cls(**told | {"images": together, "name": name, "sources": sources} | more)

    @property
    def source(self) -> Images:
        """(N, H, W, sources)."""
        return self.images[..., : self.sources]

    @property
    def target(self) -> Images:
        """(N, H, W, C)."""
        return self.images[..., self.sources :]


def edges(images: Images) -> Images:
    """How steep the brightness is, by Sobel's filter: 255 where it is steepest in the image. Borders are repeated.

    Shapes: (N, H, W, C) → (N, H, W, 1)
    Source: Sobel, Feldman 1968

    >>> image = np.zeros((1, 3, 4, 1), np.uint8)
    >>> image[:, :, 2:] = 255
    >>> edges(image)[0, 1, :, 0]
    array([  0, 255, 255,   0], dtype=uint8)
    """
    x = np.pad(_brightness(images), ((0, 0), (1, 1), (1, 1)), mode="edge")
    along = x[:, :, 2:] - x[:, :, :-2]  # right minus left, of each row
    across = x[:, 2:] - x[:, :-2]  # lower minus upper, of each column
    horizontal = along[:, :-2] + 2 * along[:, 1:-1] + along[:, 2:]
    vertical = across[:, :, :-2] + 2 * across[:, :, 1:-1] + across[:, :, 2:]
    slope = np.hypot(horizontal, vertical)
    steepest = slope.max(axis=(1, 2), keepdims=True)
    return _bytes(255 * slope / np.where(steepest, steepest, 1))


def grey(images: Images) -> Images:
    """The brightness of colours. Shapes: (N, H, W, C) → (N, H, W, 1)

    Source: ITU-R BT.601

    >>> grey(np.array([[[[255, 0, 0]]]], np.uint8)).item()
    76
    """
    return _bytes(_brightness(images))


def regions(images: Images) -> Images:
    """A map of labels: each pixel's brightness as one of four steps, without what is finer than 3 × 3 pixels.

    Shapes: (N, H, W, C) → (N, H, W, 1), of 0, 85, 170 and 255

    >>> np.unique(regions(np.arange(256, dtype=np.uint8).reshape(1, 16, 16, 1)))
    array([  0,  85, 170, 255], dtype=uint8)
    """
    x = np.pad(_brightness(images), ((0, 0), (1, 1), (1, 1)), mode="edge")
    rows = x[:, :-2] + x[:, 1:-1] + x[:, 2:]
    smooth = (rows[:, :, :-2] + rows[:, :, 1:-1] + rows[:, :, 2:]) / 9
    return _bytes((smooth * LEVELS / 256).astype(int) * (255 / (LEVELS - 1)))


MADE: dict[str, Callable[[Images], Images]] = {"edges": edges, "grey": grey, "regions": regions}
"""Sources that are made of the targets."""


def made_pairs(images: ImageSet, how: str) -> PairSet:
    """Pairs of what is made of images, and these.

    Raises: DataError for greys of images that are grey already

    >>> made_pairs(ImageSet(np.zeros((4, 8, 8, 3), np.uint8), None, "zeros"), "edges").images.shape
    (4, 8, 8, 4)
    """
    if how == "grey" and images.shape[2] == 1:
        raise DataError(f"{images.name}: its images are grey already; take colours, or make pairs by edges or regions")
    source = np.concatenate([MADE[how](part) for part in np.array_split(images.images, len(images) // 1000 + 1)])
    together = np.concatenate([source, images.images], axis=3)
    return PairSet.of(images, together, f"{how} of {images.name}", sources=1)


def load_pairs(
    folder: str | PathLike[str],
    twin: str | PathLike[str] | None = None,
    *,
    image_size: int,
    channels: int | None = None,
    split: str = "train",
    reverse: bool = False,
    skip_broken: bool = False,
    white: float | None = None,
    targets_white: float | None = None,
    on_progress: Progress | None = None,
) -> PairSet:
    """Pairs of a folder whose images are two side by side, or of two folders, under the same names.

    The left half, or the first folder, is the source; with `reverse`, the target. Images are cut and resized as by
    `load`. `white` is of the first folder, `targets_white` of the other.

    Raises: DataError as `load`
    """
    places = [expanded(place) for place in (folder, *([] if twin is None else [twin]))]
    for place in places:
        if not place.is_dir():
            there = "is no folder" if place.exists() else "there is no such folder"
            raise DataError(
                f"{place}: {there}; pairs lie side by side in the images of one, or in two\n"
                "  sources can also be made of any images: --pairs edges, grey or regions"
            )
    reading = Reading(image_size, channels, skip_broken, white=white, on_progress=on_progress)
    name = places[0].resolve().name
    try:
        if twin is None:
            found, twin_white = load_image_folder(places[0], name, split, reading, halves=True), None
        else:
            found, twin_white = read_twin_folders(places[0], places[1], name, split, reading, targets_white)
    except OSError as error:
        raise DataError(f"{folder}: cannot be read ({error.strerror or error})") from None
    images, half = found.images, found.images.shape[3] // 2
    if reverse:
        images = np.concatenate([images[..., half:], images[..., :half]], axis=3)
    return PairSet.of(found, images, name, sources=half, targets_white=twin_white)


def _brightness(images: Images) -> NDArray[np.float64]:
    """(N, H, W, C) → (N, H, W), from 0 to 255."""
    if images.shape[3] < 3:
        return images[..., 0].astype(np.float64)
    return images[..., :3] @ np.array([0.299, 0.587, 0.114])


def _bytes(x: NDArray[np.float64]) -> Images:
    return np.rint(x).astype(np.uint8)[..., None]
