"""Products at a reduced precision on the CUDA backend: factors rounded as specified, on tensor cores.

In the simulator, products of TF32 cut off what is not rounded before, and products of uint16 arrays take them as bf16.
"""

import numpy as np
import pytest
from fake_cupy import cupy, simulated_gpu, traffic
from kernel_calls import arguments_of

import rawgan_kernels as kernels
from rawgan_kernels import KERNELS, Backend, Window, precision
from rawgan_kernels.cuda import conv
from rawgan_kernels.cuda.run import cublas
from rawgan_kernels.cuda.run.cublas import multiplied_by
from rawgan_kernels.cuda.run.factors import FORMATS
from rawgan_kernels.cuda.run.graph import Graph
from rawgan_kernels.cuda.run.launch import launched_by
from rawgan_kernels.dispatch import gains
from rawgan_kernels.halves import narrowed, widened

__all__ = ["cupy", "simulated_gpu"]  # fixtures

PRODUCTS = [name for name, each in KERNELS.items() if each.factors]
NATIVE = ["conv2d", "conv2d_input_grad", "conv2d_weight_grad", "matmul"]
TENSOR_CORES = {"tf32": {("float32", cublas.TF32)}, "bf16": {("uint16", cublas.FLOAT32)}}
"""dtype of factors, and compute type, of every product on tensor cores."""

REDUCED = pytest.mark.parametrize("name", TENSOR_CORES)


def draw(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape).astype("float32")


def at(name, backend, kernel, *args):
    with precision(name):
        return KERNELS[kernel].at(name, backend, args)


def agree(name, kernel, *args):
    """Assert that a product agrees with the reference at a precision. Returns the largest difference, relative."""
    found, expected = (at(name, backend, kernel, *args) for backend in ("cuda", "reference"))
    for x, y in zip(*(each if isinstance(each, tuple) else (each,) for each in (found, expected)), strict=True):
        assert x.dtype == "float32"
        assert x.shape == y.shape
        assert abs(x - y).max(initial=0) <= 3e-6 * abs(y).max(initial=0)


def used(products):
    return {(str(x.array.dtype), gemm.compute) for gemm in products for x in (gemm.a, gemm.b)}


@REDUCED
@pytest.mark.parametrize("kernel", PRODUCTS)
def test_products_are_those_of_rounded_factors(kernel, name, simulated_gpu):
    agree(name, kernel, *arguments_of(kernel, "float32"))
    assert used(simulated_gpu) == (TENSOR_CORES[name] if kernel in NATIVE else {("float32", cublas.FLOAT32)})


@pytest.mark.parametrize("kernel", PRODUCTS)
def test_float32_means_float32(kernel, simulated_gpu):
    args = arguments_of(kernel, "float32")
    for name in ("float32", "bf16", "tf32"):
        with precision(name):
            getattr(Backend("cuda"), kernel)(*args)  # by its own name, a kernel is that of float32
    assert used(simulated_gpu) == {("float32", cublas.FLOAT32)}
    simulated_gpu.clear()
    with precision("tf32"):
        KERNELS[kernel].at("tf32", "cuda", arguments_of(kernel))
    assert used(simulated_gpu) == {("float64", cublas.FLOAT64)}


def test_the_backend_gains_by_both():
    assert gains("cuda", "tf32")
    assert gains("cuda", "bf16")
    assert not gains("cuda", "float32")


@REDUCED
def test_matrices_of_any_shape_and_layout(name, simulated_gpu):
    a, b = draw(3, 100), draw(100, 5, seed=1)
    agree(name, "matmul", a, b)
    agree(name, "matmul", np.asfortranarray(a), b.T.copy().T)
    agree(name, "matmul", a[::-1, ::2], b[::2])
    agree(name, "matmul", draw(2, 1, 3, 4), draw(3, 4, 5, seed=1))
    agree(name, "matmul", draw(2, 3, 4), draw(4, 1, seed=1))
    agree(name, "matmul", draw(2, 1), draw(1, 2, seed=1))
    for m, k, n in ((0, 3, 2), (2, 0, 3), (2, 3, 0)):
        agree(name, "matmul", draw(m, k), draw(k, n))


