"""From images as they are stored, in bytes, to batches of numbers."""

from typing import Any

from rawgan_kernels.dispatch import implements


@implements
def gather_pixels(images: Any, indices: Any, dtype: Any) -> Any:
    """y[b] = images[indices[b]] / 127.5 − 1: the chosen images, from −1 to 1, so that 0 ↦ −1 and 255 ↦ 1 exactly.

    Shapes: images (N, H, W, C) uint8, indices (B,) int64 → y (B, H, W, C) of dtype
    Flops:  2 · y.size
    Bytes:  y.size + y
    """
    y = images[indices].astype(dtype)
    y /= 127.5
    y -= 1
    return y
