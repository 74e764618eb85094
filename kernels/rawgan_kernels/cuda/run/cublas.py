"""Matrix products by cuBLAS, called directly rather than through CuPy.

CuPy's own product cannot be recorded as part of a CUDA graph, and spends more time in Python than a small product
takes. cuBLAS is given a workspace: with its own it would allocate memory in the middle of a recording, and would not
promise the same bits from run to run.

Products of float32 arrays are computed in float32, unless the caller says that they hold numbers of TF32: the compute
type of each call decides. The math mode of the handle stays the default, which computes with at least the bits that
are asked for, and no environment variable takes bits away. (`NVIDIA_TF32_OVERRIDE=0` takes the tensor cores away from
TF32: the same factors, more slowly.) Arrays of uint16 hold bf16; see `factors`.
Source: cuBLAS, cublasMath_t and cublasComputeType_t
"""

import ctypes
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any, NamedTuple

from rawgan_kernels.arrays import array_module

WORKSPACE_BYTES = 32 << 20
"""NVIDIA's recommendation for Hopper, which needs the most."""

KEEP, TRANSPOSE = 0, 1
"""cublasOperation_t: the matrix as stored, or transposed."""

FLOAT32, FLOAT64, TF32 = 68, 70, 77
"""cublasComputeType_t: CUBLAS_COMPUTE_32F and _64F, which keep all bits, and _32F_FAST_TF32."""

KINDS = {"f": 0, "d": 1, "H": 14}
"""cudaDataType by the letter of a dtype, float32, float64 or uint16: CUDA_R_32F, CUDA_R_64F, CUDA_R_16BF."""

DEFAULT_ALGORITHM = -1
"""CUBLAS_GEMM_DEFAULT: cuBLAS chooses."""


class Matrices(NamedTuple):
    """An array (G, R, C) in the terms of cuBLAS, which stores the numbers of a column together."""

    array: Any
    operation: int
    leading: int
    """Numbers from one row (transposed: column) to the next."""
    each: int
    """Numbers from one matrix to the next."""


class Gemm(NamedTuple):
    """The arguments of `cublasGemmStridedBatchedEx`: c ← op(a) @ op(b) + beta · c, all column-major."""

    a: Matrices
    b: Matrices
    c: Matrices
    m: int
    n: int
    k: int
    beta: float
    groups: int
    compute: int
    """The compute type: FLOAT32, FLOAT64 or TF32."""


def product(a: Any, b: Any, out: Any, add: bool = False, tf32: bool = False) -> None:
    """out ← a @ b, or out + a @ b, in the dtype of `out`, whose rows are contiguous.

    a and b have its dtype, or hold bf16 in uint16; with `tf32`, float32 arrays hold numbers of TF32. Their last rows
    and columns may be more than out has, which are left out.
    Shapes: a (G, ≥ M, K), b (G, K, ≥ N), out (G, M, N)
    """
    (groups, m, n), k = out.shape, a.shape[2]
    if not out.size:
        return
    if not k:
        if not add:
            out.fill(0)
        return
    # To cuBLAS, a row-major matrix is its transpose; so it computes outᵀ = bᵀ @ aᵀ.
    compute = TF32 if tf32 else FLOAT64 if out.dtype.char == "d" else FLOAT32
    _run(Gemm(_matrices(b), _matrices(a), _matrices(out), n, m, k, float(add), groups, compute))


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
def multiplied_by(run: Callable[[Gemm], None]) -> Iterator[None]:
    """Inside, products are computed by this function instead of `run_on_gpu`, for tests without a GPU."""
    global _run
    before, _run = _run, run
    try:
        yield
    finally:
        _run = before


def run_on_gpu(gemm: Gemm) -> None:
    """Send a product to the current GPU, on CuPy's current stream."""
    import cupy

    handle, _ = _handle(cupy.cuda.runtime.getDevice(), cupy.cuda.get_current_stream().ptr)
    library, (a, b, c) = _library(), gemm[:3]
    number = ctypes.c_double if gemm.compute == FLOAT64 else ctypes.c_float
    one, beta = ctypes.byref(number(1)), ctypes.byref(number(gemm.beta))
    sizes = handle, a.operation, b.operation, gemm.m, gemm.n, gemm.k, one
    how = gemm.compute, DEFAULT_ALGORITHM
    of_a, of_b, of_c = ((ctypes.c_void_p(x.array.data.ptr), KINDS[x.array.dtype.char], x.leading) for x in (a, b, c))
    if gemm.groups == 1:
        _check(library.cublasGemmEx(*sizes, *of_a, *of_b, beta, *of_c, *how))
    else:
        # The steps from matrix to matrix are `long long`.
        steps = [ctypes.c_longlong(x.each) for x in (a, b, c)]
        function = library.cublasGemmStridedBatchedEx
        _check(function(*sizes, *of_a, steps[0], *of_b, steps[1], beta, *of_c, steps[2], gemm.groups, *how))


_run: Callable[[Gemm], None] = run_on_gpu


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
