"""From images as they are stored, in bytes, to batches of numbers: one thread for each number."""

from typing import Any

from rawgan_kernels.cuda.compile.language import blocks_for, index, kernel, launch, number, position
from rawgan_kernels.cuda.run.memory import empty, flat


def gather_pixels(images: Any, indices: Any, dtype: Any) -> Any:
    """y[b] = images[indices[b]] / 127.5 − 1: the chosen images, from −1 to 1, so that 0 ↦ −1 and 255 ↦ 1 exactly.

    Shapes: images (N, H, W, C) uint8, indices (B,) int64 → y (B, H, W, C) of dtype
    Flops:  2 · y.size
    Bytes:  y.size + y
    """
    y = empty(images, (len(indices), *images.shape[1:]), dtype)
    if y.size:
        launch(_gather_pixels, blocks_for(y.size), flat(images), flat(indices), flat(y), y.size, y.size // len(indices))
    return y


@kernel("images: bytes, indices: rows, y: out, count: index, pixels: index")
def _gather_pixels(images, indices, y, count, pixels):  # type: ignore[no-untyped-def]
    i = position()
    if i < count:
        at = index(index(indices[index(i // pixels)]) * pixels + i % pixels)
        y[i] = number(images[at]) / number(127.5) - number(1)
