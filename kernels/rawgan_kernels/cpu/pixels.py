"""Batches of numbers from stored images: a block is one image."""

from typing import Any

import numpy as np

from rawgan_kernels.cpu.compile.compiled import compiled
from rawgan_kernels.cpu.run import pool
from rawgan_kernels.cpu.run.launch import run
from rawgan_kernels.cpu.vector.pointers import pointer
from rawgan_kernels.dispatch import implements

Array = np.ndarray[Any, Any]


@implements
def gather_pixels(images: Array, indices: Array, dtype: Any) -> Array:
    if not images.flags.c_contiguous:  # copies the batch, not the whole data set
        images, indices = np.ascontiguousarray(images[indices]), np.arange(len(indices))
    y = pool.empty((len(indices), *images.shape[1:]), np.dtype(dtype))
    run(_gather_pixels, len(indices), (y.reshape(-1), images.reshape(-1), np.ascontiguousarray(indices)))
    return y


@compiled
def _gather_pixels(arguments, block, thread):  # type: ignore[no-untyped-def]
    y, images, indices = arguments
    number, size = y.dtype.type, len(y) // len(indices)
    pixels, to = pointer(images, indices[block] * size), pointer(y, block * size)
    for i in range(size):
        to[i] = number(pixels[i]) / number(127.5) - number(1)
