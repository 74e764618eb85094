"""What a CUDA kernel is written in: one Python function, made into code for the GPU or run by the simulator.

    @kernel("x: in, y: out, count: index, slope: number")
    def _leaky_relu(x, y, count, slope):
        i = position()
        if i < count:
            y[i] = formulas.leaky_relu(x[i], slope)

    launch(_leaky_relu, blocks_for(x.size), x, y, x.size, slope)

Arrays arrive as pointers, so a kernel is compiled once for a dtype and not for every shape and layout. Names that mean
something else for each dtype, and in the simulator, are filled in when the kernel is made into code:

    number(0.5)     a constant of the kernel's dtype: a plain 0.5 would make float64 of what it meets
    index(n)        a whole number of 32 bits without sign: dividing and multiplying 64 bits takes several times as long
    cuda, math      barriers, shuffles, shared memory; exponentials

`machine_code` compiles for a compute capability, with no GPU; `launch` sends the code to the GPU through CuPy, whose
own launch takes a tenth of the time of Numba's dispatcher.
"""

from __future__ import annotations

import dis
import hashlib
import os
import re
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from types import FunctionType
from typing import Any

import numpy as np

from rawgan_kernels import MissingKernel
from rawgan_kernels import formulas as formulas_source
from rawgan_kernels.cuda.run.graph import sent
from rawgan_kernels.formulas import instantiate

THREADS = 256
"""Of a block: eight warps, enough to hide the memory's latency, few enough to share a multiprocessor."""

WARP = 32
"""Threads that run in step."""

WARPS = THREADS // WARP
"""Of a block."""

LARGEST_INDEX = 2**32 - 1

OLDEST = (7, 5)
"""Compute capability: Turing, the oldest that is tested."""

# What is filled in: here, only the names, for kernels to import.
cuda: Any = None
formulas: Any = None
index: Any = None
math: Any = None
number: Any = None


class Kernel:
    """A CUDA kernel: `parameters` says what kind each argument is of.

    in, out       arrays of the kernel's dtype
    bytes, rows   arrays of uint8, of int64
    arrays        a list of arrays of the kernel's dtype, which may have any lengths
    index         a whole number, 0 or more
    number        a number of the kernel's dtype
    """

    def __init__(self, function: Callable[..., None], parameters: str) -> None:
        self.function, self.name = function, function.__name__.strip("_")
        self.parameters = tuple(part.split(":")[1].strip() for part in parameters.split(","))
        self.__doc__ = function.__doc__
        KERNELS.append(self)


KERNELS: list[Kernel] = []
"""All of them, for those who want to look at each."""


def kernel(parameters: str) -> Callable[[Callable[..., None]], Kernel]:
    """A kernel; see `Kernel` for what `parameters` may be."""
    return lambda function: Kernel(function, parameters)


def filled(function: Any, names: dict[str, Any], compile_: Callable[[Any], Any]) -> Any:
    """The function with `names` filled in, and likewise the functions of this package that it calls."""
    inside = dict(function.__globals__)
    for name in {step.argval for step in dis.get_instructions(function) if step.opname == "LOAD_GLOBAL"}:
        value = inside.get(name)
        if isinstance(value, FunctionType) and value.__module__.startswith("rawgan_kernels.cuda."):
            inside[name] = compile_(filled(value, names, compile_))
    inside.update(names)
    return FunctionType(function.__code__, inside, function.__name__, None, function.__closure__)


# --- for kernels to call --------------------------------------------------------------------------------------------


def position():  # type: ignore[no-untyped-def]
    """The number of this thread among all threads."""
    return index(index(cuda.blockIdx.x) * index(THREADS) + index(cuda.threadIdx.x))


