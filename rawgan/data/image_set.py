"""Set of images that a training run reads, all in memory as bytes."""

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
"""Callback `on_progress(done, total)`, called now and then while images are read, and once at the end."""

Arrays = tuple[NDArray[np.uint8], NDArray[np.int64] | None]
"""Images, (N, H, W) or (N, H, W, C), and their labels (N,) or None."""


@dataclass(frozen=True, eq=False, repr=False)
class ImageSet:
    """Images of one size, as bytes, and their labels, if any. Both arrays are read-only.

    Shapes: images (N, H, W, C) uint8, C-contiguous; labels (N,) int64, or None
    Raises: DataError for no images, or arrays of another dtype or of different lengths

    `skipped` lists the broken images that were left out, each as "file: problem".

    >>> digits = ImageSet(np.zeros((10, 28, 28, 1), np.uint8), np.arange(10), "zeros")
    >>> len(digits), digits.shape
    (10, (28, 28, 1))
    """

    images: NDArray[np.uint8]
    labels: NDArray[np.int64] | None
    name: str
    skipped: tuple[str, ...] = ()
    names: NDArray[Any] | None = None
    """Names of the images (N,): paths below the folder; or numbers, in a part of a set without names."""
    class_names: tuple[str, ...] = ()
    """Names of the classes, by label, such as those of sub-folders; empty if they have none."""
    no_labels: str = "known sets have some, IDX folders with a file of them, and .npz files with an array `labels`"
    """Way for the user to add labels, for the error about a set without any."""
    notes: tuple[str, ...] = ()
    """Remarks on how the images were read, a line each, to be shown once."""
    white: float | None = None
    """Number that is white in deep images (more than a byte for each number); None without any, or if all are black."""

    def __post_init__(self) -> None:
        images = plain(self.images, f"{self.name}: images")
        labels = None if self.labels is None else plain(self.labels, f"{self.name}: labels")
        if images.dtype != np.uint8 or images.ndim != 4 or not images.size:
            raise DataError(
                f"{self.name}: expected images as uint8 (N, H, W, C), at least one; came {images.dtype} {images.shape}"
            )
        if labels is not None and (labels.shape != images.shape[:1] or labels.dtype.kind not in "iu"):
            raise DataError(
                f"{self.name}: expected a whole number as the label of each image\n"
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
        """Set of some of the images, chosen by a slice, their numbers, or a mask.

        >>> ImageSet(np.zeros((10, 28, 28, 1), np.uint8), None, "zeros").part(slice(8, 10)).names
        array([8, 9])
        """
        labels = None if self.labels is None else self.labels[which]
        return replace(self, images=self.images[which], labels=labels, names=self.names_or_numbers[which])

    @property
    def names_or_numbers(self) -> NDArray[Any]:
        """Names of the images, or their numbers if they have no names. Shapes: → (N,)"""
        return np.arange(len(self)) if self.names is None else self.names

    @cached_property
    def digest(self) -> str:
        """Fingerprint of the images, their order and labels: the first 16 digits of a SHA-256 of all bytes.

        >>> ImageSet(np.zeros((10, 28, 28, 1), np.uint8), None, "zeros").digest
        '56325eda8b2a2855'
        """
        found = sha256(repr(self.images.shape).encode())
        for array in (self.images, self.labels):
            if array is not None:
                found.update(array.reshape(-1).data)
        return found.hexdigest()[:16]

    def count_classes(self) -> int:
        """Number of classes, which labels count from 0.

        Raises: DataError for a set without labels, or if a number is left out

        >>> ImageSet(np.zeros((4, 8, 8, 1), np.uint8), np.array([0, 2, 1, 2]), "zeros").count_classes()
        3
        """
        if self.labels is None:
            raise DataError(f"{self.name}: these images have no labels, and so no classes\n  {self.no_labels}")
        present = np.unique(self.labels)
        if present[0] != 0 or present[-1] != len(present) - 1:
            raise DataError(
                f"{self.name}: labels must number the classes 0, 1, 2, … without a gap, but {len(present)} "
                f"classes are numbered from {present[0]} to {present[-1]}\n"
                "  number them anew: numpy.unique(labels, return_inverse=True)[1]"
            )
        return len(present)


def _read_only(array: NDArray) -> NDArray:
    """View of an array that cannot be written to."""
    view = array.view()
    view.flags.writeable = False
    return view
