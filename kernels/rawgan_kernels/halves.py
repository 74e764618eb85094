"""Numbers in bf16, as integers of 16 bits: the upper halves of float32.

They are for keeping arrays in half the memory. They are no kernels, whose results have the dtype of their arguments.
"""

from importlib import import_module
from typing import Any

import numpy as np

from rawgan_kernels.arrays import array_module
from rawgan_kernels.dispatch import KERNELS, backend_of
from rawgan_kernels.precisions import PRECISIONS

OWN = ("cpu", "cuda")
"""Backends with functions of their own, in `run/halves.py`."""

UPPER = 1 if np.little_endian else 0
"""Place of the upper half among the two halves of a float32."""

QUIET = 0x40
"""The bit of a mantissa by which NaN stays NaN, whatever its other bits are."""


def narrowed(x: Any) -> Any:
    """The numbers rounded to bf16. Shapes: x any, float32 → the same, uint16

    >>> narrowed(np.float32([1, -2])).tolist() == [0x3F80, 0xC000]
    True
    """
    if (own := _of_backend(x)) is not None:
        return own.narrowed(x)
    xp = array_module(x)
    rounded = xp.ascontiguousarray(KERNELS["rounded"].on("reference")(x, PRECISIONS["bf16"]))
    upper = rounded.reshape(-1).view(np.uint16)[UPPER::2].reshape(x.shape)
    return xp.where(xp.isnan(x), upper | np.uint16(QUIET), upper)


def widened(bits: Any) -> Any:
    """The numbers as float32. Shapes: bits any, uint16 → the same, float32

    >>> widened(np.uint16([0x3F80, 0xC000]))
    array([ 1., -2.], dtype=float32)
    """
    if (own := _of_backend(bits)) is not None:
        return own.widened(bits)
    whole = array_module(bits).zeros((*bits.shape, 2), np.uint16)
    whole[..., UPPER] = bits
    return whole.view(np.float32)[..., 0]


def _of_backend(x: Any) -> Any:
    """The module of both functions that the backend of an array has; None if it has none."""
    backend = backend_of(x)
    return import_module(f"rawgan_kernels.{backend}.run.halves") if backend in OWN else None
