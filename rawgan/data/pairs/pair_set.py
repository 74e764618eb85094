"""Pairs of images: a source that a translation model reads, and the target that it is to produce.

Pairs lie side by side in a file, or in two folders under the same names. `made_sources` makes them from any images.
"""

from dataclasses import dataclass, fields
from os import PathLike
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rawgan.data.folders.decoding import ReadOptions
from rawgan.data.folders.image_folder import load_image_folder, read_twin_folders
from rawgan.data.image_set import ImageSet, Progress
from rawgan.data.pixels import CROP
from rawgan.errors import DataError
from rawgan.files import expanded

Images = NDArray[np.uint8]


@dataclass(frozen=True, eq=False, repr=False)
class PairSet(ImageSet):
    """Source and target images in one array, the channels of the source first, so that `Batches` deals out pairs.

    >>> pairs = PairSet(np.zeros((10, 28, 28, 4), np.uint8), None, "zeros", sources=1)
    >>> pairs.source.shape, pairs.target.shape
    ((10, 28, 28, 1), (10, 28, 28, 3))
    """

    sources: int = 1
    """Number of channels of the source."""
    targets_white: float | None = None
    """White in files of targets, where these are files apart from the sources; see `white`."""

    @classmethod
    def of(cls, images: ImageSet, together: Images, name: str, sources: int, **more: Any) -> "PairSet":
        """Pairs in the array `together`, with the labels, names and notes of an existing set."""
        kept = {each.name: getattr(images, each.name) for each in fields(ImageSet)}
        return cls(**kept | {"images": together, "name": name, "sources": sources} | more)

    @property
    def source(self) -> Images:
        """Source images. Shapes: → (N, H, W, sources)"""
        return self.images[..., : self.sources]

    @property
    def target(self) -> Images:
        """Target images. Shapes: → (N, H, W, C)"""
        return self.images[..., self.sources :]


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
    fit: str = CROP,
    on_progress: Progress | None = None,
) -> PairSet:
    """Pairs from one folder whose images hold two side by side, or from two folders with the same file names.

    The left half, or the first folder, is the source; with `reverse` it is the target. Images are framed as by `load`.
    `white` applies to the first folder, `targets_white` to the second.

    Raises: DataError as `load`
    """
    places = [expanded(place) for place in (folder, *([] if twin is None else [twin]))]
    for place in places:
        if not place.is_dir():
            problem = "not a folder" if place.exists() else "there is no such folder"
            raise DataError(
                f"{place}: {problem}; pairs lie side by side in the images of one folder, or in two folders\n"
                "  sources can also be made from any images: --pairs edges, grey or regions"
            )
    options = ReadOptions(image_size, channels, skip_broken, white=white, fit=fit, on_progress=on_progress)
    name = places[0].resolve().name
    try:
        if twin is None:
            found, twin_white = load_image_folder(places[0], name, split, options, halves=True), None
        else:
            found, twin_white = read_twin_folders(places[0], places[1], name, split, options, targets_white)
    except OSError as error:
        raise DataError(f"{folder}: cannot be read ({error.strerror or error})") from None
    images, half = found.images, found.images.shape[3] // 2
    if reverse:
        images = np.concatenate([images[..., half:], images[..., :half]], axis=3)
    return PairSet.of(found, images, name, sources=half, targets_white=twin_white)
