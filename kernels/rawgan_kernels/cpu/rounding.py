"""Rounding to the numbers of a lower precision; `reference.rounding` explains the integers."""

from typing import Any

import numpy as np

from rawgan_kernels.cpu.compile.compiled import compiled
from rawgan_kernels.cpu.run.elementwise import apply, part
from rawgan_kernels.dispatch import implements

Array = np.ndarray[Any, Any]

CHECKED = 256
"""Numbers that are looked at together."""


@implements
def rounded(x: Array, bits: int) -> Array:
    read = x.view(f"i{x.itemsize}")
    if _needs_none(read.ravel(), np.finfo(x.dtype).nmant - bits):
        return x
    limits = np.array([np.iinfo(read.dtype).max, np.array(np.inf, x.dtype).view(read.dtype)], read.dtype)
    return apply(_rounded, read, limits, read, np.finfo(x.dtype).nmant - bits).view(x.dtype)


@compiled(entry=True)
def _needs_none(x, drop):  # type: ignore[no-untyped-def]
    """True if the last `drop` bits are 0 everywhere. Most often, the first few numbers show that they are not."""
    mask = (1 << drop) - 1
    for start in range(0, len(x), CHECKED):
        found = x[start] & 0
        for i in range(start, min(start + CHECKED, len(x))):
            found |= x[i]
        if found & mask:
            return False
    return True


@compiled
def _rounded(arguments, block, thread):  # type: ignore[no-untyped-def]
    limits = arguments[1]
    count, x, _, _, y, drop = part(arguments, block)
    unsigned, infinity, below_half = limits[0], limits[1], (1 << (drop - 1)) - 1
    for i in range(count):
        up = (x[i] + below_half + (x[i] >> drop & 1)) >> drop << drop
        y[i] = x[i] if x[i] & unsigned > infinity else up  # NaN is above infinity
