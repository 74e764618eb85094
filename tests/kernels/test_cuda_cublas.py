"""Calls of cuBLAS: stand-ins with the signatures of its header compute on the CPU's memory."""

import sys
from ctypes import CFUNCTYPE, POINTER, c_double, c_float, c_int, c_longlong, c_size_t, c_void_p
from types import SimpleNamespace

import numpy as np
import pytest

from rawgan_kernels.cuda.run import cublas


def gemm(number, batched):
    """`cublasSgemm_v2` and its variants, after cublas_api.h: columns lie together."""
    step = [c_longlong] if batched else []
    matrix = [c_void_p, c_int, *step]
    signature = [c_void_p, *[c_int] * 5, POINTER(number), *matrix, *matrix, POINTER(number), *matrix]

    def compute(handle, op_a, op_b, m, n, k, alpha, *rest):
        width = 2 + batched
        a, b, beta, c, count = rest[:width], rest[width : 2 * width], rest[2 * width], rest[2 * width + 1 :], 1
        if batched:
            *c, count = c

        def seen(matrix, rows, columns, turned):
            address, leading, *step = matrix
            stored = (columns, rows) if turned else (rows, columns)
            extent = step[0] * (count - 1) if step else 0
            flat = np.ctypeslib.as_array((number * (extent + leading * stored[1])).from_address(address))
            size = flat.itemsize
            strides = ((step or [0])[0] * size, size, leading * size)
            view = np.lib.stride_tricks.as_strided(flat, (count, *stored), strides)
            return view.transpose(0, 2, 1) if turned else view

        y = seen(c, m, n, False)
        found = alpha[0] * (seen(a, m, k, op_a) @ seen(b, k, n, op_b))
        y[...] = found + beta[0] * y if beta[0] else found
        return 0

    return CFUNCTYPE(c_int, *signature, *([c_int] if batched else []))(compute)


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
        cublasSetMathMode=note("mode", c_void_p, c_int),
        cublasSgemm_v2=gemm(c_float, False),
        cublasDgemm_v2=gemm(c_double, False),
        cublasSgemmStridedBatched=gemm(c_float, True),
        cublasDgemmStridedBatched=gemm(c_double, True),
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


def send(a, b, out, add=False):
    """Call `product` on arrays with addresses like CuPy's."""

    def located(call, dtype):
        places = [
            x._replace(array=SimpleNamespace(data=SimpleNamespace(ptr=x.array.ctypes.data), kept=x.array))
            for x in call[:3]
        ]
        cublas.run_on_gpu(call._replace(a=places[0], b=places[1], c=places[2]), dtype)

    with cublas.multiplied_by(located):
        cublas.product(a, b, out, add)


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


def test_a_handle_has_its_stream_and_workspace(told, monkeypatch):
    one = np.ones((1, 1, 1), "float32")
    monkeypatch.delenv("CUPY_TF32", raising=False)
    send(one, one, one.copy())
    assert told == [("create",), ("stream", 77), ("workspace", 1 << 40, 32 << 20), ("mode", cublas.FLOAT32)]
    monkeypatch.setenv("CUPY_TF32", "1")
    send(one, one, one.copy())
    assert told[4:] == [("mode", cublas.TF32)]


def test_a_failure_is_an_error(told, monkeypatch):
    monkeypatch.setattr(cublas._library(), "cublasSgemm_v2", CFUNCTYPE(c_int)(lambda: 13))
    one = np.ones((1, 1, 1), "float32")
    with pytest.raises(RuntimeError, match=r"^cuBLAS failed with status 13"):
        send(one, one, one.copy())
