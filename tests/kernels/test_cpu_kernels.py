"""The CPU's element-wise kernels, norms, sums and updates: against the reference, and what only they promise.

That is: the same bits on one thread and on two, exponentials right to the last digits, one mask forward and backward.
"""

from decimal import Decimal, localcontext

import numba
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rawgan.data import to_unit
from rawgan.testing.strategies import LAYOUTS, arrays, shapes
from rawgan.testing.tolerances import TOLERANCES
from rawgan_kernels import Backend, MissingKernel
from rawgan_kernels.cpu import activation, arithmetic, norm, optim, pixels
from rawgan_kernels.cpu.run import columns, elementwise

reference = Backend("reference")

EPS = {"float32": 1.2e-7, "float64": 2.3e-16}
dtypes = st.sampled_from(["float32", "float64"])
both_dtypes = pytest.mark.parametrize("dtype", ["float32", "float64"])
slopes = st.sampled_from([0.2, 0.0, 1.0])


def normal(shape, dtype="float32", seed=0):
    return np.random.default_rng(seed).standard_normal(shape).astype(dtype)


def wide(arguments):
    """The same in float64, for the reference."""
    return [x.astype("float64") if isinstance(x, np.ndarray) else x for x in arguments]


def assert_near(got, exact, tolerance=1.0):
    assert got.shape == exact.shape
    error = np.abs(got.astype("float64") - exact).max(initial=0.0)
    assert error <= tolerance * TOLERANCES[got.dtype.name] * np.abs(exact).max(initial=0.0) + np.finfo(got.dtype).tiny


@st.composite
def alike(draw, count, any_shape=None, layouts=LAYOUTS):
    """Arrays of one shape and dtype, each in its own layout and magnitude."""
    shape, dtype = draw(shapes(axes=(0, 4)) if any_shape is None else any_shape), draw(dtypes)
    choices = layouts if shape else layouts[:1]
    return [draw(arrays(shape, dtype, layouts=choices)) for _ in range(count)]


# --- element by element --------------------------------------------------------------------------------

LARGE = 2 * elementwise.BLOCK + 5


@given(xs=alike(3), slope=slopes)
def test_element_wise_kernels_agree_with_the_reference(xs, slope):
    x, second, third = xs
    target = 1 / (1 + second * second)
    for name, arguments in {
        "leaky_relu": (x, slope),
        "leaky_relu_grad": (x, second, slope),
        "tanh": (x,),
        "tanh_grad": (np.tanh(x), second),
        "sigmoid": (x,),
        "softplus": (x,),
        "bce_with_logits": (x, target),
        "bce_with_logits_grad": (x, target, third),
    }.items():
        before = [a.copy() for a in arguments if isinstance(a, np.ndarray)]
        got = getattr(activation, name)(*arguments)
        assert got.dtype == x.dtype
        assert_near(got, getattr(reference, name)(*wide(arguments)))
        np.testing.assert_array_equal([a for a in arguments if isinstance(a, np.ndarray)], before)
    np.testing.assert_array_equal(arithmetic.add(x, second), x + second)


@both_dtypes
@pytest.mark.parametrize("shape", [(), (0,), (3, 0, 2)])
def test_arrays_of_one_number_or_none(shape, dtype):
    x = np.full(shape, 2, dtype)
    assert activation.leaky_relu(-x, 0.25).tolist() == np.full(shape, -0.5).tolist()
    assert activation.leaky_relu_grad(x, x, 0.25).shape == shape
    assert arithmetic.add(x, x).tolist() == (x + x).tolist()


