"""Batches of images from a data set's bytes."""
# mypy: disable-error-code="empty-body"

from math import prod
from typing import Any

import numpy as np

from rawgan_kernels.arrays import Array
from rawgan_kernels.dispatch import kernel


def _batch_size(images: Array, indices: Array) -> int:
    return len(indices) * prod(images.shape[1:])


@kernel(
    flops=lambda images, indices, dtype: 2 * _batch_size(images, indices),
    nbytes=lambda images, indices, dtype: _batch_size(images, indices) * (1 + np.dtype(dtype).itemsize),
)
def gather_pixels(images: Array, indices: Array, dtype: Any, /) -> Array:
    """y[b] = images[indices[b]] / 127.5 − 1: the chosen images as numbers from −1 to 1. 0 gives −1, and 255 gives 1.

    Shapes: images (N, H, W, C) uint8, indices (B,) int64 → y (B, H, W, C) of dtype

    >>> gather_pixels(np.array([[[[0]]], [[[255]]]], np.uint8), np.array([1, 0, 1]), np.dtype("float32")).ravel()
    array([ 1., -1.,  1.], dtype=float32)
    """
