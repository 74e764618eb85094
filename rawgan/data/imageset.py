"""The set of images that a training run reads, all of them in memory as bytes."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from hashlib import sha256
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from rawgan.arrays import plain
from rawgan.errors import DataError

Progress = Callable[[int, int], None]
"""`on_progress(done, total)`: called now and then while images are read, and once at the end."""

Arrays = tuple[NDArray[np.uint8], NDArray[np.int64] | None]
"""Images, (N, H, W) or (N, H, W, C), and their labels (N,) where there are any."""


@dataclass(frozen=True, eq=False, repr=False)
class ImageSet:
    """Images of one size, as bytes, with their labels where there are any. Both arrays are read-only.

    Shapes: images (N, H, W, C) uint8, C-contiguous; labels (N,) int64, or None
    Raises: DataError for no images, or arrays of another kind or of different lengths

    `skipped` lists the broken images that the set goes without, each as "file: what is wrong with it".

    >>> digits = ImageSet(np.zeros((10, 28, 28, 1), np.uint8), np.arange(10), "zeros")
    >>> len(digits), digits.shape
    (10, (28, 28, 1))
    """

    images: NDArray[np.uint8]
    labels: NDArray[np.int64] | None
    name: str
    skipped: tuple[str, ...] = ()
    names: NDArray[Any] | None = None
    """What each image is called: a file, below its folder; or its number, of a part of a set without names. (N,)"""
    class_names: tuple[str, ...] = ()
    """What the classes are called that labels number, where they have names: sub-folders, for example."""
    no_labels: str = "known sets have some, IDX folders with a file of them, and .npz files with an array `labels`"
    """How the set could have labels, where it has none."""
    notes: tuple[str, ...] = ()
    """What should be said once of how the images were read, a line for each thing."""
    white: float | None = None
    """What is white in files of more than a byte for each number; None if there are none, or all are black."""

    def __post_init__(self) -> None:
        images = plain(self.images, f"{self.name}: images")
        labels = None if self.labels is None else plain(self.labels, f"{self.name}: labels")
        if images.dtype != np.uint8 or images.ndim != 4 or not images.size:
            raise DataError(
                f"{self.name}: expected images as uint8 (N, H, W, C), at least one; came {images.dtype} {images.shape}"
            )
        if labels is not None and (labels.shape != images.shape[:1] or labels.dtype.kind not in "iu"):
            raise DataError(
                f"{self.name}: expected one whole number as label for each image\n"
                f"  images {images.shape}   labels {labels.dtype} {labels.shape}"
            )
        object.__setattr__(self, "images", _read_only(np.ascontiguousarray(images)))
        if labels is not None:
            object.__setattr__(self, "labels", _read_only(labels.astype(np.int64)))

    def __len__(self) -> int:
        return len(self.images)

    def __repr__(self) -> str:
        size = " × ".join(map(str, self.shape))
        labelled = "no labels" if self.labels is None else "labelled"
        return f"ImageSet({self.name!r}, {len(self)} images of {size}, {labelled})"

    @property
    def shape(self) -> tuple[int, int, int]:
        """(H, W, C) of every image."""
        return self.images.shape[1:]

    def part(self, which: slice | NDArray[Any]) -> Self:
        """Some of the images, by a slice, by their numbers, or by whether each is in.

        >>> ImageSet(np.zeros((10, 28, 28, 1), np.uint8), None, "zeros").part(slice(8, 10)).names
        array([8, 9])
        """
        labels = None if self.labels is None else self.labels[which]
        return replace(self, images=self.images[which], labels=labels, names=self.called[which])

    @property
    def called(self) -> NDArray[Any]:
        """Names, or numbers where there are none. Shapes: → (N,)"""
        return np.arange(len(self)) if self.names is None else self.names

    @cached_property
    def digest(self) -> str:
        """What other images, or the same in another order, have not: the beginning of a SHA-256 of all bytes.

        >>> ImageSet(np.zeros((10, 28, 28, 1), np.uint8), None, "zeros").digest
        '56325eda8b2a2855'
        """
        found = sha256(repr(self.images.shape).encode())
        for array in (self.images, self.labels):
            if array is not None:
                found.update(array.reshape(-1).data)
        return found.hexdigest()[:16]

    def count_classes(self) -> int:
        """How many classes the labels number, from 0 on.

        Raises: DataError for a set without labels, or labels that leave out a class

        >>> ImageSet(np.zeros((4, 8, 8, 1), np.uint8), np.array([0, 2, 1, 2]), "zeros").count_classes()
        3
        """
        if self.labels is None:
            raise DataError(f"{self.name}: these images have no labels, which classes are told by\n  {self.no_labels}")
        present = np.unique(self.labels)
        if present[0] != 0 or present[-1] != len(present) - 1:
            raise DataError(
                f"{self.name}: labels must number the classes 0, 1, 2, … and leave none out, but {len(present)} "
                f"classes are numbered from {present[0]} to {present[-1]}\n"
                "  number them anew: numpy.unique(labels, return_inverse=True)[1]"
            )
        return len(present)


def _read_only(array: NDArray) -> NDArray:
    """The same numbers, seen through an array that cannot be written to."""
    view = array.view()
    view.flags.writeable = False
    return view
