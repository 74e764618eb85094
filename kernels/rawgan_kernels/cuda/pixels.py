"""Batches of numbers from stored images: one thread converts one number."""

from typing import Any

from rawgan_kernels.cuda.compile.language import cuda_kernel, index, number, position
from rawgan_kernels.cuda.run.launch import blocks_for, launch
from rawgan_kernels.cuda.run.memory import empty, flat
from rawgan_kernels.dispatch import implements


@implements
def gather_pixels(images: Any, indices: Any, dtype: Any) -> Any:
    y = empty(images, (len(indices), *images.shape[1:]), dtype)
    if y.size:
        launch(_gather_pixels, blocks_for(y.size), flat(images), flat(indices), flat(y), y.size, y.size // len(indices))
    return y


@cuda_kernel("images: bytes, indices: rows, y: out, count: index, pixels: index")
def _gather_pixels(images, indices, y, count, pixels):  # type: ignore[no-untyped-def]
    i = position()
    if i < count:
        at = index(index(indices[index(i // pixels)]) * pixels + i % pixels)
        y[i] = number(images[at]) / number(127.5) - number(1)
