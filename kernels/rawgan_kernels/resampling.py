"""Linear maps of one axis that resize or filter it, and the sparse tables of their weights.

A map is a description, such as `Interpolation(64, 128)`: equal ones are equal objects. Its table says which inputs each
output is a sum of. They lie side by side, so the table holds the first one, their number, and their weights:

    y[i] = Σ x[first[i] + k] · weights[i, k]  over k < lengths[i]

The gradient of such a map has the transposed table. Resizing an image, and filtering it with a separable filter, is one
map along its height and one along its width.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np

Array = np.ndarray[Any, Any]


class Table(NamedTuple):
    """Weights of a map. Arrays are read-only: tables are shared."""

    first: Array
    """The first input of each output. Shape: (outputs,)"""
    lengths: Array
    """Number of inputs of each output, 0 if it is always 0. Shape: (outputs,)"""
    weights: Array
    """0 from `lengths` on. Shape: (outputs, largest length)"""

    @property
    def chosen(self) -> bool:
        """True if every output is one of the inputs, or 0."""
        return bool((self.lengths <= 1).all() and (self.weights[self.lengths == 1] == 1).all())

    @property
    def identity(self) -> bool:
        """True if every output is the input at its place, provided that there are as many of both."""
        return self.chosen and bool(self.lengths.all() and (np.diff(self.first, prepend=-1) == 1).all())


@dataclass(frozen=True, slots=True)
class Interpolation:
    """Resize an axis of `size` pixels to `output` pixels; `rawgan.ops.resize` explains the options.

    Pixel i of the output covers the interval from i·scale to (i + 1)·scale of the input, whose pixel j covers that from
    j to j + 1. With `align_corners`, the centres of the outermost pixels of both lie on each other instead.

    Source: Keys 1981 for `a`, the slope of the cubic at 1; the weights are those of Pillow and PyTorch
    """

    size: int
    output: int
    mode: str = "bilinear"
    antialias: bool = True
    align_corners: bool = False
    a: float = -0.5
    scale: float | None = None
    """Input pixels from one output pixel to the next; None is size / output."""

    def terms(self) -> tuple[Array, Array]:
        """Input and weight of every term of every output, both (outputs, terms)."""
        return MODES[self.mode](self)


@dataclass(frozen=True, slots=True)
class Filter:
    """Filter an axis: insert up − 1 zeros behind each pixel, pad with zeros, convolve, and keep every `down`-th pixel.

    Negative padding crops.

    Source: Karras et al. 2020 ("upfirdn")
    """

    size: int
    taps: tuple[float, ...]
    up: int = 1
    down: int = 1
    padding: tuple[int, int] = (0, 0)

    @property
    def output(self) -> int:
        """Number of output pixels.

        >>> Filter(64, (1.0, 3.0, 3.0, 1.0), up=2, padding=(2, 1)).output
        128
        """
        return (self.size * self.up + sum(self.padding) - len(self.taps)) // self.down + 1

    def terms(self) -> tuple[Array, Array]:
        """Input and weight of every term of every output, both (outputs, terms)."""
        at = np.arange(self.output)[:, None] * self.down + np.arange(len(self.taps)) - self.padding[0]
        inside = (at >= 0) & (at < self.size * self.up) & (at % self.up == 0)
        return at // self.up, np.where(inside, np.array(self.taps[::-1]), 0.0)


@dataclass(frozen=True, slots=True)
class Transposed:
    """The gradient of a map: from its outputs back to its inputs."""

    of: Interpolation | Filter

    @property
    def size(self) -> int:
        """Number of input pixels."""
        return self.of.output

    @property
    def output(self) -> int:
        """Number of output pixels."""
        return self.of.size


Map = Interpolation | Filter | Transposed


def transposed(map: Map) -> Map:
    """The map that takes gradients back."""
    return map.of if isinstance(map, Transposed) else Transposed(map)


@lru_cache(maxsize=256)  # a network needs the same few in every step
def table(map: Map) -> Table:
    """The weights of a map, in float64.

    >>> table(Interpolation(2, 4)).weights
    array([[1.  , 0.  ],
           [0.75, 0.25],
           [0.25, 0.75],
           [1.  , 0.  ]])
    """
    of = map.of if isinstance(map, Transposed) else map
    found = _gathered(*of.terms(), of.size)
    if of is not map:
        found = _transposed(found, map.output)
    for array in found:
        array.flags.writeable = False
    return found


def dense(map: Map) -> Array:
    """The weights of a map as a matrix. Shapes: → (outputs, inputs)

    >>> dense(Interpolation(4, 2, "area"))
    array([[0.5, 0.5, 0. , 0. ],
           [0. , 0. , 0.5, 0.5]])
    """
    first, count, weights = table(map)
    matrix = np.zeros((map.output, map.size))
    output, term = np.nonzero(np.arange(weights.shape[1]) < count[:, None])
    matrix[output, first[output] + term] = weights[output, term]
    return matrix


def _gathered(inputs: Array, weights: Array, size: int) -> Table:
    """The table of terms of ascending inputs. Those beyond an edge belong to the pixel at the edge."""
    inputs = inputs.clip(0, size - 1)
    first = inputs[:, 0]
    summed = np.zeros((len(inputs), int((inputs[:, -1] - first).max(initial=0)) + 1))
    np.add.at(summed, (np.arange(len(inputs))[:, None], inputs - first[:, None]), weights)
    # Pixels with a weight of 0 are left out: were they infinite, the result would be NaN.
    present = summed != 0
    begin, end = present.argmax(axis=1), summed.shape[1] - present[:, ::-1].argmax(axis=1)
    count = np.where(present.any(axis=1), end - begin, 0)
    at = begin[:, None] + np.arange(int(count.max(initial=0)))
    kept = np.take_along_axis(summed, at.clip(0, summed.shape[1] - 1), axis=1)
    return Table(first + begin, count, np.where(np.arange(at.shape[1]) < count[:, None], kept, 0.0))


def _transposed(of: Table, outputs: int) -> Table:
    """The table of the transposed matrix: the outputs that see an input lie side by side as well."""
    seen_by, term = np.nonzero(np.arange(of.weights.shape[1]) < of.lengths[:, None])
    inputs = of.first[seen_by] + term
    first, last = np.full(outputs, len(of.first)), np.full(outputs, -1)
    np.minimum.at(first, inputs, seen_by)
    np.maximum.at(last, inputs, seen_by)
    count = np.maximum(last - first + 1, 0)
    weights = np.zeros((outputs, int(count.max(initial=0))))
    weights[inputs, seen_by - first[inputs]] = of.weights[seen_by, term]
    return Table(np.where(count, first, 0), count, weights)


# --- modes of interpolation ------------------------------------------------------------------------------------------


def _nearest(map: Interpolation, half: int = 0) -> tuple[Array, Array]:
    """The pixel at the left edge of the interval (half = 0) or at its centre (half = 1), in exact arithmetic."""
    places = 2 * np.arange(map.output) + half
    at = places * map.size // (2 * map.output) if map.scale is None else np.floor(places * map.scale / 2).astype(int)
    return at[:, None], np.ones((map.output, 1))


def _area(map: Interpolation) -> tuple[Array, Array]:
    """The mean of all pixels that the interval touches."""
    places = np.arange(map.output)[:, None]
    start, stop = places * map.size // map.output, -(-(places + 1) * map.size // map.output)
    at = start + np.arange(int((stop - start).max(initial=0)))
    return at.clip(None, stop - 1), (at < stop) / (stop - start)


def _triangle(x: Array, a: float) -> Array:
    return np.where(x < 1, 1 - x, 0.0)


def _cubic(x: Array, a: float) -> Array:
    near, far = ((a + 2) * x - (a + 3)) * x * x + 1, (((x - 5) * x + 8) * x - 4) * a
    return np.where(x < 1, near, np.where(x < 2, far, 0.0))


def _smooth(weight: Callable[[Array, float], Array], reach: int) -> Callable[[Interpolation], tuple[Array, Array]]:
    """Weights that depend on the distance from the centre of the interval, and are 0 from `reach` pixels on."""

    def terms(map: Interpolation) -> tuple[Array, Array]:
        scale, places = map.size / map.output if map.scale is None else map.scale, np.arange(map.output)[:, None]
        centre = (places + 0.5) * scale
        if map.align_corners:
            scale = (map.size - 1) / (map.output - 1) if map.output > 1 else 0.0
            centre = places * scale + 0.5
        if not map.antialias:  # edge pixels are repeated
            at = np.floor(centre - 0.5).astype(int) + np.arange(1 - reach, 1 + reach)
            return at, weight(np.abs(at - centre + 0.5), map.a)
        # Shrinking, the weights are spread over as many pixels as one of the result covers. Weights beyond an edge are
        # left out, and the others are divided by their sum.
        spread = max(scale, 1.0)
        low, high = (np.trunc(centre + sign * reach * spread + 0.5).astype(int).clip(0, map.size) for sign in (-1, 1))
        at = low + np.arange(int((high - low).max(initial=0)))
        weights = np.where(at < high, weight(np.abs((at - centre + 0.5) * (1 / spread)), map.a), 0.0)
        return at, weights / weights.cumsum(axis=1)[:, -1:]  # summed one by one, as Pillow does

    return terms


MODES: dict[str, Callable[[Interpolation], tuple[Array, Array]]] = {
    "nearest": _nearest,
    "nearest-exact": lambda map: _nearest(map, 1),
    "bilinear": _smooth(_triangle, 1),
    "bicubic": _smooth(_cubic, 2),
    "area": _area,
}

SMOOTH = ("bilinear", "bicubic")
"""Modes with weights for every distance, for which `antialias` and `align_corners` have a meaning."""
