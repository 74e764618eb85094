"""Matrix products by cuBLAS, called directly rather than through CuPy.

CuPy's own product cannot be recorded as part of a CUDA graph, and spends more time in Python than a small product
takes. cuBLAS is given a workspace: with its own it would allocate memory in the middle of a recording, and would not
promise the same bits from run to run.

Products in float32 are computed in float32, unless the environment variable `CUPY_TF32=1` asks for tensor cores, which
round the factors to 10 bits. Plain CuPy obeys the same variable.
"""

import ctypes
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any, NamedTuple

from rawgan_kernels.arrays import array_module

WORKSPACE_BYTES = 32 << 20
"""NVIDIA's recommendation for Hopper, which needs the most."""

KEEP, TRANSPOSE = 0, 1
"""cublasOperation_t: the matrix as stored, or transposed."""

FLOAT32, TF32 = 0, 3
"""cublasMath_t: the default, and tensor cores for float32."""


class Matrices(NamedTuple):
    """An array (G, R, C) in the terms of cuBLAS, which stores the numbers of a column together."""

    array: Any
    operation: int
    leading: int
    """Numbers from one row (transposed: column) to the next."""
    each: int
    """Numbers from one matrix to the next."""


class Gemm(NamedTuple):
    """The arguments of `cublasSgemmStridedBatched`: c ← op(a) @ op(b) + beta · c, all column-major."""

    a: Matrices
    b: Matrices
    c: Matrices
    m: int
    n: int
    k: int
    beta: float
    groups: int


def product(a: Any, b: Any, out: Any, add: bool = False) -> None:
    """out ← a @ b, or out + a @ b. The rows of `out` are contiguous.

    Shapes: a (G, M, K), b (G, K, N), out (G, M, N)
    """
    (groups, m, k), n = a.shape, b.shape[2]
    if not out.size:
        return
    if not k:
        if not add:
            out.fill(0)
        return
    # To cuBLAS, a row-major matrix is its transpose; so it computes outᵀ = bᵀ @ aᵀ.
    _run(Gemm(_matrices(b), _matrices(a), _matrices(out), n, m, k, float(add), groups), str(out.dtype))


def _matrices(x: Any) -> Matrices:
    """x itself if its rows or its columns are contiguous, else a copy."""
    groups, rows, columns = x.shape
    each, down, across = (stride // x.itemsize for stride in x.strides)
    each = each if groups > 1 else 0
    down, across = down if rows > 1 else columns, across if columns > 1 else 1
    if each >= 0 and across == 1 and down >= columns:
        return Matrices(x, KEEP, down, each)
    across = across if columns > 1 else rows
    if each >= 0 and (down == 1 or rows == 1) and across >= rows:
        return Matrices(x, TRANSPOSE, across, each)
    return Matrices(array_module(x).ascontiguousarray(x), KEEP, columns, rows * columns)


@contextmanager
def multiplied_by(run: Callable[[Gemm, str], None]) -> Iterator[None]:
    """Inside, products are computed by this function instead of `run_on_gpu`, for tests without a GPU."""
    global _run
    before, _run = _run, run
    try:
        yield
    finally:
        _run = before


def run_on_gpu(gemm: Gemm, dtype: str) -> None:
    """Send a product to the current GPU, on CuPy's current stream."""
    import cupy

    handle, _ = _handle(cupy.cuda.runtime.getDevice(), cupy.cuda.get_current_stream().ptr)
    library, (a, b, c) = _library(), gemm[:3]
    number, letter = (ctypes.c_float, "S") if dtype == "float32" else (ctypes.c_double, "D")
    one, beta = ctypes.byref(number(1)), ctypes.byref(number(gemm.beta))
    _check(library.cublasSetMathMode(handle, TF32 if os.environ.get("CUPY_TF32") == "1" else FLOAT32))
    sizes = handle, a.operation, b.operation, gemm.m, gemm.n, gemm.k, one
    pointers = (ctypes.c_void_p(x.array.data.ptr) for x in (a, b, c))
    of_a, of_b, of_c = ((pointer, x.leading) for pointer, x in zip(pointers, (a, b, c), strict=True))
    if gemm.groups == 1:
        _check(getattr(library, f"cublas{letter}gemm_v2")(*sizes, *of_a, *of_b, beta, *of_c))
    else:
        # The steps from matrix to matrix are `long long`.
        steps = [ctypes.c_longlong(x.each) for x in (a, b, c)]
        function = getattr(library, f"cublas{letter}gemmStridedBatched")
        _check(function(*sizes, *of_a, steps[0], *of_b, steps[1], beta, *of_c, steps[2], gemm.groups))


_run: Callable[[Gemm, str], None] = run_on_gpu


@cache
def _library() -> ctypes.CDLL:
    """The cuBLAS library that CuPy uses."""
    from cuda import pathfinder

    return ctypes.CDLL(pathfinder.load_nvidia_dynamic_lib("cublas").abs_path)


@cache
def _handle(gpu: int, stream: int) -> tuple[ctypes.c_void_p, Any]:
    """A cuBLAS handle for one stream of a GPU, and its workspace. Both are kept for good: recorded graphs use them."""
    import cupy

    library, handle = _library(), ctypes.c_void_p()
    _check(library.cublasCreate_v2(ctypes.byref(handle)))
    _check(library.cublasSetStream_v2(handle, ctypes.c_void_p(stream)))
    workspace = cupy.cuda.alloc(WORKSPACE_BYTES)
    _check(library.cublasSetWorkspace_v2(handle, ctypes.c_void_p(workspace.ptr), ctypes.c_size_t(WORKSPACE_BYTES)))
    return handle, workspace


def _check(status: int) -> None:
    if status:
        raise RuntimeError(f"cuBLAS failed with status {status}; see cublasStatus_t in NVIDIA's documentation")
