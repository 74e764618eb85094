"""Rounding to the numbers of a lower precision; `reference.rounding` explains the integers."""

from typing import Any

import numpy as np

from rawgan_kernels.cuda.compile.language import THREADS, cuda_kernel, index
from rawgan_kernels.cuda.run.elementwise import EACH, first_of_thread
from rawgan_kernels.cuda.run.factors import nearest
from rawgan_kernels.cuda.run.launch import blocks_for, launch
from rawgan_kernels.cuda.run.memory import empty_like, flat
from rawgan_kernels.dispatch import implements


@implements
def rounded(x: Any, bits: int) -> Any:
    y, numbers = empty_like(x), flat(x)
    drop = np.finfo(x.dtype).nmant - bits
    launch(_rounded, blocks_for(y.size, EACH * THREADS), numbers, numbers, flat(y), y.size, drop)
    return y


@cuda_kernel("x: in, read: bits, y: bits, count: index, drop: index")
def _rounded(x, read, y, count, drop):  # type: ignore[no-untyped-def]
    """x and its bits are one array."""
    i = first_of_thread()
    for _ in range(EACH):
        if i < count:
            y[i] = nearest(read[i], drop) if x[i] == x[i] else read[i]  # NaN stays as it is
        i = index(i + index(THREADS))
