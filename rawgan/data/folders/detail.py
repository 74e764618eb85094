"""Detail in an image: a measure of it, and the window that has most."""

from typing import Any

import numpy as np
from numpy.typing import NDArray


def detail(pixels: NDArray[Any], side: int) -> NDArray[np.float32]:
    """Detail of each square of an image, in a grid from its upper left corner.

    Detail is the root mean square of the steps of brightness between neighbouring blocks of 2 × 2 pixels, to which
    noise adds little.

    Shapes: pixels (H, W, C), bytes or floats; alpha does not count → (H // side, W // side)

    >>> pixels = np.zeros((8, 16, 1), np.uint8)
    >>> pixels[:, 10:] = 80
    >>> detail(pixels, 8)
    array([[ 0.     , 46.18802]], dtype=float32)
    """
    rows, columns = (length // side for length in pixels.shape[:2])
    colours = {2: 1, 4: 3}.get(pixels.shape[2], pixels.shape[2])
    found = np.empty((rows, columns), np.float32)
    half = max(1, side // 2)
    for row in range(rows):  # one row at a time, as floats take many times the memory of bytes
        strip = pixels[row * side : (row + 1) * side, : columns * side, :colours].mean(axis=2, dtype=np.float32)
        blocks = strip.reshape(side, columns, side)[: 2 * half, :, : 2 * half]
        means = blocks.reshape(half, -1, columns, half, min(2, side)).mean(axis=(1, 4))  # (half, columns, half)
        steps = (np.diff(means, axis=axis) for axis in (0, 2))
        found[row] = np.sqrt(sum((step**2).mean(axis=(0, 2)) for step in steps if step.size))
    return found


def best_window(pixels: NDArray[Any], size: int, step: int, weights: NDArray[Any] | None = None) -> tuple[int, int]:
    """Upper left corner of the window of `size` × `size` pixels with most detail, at multiples of `step`.

    With `weights`, one for each pixel, it is the window with the largest sum. Along a side shorter than the window, the
    corner is 0.

    Shapes: pixels (H, W, C), weights (H, W) → (row, column)

    >>> pixels = np.zeros((32, 64, 1), np.uint8)
    >>> pixels[18:30:4, 50:60:4] = 255
    >>> best_window(pixels, 16, step=8)
    (16, 48)
    """
    seen = detail(pixels, step) ** 2 if weights is None else _sums(weights, step)
    tall, wide = (min(size // step, length) for length in seen.shape)
    if not (tall and wide):
        return 0, 0
    summed = np.pad(seen.astype(np.float64), ((1, 0), (1, 0))).cumsum(axis=0).cumsum(axis=1)
    windows = summed[tall:, wide:] - summed[:-tall, wide:] - summed[tall:, :-wide] + summed[:-tall, :-wide]
    best = np.argwhere(windows >= windows.max() * (1 - 1e-9))
    middle = (np.array(windows.shape) - 1) / 2
    row, column = best[np.abs(best - middle).sum(axis=1).argmin()]  # of several, the nearest to the middle
    return int(row) * step, int(column) * step


def _sums(weights: NDArray[Any], side: int) -> NDArray[np.float64]:
    """Sums over squares. Shapes: (H, W) → (H // side, W // side)"""
    rows, columns = (length // side for length in weights.shape)
    within = weights[: rows * side, : columns * side].astype(np.float64)
    return within.reshape(rows, side, columns, side).sum(axis=(1, 3))