def block_sum(value, scratch):  # type: ignore[no-untyped-def]
    """The sum over the threads of a block, for thread 0; `scratch` is shared memory for one number of each warp.

    In pairs, always the same ones: so the sum has the same bits each time.
    """
    thread = index(cuda.threadIdx.x)
    for halving in range(5):
        value += cuda.shfl_down_sync(0xFFFFFFFF, value, 16 >> halving)
    cuda.syncthreads()  # whoever read the scratch before is done
    if thread % index(WARP) == index(0):
        scratch[thread // index(WARP)] = value
    cuda.syncthreads()
    total = number(0)
    if thread == index(0):
        for warp in range(WARPS):
            total += scratch[warp]
    return total


# --- to machine code ----------------------------------------------------------------------------------------------


class MachineCode:
    """A kernel for one dtype and compute capability: its name, the code, and what the assembler says about it."""

    def __init__(self, name: str, cubin: bytes, ptx: str, report: str) -> None:
        self.name, self.cubin, self.ptx, self.report = name, cubin, ptx, report


def machine_code(kernel: Kernel, dtype: str, capability: tuple[int, int]) -> MachineCode:
    """Compile a kernel for GPUs of a compute capability, such as (9, 0). Needs the tools, but no GPU."""
    from cuda.bindings import nvjitlink
    from numba import cuda, types
    from numba.np.numpy_support import from_dtype

    function = filled(kernel.function, _names(dtype), _inlined)
    number = from_dtype(np.dtype(dtype))
    pointer = types.CPointer(number)
    kinds = {
        "in": pointer, "out": pointer, "bytes": types.CPointer(types.uint8), "rows": types.CPointer(types.int64),
        "arrays": types.CPointer(pointer), "index": types.uint32, "number": number,
    }  # fmt: skip
    signature = types.void(*(kinds[kind] for kind in kernel.parameters))
    ptx, _ = cuda.compile(function, signature, device=False, abi="numba", cc=capability, output="ptx")
    found = re.search(r"\.entry (\w+)", ptx)
    assert found is not None
    arch = "".join(map(str, capability))
    linker = nvjitlink.create(3, [f"-arch=sm_{arch}", "-verbose", "-Xptxas=-v"])
    try:
        source = ptx.encode()
        nvjitlink.add_data(linker, nvjitlink.InputType.PTX, source, len(source), kernel.name)
        nvjitlink.complete(linker)
        report = bytearray(nvjitlink.get_info_log_size(linker))
        nvjitlink.get_info_log(linker, report)
        cubin = bytearray(nvjitlink.get_linked_cubin_size(linker))
        nvjitlink.get_linked_cubin(linker, cubin)
    finally:
        nvjitlink.destroy(linker)
    return MachineCode(found[1], bytes(cubin), ptx, report.decode())


def _inlined(function: Any) -> Any:
    from numba import cuda

    return cuda.jit(device=True, inline="always")(function)


@cache
def _names(dtype: str) -> dict[str, Any]:
    """What is filled in for the GPU."""
    import math

    from numba import cuda, types

    number: Any = {"float32": types.float32, "float64": types.float64}[dtype]

    def constant(value: int) -> Any:
        return _inlined(lambda x: number(value))

    ready = instantiate(
        _inlined, zero=constant(0), one=constant(1), two=constant(2), exp=math.exp, expm1=math.expm1, log1p=math.log1p
    )
    return {"cuda": cuda, "math": math, "number": number, "index": types.uint32, "formulas": ready}


def cached(kernel: Kernel, dtype: str, capability: tuple[int, int]) -> MachineCode:
    """`machine_code`, kept on disk in the user's cache folder, for one state of all sources and tools."""
    folder = _folder()
    stem = f"{kernel.name}-{dtype}-sm_{capability[0]}{capability[1]}"
    try:
        name, cubin = (folder / stem).with_suffix(".cubin").read_bytes().split(b"\n", 1)
        return MachineCode(name.decode(), cubin, "", "")
    except OSError:
        code = machine_code(kernel, dtype, capability)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        partial = folder / f"{stem}.{os.getpid()}"
        partial.write_bytes(code.name.encode() + b"\n" + code.cubin)
        partial.replace((folder / stem).with_suffix(".cubin"))  # at once: nobody reads half a file
    except OSError:
        pass  # a read-only home: it is compiled each time
    return code


@cache
def _folder() -> Path:
    """In the user's cache folder; named after a hash of what the machine code is made from."""
    from numba.misc import appdirs

    digest = hashlib.sha256()
    for path in (*sorted(Path(__file__).parents[1].rglob("*.py")), Path(formulas_source.__file__)):
        digest.update(path.read_bytes())
    for tool in ("numba-cuda", "nvidia-nvvm", "nvidia-nvjitlink"):
        with suppress(PackageNotFoundError):
            digest.update(version(tool).encode())
    return Path(appdirs.user_cache_dir("rawgan", appauthor=False), f"cuda-{digest.hexdigest()[:16]}")


# --- on the GPU ---------------------------------------------------------------------------------------------------


def launch(kernel: Kernel, blocks: int, *arguments: Any) -> None:
    """Run a kernel in so many blocks of `THREADS`; arrays are contiguous, and of one dtype."""
    if blocks:
        run(kernel, _dtype(kernel, arguments), blocks, arguments)


def blocks_for(count: int, each: int = THREADS) -> int:
    """How many blocks of `each` there are in `count`."""
    return -(-count // each)


def _dtype(kernel: Kernel, arguments: tuple[Any, ...]) -> str:
    """That of the first array which has the kernel's."""
    for kind, argument in zip(kernel.parameters, arguments, strict=True):
        if kind in ("in", "out"):
            return str(argument.dtype)
        if kind == "arrays":
            return str(argument[0].dtype)
    raise TypeError(f"{kernel.name} has no array")


def run(kernel: Kernel, dtype: str, blocks: int, arguments: tuple[Any, ...]) -> None:
    """Send a kernel to the current GPU, on CuPy's current stream."""
    import cupy

    function = _on_gpu(kernel, dtype, cupy.cuda.runtime.getDevice())
    number = np.dtype(dtype).type
    given = []
    for kind, argument in zip(kernel.parameters, arguments, strict=True):
        if kind == "arrays":
            # Sent once for as long as arrays stay where they are, as parameters and moments do.
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


@cache
def _on_gpu(kernel: Kernel, dtype: str, gpu: int) -> Any:
    """The kernel, loaded on a GPU: compiled for it, or read from the user's cache."""
    import cupy

    major, minor = divmod(int(cupy.cuda.Device(gpu).compute_capability), 10)
    if (major, minor) < OLDEST:
        raise MissingKernel(
            f"backend 'cuda' is for GPUs of compute capability {OLDEST[0]}.{OLDEST[1]} or later, but this one has "
            f"{major}.{minor}; use('reference') computes by plain CuPy"
        )
    try:
        code = cached(kernel, dtype, (major, minor))
    except ImportError as error:
        raise MissingKernel(
            f"backend 'cuda' compiles its kernels, for which {error.name} is missing\n"
            "  pip install '.[cuda12]' or '.[cuda13]' in rawgan's folder, whichever your driver supports, "
            "or use('reference')"
        ) from None
    module = cupy.cuda.function.Module()
    module.load(code.cubin)
    return module.get_function(code.name)
