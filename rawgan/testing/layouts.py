"""Memory layouts of the same numbers.

>>> [layout(np.ones((2, 3))).strides for layout in LAYOUTS.values()]
[(24, 8), (8, 16), (96, 16), (-24, -8)]
"""

from __future__ import annotations

from typing import Any

import numpy as np

from rawgan_kernels import array_module

Array = Any


def contiguous(array: Array) -> Array:
    """C order: the last axis innermost."""
    return array_module(array).ascontiguousarray(array) if array.ndim else array


def fortran(array: Array) -> Array:
    """Fortran order: the first axis innermost."""
    return array_module(array).asfortranarray(array) if array.ndim else array


def strided(array: Array) -> Array:
    """Every second element along each axis of a larger array, with NaN between."""
    larger = array_module(array).full([2 * length for length in array.shape], np.nan, array.dtype)
    view = larger[(..., *[slice(None, None, 2)] * array.ndim)]  # "...": a view even of no axes
    view[...] = array
    return view


def backwards(array: Array) -> Array:
    """Reversed in memory along every axis: negative strides."""
    reverse = (..., *[slice(None, None, -1)] * array.ndim)
    return array[reverse].copy()[reverse]


LAYOUTS = {"contiguous": contiguous, "Fortran-ordered": fortran, "strided": strided, "reversed": backwards}
"""Layouts by name."""
