"""Every CUDA kernel in the simulator, against the reference in float64: no GPU is needed, and none is tested.

The kernels take NumPy arrays here. The simulator's own tests cover its other checks.
"""

import itertools

import numpy as np
import pytest
from fake_cupy import simulated_gpu
from kernel_calls import CALLS, arguments_of

from rawgan_kernels import KERNELS, Backend, MissingKernel, Window
from rawgan_kernels.cuda import conv
from rawgan_kernels.cuda.compile.language import CUDA_KERNELS

cuda, reference = Backend("cuda"), Backend("reference")

DTYPES = ["float32", "float64"]
LIMIT = {"float32": 3e-6, "float64": 1e-13}
"""Largest error, relative to the largest number of the result."""

pytestmark = pytest.mark.usefixtures("simulated_gpu")
__all__ = ["simulated_gpu"]  # a fixture


def draw(shape, dtype="float32", seed=0):
    array = np.random.default_rng(seed).standard_normal(shape).astype(dtype)
    array.flags.writeable = False
    return array


def agree(name, *args):
    """Assert that a kernel agrees with the reference in float64. Returns its results."""

    def exact(x):
        return x.astype("float64") if isinstance(x, np.ndarray) else x

    got, expected = getattr(cuda, name)(*args), getattr(reference, name)(*map(exact, args))
    for x, y in zip(*([r] if not isinstance(r, tuple) else r for r in (got, expected)), strict=True):
        close(x, y, args[0].dtype)
    return got


def close(x, expected, dtype):
    assert x.dtype == dtype
    assert x.shape == expected.shape
    largest = abs(expected).max(initial=0)
    assert abs(x - expected).max(initial=0) <= LIMIT.get(str(dtype), 0) * largest


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", CALLS)
def test_every_kernel_agrees(name, dtype):
    given, exact = arguments_of(name, dtype), arguments_of(name)
    results, expected = getattr(cuda, name)(*given), getattr(reference, name)(*exact)
    for got, wanted in zip(arrays_in((results, *given)), arrays_in((expected, *exact)), strict=True):
        close(got, wanted, got.dtype)
    assert {x.dtype.name for x in arrays_in(results)} <= {dtype}


def arrays_in(value):
    """All arrays in a nest of tuples and lists."""
    if isinstance(value, tuple | list):
        return [x for item in value for x in arrays_in(item)]
    return [value] if isinstance(value, np.ndarray) else []


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", [(1,), (3, 5), (1025,), (0, 3)])
@pytest.mark.parametrize(
    ("name", "arrays", "numbers"),
    [
        ("add", 2, ()), ("leaky_relu", 1, (0.2,)), ("leaky_relu", 1, (0.0,)), ("leaky_relu_grad", 2, (0.2,)),
        ("tanh", 1, ()), ("tanh_grad", 2, ()), ("sigmoid", 1, ()), ("softplus", 1, ()), ("bce_with_logits", 2, ()),
        ("bce_with_logits_grad", 3, ()),
    ],
)  # fmt: skip
def test_formulas_agree(name, arrays, numbers, shape, dtype):
    agree(name, *(draw(shape, dtype, seed) for seed in range(arrays)), *numbers)


@pytest.mark.parametrize("name", ["leaky_relu", "tanh", "sigmoid", "softplus", "bce_with_logits"])
def test_nan_and_infinity_stay_where_they_belong(name):
    x = np.array([np.nan, np.inf, -np.inf, 88.0, -104.0, 1e4, -1e4, 0.0, 1e-30], "float32")
    more = {"leaky_relu": (0.0,), "bce_with_logits": (np.full_like(x, 0.5),)}.get(name, ())
    np.testing.assert_allclose(getattr(cuda, name)(x, *more), getattr(reference, name)(x, *more), rtol=1e-6)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("slope", [0.0, 1e-50, 0.2])
