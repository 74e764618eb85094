"""Element-wise kernels: blocks for a formula that is computed for every number.

A thread computes `EACH` numbers, `THREADS` apart, so that the threads of a warp read neighbouring numbers, and several
loads are under way at a time. Such kernels move the least bytes possible; an H100 moves about 3 TB/s.
"""

from typing import Any

from rawgan_kernels.cuda.compile.language import THREADS, CudaKernel, cuda, index
from rawgan_kernels.cuda.run.launch import blocks_for, launch
from rawgan_kernels.cuda.run.memory import empty_like, flat

EACH = 4
"""Numbers that a thread computes."""


def apply(body: CudaKernel, inputs: tuple[Any, ...], *numbers: float) -> Any:
    """y, of the first input's shape and dtype, computed by a kernel of (inputs, y, count, numbers)."""
    y = empty_like(inputs[0])
    launch(body, blocks_for(y.size, EACH * THREADS), *map(flat, inputs), flat(y), y.size, *numbers)
    return y


def first_of_thread():  # type: ignore[no-untyped-def]
    """Index of the first number that this thread computes; the others are `THREADS` apart."""
    return index(index(cuda.blockIdx.x) * index(EACH * THREADS) + index(cuda.threadIdx.x))
