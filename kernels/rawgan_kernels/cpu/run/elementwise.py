"""Element-wise kernels: blocks for a formula that is computed for every number.

All bodies take the same arguments, three inputs and a number, whether they need them or not. So the code that passes
them to the threads is compiled once for all of them; inputs that a formula does not use cost nothing.
"""

from typing import Any

import numpy as np

from rawgan_kernels.cpu.compile.compiled import compiled
from rawgan_kernels.cpu.run import pool
from rawgan_kernels.cpu.run.launch import run
from rawgan_kernels.cpu.vector.pointers import pointer

Array = np.ndarray[Any, Any]

BLOCK = 1 << 14
"""Elements of a block. They take 2 to 20 µs, long enough to be worth a thread."""


def apply(body: Any, x: Array, second: Array, third: Array, parameter: float = 0.0) -> Array:
    """y, shaped as x, from a body that computes one block; the inputs have one shape, and may be the same array."""
    y = pool.empty(x.shape, x.dtype)
    a = x.ravel()
    b = a if second is x else second.ravel()
    c = a if third is x else third.ravel()
    run(body, -(-y.size // BLOCK), (a, b, c, y.reshape(-1), parameter))
    return y


@compiled
def part(arguments, block):  # type: ignore[no-untyped-def]
    """Number of elements of a block, pointers to its part of the inputs and of y, and the number in their dtype."""
    x, second, third, y, parameter = arguments
    start = block * BLOCK
    count, number = min(BLOCK, len(y) - start), x.dtype.type(parameter)
    return count, pointer(x, start), pointer(second, start), pointer(third, start), pointer(y, start), number
