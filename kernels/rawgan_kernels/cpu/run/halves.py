"""Numbers in bf16, as integers of 16 bits; see `rawgan_kernels.halves`, and `reference.rounding` for the rounding."""

from typing import Any

import numpy as np

from rawgan_kernels.cpu.compile.compiled import compiled
from rawgan_kernels.cpu.run import pool
from rawgan_kernels.cpu.run.elementwise import BLOCK
from rawgan_kernels.cpu.run.launch import run
from rawgan_kernels.cpu.vector.pointers import pointer

Array = np.ndarray[Any, Any]

UNSIGNED, INFINITY, BELOW_HALF = 0x7FFFFFFF, 0x7F800000, 0x7FFF
QUIET = 0x40
"""The bit of a mantissa by which NaN stays NaN, whatever its other bits are."""


def narrowed(x: Array) -> Array:
    """The numbers rounded to bf16. Shapes: x any, float32 → the same, uint16"""
    bits = pool.empty(x.shape, np.dtype(np.uint16))
    run(_narrowed, -(-x.size // BLOCK), (x.ravel().view(np.int32), bits.reshape(-1)))
    return bits


def widened(bits: Array) -> Array:
    """The numbers as float32. Shapes: bits any, uint16 → the same, float32"""
    x = pool.empty(bits.shape, np.dtype(np.float32))
    run(_widened, -(-x.size // BLOCK), (bits.ravel(), x.reshape(-1).view(np.int32)))
    return x


@compiled
def _narrowed(arguments, block, thread):  # type: ignore[no-untyped-def]
    x, bits = arguments
    start = block * BLOCK
    a, b = pointer(x, start), pointer(bits, start)
    for i in range(min(BLOCK, len(x) - start)):
        up = (a[i] + BELOW_HALF + (a[i] >> 16 & 1)) >> 16
        b[i] = a[i] >> 16 | QUIET if a[i] & UNSIGNED > INFINITY else up


@compiled
def _widened(arguments, block, thread):  # type: ignore[no-untyped-def]
    bits, x = arguments
    start = block * BLOCK
    a, b = pointer(bits, start), pointer(x, start)
    for i in range(min(BLOCK, len(bits) - start)):
        b[i] = a[i] << 16
