"""Summaries and pictures of arrays, small enough to look at."""

from dataclasses import dataclass
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]

IMAGES = "generated", "real", "source", "a", "b", "generated_a", "generated_b"
"""Values of a training step that are images."""
BINS = 12
"""Bars of a histogram."""
BARS = " ▁▂▃▄▅▆▇█"
"""Heights of a bar, from nothing to the largest."""


@dataclass(frozen=True)
class Summary:
    """An array in a few numbers. Those of an array with NaN or infinity are of its other elements."""

    shape: tuple[int, ...]
    least: float
    greatest: float
    rms: float
    """Root of the mean square."""
    counts: tuple[int, ...]
    """Histogram: elements between the least and the greatest, in `BINS` parts of one width."""
    nonfinite: int
    """Elements that are NaN or infinite."""

    @property
    def bars(self) -> str:
        """The histogram as a row of bars. Every part that is not empty has one.

        >>> summary_of(np.array([0, 1, 1, 2.0])).bars
        '▄    █    ▄'
        """
        most = max(self.counts)
        heights = (-(-(len(BARS) - 1) * count // most) if most else 0 for count in self.counts)
        return "".join(BARS[height] for height in heights)


def summary_of(array: Array) -> Summary:
    """Summarise an array of floats.

    >>> found = summary_of(np.array([[3.0, -4.0], [0.0, np.inf]]))
    >>> found.least, found.greatest, found.nonfinite
    (-4.0, 3.0, 1)
    """
    numbers = array[np.isfinite(array)].astype(np.float64)
    bad = array.size - numbers.size
    if not numbers.size:
        return Summary(array.shape, np.nan, np.nan, np.nan, (0,) * BINS, bad)
    least, greatest = numbers.min(), numbers.max()
    scale = max(abs(least), abs(greatest)) or 1.0
    numbers /= scale  # neither squares nor differences overflow
    width = (greatest / scale - least / scale) / BINS
    places = (numbers - least / scale) / width if width else np.full_like(numbers, BINS // 2)
    counts = np.bincount(np.minimum(places.astype(np.int64), BINS - 1), minlength=BINS)
    return Summary(
        array.shape,
        float(least),
        float(greatest),
        float(np.sqrt(np.square(numbers).mean()) * scale),
        tuple(counts.tolist()),
        bad,
    )


def maps_of(array: Array, count: int) -> Array | None:
    """Grey pictures of an array with four axes: feature maps of the first image, or kernels for the first input
    channel, at most `count`. None for other arrays, for maps of a single pixel, and if `count` is 0.

    They share one scale: 0 is grey, the largest magnitude white if positive, black if negative.

    Shapes: (N, H, W, C) → (≤ count, H, W, 1); for a weight, give what `kernels_first` makes of it

    >>> maps_of(np.ones((8, 4, 4, 16)), 6).shape
    (6, 4, 4, 1)
    """
    if array.ndim != 4 or array.shape[1] * array.shape[2] == 1 or not count:
        return None
    maps = np.moveaxis(array[0, :, :, :count], -1, 0)[..., None].astype(np.float64)
    largest = np.abs(maps, where=np.isfinite(maps), out=np.zeros_like(maps)).max()
    return maps / largest if largest else maps


def kernels_first(weight: Array) -> Array:
    """Weight of a convolution, as `maps_of` takes it. Shapes: (kh, kw, in, out) → (in, kh, kw, out)"""
    return np.moveaxis(weight, 2, 0) if weight.ndim == 4 else weight


def pictures_of_value(name: str, array: Array, count: int) -> Array | None:
    """Pictures of a value of a training step: images as they are, anything else as `maps_of` shows it."""
    return images_of(array, count) if name in IMAGES else maps_of(array, count)


def images_of(array: Array, count: int) -> Array | None:
    """The first images of a batch as they are, at most `count`; None for what is no batch of images.

    Shapes: (N, H, W, 1 to 4) → (≤ count, H, W, the same)
    """
    return array[:count] if array.ndim == 4 and array.shape[-1] <= 4 else None