@pytest.mark.filterwarnings("ignore:(invalid|overflow):RuntimeWarning")
def test_activations_of_odd_numbers_alone_and_fused_into_other_kernels(slope, dtype):
    odd = np.array([np.nan, np.inf, -np.inf, 0.0, -0.0, 1e-30, -2.0, 2.0], dtype)
    x, gy = (grid.ravel() for grid in np.meshgrid(odd, odd))
    pixels, one, zero = x.reshape(-1, 1, 1, 1), np.ones((1, 1, 1, 1), dtype), np.zeros(1, dtype)
    window, ones, mean, var = Window((1, 1), (1, 1)), np.ones(8, dtype), np.zeros((1, 8), dtype), np.ones((1, 8), dtype)
    rows = x.reshape(8, 8)
    expected = reference.leaky_relu(x, slope)
    for got in (
        cuda.leaky_relu(x, slope),
        cuda.conv2d(pixels, one, window, zero, slope).ravel(),
        cuda.conv2d_input_grad(pixels, one, window, zero, slope).ravel(),
    ):
        np.testing.assert_array_equal(got, expected)
    np.testing.assert_array_equal(cuda.leaky_relu_grad(x, gy, slope), reference.leaky_relu_grad(x, gy, slope))
    for axes in ((0,), (1,)):  # batch norm, layer norm
        found = cuda.normalize(np.zeros_like(rows), ones, odd, axes, 1.0, slope)[0]
        np.testing.assert_array_equal(found, np.broadcast_to(reference.leaky_relu(odd, slope), (8, 8)))
    finite, upstream = np.where(np.isfinite(rows), rows, 1), gy.reshape(8, 8)
    others = ones, odd, mean, var, (0,), 0.0  # gamma 1, beta odd, mean 0, variance 1: the activation sees x + beta
    before = reference.leaky_relu_grad(finite + odd, upstream, slope)
    expected = reference.normalize_grad(finite, before, *others, 1.0)
    for got, wanted in zip(cuda.normalize_grad(finite, upstream, *others, slope), expected, strict=True):
        np.testing.assert_allclose(got, wanted, rtol=1e-5)


def test_arrays_that_do_not_lie_in_one_piece():
    a, b = draw((6, 8))[::2, ::-1], draw((8, 3), seed=1).T
    agree("add", a, b)
    agree("channel_sum", a)
    agree("matmul", a, b.T)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", [(5,), (5, 3), (2, 3, 4, 2), (3, 400), (0, 4), (4, 0)])
def test_a_number_is_added_to_each_channel_or_each_pixel(shape, dtype):
    agree("add", draw(shape, dtype), draw(shape[-1:], dtype, seed=1))
    agree("add", draw(shape, dtype), draw((*shape[:-1], 1), dtype, seed=1))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", [(5, 3), (9000, 1), (2, 3, 4, 1), (130, 7, 5), (0, 4)])
def test_channel_sums_agree(shape, dtype):
    agree("channel_sum", draw(shape, dtype))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", [(5, 3), (2, 3, 4, 2), (3, 70, 1), (1, 2, 130), (0, 2, 4), (2, 0, 4)])
def test_channels_of_each_image_are_scaled_and_summed(shape, dtype):
    x = draw(shape, dtype)
    agree("scale_channels", x, draw((shape[0], shape[-1]), dtype, seed=1))
    agree("channel_products", x, draw(shape, dtype, seed=2))


NORMS = [
    ((5, 3), (0,), (3,)), ((700, 2), (0,), (2,)), ((2, 5, 4, 3), (0, 1, 2), (3,)), ((2, 5, 4, 3), (1, 2), (3,)),
    ((4, 7), (1,), (7,)), ((2, 2, 3, 2), (1, 2, 3), (2, 3, 2)), ((2, 5, 3, 2), (1, 3), (3, 2)),
]  # fmt: skip


