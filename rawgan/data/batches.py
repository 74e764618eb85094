"""Batches of images, in an order that is shuffled anew every epoch.

A batch is a function of the seed and the step alone. So a training run that was stopped goes on with exactly the
batches that it would have seen, and needs to remember nothing but the step.
"""

from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

import rawgan_kernels as kernels
from rawgan.data.image_set import ImageSet
from rawgan.device import to_device
from rawgan.errors import ArgumentError, DataError, DTypeError
from rawgan.random import make_rng


class Batches:
    """Images of a set in random order, a new order every epoch, `batch_size` at a time.

    Step s is batch s mod `per_epoch` of epoch s div `per_epoch`. An incomplete batch at the end of an epoch is dropped;
    the next epoch leaves out other images.

    The images lie on `device` as bytes, so that a step on a GPU sends nothing but indices.

    With `mirror`, each image is mirrored left-right with probability ½, anew in each step.

    Two sets that are dealt out in parallel get different orders from different values of `purpose`.

    Raises: ArgumentError for a batch size below 1 or above the number of images, or a seed outside 0…2⁶⁴ - 1

    >>> images = ImageSet(np.zeros((10, 28, 28, 1), np.uint8), None, "zeros")
    >>> batches = Batches(images, batch_size=4, seed=0)
    >>> batches.per_epoch, batches.epoch_of(5), batches.batch(5).shape
    (2, 2, (4, 28, 28, 1))
    """

    def __init__(
        self,
        images: ImageSet,
        batch_size: int,
        seed: int,
        device: str = "cpu",
        purpose: str = "shuffle",
        mirror: bool = False,
    ) -> None:
        if batch_size < 1:
            raise ArgumentError(f"batch_size={batch_size}: expected at least 1")
        if batch_size > len(images):
            raise ArgumentError(
                f"batch_size={batch_size} is more than the {len(images)} images of {images.name}: "
                f"{f'make it {len(images)} or less, or add' if len(images) > 1 else 'add'} images"
            )
        if not 0 <= seed < 2**64:
            raise ArgumentError(f"seed={seed}: expected 0 to 2**64 - 1")
        self.images, self.batch_size, self.seed, self.device = images, batch_size, seed, device
        self.purpose, self.mirror = purpose, mirror
        self._pixels = to_device(images.images, device)
        self._latest = (-1, np.empty(0, np.int64))

    @property
    def per_epoch(self) -> int:
        """Number of batches in an epoch."""
        return len(self.images) // self.batch_size

    def epoch_of(self, step: int) -> int:
        """Epoch of a step, counted from 0."""
        if step < 0:
            raise ArgumentError(f"step={step}: expected 0 or more")
        return step // self.per_epoch

    def indices(self, step: int) -> NDArray[np.int64]:
        """Indices of the images of a step.

        Shapes: → (batch_size,) int64
        Raises: ArgumentError for a step below 0
        """
        order = self._order_of(self.epoch_of(step))
        start = step % self.per_epoch * self.batch_size
        return order[start : start + self.batch_size]

    def batch(self, step: int, dtype: DTypeLike = np.float32) -> Any:
        """Images of a step, from −1 to 1, as an array on the device.

        Shapes: → (batch_size, H, W, C) of the dtype, float32 or float64
        Raises: ArgumentError for a step below 0, DTypeError for another dtype
        """
        if np.dtype(dtype) not in (np.float32, np.float64):
            raise DTypeError(f"batch: expected dtype float32 or float64, came {np.dtype(dtype)}")
        found = kernels.gather_pixels(self._pixels, to_device(self.indices(step), self.device), np.dtype(dtype))
        if self.mirror:
            which = np.flatnonzero(make_rng(self.seed, f"mirror, {self.purpose}", step).random(self.batch_size) < 0.5)
            chosen = to_device(which, self.device)
            found[chosen] = found[chosen, :, ::-1]
        return found

    def labels(self, step: int) -> NDArray[np.int64]:
        """Labels of the images of a step.

        Shapes: → (batch_size,) int64
        Raises: DataError for a set without labels
        """
        if self.images.labels is None:
            raise DataError(f"{self.images.name}: these images have no labels")
        return self.images.labels[self.indices(step)]

    def _order_of(self, epoch: int) -> NDArray[np.int64]:
        """Order of the images in an epoch, cached for the last epoch asked for. Shapes: → (N,)"""
        latest, order = self._latest  # one attribute, so that no thread takes the order of another epoch
        if epoch != latest:
            order = make_rng(self.seed, self.purpose, epoch).permutation(len(self.images))
            order.flags.writeable = False
            self._latest = (epoch, order)
        return order
