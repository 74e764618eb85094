"""Reference kernels against explicit loops and many-digit arithmetic; the geometry of windows."""

import itertools
from decimal import Decimal, localcontext

import numpy as np
import pytest
from loops import conv_triple, populations, positions

import rawgan_kernels as kernels
from rawgan_kernels import Backend, Window, window

reference = Backend("reference")

EPS = {"float32": 1.2e-7, "float64": 2.3e-16}


def draw(shape, dtype="float64", seed=0):
    array = np.random.default_rng(seed).standard_normal(shape).astype(dtype)
    array.flags.writeable = False  # a kernel that writes to an input raises
    return array


# --- the conv triple against loops ---------------------------------------------------------------------

STRIDES = [(1, 1), (2, 3)]
PADDINGS = [((0, 0), (0, 0)), ((1, 1), (2, 2)), ((2, 0), (0, 1))]
DILATIONS = [(1, 1), (2, 1), (1, 3)]
GROUPS = [1, 2, 4]


@pytest.mark.parametrize(
    ("stride", "padding", "dilation", "groups"), list(itertools.product(STRIDES, PADDINGS, DILATIONS, GROUPS))
)
def test_the_conv_triple_agrees_with_loops(stride, padding, dilation, groups):
    geometry = Window((6, 5), (3, 2), stride, padding, dilation, groups)
    batch, channels, outputs = 2, 4, 4 if groups == 4 else 2 * groups
    x, w = draw((batch, 6, 5, channels)), draw((3, 2, channels // groups, outputs), seed=1)
    gy = draw((batch, *geometry.output, outputs), seed=2)
    y, gx, gw = conv_triple(x, w, gy, geometry)
    np.testing.assert_allclose(reference.conv2d(x, w, geometry), y, rtol=1e-12, atol=1e-13)
    np.testing.assert_allclose(reference.conv2d_input_grad(gy, w, geometry), gx, rtol=1e-12, atol=1e-13)
    np.testing.assert_allclose(reference.conv2d_weight_grad(x, gy, geometry), gw, rtol=1e-12, atol=1e-13)


def test_pixels_that_no_window_reaches_get_no_gradient():
    geometry = Window((4, 4), (2, 2), (3, 3))  # one window; the last rows and columns are left over
    gx = reference.conv2d_input_grad(np.ones((1, 1, 1, 1)), np.ones((2, 2, 1, 1)), geometry)
    np.testing.assert_array_equal(gx[0, :, :, 0], [[1, 1, 0, 0], [1, 1, 0, 0], [0, 0, 0, 0], [0, 0, 0, 0]])


def test_convolutions_of_an_empty_batch_are_empty_and_have_no_weight_gradient():
    geometry = Window((4, 4), (3, 3))
    x, w, gy = np.zeros((0, 4, 4, 2)), np.ones((3, 3, 2, 3)), np.zeros((0, 2, 2, 3))
    assert reference.conv2d(x, w, geometry).shape == gy.shape
    assert reference.conv2d_input_grad(gy, w, geometry).shape == x.shape
    np.testing.assert_array_equal(reference.conv2d_weight_grad(x, gy, geometry), np.zeros(w.shape))


def test_kernels_keep_float32():
    x, w, gy = (draw(shape, "float32") for shape in [(2, 4, 4, 2), (3, 3, 2, 3), (2, 2, 2, 3)])
    gamma, axes, geometry = np.ones(2, "float32"), (0, 1, 2), Window((4, 4), (3, 3))
    y, mean, var = reference.normalize(x, gamma, gamma, axes, 1e-5, 0.2)
    results = [
        reference.conv2d(x, w, geometry),
        reference.conv2d_input_grad(gy, w, geometry),
        reference.conv2d_weight_grad(x, gy, geometry),
        reference.leaky_relu(x, 0.2),
        reference.leaky_relu_grad(x, x, 0.2),
        reference.sigmoid(x),
        reference.softplus(x),
        reference.tanh(x),
        reference.tanh_grad(x, x),
        reference.bce_with_logits(x, x),
        reference.bce_with_logits_grad(x, x, x),
        reference.add(x, x),
        reference.channel_sum(x),
        *(y, mean, var),
        *reference.normalize_grad(x, x, gamma, gamma, mean, var, axes, 1e-5, 0.2),
    ]
    assert [r.dtype.name for r in results] == ["float32"] * len(results)


# --- normalisation against loops -----------------------------------------------------------------------

NORMS = [
    pytest.param((7, 3), (3,), (0,), id="batch norm of vectors"),
    pytest.param((2, 3, 4, 3), (3,), (0, 1, 2), id="batch norm of images"),
    pytest.param((2, 3, 4, 3), (3,), (1, 2), id="instance norm"),
    pytest.param((3, 2, 5), (5,), (2,), id="layer norm"),
    pytest.param((3, 2, 4, 2), (2, 4, 2), (1, 2, 3), id="layer norm of images"),
    pytest.param((2, 3, 2, 2), (2, 2), (1, 3), id="group norm"),
]


@pytest.mark.parametrize(("shape", "scales", "axes"), NORMS)
def test_normalize_agrees_with_loops(shape, scales, axes):
    x, gamma, beta = 3 + 2 * draw(shape), draw(scales, seed=1), draw(scales, seed=2)
    y, mean, var = reference.normalize(x, gamma, beta, axes, 0.3, 1.0)
    for where in populations(shape, axes):
        values = x[where].ravel().tolist()
        m = sum(values) / len(values)
        v = sum((value - m) ** 2 for value in values) / len(values)
        np.testing.assert_allclose(mean[where].item(), m, rtol=1e-12)
        np.testing.assert_allclose(var[where].item(), v, rtol=1e-12)
        scale, shift = np.broadcast_to(gamma, shape)[where], np.broadcast_to(beta, shape)[where]
        np.testing.assert_allclose(y[where], scale * (x[where] - m) / (v + 0.3) ** 0.5 + shift, rtol=1e-11, atol=1e-12)


@pytest.mark.parametrize(("shape", "scales", "axes"), NORMS)
def test_normalize_grad_agrees_with_the_jacobian(shape, scales, axes):
    """With m values, ∂x̂ᵢ/∂xⱼ = (δᵢⱼ − 1/m − x̂ᵢ·x̂ⱼ/m) / std."""
    x, gy, gamma = 3 + 2 * draw(shape), draw(shape, seed=1), draw(scales, seed=2)
    _, mean, var = reference.normalize(x, gamma, np.zeros(scales), axes, 0.3, 1.0)
    gx, ggamma, gbeta = reference.normalize_grad(x, gy, gamma, np.zeros(scales), mean, var, axes, 0.3, 1.0)
    expected_ggamma, expected_gbeta = np.zeros(scales), np.zeros(scales)
    x_hat = (x - mean) / np.sqrt(var + 0.3)
    for index in np.ndindex(*shape):
        expected_ggamma[index[len(shape) - len(scales) :]] += gy[index] * x_hat[index]
        expected_gbeta[index[len(shape) - len(scales) :]] += gy[index]
    np.testing.assert_allclose(ggamma, expected_ggamma, rtol=1e-11, atol=1e-12)
    np.testing.assert_allclose(gbeta, expected_gbeta, rtol=1e-11, atol=1e-12)
    for where in populations(shape, axes):
        h = x_hat[where].ravel()
        jacobian = (np.eye(h.size) - (1 + np.outer(h, h)) / h.size) / np.sqrt(var[where].item() + 0.3)
        g = (gy * gamma)[where].ravel()
        np.testing.assert_allclose(gx[where].ravel(), g @ jacobian, rtol=1e-11, atol=1e-12)


@pytest.mark.parametrize(("shape", "scales", "axes"), NORMS)
def test_a_norm_with_its_activation_is_the_one_after_the_other(shape, scales, axes):
    x, gy, gamma, beta = 3 + 2 * draw(shape), draw(shape, seed=1), draw(scales, seed=2), draw(scales, seed=3)
    plain, mean, var = reference.normalize(x, gamma, beta, axes, 0.3, 1.0)
    np.testing.assert_array_equal(
        reference.normalize(x, gamma, beta, axes, 0.3, 0.2)[0], reference.leaky_relu(plain, 0.2)
    )
    before = reference.leaky_relu_grad(plain, gy, 0.2)
    expected = reference.normalize_grad(x, before, gamma, beta, mean, var, axes, 0.3, 1.0)
    got = reference.normalize_grad(x, gy, gamma, beta, mean, var, axes, 0.3, 0.2)
    for gradient, other in zip(got, expected, strict=True):
        np.testing.assert_array_equal(gradient, other)


def test_statistics_of_many_float32_numbers_do_not_drift():
    x = (100 + draw((512, 16, 16, 2), seed=3)).astype("float32")
    _, mean, var = reference.normalize(x, np.ones(2, "float32"), np.zeros(2, "float32"), (0, 1, 2), 0.0, 1.0)
    np.testing.assert_allclose(mean.ravel(), x.astype("float64").mean((0, 1, 2)), rtol=1e-6)
    np.testing.assert_allclose(var.ravel(), x.astype("float64").var((0, 1, 2)), rtol=1e-5)


# --- exponentials, against many digits -----------------------------------------------------------------

LOGITS = [0.0, 1e-8, 0.5, 1.0, 3.0, 17.0, 40.0, 80.0, 1e4]
LOGITS = sorted({sign * x for x in LOGITS for sign in (-1.0, 1.0)})


def exactly(formula, *arrays):
    """A formula of Decimals, element by element, with digits enough for 1 + e⁻⁸⁰⁰ to differ from 1."""
    with localcontext() as context:
        context.prec = 400
        return np.array([float(formula(*map(Decimal, row))) for row in zip(*(a.tolist() for a in arrays), strict=True)])


def softplus_exactly(x):
    return (1 + x.exp()).ln()


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_sigmoid_and_softplus_keep_their_relative_precision(dtype):
    x = np.array(LOGITS, dtype)
    np.testing.assert_allclose(
        reference.sigmoid(x), exactly(lambda x: 1 / (1 + (-x).exp()), x).astype(dtype), rtol=4 * EPS[dtype]
    )
    np.testing.assert_allclose(reference.softplus(x), exactly(softplus_exactly, x).astype(dtype), rtol=4 * EPS[dtype])


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("target", [0.0, 0.25, 0.999, 1.0])  # 0.999: (1 − t) · x is no difference of large numbers
def test_cross_entropy_keeps_its_relative_precision(dtype, target):
    x = np.array(LOGITS, dtype)
    t = np.full(x.shape, target, dtype)
    exact = exactly(lambda x, t: t * softplus_exactly(-x) + (1 - t) * softplus_exactly(x), x, t)
    np.testing.assert_allclose(reference.bce_with_logits(x, t), exact.astype(dtype), rtol=4 * EPS[dtype])


def test_nan_stays_where_it_is():
    x, ones = np.array([1.0, np.nan, -1.0]), np.ones(3)
    for y in (
        reference.leaky_relu(x, 0.2),
        reference.leaky_relu_grad(ones, x, 0.2),
        reference.sigmoid(x),
        reference.softplus(x),
        reference.bce_with_logits(x, ones),
        reference.bce_with_logits(ones, x),
        reference.bce_with_logits_grad(ones, ones, x),
        reference.tanh_grad(x, ones),
        reference.normalize(np.stack([x, -x]), ones, ones, (0,), 1e-5, 1.0)[0][0],
    ):
        np.testing.assert_array_equal(np.isnan(y), [False, True, False])
    image = np.zeros((1, 3, 3, 1))
    image[0, 0, 0] = np.nan
    y = reference.conv2d(image, np.zeros((2, 2, 1, 1)), Window((3, 3), (2, 2)))
    np.testing.assert_array_equal(np.isnan(y[0, :, :, 0]), [[True, False], [False, False]])


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("slope", [0.0, 1e-50, 0.2, 1.0])
def test_leaky_relu_of_odd_numbers(slope, dtype, each_backend):
    """With a slope of 0, −∞ gives 0, and an infinite gradient gives 0 there; NaN stays."""
    x = np.array([-np.inf, -2.0, -0.0, 0.0, 1e-40, 3.0, np.inf, np.nan], dtype)
    low = np.array(slope, dtype)  # float32 makes 0 of 1e-50
    expected = [-np.inf if low else 0, low * np.array(-2, dtype), 0, 0, 1e-40, 3, np.inf, np.nan]
    np.testing.assert_array_equal(kernels.leaky_relu(x, slope), np.array(expected, dtype))
    for upstream in (np.array(2, dtype), np.array(-np.inf, dtype), np.array(np.nan, dtype)):
        below = low * upstream if low else 0
        expected = [below] * 4 + [upstream] * 3 + [below]
        got = kernels.leaky_relu_grad(x, np.full_like(x, upstream), slope)
        np.testing.assert_array_equal(got, np.array(expected, dtype))


# --- the geometry of windows ---------------------------------------------------------------------------


@pytest.mark.parametrize("stride", [1, 2, 3])
@pytest.mark.parametrize("dilation", [1, 2])
@pytest.mark.parametrize("padding", [(0, 0), (1, 1), (0, 2)])
def test_output_size_is_the_number_of_places_where_the_window_fits(stride, dilation, padding):
    for size, kernel in itertools.product(range(5, 12), range(1, 4)):
        fits = positions(size, kernel, stride, padding, dilation)
        assert window.output_size(size, kernel, stride, padding, dilation) == fits


@pytest.mark.parametrize("stride", [1, 2, 3])
def test_transposed_size_undoes_output_size_given_the_remainder(stride):
    for size, kernel, dilation in itertools.product(range(5, 12), range(1, 4), (1, 2)):
        output = window.output_size(size, kernel, stride, (1, 0), dilation)
        remainder = (size + 1 - window.span(kernel, dilation)) % stride
        assert window.transposed_size(output, kernel, stride, (1, 0), dilation, remainder) == size


def test_same_padding_gives_keras_sizes_with_the_odd_pixel_last():
    for size, kernel, stride, dilation in itertools.product(range(1, 12), range(1, 6), range(1, 4), (1, 2)):
        before, after = window.same_padding(size, kernel, stride, dilation)
        assert after - before in (0, 1)
        if (before, after) != (0, 0) or kernel >= stride:
            assert window.output_size(size, kernel, stride, (before, after), dilation) == -(-size // stride)


def test_a_window_knows_its_output():
    assert Window((7, 9), (3, 2), (2, 1), ((1, 1), (0, 3)), (1, 2)).output == (4, 10)
    assert Window((1, 1), (3, 1)).output == (-1, 1)
