"""Calls of cuBLAS: stand-ins with the signatures of its header compute on the CPU's memory."""

import sys
from ctypes import CFUNCTYPE, POINTER, c_byte, c_double, c_float, c_int, c_longlong, c_size_t, c_void_p
from types import SimpleNamespace

import numpy as np
import pytest
from fake_cupy import as_multiplied

from rawgan_kernels.cuda.run import cublas

SINGLE, DOUBLE, BF16 = 0, 1, 14
TYPES = {SINGLE: np.float32, DOUBLE: np.float64, BF16: np.uint16}
"""cudaDataType, after library_types.h."""

ALLOWED = {(SINGLE, SINGLE, 68), (SINGLE, SINGLE, 77), (BF16, SINGLE, 68), (DOUBLE, DOUBLE, 70)}
"""Kinds of factors and result, and compute types, after the manual: 32F, 32F_FAST_TF32, 64F."""


def gemm(batched):
    """`cublasGemmEx` and `cublasGemmStridedBatchedEx`, after cublas_api.h: columns lie together."""
    step = [c_longlong] if batched else []
    matrix = [c_void_p, c_int, c_int, *step]
    signature = [c_void_p, *[c_int] * 5, c_void_p, *matrix, *matrix, c_void_p, *matrix]

    def compute(handle, op_a, op_b, m, n, k, alpha, *rest):
        *rest, how, algorithm = rest
        width = 3 + batched
        a, b, beta, c, count = rest[:width], rest[width : 2 * width], rest[2 * width], rest[2 * width + 1 :], 1
        if batched:
            *c, count = c
        if a[1] != b[1] or (a[1], c[1], how) not in ALLOWED or algorithm != -1:
            return 15  # CUBLAS_STATUS_NOT_SUPPORTED

        def seen(matrix, rows, columns, turned):
            address, kind, leading, *step = matrix
            stored = (columns, rows) if turned else (rows, columns)
            size = np.dtype(TYPES[kind]).itemsize
            extent = step[0] * (count - 1) if step else 0
            numbers = (c_byte * (size * (extent + leading * stored[1]))).from_address(address)
            strides = ((step or [0])[0] * size, size, leading * size)
            flat = np.frombuffer(numbers, TYPES[kind])
            view = np.lib.stride_tricks.as_strided(flat, (count, *stored), strides)
            return view.transpose(0, 2, 1) if turned else view

        scalar = c_double if how == cublas.FLOAT64 else c_float
        one, more = (scalar.from_address(address).value for address in (alpha, beta))
        y = seen(c, m, n, False)
        factors = (as_multiplied(x, how) for x in (seen(a, m, k, op_a), seen(b, k, n, op_b)))
        found = one * np.matmul(*factors)
        y[...] = found + more * y if more else found
        return 0

    return CFUNCTYPE(c_int, *signature, *([c_int] if batched else []), c_int, c_int)(compute)


@pytest.fixture
def told(monkeypatch):
    """Calls of the library besides products."""
    told = []

    def note(name, *types):
        def function(*arguments):
            told.append((name, *arguments[1:]))
            return 0

        return CFUNCTYPE(c_int, *types)(function)

    library = SimpleNamespace(
        cublasCreate_v2=note("create", POINTER(c_void_p)),
        cublasSetStream_v2=note("stream", c_void_p, c_void_p),
        cublasSetWorkspace_v2=note("workspace", c_void_p, c_void_p, c_size_t),
        cublasGemmEx=gemm(False),
        cublasGemmStridedBatchedEx=gemm(True),
    )
    cuda = SimpleNamespace(
        runtime=SimpleNamespace(getDevice=lambda: 0),
        get_current_stream=lambda: SimpleNamespace(ptr=77),
        alloc=lambda size: SimpleNamespace(ptr=1 << 40),
    )
    monkeypatch.setitem(sys.modules, "cupy", SimpleNamespace(cuda=cuda))
    monkeypatch.setattr(cublas, "_library", lambda: library)
    cublas._handle.cache_clear()
    yield told
    cublas._handle.cache_clear()