@pytest.mark.parametrize(("dtype", "slope"), [("float32", 0.2), ("float64", 1.0)])
@pytest.mark.parametrize(("shape", "axes", "scales"), NORMS)
def test_norms_agree(shape, axes, scales, slope, dtype):
    x, gy = draw(shape, dtype) + 3, draw(shape, dtype, 1)
    gamma, beta = draw(scales, dtype, 2), draw(scales, dtype, 3)
    _, mean, var = agree("normalize", x, gamma, beta, axes, 1e-5, slope)
    agree("normalize_grad", x, gy, gamma, beta, mean, var, axes, 1e-5, slope)


def test_norms_of_nothing_and_norms_that_do_not_exist():
    x, ones = np.zeros((0, 3), "float32"), np.ones(3, "float32")
    y, mean, var = cuda.normalize(x, ones, ones, (0,), 1e-5, 1.0)
    assert y.shape == (0, 3)
    assert np.isnan(mean).all()
    gx, ggamma, gbeta = cuda.normalize_grad(x, x, ones, ones, mean, var, (0,), 1e-5, 1.0)
    assert gx.shape == (0, 3)
    assert not ggamma.any()
    assert not gbeta.any()
    with pytest.raises(
        MissingKernel, match=r"^backend 'cuda' has batch, instance, layer and group norm, but not the mean"
    ):
        cuda.normalize(draw((2, 3, 4)), draw(4), draw(4), (0,), 1e-5, 1.0)


