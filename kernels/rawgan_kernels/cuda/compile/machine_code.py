"""Machine code of CUDA kernels, compiled without a GPU and kept on disk."""

import hashlib
import os
import re
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np

from rawgan_kernels import formulas as formulas_source
from rawgan_kernels.cuda.compile.language import CudaKernel, filled
from rawgan_kernels.formulas import CONSTANTS, instantiate


class MachineCode:
    """A kernel compiled for one dtype and compute capability: its name, binary and PTX, and the assembler's report."""

    def __init__(self, name: str, cubin: bytes, ptx: str, report: str) -> None:
        self.name, self.cubin, self.ptx, self.report = name, cubin, ptx, report


def machine_code(kernel: CudaKernel, dtype: str, capability: tuple[int, int]) -> MachineCode:
    """Compile a kernel for GPUs of a compute capability, such as (9, 0). Needs the extra `cuda-tools`, but no GPU."""
    from cuda.bindings import nvjitlink
    from numba import cuda, types
    from numba.np.numpy_support import from_dtype

    function = filled(kernel.function, _names(dtype), _inlined)
    number = from_dtype(np.dtype(dtype))
    pointer, bits = types.CPointer(number), types.Integer.from_bitwidth(number.bitwidth)
    kinds = {
        "in": pointer, "out": pointer, "bits": types.CPointer(bits), "halves": types.CPointer(types.uint16),
        "bytes": types.CPointer(types.uint8), "rows": types.CPointer(types.int64),
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
    """Meanings of the names that are filled in, for the GPU."""
    import math

    from numba import cuda, types
    from numba.cuda import libdevice

    number: Any = {"float32": types.float32, "float64": types.float64}[dtype]

    def constant(value: float) -> Any:
        return _inlined(lambda x: number(value))

    constants = {name: constant(value) for name, value in CONSTANTS.items()}
    functions = {name: getattr(math, name) for name in ("exp", "expm1", "log1p")}
    functions["erfcx"] = libdevice.erfcxf if dtype == "float32" else libdevice.erfcx
    ready = instantiate(_inlined, **constants, **functions)
    return {"cuda": cuda, "math": math, "number": number, "index": types.uint32, "formulas": ready}


def cached(
    kernel: CudaKernel,
    dtype: str,
    capability: tuple[int, int],
    folder: Path | None = None,
    compile_: Callable[[CudaKernel, str, tuple[int, int]], MachineCode] = machine_code,
) -> MachineCode:
    """`machine_code`, kept on disk in the user's cache folder, for one state of all sources and tools."""
    folder = folder or default_folder()
    stem = f"{kernel.name}-{dtype}-sm_{capability[0]}{capability[1]}"
    try:
        name, cubin = (folder / stem).with_suffix(".cubin").read_bytes().split(b"\n", 1)
        return MachineCode(name.decode(), cubin, "", "")
    except OSError:
        code = compile_(kernel, dtype, capability)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        partial = folder / f"{stem}.{os.getpid()}"
        partial.write_bytes(code.name.encode() + b"\n" + code.cubin)
        partial.replace((folder / stem).with_suffix(".cubin"))  # atomically: no process reads half a file
    except OSError:
        pass  # a read-only home: each process compiles anew
    return code


@cache
def default_folder() -> Path:
    """Folder in the user's cache, named after a hash of the sources and tools that machine code is made with."""
    from numba.misc import appdirs

    digest = hashlib.sha256()
    for path in (*sorted(Path(__file__).parents[1].rglob("*.py")), Path(formulas_source.__file__)):
        digest.update(path.read_bytes())
    for tool in ("numba-cuda", "nvidia-nvvm", "nvidia-nvjitlink"):
        with suppress(PackageNotFoundError):
            digest.update(version(tool).encode())
    return Path(appdirs.user_cache_dir("rawgan", appauthor=False), f"cuda-{digest.hexdigest()[:16]}")