def test_arrays_that_cannot_be_written_to():
    x = normal(5)
    x.flags.writeable = False
    np.testing.assert_array_equal(activation.leaky_relu(x, 0.2), reference.leaky_relu(x, 0.2))
    row = np.broadcast_to(x, (LARGE // 5, 5))
    np.testing.assert_array_equal(arithmetic.add(row, row), 2 * row)


SPECIAL = [np.nan, np.inf, -np.inf, 0.0, -0.0, 1e-40, -1e-40, 1.0, -1.0, 88.0, -88.0, 800.0, -800.0]


@both_dtypes
@pytest.mark.parametrize("slope", [0.0, 0.2, 1.0])
def test_nan_and_infinity_are_those_of_the_reference(slope, dtype):
    x, other = (grid.ravel().astype(dtype) for grid in np.meshgrid(SPECIAL, SPECIAL))
    t = np.where(np.isfinite(other), np.abs(other) > 0.5, other).astype(dtype)
    for name, arguments in {
        "leaky_relu": (x, slope),
        "leaky_relu_grad": (x, other, slope),
        "tanh": (x,),
        "tanh_grad": (x, other),
        "sigmoid": (x,),
        "softplus": (x,),
        "bce_with_logits": (x, t),
        "bce_with_logits_grad": (x, t, other),
    }.items():
        with np.errstate(all="ignore"):
            expected = getattr(reference, name)(*arguments)
        np.testing.assert_allclose(
            getattr(activation, name)(*arguments),
            expected,
            rtol=4 * EPS[dtype],
            atol=np.finfo(dtype).tiny,
            err_msg=name,
        )


# --- exponentials, against many digits -----------------------------------------------------------------

MAGNITUDES = [0.0, 1e-30, 1e-8, 0.17, 0.3466, 0.35, 0.5, 1.0, 3.0, 8.7, 17.0, 40.0, 80.0, 1e4]
LOGITS = sorted({sign * x for x in MAGNITUDES for sign in (-1.0, 1.0)})
LOGITS += np.linspace(-20, 20, 83).tolist()


def exactly(formula, *arrays):
    with localcontext() as context:
        context.prec = 100
        return np.array([float(formula(*map(Decimal, row))) for row in zip(*(a.tolist() for a in arrays), strict=True)])


def log1p_of_exp(x):
    """log(1 + e^x)"""
    return max(x, Decimal(0)) + (1 + (-abs(x)).exp()).ln() if abs(x) < 200 else max(x, Decimal(0))


def sigmoid_exactly(x):
    return 1 / (1 + (-x).exp())


def tanh_exactly(x):
    e = (-2 * abs(x)).exp()
    return (1 - e) / (1 + e) * (1 if x >= 0 else -1)


@both_dtypes
def test_activations_are_right_to_four_units_in_the_last_place(dtype):
    x = np.array(LOGITS, dtype)
    for function, formula in [
        (activation.sigmoid, sigmoid_exactly),
        (activation.softplus, log1p_of_exp),
        (activation.tanh, tanh_exactly),
    ]:
        np.testing.assert_allclose(function(x), exactly(formula, x).astype(dtype), rtol=4 * EPS[dtype])


@both_dtypes
@pytest.mark.parametrize("target", [0.0, 0.25, 0.999, 1.0])
def test_cross_entropy_and_its_gradient_keep_their_relative_precision(dtype, target):
    x = np.array(LOGITS, dtype)
    t = np.full(x.shape, target, dtype)
    exact = exactly(lambda x, t: t * log1p_of_exp(-x) + (1 - t) * log1p_of_exp(x), x, t)
    np.testing.assert_allclose(activation.bce_with_logits(x, t), exact.astype(dtype), rtol=4 * EPS[dtype])
    exact = exactly(lambda x, t: (1 - t) * sigmoid_exactly(x) - t * sigmoid_exactly(-x), x, t)
    for backend in (activation, reference):
        got = backend.bce_with_logits_grad(x, t, np.ones_like(x))
        allowed = 4 * EPS[dtype] * (np.abs(exact) if target in (0, 1) else 1)
        assert np.all(np.abs(got - exact) <= allowed + np.finfo(dtype).tiny)


# --- normalisation -------------------------------------------------------------------------------------

NORMS = [
    pytest.param((129, 3), (3,), (0,), id="batch norm of vectors"),
    pytest.param((31, 7, 9, 5), (5,), (0, 1, 2), id="batch norm of images, last wide row short"),
    pytest.param((3, 25, 9, 200), (200,), (0, 1, 2), id="batch norm of images, several blocks"),
    pytest.param((70, 1030), (1030,), (0,), id="batch norm of many channels, in panels"),
    pytest.param((3, 30, 50, 24), (24,), (1, 2), id="instance norm"),
    pytest.param((37, 19), (19,), (1,), id="layer norm"),
    pytest.param((19, 3, 5, 7), (3, 5, 7), (1, 2, 3), id="layer norm of images"),
]


def norm_arguments(shape, scales, dtype):
    x, gamma, beta = 3 + 2 * normal(shape, dtype), normal(scales, dtype, 1), normal(scales, dtype, 2)
    return x, normal(shape, dtype, 3), gamma, beta


@both_dtypes
@pytest.mark.parametrize(("shape", "scales", "axes"), NORMS)
def test_norms_agree_with_the_reference(shape, scales, axes, dtype):
    x, gy, gamma, beta = norm_arguments(shape, scales, dtype)
    got = norm.normalize(x, gamma, beta, axes, 1e-3, 0.2)
    for result, expected in zip(got, reference.normalize(*wide((x, gamma, beta)), axes, 1e-3, 0.2), strict=True):
        assert_near(result, expected)
    y, mean, var = got
    got = norm.normalize_grad(x, gy, gamma, beta, mean, var, axes, 1e-3, 0.2)
    arguments = wide((x, gy, gamma, beta, mean, var))
    for result, expected in zip(got, reference.normalize_grad(*arguments, axes, 1e-3, 0.2), strict=True):
        assert_near(result, expected)
    assert [result.dtype.name for result in (y, mean, var, *got)] == [dtype] * 6


@given(data=st.data(), slope=slopes, kind=st.sampled_from(["batch", "instance", "layer"]))
def test_norms_of_awkward_arrays_agree_with_the_reference(data, slope, kind):
    shape = data.draw(shapes(axes=4, max_length=5) if kind == "instance" else shapes(axes=(2, 4), max_length=5))
    last = len(shape) - 1
    axes = {"batch": tuple(range(last)), "instance": (1, 2), "layer": tuple(range(1, last + 1))}[kind]
    x, gy = data.draw(alike(2, st.just(shape)))
    gamma, beta = (data.draw(arrays(shape[1:] if kind == "layer" else shape[-1:], x.dtype.name)) for _ in range(2))
    y, mean, var = norm.normalize(x, gamma, beta, axes, 1e-3, slope)
    expected = reference.normalize(*wide((x, gamma, beta)), axes, 1e-3, slope)
    # Where numbers differ little, their mean and their difference from it are right to the digits of the numbers.
    ratio = 1 + float(np.abs(x).max() / np.sqrt(expected[2].min() + 1e-3))
    size = float(np.abs(gamma).max()) * (1 + np.sqrt(x.size)) + float(np.abs(beta).max())
    assert_near(mean, expected[1], ratio)
    assert np.abs(y - expected[0]).max() <= TOLERANCES[x.dtype.name] * ratio * size + np.finfo(x.dtype).tiny
    got = norm.normalize_grad(x, gy, gamma, beta, mean, var, axes, 1e-3, slope)
    expected = reference.normalize_grad(x, gy, gamma, beta, mean, var, axes, 1e-3, slope)
    for result, other in zip(got, expected, strict=True):
        assert result.shape == other.shape
        assert result.dtype == x.dtype
    if x.dtype == np.float64:
        bound = float(np.abs(gy).max()) * ratio * x.size
        assert_near(np.append(got[1], bound), np.append(expected[1], bound))
        assert_near(np.append(got[2], bound), np.append(expected[2], bound))
        bound *= float(np.abs(gamma).max()) / np.sqrt(float(var.min()) + 1e-3)
        assert_near(np.append(got[0], bound), np.append(expected[0], bound))


@both_dtypes
@pytest.mark.parametrize(("shape", "scales", "axes"), NORMS)
def test_the_backward_pass_finds_the_mask_of_the_forward_pass(shape, scales, axes, dtype):
    """With a slope of 0 and an upstream gradient that is 1 in one place at a time, gbeta says if that place is open."""
    x, _, gamma, beta = norm_arguments(shape, scales, dtype)
    x = np.round(x * 4) / 4  # many equal numbers; with beta such that some of them land on 0, give or take a rounding
    _, mean, var = norm.normalize(x, gamma, beta, axes, 1e-3, 0.0)
    first = x[(0,) * (x.ndim - len(scales))]
    centre, spread = (a.reshape(-1, a.shape[-1])[0] if gamma.ndim == 1 else a[0] for a in (mean, var))
    beta = (-(first - centre) * (gamma / np.sqrt(spread.astype("float64") + 1e-3))).astype(dtype)
    y, mean, var = norm.normalize(x, gamma, beta, axes, 1e-3, 0.0)
    assert 0 < np.count_nonzero(y > 0) < y.size
    assert np.count_nonzero(np.abs(y) < 1e-5) > 0
    ones = np.ones_like(x)
    _, _, counted = norm.normalize_grad(x, ones, gamma, beta, mean, var, axes, 1e-3, 0.0)
    shared = tuple(range(x.ndim - gamma.ndim))
    np.testing.assert_array_equal(counted, np.count_nonzero(y > 0, axis=shared))
    closed = norm.normalize_grad(x, np.where(y > 0, 0, ones), gamma, beta, mean, var, axes, 1e-3, 0.0)
    assert all(not np.any(gradient) for gradient in closed)


@pytest.mark.parametrize("channels", [1, 2, 600])
def test_statistics_of_many_float32_numbers_do_not_drift(channels):
    x = (100 + normal((1 << 18) // min(channels, 8) * channels, "float64", 3)).astype("float32").reshape(-1, channels)
    ones = np.ones(channels, "float32")
    _, mean, var = norm.normalize(x, ones, ones, (0,), 0.0, 1.0)
    np.testing.assert_allclose(mean.ravel(), x.mean(0, dtype="float64"), rtol=1e-6)
    np.testing.assert_allclose(var.ravel(), x.astype("float64").var(0), rtol=1e-5)


def test_one_outlier_at_the_start_does_not_cost_the_variance_its_digits():
    x = normal((4000, 3), seed=4)
    x[0] = 1e4
    ones = np.ones(3, "float32")
    _, mean, var = norm.normalize(x, ones, ones, (0,), 0.0, 1.0)
    np.testing.assert_allclose(mean.ravel(), x.mean(0, dtype="float64"), rtol=1e-6)
    np.testing.assert_allclose(var.ravel(), x.astype("float64").var(0), rtol=1e-5)


@pytest.mark.parametrize(("scales", "axes"), [((3,), (0, 1, 2)), ((3,), (1, 2)), ((8, 4, 3), (1, 2, 3))])
def test_nan_and_infinity_stay_in_their_channel_or_sample(scales, axes):
    x = normal((4, 8, 4, 3))
    x[3, 7, 1, 0], x[2, 0, 0, 1] = np.nan, np.inf
    gamma, beta = np.ones(scales, "float32"), np.zeros(scales, "float32")
    with np.errstate(all="ignore"):
        expected = reference.normalize(x, gamma, beta, axes, 1e-3, 0.2)
    for result, other in zip(norm.normalize(x, gamma, beta, axes, 1e-3, 0.2), expected, strict=True):
        np.testing.assert_allclose(result, other, rtol=1e-5, atol=1e-6)


def test_norms_of_no_samples_are_empty_and_have_no_gradient():
    x, ones = np.zeros((0, 4, 4, 2), "float32"), np.ones(2, "float32")
    y, mean, var = norm.normalize(x, ones, ones, (0, 1, 2), 1e-3, 0.2)
    assert (y.shape, mean.shape, var.shape) == (x.shape, (1, 1, 1, 2), (1, 1, 1, 2))
    gx, ggamma, gbeta = norm.normalize_grad(x, x, ones, ones, mean, var, (0, 1, 2), 1e-3, 0.2)
    assert (gx.shape, ggamma.tolist(), gbeta.tolist()) == (x.shape, [0, 0], [0, 0])


def test_other_means_are_refused():
    x = np.zeros((2, 3, 4), "float32")
    with pytest.raises(MissingKernel, match=r"^backend 'cpu' has batch, instance and layer norm, but not the mean of"):
        norm.normalize(x, x[0], x[0], (0,), 1e-3, 1.0)


# --- sums ----------------------------------------------------------------------------------------------


@given(xs=alike(1, shapes(axes=(1, 4))))
def test_channel_sums_agree_with_the_reference(xs):
    (x,) = xs
    exact = x.astype("float64").sum(axis=tuple(range(x.ndim - 1)))
    bound = float(np.abs(x).max())
    assert_near(np.append(arithmetic.channel_sum(x), x.dtype.type(bound)), np.append(exact, bound))
    assert_near(np.append(reference.channel_sum(x), x.dtype.type(bound)), np.append(exact, bound))


@pytest.mark.parametrize("shape", [(3, 100, 100, 3), (40000, 1), (70, 1030), (0, 5)])
def test_channel_sums_of_many_float32_numbers_do_not_drift(shape):
    x = 1 + normal(shape)
    np.testing.assert_allclose(
        arithmetic.channel_sum(x), x.sum(axis=tuple(range(x.ndim - 1)), dtype="float64"), rtol=1e-6
    )


# --- updates -------------------------------------------------------------------------------------------

UPDATES = {
    "sgd_update": (0, (0.125, 0.0, False)),
    "sgd_update with momentum": (1, (0.125, 0.9, False)),
    "sgd_update of Nesterov": (1, (0.125, 0.9, True)),
    "rmsprop_update": (1, (0.125, 0.9, 1e-8)),
    "adam_update": (2, (3, 0.125, 0.5, 0.99, 1e-8, 0.0)),
    "adam_update with decay": (2, (1, 0.125, 0.5, 0.99, 1e-8, 0.1)),
}


def assert_updates_like_the_reference(update, w, gw, moments):
    kept, numbers = UPDATES[update]
    moments = [[np.abs(m) if update.startswith("rms") or i else m for m in ms] for i, ms in enumerate(moments)][:kept]
    if update.startswith("sgd"):
        moments = moments or [[]]
    before = [x.copy() for x in gw]
    expected = [[x.astype("float64") for x in xs] for xs in (w, *moments)]
    name = update.split()[0]
    getattr(reference, name)(expected[0], wide(gw), *expected[1:], *numbers)
    getattr(optim, name)(w, gw, *moments, *numbers)
    for xs, others in zip((w, *moments), expected, strict=True):
        for x, other in zip(xs, others, strict=True):
            assert_near(x, other)
    for x, other in zip(gw, before, strict=True):
        np.testing.assert_array_equal(x, other)


@pytest.mark.parametrize("update", UPDATES)
@given(data=st.data())
def test_updates_of_awkward_arrays_agree_with_the_reference(update, data):
    sets = [data.draw(alike(4, layouts=LAYOUTS[:4])) for _ in range(data.draw(st.integers(1, 3)))]
    assert_updates_like_the_reference(
        update, [x[0] for x in sets], [x[1] for x in sets], [[x[2] for x in sets], [x[3] for x in sets]]
    )


@pytest.mark.parametrize("update", UPDATES)
def test_updates_of_large_and_empty_arrays_of_both_dtypes(update):
    lengths = [
        ("float32", 2 * optim.BLOCK + 3),
        ("float64", 5),
        ("float32", 0),
        ("float32", optim.BLOCK),
        ("float64", 0),
    ]
    w, gw, m, v = ([normal(length, dtype, seed) for dtype, length in lengths] for seed in range(4))
    assert_updates_like_the_reference(update, w, gw, [m, v])


# --- pixels --------------------------------------------------------------------------------------------


@both_dtypes
def test_pixels_have_the_bits_of_to_unit(dtype):
    images = np.random.default_rng(0).permuted(np.tile(np.arange(256, dtype=np.uint8), 9)).reshape(16, 12, 6, 2)
    indices = np.array([3, 0, 15, 3])
    for stored in (images, np.asfortranarray(images), images[::-1].copy()[::-1]):
        for backend in (pixels, reference):
            got = backend.gather_pixels(stored, indices, np.dtype(dtype))
            assert got.dtype == dtype
            np.testing.assert_array_equal(got, to_unit(images[indices], dtype))
    assert pixels.gather_pixels(images, indices[:0], np.dtype(dtype)).shape == (0, 12, 6, 2)


# --- threads -------------------------------------------------------------------------------------------


@pytest.mark.skipif(numba.config.NUMBA_NUM_THREADS < 2, reason="this machine has one thread")
def test_one_thread_and_two_give_the_same_bits():
    x, gy, t = normal(LARGE), normal(LARGE, seed=1), np.abs(normal(LARGE, seed=2))
    image, image_gy = normal((40, 9, 9, 64)), normal((40, 9, 9, 64), seed=1)
    assert columns.grid(1, 40 * 81, 64).blocks > 2
    scale, axes = normal(64, seed=2), (0, 1, 2)

    def everything():
        y, mean, var = norm.normalize(image, scale, scale, axes, 1e-3, 0.2)
        w = [x.copy(), image.copy()]
        m, v = ([a * a for a in w] for _ in range(2))
        optim.adam_update(w, [gy, image_gy], m, v, 2, 0.1, 0.5, 0.9, 1e-8, 0.0)
        rows, row_gy, row = image.reshape(40, -1), image_gy.reshape(40, -1), image[0].ravel()
        of_rows = norm.normalize(rows, row, row, (1,), 1e-3, 0.2)
        return [
            activation.tanh(x), activation.bce_with_logits_grad(x, t, gy), arithmetic.channel_sum(image),
            y, mean, var, *norm.normalize_grad(image, image_gy, scale, scale, mean, var, axes, 1e-3, 0.2),
            *of_rows, *norm.normalize_grad(rows, row_gy, row, row, *of_rows[1:], (1,), 1e-3, 0.2), *w, *m, *v,
        ]  # fmt: skip

    before = numba.get_num_threads()
    try:
        results = []
        for threads in (1, *[min(2, numba.config.NUMBA_NUM_THREADS)] * 2):
            numba.set_num_threads(threads)
            results.append([result.tobytes() for result in everything()])
    finally:
        numba.set_num_threads(before)
    assert results[0] == results[1] == results[2]
