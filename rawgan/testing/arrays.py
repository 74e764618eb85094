"""Arrays that the checks are made with: their size, random ones like them, and arguments as arrays."""

from __future__ import annotations

from typing import Any

import numpy as np

from rawgan.device import device_of, to_device
from rawgan.tensor import Tensor
from rawgan_kernels import array_module

Array = Any


def unit(array: Array) -> float:
    """The root mean square, or 1 for an array that is empty or all zeros.

    >>> unit(np.array([3.0, -3.0])), unit(np.zeros(2))
    (3.0, 1.0)
    """
    return root_mean_square(array) or 1.0


def root_mean_square(array: Array) -> float:
    """The root mean square; 0 for an array that is empty or not finite."""
    largest = float(abs(array).max()) if array.size else 0.0
    if not (0 < largest < float("inf")):
        return 0.0
    return largest * float(((array / largest) ** 2).mean() ** 0.5)  # the squares of huge and tiny numbers do not fit


def random_like(array: Array, rng: np.random.Generator, size: float) -> Array:
    """Random numbers of both signs, none near 0, so that no element goes unseen. Shapes: → as `array`"""
    signs, lengths = rng.choice([-1.0, 1.0], array.shape), rng.uniform(0.5, 1.5, array.shape)
    return to_device(signs * lengths * size, device_of(array))


def shifted(array: Array, rng: np.random.Generator, share: float) -> Array:
    """Numbers near those of `array`: each is moved by about this share of itself, zeros by this share of the unit.

    Every number keeps its sign, because a function may be defined for one sign only. Shapes: → as `array`
    """
    xp = array_module(array)
    return xp.asarray(array + random_like(array, rng, share) * xp.where(array == 0, unit(array), abs(array)))


def copies(arrays: Any) -> list[Array]:
    """A copy of each array."""
    return [x.copy() for x in arrays]


def plain(x: Any) -> Any:
    """An argument as an array: the data of a Tensor, floats and lists of floats as an array, all else unchanged."""
    if isinstance(x, Tensor):
        return x.data
    if isinstance(x, float):
        return np.asarray(x)
    if not isinstance(x, list):
        return x
    try:
        array = np.asarray(x)
    except ValueError:  # rows of different lengths
        return x
    return array if is_floating(array) else x


def is_array(value: Any) -> bool:
    """True for an array of any dtype."""
    return hasattr(value, "dtype") and hasattr(value, "tobytes")


def is_floating(value: Any) -> bool:
    """True for an array of floats, which can be differentiated by."""
    return getattr(getattr(value, "dtype", None), "kind", "") == "f"
