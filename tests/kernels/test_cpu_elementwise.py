"""The CPU's element-wise kernels: agreement with the reference, odd numbers, and the precision of exponentials."""

import math
from decimal import Decimal, localcontext

import numpy as np
import pytest
from cpu_arrays import EPS, alike, assert_near, both_dtypes, normal, slopes, wide
from hypothesis import given

from rawgan_kernels import Backend
from rawgan_kernels.cpu import activation, arithmetic
from rawgan_kernels.cpu.run import elementwise

reference = Backend("reference")

LARGE = 2 * elementwise.BLOCK + 5
"""Numbers of two blocks and a bit."""


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
        "elu": (x, slope),
        "erf": (x,),
        "gelu": (x,),
        "gelu_grad": (x, second),
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
        "elu": (x, slope),
        "erf": (x,),
        "gelu": (x,),
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
def test_the_error_function_is_right_to_four_units_in_the_last_place(dtype):
    """Against the C library's, which is right to one."""
    x = np.concatenate([np.linspace(-30, 30, 1001), np.linspace(-1, 1, 1001), [1e-30, -1e-8, 0.4999999]]).astype(dtype)
    np.testing.assert_allclose(activation.erf(x), [math.erf(each) for each in x], rtol=4 * EPS[dtype])


@both_dtypes
def test_gelu_keeps_its_digits_where_it_is_tiny(dtype):
    """Written with 1 + erf, it would have none below −6 in float32, and below −9 in float64."""
    x = np.linspace(-12, -2, 101).astype(dtype)
    cdf = np.array([math.erfc(-each / math.sqrt(2)) / 2 for each in x.tolist()])
    density = np.exp(-np.square(x, dtype=np.float64) / 2) / math.sqrt(2 * math.pi)
    for backend in (activation, reference):
        allowed = 150 * EPS[dtype]  # x² times that of the exponent
        np.testing.assert_allclose(backend.gelu(x), x * cdf, rtol=allowed)
        np.testing.assert_allclose(backend.gelu_grad(x, np.ones_like(x)), cdf + x * density, rtol=allowed)


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