def send(a, b, out, add=False, tf32=False):
    """Call `product` on arrays with addresses like CuPy's."""

    def located(x):
        data, array = SimpleNamespace(ptr=x.array.ctypes.data), x.array
        return x._replace(array=SimpleNamespace(data=data, dtype=array.dtype, kept=array))

    def sent(call):
        cublas.run_on_gpu(call._replace(**{name: located(getattr(call, name)) for name in "abc"}))

    with cublas.multiplied_by(sent):
        cublas.product(a, b, out, add, tf32)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("groups", [1, 3])
def test_products_of_any_layout(dtype, groups, told):
    rng = np.random.default_rng(0)
    for m, k, n in ((2, 3, 4), (1, 5, 1), (4, 1, 2), (3, 4, 1)):
        a, b = rng.standard_normal((groups, m, k)).astype(dtype), rng.standard_normal((groups, k, n)).astype(dtype)
        layouts_a = a, a.transpose(0, 2, 1).copy().transpose(0, 2, 1), np.repeat(a, 2, 2)[:, :, ::2], a[::-1]
        layouts_b = (
            b,
            b.transpose(0, 2, 1).copy().transpose(0, 2, 1),
            np.pad(b, ((0, 0), (1, 1), (2, 3)))[:, 1:-1, 2:-3],
        )
        for x in layouts_a:
            for y in layouts_b:
                wide = np.ones((m, groups, n + 2), dtype)  # as the output of a grouped convolution lies
                out = wide[:, :, :n].transpose(1, 0, 2)
                send(x, y, out)
                np.testing.assert_allclose(out, x @ y, rtol=1e-5, atol=1e-6)
                send(x, y, out, add=True)
                np.testing.assert_allclose(out, 2 * (x @ y), rtol=1e-5, atol=1e-6)
                np.testing.assert_array_equal(wide[:, :, n:], 1)


def test_an_empty_sum_is_zero():
    out = np.ones((1, 2, 2), "float32")
    cublas.product(np.ones((1, 2, 0), "float32"), np.ones((1, 0, 2), "float32"), out, add=True)
    np.testing.assert_array_equal(out, 1)
    cublas.product(np.ones((1, 2, 0), "float32"), np.ones((1, 0, 2), "float32"), out)
    np.testing.assert_array_equal(out, 0)


@pytest.mark.parametrize("groups", [1, 3])
def test_the_compute_type_is_the_callers(groups, told):
    """The stand-in for cuBLAS cuts off bits in TF32, and takes uint16 for bf16."""
    x, y = 1 + 2.0**-12, np.ones((groups, 1, 1), "float32")
    many, column = np.full((groups, 1, 4), x, "float32"), np.ones((groups, 4, 1), "float32")
    send(many, column, y)
    assert (y == 4 * x).all()
    send(many, column, y, tf32=True)
    assert (y == 4).all()
    one, three = (np.full((groups, 1, 1), bits, "uint16") for bits in (0x3F80, 0x4040))
    send(one, three, y)
    assert (y == 3).all()


def test_rows_and_columns_beyond_the_result_are_left_out(told):
    a, b, y = np.ones((2, 4, 4), "float32"), np.ones((2, 4, 8), "float32"), np.zeros((2, 3, 5), "float32")
    send(a, b, y)
    np.testing.assert_array_equal(y, 4)


def test_a_handle_has_its_stream_and_workspace_and_its_default_mode(told, monkeypatch):
    one = np.ones((1, 1, 1), "float32")
    monkeypatch.setenv("CUPY_TF32", "1")
    send(one, one, one.copy())
    send(one, one, one.copy(), tf32=True)
    assert told == [("create",), ("stream", 77), ("workspace", 1 << 40, 32 << 20)]


def test_a_failure_is_an_error(told, monkeypatch):
    monkeypatch.setattr(cublas._library(), "cublasGemmEx", CFUNCTYPE(c_int)(lambda: 13))
    one = np.ones((1, 1, 1), "float32")
    with pytest.raises(RuntimeError, match=r"^cuBLAS failed with status 13"):
        send(one, one, one.copy())