@REDUCED
@pytest.mark.parametrize(
    ("channels", "outputs", "groups"), [(3, 2, 1), (8, 5, 1), (6, 4, 2), (4, 4, 4)], ids=["3", "8", "groups", "each"]
)
def test_convolutions_of_any_channels(channels, outputs, groups, name, simulated_gpu, monkeypatch):
    window = Window((5, 5), (3, 2), (2, 1), ((1, 0), (0, 2)), (1, 2), groups)  # of 10 places
    x, w = draw(3, 5, 5, channels), draw(3, 2, channels // groups, outputs, seed=1)
    gy = draw(3, *window.output, outputs, seed=2)
    for scratch in (1 << 28, 1):  # all images at once, and one at a time
        monkeypatch.setattr(conv, "WINDOW_BYTES", scratch)
        agree(name, "conv2d", x, w, window, draw(outputs, seed=3), 0.2)
        agree(name, "conv2d_input_grad", gy, w, window, draw(channels, seed=4), 0.2)
        agree(name, "conv2d_weight_grad", x, gy, window)
    agree(name, "conv2d", x[:0], w, window)
    agree(name, "conv2d_weight_grad", x[:0], gy[:0], window)
    assert used(simulated_gpu) == TENSOR_CORES[name]


@REDUCED
@pytest.mark.filterwarnings("ignore:invalid value:RuntimeWarning")
def test_nan_infinity_and_ties_are_those_of_the_reference(name, simulated_gpu):
    """A NaN whose only bits are those that are rounded away stays NaN, too; so does the NaN of GPUs, all ones."""
    bits = np.uint32(
        [0x7F800001, 0x7FFFFFFF, 0xFF800001, 0xFFFFFFFF, 0x7F800000, 0xFF800000, 0x7F7FFFFF, 1, 0x80000001]
    )
    step = 2.0 ** -{"bf16": 8, "tf32": 11}[name]
    ties = np.float32([1 + k * step for k in range(8)])
    x = np.concatenate((bits.view("float32"), ties, -ties, ties * (1 + 2.0**-20)))
    one, window = np.ones((1, 1), "float32"), Window((1, 1), (1, 1))
    expected = at(name, "reference", "matmul", x[:, None], one)
    np.testing.assert_array_equal(at(name, "cuda", "matmul", x[:, None], one), expected)
    pixels = np.ones((x.size, 1, 1, 4), "float32")
    for channel in range(4):  # of the four that are laid out together
        pixels[...] = 0
        pixels[..., channel] = x[:, None, None]
        y = at(name, "cuda", "conv2d", pixels, np.ones((1, 1, 4, 1), "float32"), window)
        np.testing.assert_array_equal(y.reshape(-1, 1), expected)


LAYERS = [
    ((128, 28, 28, 1), 64), ((128, 14, 14, 64), 128), ((128, 64, 64, 3), 64), ((128, 32, 32, 64), 128),
    ((128, 16, 16, 128), 256), ((128, 8, 8, 256), 512),
]  # fmt: skip
"""Images and outputs of the convolutions of `dcgan`, 28×28×1 and 64×64×3, in a batch of 128."""


def reaches_tensor_cores(gemm):
    """True if rows and steps from row to row are multiples of 16 bytes, as cuBLAS's manual asks."""
    extents = (gemm.m, gemm.k), (gemm.k, gemm.n), (gemm.m, gemm.n)
    for matrices, (rows, columns) in zip(gemm[:3], extents, strict=True):
        along = rows if matrices.operation == cublas.KEEP else columns
        if along * matrices.array.itemsize % 16 or matrices.leading * matrices.array.itemsize % 16:
            return False
    return True


@REDUCED
def test_layers_of_dcgan_reach_tensor_cores(name):
    """Their shapes: nothing is computed."""
    products = []
    with launched_by(lambda *launch: None), multiplied_by(products.append):
        for (n, h, w, c), k in LAYERS:
            window = Window((h, w), (4, 4), (2, 2), ((1, 1), (1, 1)))
            x, gy = np.empty((n, h, w, c), "float32"), np.empty((n, *window.output, k), "float32")
            weights = np.empty((4, 4, c, k), "float32")
            for args in (("conv2d", x, weights), ("conv2d_input_grad", gy, weights), ("conv2d_weight_grad", x, gy)):
                at(name, "cuda", *args, window)
        for inputs, outputs in ((100, 6272), (6272, 64)):  # noise and layers of 7×7×128 pixels
            at(name, "cuda", "matmul", np.empty((128, inputs), "float32"), np.empty((inputs, outputs), "float32"))
    assert len(products) == 3 * len(LAYERS) + 2
    assert all(map(reaches_tensor_cores, products))


def test_windows_in_bf16_are_half_the_bytes():
    window = Window((8, 8), (4, 4), (2, 2), ((1, 1), (1, 1)))
    x, sizes = np.empty((2, 8, 8, 4), "float32"), {}
    with launched_by(lambda *launch: None):
        for name, form in FORMATS.items():
            sizes[name] = conv._windows(x, window, form).nbytes
    assert sizes["float32"] == sizes["tf32"] == 2 * sizes["bf16"]


def test_arrays_are_kept_in_16_bits_without_waiting_for_the_gpu(cupy, simulated_gpu):
    drawn = np.random.default_rng(0).integers(0, 2**32, 1200, dtype=np.uint32)
    special = np.float32([0, 1 + 2.0**-8, 1 + 3 * 2.0**-8, np.inf, np.nan, 3.4e38])
    array = np.concatenate((drawn.view("float32"), special, -special)).reshape(-1, 4)[::-1]
    expected = Backend("reference").rounded(array, 7)
    x, graph = cupy.asarray(array), Graph(cupy)
    for backend in ("cuda", "reference"):
        kernels.use(backend)
        try:
            traffic.clear()
            bits, again = graph.record(lambda: (bits := narrowed(x), widened(bits)))
            graph.replay()
            assert not traffic["fetched"]
        finally:
            kernels.use("auto")
        assert bits.dtype == "uint16"
        assert again.dtype == "float32"
        np.testing.assert_array_equal(again.get(), expected)  # NaN is NaN, whatever its bits
        np.testing.assert_array_equal(np.signbit(again.get()), np.signbit(expected))


@REDUCED
@pytest.mark.parametrize("kernel", NATIVE)
def test_the_reference_rounds_arrays_of_cupy(kernel, name, cupy):
    """It needs no switch: CuPy multiplies in float32 what has been rounded."""
    args = arguments_of(kernel, "float32")
    on_gpu = (cupy.asarray(x) if isinstance(x, np.ndarray) else x for x in args)
    found, expected = at(name, "reference", kernel, *on_gpu), at(name, "reference", kernel, *args)
    np.testing.assert_array_equal(found.get(), expected)


@REDUCED
def test_a_recorded_graph_keeps_its_precision(name, cupy, simulated_gpu):
    a, b = draw(3, 4), draw(4, 8, seed=1)
    expected = at(name, "reference", "matmul", a, b)
    x, w = cupy.asarray(a), cupy.asarray(b)
    graph = Graph(cupy)
    kernels.use("cuda")
    try:
        with precision(name):
            y = graph.record(lambda: kernels.matmul(x, w))
    finally:
        kernels.use("auto")
    graph.replay()
    np.testing.assert_allclose(y.get(), expected, rtol=0, atol=3e-6 * abs(expected).max())
    x.fill(1 + 2.0**-12)
    graph.replay()
    np.testing.assert_allclose(y.get(), at(name, "reference", "matmul", np.ones_like(a), b), rtol=1e-5, atol=1e-5)
    assert used(simulated_gpu) == TENSOR_CORES[name]
