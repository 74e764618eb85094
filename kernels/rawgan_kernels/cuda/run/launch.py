"""Launches of CUDA kernels on the current GPU, through CuPy: its launch takes a tenth of the time of Numba's."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

import numpy as np

from rawgan_kernels.cuda.compile.language import THREADS, CudaKernel
from rawgan_kernels.cuda.compile.machine_code import MachineCode, cached
from rawgan_kernels.cuda.run.graph import sent
from rawgan_kernels.errors import MissingKernel

LARGEST_INDEX = 2**32 - 1

OLDEST = (7, 5)
"""Compute capability of the oldest GPUs that kernels are compiled for in tests: Turing."""

Run = Callable[[CudaKernel, str, int, tuple[Any, ...]], None]
"""Runs a kernel for a dtype, in so many blocks, with these arguments."""


def launch(kernel: CudaKernel, blocks: int, *arguments: Any) -> None:
    """Run a kernel in so many blocks of `THREADS` threads. Arrays are contiguous and have one dtype."""
    if blocks:
        _run(kernel, _dtype(kernel, arguments), blocks, arguments)


def blocks_for(count: int, each: int = THREADS) -> int:
    """Number of blocks of `each` that cover `count`.

    >>> blocks_for(1000, 256)
    4
    """
    return -(-count // each)


@contextmanager
def launched_by(run: Run) -> Iterator[Run]:
    """Inside, kernels are run by this function: by the simulator, or to count launches. Gives what ran them before."""
    global _run
    before, _run = _run, run
    try:
        yield before
    finally:
        _run = before


def _dtype(kernel: CudaKernel, arguments: tuple[Any, ...]) -> str:
    """The kernel's dtype: that of its first array whose kind is not `bytes` or `rows`."""
    for kind, argument in zip(kernel.parameters, arguments, strict=True):
        if kind in ("in", "out", "bits"):
            return str(argument.dtype)
        if kind == "arrays":
            return str(argument[0].dtype)
    raise TypeError(f"{kernel.name} has no array")


@cache
def load_on_gpu(kernel: CudaKernel, dtype: str, gpu: int, code_of: Callable[..., MachineCode] = cached) -> Any:
    """A kernel loaded on a GPU, with its code compiled for that GPU or read from the user's cache.

    Raises: MissingKernel if the GPU is too old, or the compiler is not installed
    """
    import cupy

    major, minor = divmod(int(cupy.cuda.Device(gpu).compute_capability), 10)
    if (major, minor) < OLDEST:
        raise MissingKernel(
            f"backend 'cuda' is for GPUs of compute capability {OLDEST[0]}.{OLDEST[1]} or later, but this one has "
            f"{major}.{minor}; use('reference') computes by plain CuPy"
        )
    try:
        code = code_of(kernel, dtype, (major, minor))
    except ImportError as error:
        raise MissingKernel(
            f"backend 'cuda' compiles its kernels, which needs {error.name}\n"
            "  pip install '.[cuda12]' or '.[cuda13]' in rawgan's folder, whichever your driver supports, "
            "or use('reference')"
        ) from None
    module = cupy.cuda.function.Module()
    module.load(code.cubin)
    return module.get_function(code.name)


def run_on_gpu(
    kernel: CudaKernel,
    dtype: str,
    blocks: int,
    arguments: tuple[Any, ...],
    load: Callable[[CudaKernel, str, int], Any] = load_on_gpu,
) -> None:
    """Send a kernel to the current GPU, on CuPy's current stream."""
    import cupy

    function = load(kernel, dtype, cupy.cuda.runtime.getDevice())
    number = np.dtype(dtype).type
    given = []
    for kind, argument in zip(kernel.parameters, arguments, strict=True):
        if kind == "arrays":
            # The addresses are sent once for as long as they stay the same, as those of parameters and moments do.
            given.append(sent(cupy, tuple(x.data.ptr for x in argument), "uint64"))
        elif kind == "index":
            if argument > LARGEST_INDEX:
                raise OverflowError(
                    f"{kernel.name}: CUDA kernels count to 2³² − 1, but an array has {argument} numbers"
                )
            given.append(np.uint32(argument))
        else:
            given.append(number(argument) if kind == "number" else argument)
    function((blocks,), (THREADS,), tuple(given))


_run: Run = run_on_gpu
