"""Losses at ordinary and at absurd logits: values, gradients, weights and reductions."""

import functools
import math
from decimal import Decimal, localcontext

import numpy as np
import pytest

from rawgan import Tensor, grad, ops

EPS = {"float32": 1.2e-7, "float64": 2.3e-16}
LOGITS = [-1e4, -40.0, -3.0, -1e-6, 0.0, 0.5, 5.0, 40.0, 1e4]


def exactly(formula, *values):
    """A formula of Decimals with digits enough for 1 + e⁻⁴⁰ (and a half of e⁻⁴⁰) to differ from 1."""
    with localcontext() as context:
        context.prec = 120
        return float(formula(*(Decimal(value) for value in values)))


def value_and_gradients(loss, *arrays, create_graph=False):
    xs = [Tensor(array, requires_grad=True) for array in arrays]
    y = loss(*xs)
    return y.data, [g.data for g in grad(y, xs, [Tensor(np.ones_like(y.data))], create_graph=create_graph)]


# --- binary cross-entropy --------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("target", [0.0, 0.25, 1.0])
@pytest.mark.parametrize("recorded", [False, True])  # by a kernel, or by ops that can be differentiated again
def test_bce_and_its_gradient_are_exact_for_every_logit(dtype, target, recorded):
    x = np.array(LOGITS, dtype)
    t = np.full(x.shape, target, dtype)
    bce = functools.partial(ops.bce_with_logits, reduction="none")
    y, (gx, gt) = value_and_gradients(bce, x, t, create_graph=recorded)
    assert y.dtype == gx.dtype == gt.dtype == dtype
    exact_y, exact_gx = [], []
    for logit in x.tolist():
        exact_y.append(exactly(lambda x, t: t * (1 + (-x).exp()).ln() + (1 - t) * (1 + x.exp()).ln(), logit, target))
        exact_gx.append(exactly(lambda x, t: (1 - t) / (1 + (-x).exp()) - t / (1 + x.exp()), logit, target))
    tiny = np.finfo(dtype).tiny  # below it there are no digits left to be right
    np.testing.assert_allclose(y, np.array(exact_y, dtype), rtol=6 * EPS[dtype], atol=tiny)
    np.testing.assert_allclose(gt, -x, rtol=EPS[dtype])
    if target in (0, 1):  # relative precision: −σ(−40) is −4e-18, not 0
        np.testing.assert_allclose(gx, np.array(exact_gx, dtype), rtol=6 * EPS[dtype], atol=tiny)
    else:  # around its own zero, a difference has none
        np.testing.assert_allclose(gx, np.array(exact_gx, dtype), rtol=6 * EPS[dtype], atol=EPS[dtype])


def test_a_sure_discriminator_still_passes_a_gradient_on():
    """The saturating loss has lost it: log(1 − σ(x)) through probabilities is flat where the generator starts."""
    _, (gx, _) = value_and_gradients(ops.bce_with_logits, np.array([40.0]), np.array([1.0]))
    np.testing.assert_allclose(gx, [-math.exp(-40)], rtol=1e-15)
    _, (gx, _) = value_and_gradients(ops.bce_with_logits, np.array([-1e4]), np.array([1.0]))
    np.testing.assert_array_equal(gx, [-1.0])


def test_the_curvature_of_bce_is_symmetric_and_never_negative():
    x = Tensor(np.array([-1e4, -40.0, 0.0, 40.0, 1e4]), requires_grad=True)
    (gx,) = grad(ops.bce_with_logits(x, 1.0, reduction="sum"), x, create_graph=True)
    (curvature,) = grad(gx.sum(), x)
    np.testing.assert_allclose(curvature.data, [0, math.exp(-40), 0.25, math.exp(-40), 0], rtol=1e-14)


# --- softmax cross-entropy -------------------------------------------------------------------------------


def test_cross_entropy_by_hand():
    x = np.log(np.array([[1.0, 2.0, 5.0], [3.0, 3.0, 2.0]]))
    y, (gx,) = value_and_gradients(lambda x: ops.cross_entropy(x, [2, 0], reduction="none"), x)
    np.testing.assert_allclose(y, [math.log(8 / 5), math.log(8 / 3)], rtol=1e-14)
    np.testing.assert_allclose(gx, [[1 / 8, 2 / 8, -3 / 8], [-5 / 8, 3 / 8, 2 / 8]], rtol=1e-14)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("size", [40.0, 1e4])
def test_cross_entropy_of_large_logits(dtype, size):
    x = np.array([[size, 0, -size], [size, 0, -size], [size, 0, -size], [size, size, -size]], dtype)
    y, (gx,) = value_and_gradients(lambda x: ops.cross_entropy(x, np.array([0, 1, 2, 0]), reduction="none"), x)
    assert y.dtype == gx.dtype == dtype
    small = exactly(lambda x: (-x).exp(), size)
    np.testing.assert_allclose(y, [0, size, 2 * size, math.log(2)], rtol=EPS[dtype], atol=EPS[dtype])
    expected = [[0, small, 0], [1, -1, 0], [1, small, -1], [-0.5, 0.5, 0]]
    np.testing.assert_allclose(gx, expected, rtol=EPS[dtype], atol=EPS[dtype])


