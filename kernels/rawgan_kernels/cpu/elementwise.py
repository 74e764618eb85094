"""One formula for every element: what the activations, the cross-entropy and the addition are made of.

Blocks of `BLOCK` elements. All kernels take the same arguments, three inputs and a number, needed or not: so the code
that hands them to the threads is compiled once for all; loads of what a formula does not use cost nothing.
"""

from typing import Any

import numpy as np

from rawgan_kernels.cpu import buffers
from rawgan_kernels.cpu.compiling import kernel
from rawgan_kernels.cpu.launch import run
from rawgan_kernels.cpu.simd import pointer

Array = np.ndarray[Any, Any]

BLOCK = 1 << 14
"""Elements. They take 2 to 20 µs: long enough to be worth a thread's while."""


def elementwise(formula: Any) -> Any:
    """The function (x, second, third, parameter) → y of arrays of one shape, for a formula of their elements."""

    def body(arguments, block, thread):  # type: ignore[no-untyped-def]
        x, second, third, y, parameter = arguments
        start = block * BLOCK
        p, q, r, to = pointer(x, start), pointer(second, start), pointer(third, start), pointer(y, start)
        for i in range(min(BLOCK, len(y) - start)):
            to[i] = formula(p[i], q[i], r[i], parameter)

    body.__name__ = body.__qualname__ = f"_{formula.__name__}"
    compiled = kernel(body)

    def apply(x: Array, second: Array, third: Array, parameter: float = 0.0) -> Array:
        y = buffers.empty(x.shape, x.dtype)
        a = x.ravel()
        b = a if second is x else second.ravel()
        c = a if third is x else third.ravel()
        run(compiled, -(-y.size // BLOCK), (a, b, c, y.reshape(-1), parameter))
        return y

    return apply
