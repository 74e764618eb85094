"""The language of CUDA kernels: a Python function that is compiled for the GPU, or run by the simulator.

    @cuda_kernel("x: in, y: out, count: index, slope: number")
    def _leaky_relu(x, y, count, slope):
        i = position()
        if i < count:
            y[i] = formulas.leaky_relu(x[i], slope)

    launch(_leaky_relu, blocks_for(x.size), x, y, x.size, slope)

Arrays arrive as pointers, so a kernel is compiled once for each dtype, not for each shape and layout. Some names have
another meaning for each dtype, and in the simulator; they are filled in when the kernel is compiled:

    number(0.5)     a constant of the kernel's dtype: a plain 0.5 would turn float32 into float64
    index(n)        an unsigned integer of 32 bits: dividing and multiplying 64 bits takes several times as long
    cuda, math      barriers, shuffles, shared memory; exponentials
    formulas        the formulas for one number

`machine_code` compiles for a compute capability, without a GPU; `run.launch` sends the code to the GPU.
"""

import dis
from collections.abc import Callable
from functools import cache
from types import CodeType, FunctionType
from typing import Any

THREADS = 256
"""Threads of a block: eight warps, enough to hide the memory's latency, few enough to share a multiprocessor."""

WARP = 32
"""Threads that run in step."""

WARPS = THREADS // WARP
"""Warps of a block."""

# Only the names, for kernels to import; see above.
cuda: Any = None
formulas: Any = None
index: Any = None
math: Any = None
number: Any = None


class CudaKernel:
    """A CUDA kernel. `parameters` gives the kind of each argument:

    in, out       arrays of the kernel's dtype
    bits          such an array, too, but its numbers are read and written as signed integers of the same width
    halves        an array of uint16
    bytes, rows   arrays of uint8, of int64
    arrays        a list of arrays of the kernel's dtype, of any lengths
    index         an integer, 0 or more
    number        a number of the kernel's dtype
    """

    def __init__(self, function: Callable[..., None], parameters: str) -> None:
        self.function, self.name = function, function.__name__.strip("_")
        self.parameters = tuple(part.split(":")[1].strip() for part in parameters.split(","))
        self.__doc__ = function.__doc__
        CUDA_KERNELS.append(self)


CUDA_KERNELS: list[CudaKernel] = []
"""Every CUDA kernel that was imported, for checks of each."""


def cuda_kernel(parameters: str) -> Callable[[Callable[..., None]], CudaKernel]:
    """Make a function a CUDA kernel; see `CudaKernel` for `parameters`."""
    return lambda function: CudaKernel(function, parameters)


@cache
def _globals_of(code: CodeType) -> frozenset[str]:
    """Names of the globals that code reads."""
    return frozenset(step.argval for step in dis.get_instructions(code) if step.opname == "LOAD_GLOBAL")


def filled(function: Any, names: dict[str, Any], compile_: Callable[[Any], Any]) -> Any:
    """The function with `names` filled in, and likewise the functions of this backend that it calls."""
    inside = dict(function.__globals__)
    for name in _globals_of(function.__code__):
        value = inside.get(name)
        if isinstance(value, FunctionType) and value.__module__.startswith("rawgan_kernels.cuda."):
            inside[name] = compile_(filled(value, names, compile_))
    inside.update(names)
    return FunctionType(function.__code__, inside, function.__name__, None, function.__closure__)


# --- functions that kernels call --------------------------------------------------------------------------------------


def position():  # type: ignore[no-untyped-def]
    """The number of this thread among the threads of all blocks."""
    return index(index(cuda.blockIdx.x) * index(THREADS) + index(cuda.threadIdx.x))


def warp_sum(value):  # type: ignore[no-untyped-def]
    """The sum over the lanes of a warp, returned to all of them; always the same numbers are added in pairs."""
    for halving in range(5):
        value += cuda.shfl_xor_sync(0xFFFFFFFF, value, 16 >> halving)
    return value


def warp_largest(value):  # type: ignore[no-untyped-def]
    """The largest number of the lanes of a warp, returned to all of them."""
    for halving in range(5):
        other = cuda.shfl_xor_sync(0xFFFFFFFF, value, 16 >> halving)
        value = other if other > value else value
    return value


def block_sum(value, scratch):  # type: ignore[no-untyped-def]
    """The sum over the threads of a block, returned to thread 0; `scratch` is shared memory, one number for each warp.

    Numbers are added in pairs, always the same ones, so the sum has the same bits each time.
    """
    thread = index(cuda.threadIdx.x)
    for halving in range(5):
        value += cuda.shfl_down_sync(0xFFFFFFFF, value, 16 >> halving)
    cuda.syncthreads()  # all reads of the scratch are done
    if thread % index(WARP) == index(0):
        scratch[thread // index(WARP)] = value
    cuda.syncthreads()
    total = number(0)
    if thread == index(0):
        for warp in range(WARPS):
            total += scratch[warp]
    return total
