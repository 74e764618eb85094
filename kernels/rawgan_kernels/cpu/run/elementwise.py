"""Element-wise kernels: blocks for a formula that is computed for every number.

All bodies take the same arguments, three inputs and a number, whether they need them or not; inputs that a formula does
not use cost nothing.
"""

from typing import Any

import numpy as np

from rawgan_kernels.cpu.compile.compiled import compiled
from rawgan_kernels.cpu.run import pool
from rawgan_kernels.cpu.run.direct import call_direct, codes, compile_direct, entrance, in_dtype_of
from rawgan_kernels.cpu.run.launch import run
from rawgan_kernels.cpu.vector.pointers import OFFSET, shifted, way_to

Array = np.ndarray[Any, Any]

BLOCK = 1 << 14
"""Elements of a block. They take 2 to 20 µs."""

FEW = 1 << 16
"""Elements up to which a sum, or what takes as little, is not worth waking the other threads: that takes 5 µs."""

_POOL = pool.POOL


def apply(body: Any, x: Array, second: Array, third: Array, parameter: float = 0.0, alone: int = BLOCK) -> Array:
    """y, shaped as x, from a body that computes one block; the inputs have one shape, and may be the same array.

    One thread computes up to `alone` elements.
    """
    dtype, size = x.dtype, x.size
    # Small arrays are not from the pool; asking it would take twice as long as making one.
    y = np.empty(x.shape, dtype) if x.nbytes <= _POOL.small else pool.empty(x.shape, dtype)
    a = plain(x, dtype)
    b = a if second is x else plain(second, dtype)
    c = a if third is x else plain(third, dtype)
    code, count = codes.get((body, dtype)) or compile_direct(body, dtype), -(-size // BLOCK)
    if size <= alone:
        entrance[0](0, code, count, OFFSET, way_to(a), way_to(b), way_to(c), way_to(y), size, parameter)
    else:
        run(
            code, count, (count, OFFSET, way_to(a), way_to(b), way_to(c), way_to(y), size, parameter), call=call_direct
        )  # fmt: skip
    return y


def plain(x: Array, dtype: np.dtype[Any]) -> Array:
    """The array itself if its memory can be read as it is, or a copy; of a NumPy number, an array."""
    flags = x.flags
    good = x.__class__ is np.ndarray and x.dtype is dtype and flags.c_contiguous and flags.aligned
    return x if good else np.array(x, dtype, order="C")


@compiled
def part(arguments, block):  # type: ignore[no-untyped-def]
    """Number of elements of a block, pointers to its part of the inputs and of y, and the number in their dtype."""
    x, second, third, y, size, parameter = arguments
    start = block * BLOCK
    count, number = min(BLOCK, size - start), in_dtype_of(parameter, x)
    return count, shifted(x, start), shifted(second, start), shifted(third, start), shifted(y, start), number