@pytest.mark.parametrize(
    ("stride", "padding", "dilation", "groups"),
    list(itertools.product(
        [(1, 1), (2, 3)], [((0, 0), (0, 0)), ((1, 1), (2, 2)), ((2, 0), (0, 1))], [(1, 1), (2, 1), (1, 3)], [1, 2, 4]
    )),
)  # fmt: skip
def test_the_conv_triple_agrees(stride, padding, dilation, groups, monkeypatch):
    dtype = "float64" if groups == 2 else "float32"
    window = Window((6, 5), (3, 2), stride, padding, dilation, groups)
    outputs = 4 if groups == 4 else 2 * groups
    x, w = draw((2, 6, 5, 4), dtype), draw((3, 2, 4 // groups, outputs), dtype, 1)
    gy = draw((2, *window.output, outputs), dtype, 2)
    agree("conv2d", x, w, window)
    agree("conv2d_input_grad", gy, w, window)
    for scratch in (1 << 28, 1):  # all images at once, and one at a time
        monkeypatch.setattr(conv, "WINDOW_BYTES", scratch)
        agree("conv2d", x, w, window, draw(outputs, dtype, 3), 0.2)
        agree("conv2d_input_grad", gy, w, window, draw(4, dtype, 4), 0.2)
        agree("conv2d_weight_grad", x, gy, window)


def test_convolutions_of_an_empty_batch():
    window = Window((4, 4), (3, 3))
    x, w, gy = np.zeros((0, 4, 4, 2)), np.ones((3, 3, 2, 3)), np.zeros((0, 2, 2, 3))
    assert cuda.conv2d(x, w, window).shape == gy.shape
    assert cuda.conv2d_input_grad(gy, w, window).shape == x.shape
    np.testing.assert_array_equal(cuda.conv2d_weight_grad(x, gy, window), np.zeros(w.shape))


UPDATES = {
    "sgd_update": [(0, (0.1, 0.0, False, 0.1)), (1, (0.1, 0.9, False, 0.0)), (1, (0.1, 0.9, True, 0.1))],
    "rmsprop_update": [(1, (0.1, 0.9, 1e-8, 0.1))],
    "adagrad_update": [(1, (3, 0.1, 0.1, 1e-8, 0.1))],
    "adam_update": [(2, (1, 0.1, 0.5, 0.999, 1e-8, 0.0, 0.0)), (2, (3, 0.1, 0.5, 0.999, 1e-8, 0.01, 0.1))],
    "amsgrad_update": [(3, (3, 0.1, 0.5, 0.999, 1e-8, 0.01, 0.1))],
    "lion_update": [(1, (0.1, 0.5, 0.99, 0.01))],
    "average_update": [(0, (0.9,))],
}


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(("name", "case"), [(name, case) for name, cases in UPDATES.items() for case in cases])
def test_updates_agree(name, case, dtype):
    moments, numbers = case
    shapes = [(3,), (41, 50), (0, 2), (7, 150), (1,)]

    def arrays(seed):
        return [np.array(draw(shape, dtype, seed)) for shape in shapes]

    lists = [arrays(0), arrays(1), *([abs(x) for x in arrays(2 + i)] for i in range(moments))]
    if name == "sgd_update" and not moments:
        lists.append([])
    lists[0][1] = np.asfortranarray(lists[0][1])  # is written back
    exact = [[x.astype("float64") for x in each] for each in lists]
    before = [x.copy() for x in lists[1]]
    getattr(cuda, name)(*lists, *numbers)
    getattr(reference, name)(*exact, *numbers)
    for got, expected in zip(lists, exact, strict=True):
        for x, y in zip(got, expected, strict=True):
            close(x, y, dtype)
    for x, y in zip(lists[1], before, strict=True):
        np.testing.assert_array_equal(x, y)


@pytest.mark.parametrize("reverse", [False, True])
def test_recurrences_of_many_float32_numbers_do_not_drift(reverse):
    """Rounded once, as if computed in float64; each step by itself would be hundreds of roundings away."""
    a, b = 1 + 1e-3 * draw((2, 2000, 1)), 1 + draw((2, 2000, 1), seed=1)
    exact = reference.scan(a.astype("float64"), b.astype("float64"), reverse)
    np.testing.assert_allclose(cuda.scan(a, b, reverse), exact, rtol=2**-23, atol=0)


@pytest.mark.filterwarnings("ignore:invalid value:RuntimeWarning", "ignore:overflow:RuntimeWarning")
def test_recurrences_are_infinite_or_nan_from_there_on():
    a, b = np.float32([9, 2, 2, 0, 2, 2]), np.float32([1, np.inf, 1, 1, 3e38, 3e38])
    found = cuda.scan(a.reshape(1, -1, 1), b.reshape(1, -1, 1), False).ravel()
    np.testing.assert_array_equal(found, np.float32([1, np.inf, np.inf, np.nan, np.nan, np.nan]))
    found = cuda.scan(a[3:].reshape(1, -1, 1), b[3:].reshape(1, -1, 1), False).ravel()
    np.testing.assert_array_equal(found, np.float32([1, 3e38, np.inf]))


@pytest.mark.parametrize("dtype", DTYPES)
def test_every_number_is_rounded_as_by_the_reference(dtype):
    """Drawn bits: denormal numbers, infinity and all kinds of NaN are among them."""
    drawn = np.random.default_rng(0).integers(0, 2**63, 500, dtype=np.uint64)
    special = np.array([0, 1, 1 + 2.0**-8, 1 + 3 * 2.0**-8, np.inf, np.nan, np.finfo(dtype).max], dtype)
    x = np.concatenate((drawn.view(dtype), (-drawn).view(dtype), special, -special))
    for bits in (7, 10):
        found, expected = (each.rounded(x[::-1], bits) for each in (cuda, reference))
        np.testing.assert_array_equal(found.view("uint8"), expected.view("uint8"))


@pytest.mark.parametrize("dtype", DTYPES)
def test_pixels_are_gathered_exactly(dtype):
    images = np.random.default_rng(0).integers(0, 256, (9, 5, 4, 3)).astype("uint8")
    for indices in (np.array([3, 8, 0, 3]), np.array([], "int64")):
        expected = reference.gather_pixels(images, indices, dtype)
        np.testing.assert_array_equal(cuda.gather_pixels(images, indices, dtype), expected)


def test_names_of_cuda_kernels_differ():
    for each in KERNELS.values():
        each.on("cuda")  # imports the file that defines its CUDA kernels
    names = [kernel.name for kernel in CUDA_KERNELS]
    assert len(set(names)) == len(names) > len(KERNELS)
