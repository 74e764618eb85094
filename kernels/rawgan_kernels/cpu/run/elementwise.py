"""Running a formula over every element: what the activations, the cross-entropy and the addition have in common.

Blocks of `BLOCK` elements. All bodies take the same arguments, three inputs and a number, needed or not: so the code
that hands them to the threads is compiled once for all, and loads of what a formula does not use cost nothing.
"""

from typing import Any

import numpy as np

from rawgan_kernels.cpu.compile.compiled import compiled
from rawgan_kernels.cpu.run import pool
from rawgan_kernels.cpu.run.launch import run
from rawgan_kernels.cpu.vector.simd import pointer

Array = np.ndarray[Any, Any]

BLOCK = 1 << 14
"""Elements. They take 2 to 20 µs: long enough to be worth a thread's while."""


def apply(body: Any, x: Array, second: Array, third: Array, parameter: float = 0.0) -> Array:
    """y, as x, from a body that computes one block of it; the inputs have one shape, and may be the same array."""
    y = pool.empty(x.shape, x.dtype)
    a = x.ravel()
    b = a if second is x else second.ravel()
    c = a if third is x else third.ravel()
    run(body, -(-y.size // BLOCK), (a, b, c, y.reshape(-1), parameter))
    return y


@compiled
def part(arguments, block):  # type: ignore[no-untyped-def]
    """How many elements a block has; pointers to its part of the three inputs and of y; the number, in their dtype."""
    x, second, third, y, parameter = arguments
    start = block * BLOCK
    count, number = min(BLOCK, len(y) - start), x.dtype.type(parameter)
    return count, pointer(x, start), pointer(second, start), pointer(third, start), pointer(y, start), number
