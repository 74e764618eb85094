"""Numbers in bf16, as integers of 16 bits; see `rawgan_kernels.halves`."""

from typing import Any

from rawgan_kernels.cuda.compile.language import THREADS, cuda_kernel, index
from rawgan_kernels.cuda.run.elementwise import EACH, first_of_thread
from rawgan_kernels.cuda.run.factors import BF16_BITS, HALF, rounded_bits
from rawgan_kernels.cuda.run.launch import blocks_for, launch
from rawgan_kernels.cuda.run.memory import empty, flat

SIGN = 0x8000
"""The sign of a number of 16 bits."""


def narrowed(x: Any) -> Any:
    """The numbers rounded to bf16. Shapes: x any, float32 → the same, uint16"""
    bits = empty(x, x.shape, "uint16")
    launch(_narrowed, blocks_for(x.size, EACH * THREADS), flat(x), flat(bits), x.size)
    return bits


def widened(bits: Any) -> Any:
    """The numbers as float32. Shapes: bits any, uint16 → the same, float32"""
    x = empty(bits, bits.shape, "float32")
    launch(_widened, blocks_for(x.size, EACH * THREADS), flat(bits), flat(x), x.size)
    return x


# --- CUDA kernels -----------------------------------------------------------------------------------------------------


@cuda_kernel("x: bits, halves: halves, count: index")
def _narrowed(x, halves, count):  # type: ignore[no-untyped-def]
    i = first_of_thread()
    for _ in range(EACH):
        if i < count:
            halves[i] = rounded_bits(x[i], BF16_BITS) >> BF16_BITS & HALF
        i = index(i + index(THREADS))


@cuda_kernel("halves: halves, x: bits, count: index")
def _widened(halves, x, count):  # type: ignore[no-untyped-def]
    i = first_of_thread()
    for _ in range(EACH):
        if i < count:
            half = int(halves[i])
            x[i] = ((half ^ SIGN) - SIGN) << BF16_BITS  # the sign of 16 bits becomes that of 32
        i = index(i + index(THREADS))