def test_each_sample_of_cross_entropy_has_a_range_of_its_own():
    """The logits of one sample must not push those of another below the smallest number."""
    x = np.array([[0.0, 0.0], [1e4, 1e4]])
    y, (gx,) = value_and_gradients(lambda x: ops.cross_entropy(x, [0, 1], reduction="none"), x)
    np.testing.assert_allclose(y, [math.log(2), math.log(2)], rtol=1e-15)
    np.testing.assert_allclose(gx, [[-0.5, 0.5], [0.5, -0.5]], rtol=1e-15)


def test_cross_entropy_does_not_change_with_a_constant():
    rng = np.random.default_rng(0)
    x, labels = rng.standard_normal((5, 4)), rng.integers(0, 4, 5)
    y, (gx,) = value_and_gradients(lambda x: ops.cross_entropy(x, labels), x)
    moved, (gmoved,) = value_and_gradients(lambda x: ops.cross_entropy(x, labels), x + 1000)
    np.testing.assert_allclose(moved, y, rtol=1e-12)
    np.testing.assert_allclose(gmoved, gx, rtol=1e-10)
    np.testing.assert_allclose(gx.sum(axis=1), np.zeros(5), atol=1e-16)


def test_two_classes_are_a_sigmoid():
    x = np.linspace(-20, 20, 9)
    two = np.stack([np.zeros(9), x], axis=1)
    labels = np.array([0, 1, 0, 1, 0, 1, 0, 1, 0])
    np.testing.assert_allclose(
        ops.cross_entropy(two, labels, reduction="none").data,
        ops.bce_with_logits(x, labels.astype("float64"), reduction="none").data,
        rtol=1e-12,
        atol=1e-15,
    )


# --- squared and absolute error ----------------------------------------------------------------------------


def test_mse_and_l1_by_hand():
    x, t = np.array([1.0, -2.0, 4.0, 0.5]), np.array([0.0, 1.0, 4.5, 0.5])
    y, (gx, gt) = value_and_gradients(ops.mse, x, t)
    assert y == (1 + 9 + 0.25 + 0) / 4
    np.testing.assert_array_equal(gx, [0.5, -1.5, -0.25, 0])
    np.testing.assert_array_equal(gt, -gx)
    y, (gx, gt) = value_and_gradients(ops.l1, x, t)
    assert y == (1 + 3 + 0.5 + 0) / 4
    np.testing.assert_array_equal(gx, [0.25, -0.25, -0.25, 0])
    np.testing.assert_array_equal(gt, -gx)


def test_huber_and_hinge_by_hand():
    x = np.array([0.5, -2.0, 3.0, np.inf])
    y, (gx,) = value_and_gradients(lambda x: ops.huber(x, 0.0, reduction="none", delta=2.0), x)
    np.testing.assert_array_equal(y, [0.125, 2, 4, np.inf])
    np.testing.assert_array_equal(gx, [0.5, -2, 2, 2])
    y, (gx,) = value_and_gradients(lambda x: ops.hinge(x, [1.0, -1.0, 1.0, 1.0], reduction="none"), x)
    np.testing.assert_array_equal(y, [0.5, 0, 0, 0])
    np.testing.assert_array_equal(gx, [-1, 0, 0, 0])


# --- weights and reductions, of all alike ----------------------------------------------------------------------

LOSSES = {
    "bce_with_logits": (np.array([0.5, -1.0, 3.0]), np.array([1.0, 0.0, 0.5])),
    "mse": (np.array([0.5, -1.0, 3.0]), np.array([1.0, 0.0, 0.5])),
    "l1": (np.array([0.5, -1.0, 3.0]), np.array([1.0, 0.0, 0.5])),
    "huber": (np.array([0.5, -1.0, 3.0]), np.array([1.0, 0.0, 0.5])),
    "hinge": (np.array([0.5, 1.5, -3.0]), np.array([1.0, -1.0, 1.0])),
}


@pytest.mark.parametrize("name", LOSSES)
def test_reductions_and_weights(name):
    loss, (x, t) = getattr(ops, name), LOSSES[name]
    each = loss(x, t, reduction="none").data
    assert each.shape == (3,)
    assert len(set(each.tolist())) == 3
    np.testing.assert_allclose(loss(x, t).data, each.mean(), rtol=1e-15)
    np.testing.assert_allclose(loss(x, t, reduction="sum").data, each.sum(), rtol=1e-15)
    weight = np.array([0.0, 1.0, -2.0])
    np.testing.assert_array_equal(loss(x, t, weight, "none").data, each * weight)
    np.testing.assert_allclose(loss(x, t, weight).data, (each * weight).sum() / 3, rtol=1e-15)  # by count, not Σ weight
    np.testing.assert_array_equal(loss(x, t, 2.0, "none").data, each * 2)


@pytest.mark.parametrize("name", LOSSES)
def test_a_number_is_a_target_for_all(name):
    loss, (x, _) = getattr(ops, name), LOSSES[name]
    np.testing.assert_array_equal(loss(x, 0.9, reduction="none").data, loss(x, np.full(3, 0.9), reduction="none").data)


def test_a_masked_class_has_no_part_in_the_cross_entropy():
    x = Tensor(np.array([[0.0, -np.inf, 1.0]]), requires_grad=True)
    loss = ops.cross_entropy(x, np.array([0]))
    assert loss.item() == pytest.approx(np.log1p(np.e), rel=1e-12)
    (gx,) = grad(loss, x)
    p = 1 / (1 + np.e)
    np.testing.assert_allclose(gx.data, [[p - 1, 0, 1 - p]], atol=1e-12)
