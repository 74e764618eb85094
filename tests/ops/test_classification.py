"""Losses of classifiers: axes, shares, weights, smoothing and ignored labels."""

import numpy as np
import pytest

from rawgan import Tensor, grad, ops

X = np.random.default_rng(0).standard_normal((2, 5, 3))
LABELS = np.array([[0, 2, 1, 1, 0], [2, 2, 0, 1, 1]])
LOGS = ops.log_softmax(X).data
EACH = -np.take_along_axis(LOGS, LABELS[..., None], 2)[..., 0]
WEIGHT = np.array([1.0, 0.5, 3.0])


@pytest.mark.parametrize("axis", [-1, 1, 0])
def test_classes_may_be_along_any_axis(axis):
    x = np.moveaxis(X, 2, axis)
    np.testing.assert_allclose(ops.cross_entropy(x, LABELS, reduction="none", axis=axis).data, EACH, rtol=1e-13)
    logs = ops.log_softmax(x, axis)
    np.testing.assert_allclose(ops.nll(logs, LABELS, reduction="none", axis=axis).data, EACH, rtol=1e-13)
    shares = np.moveaxis(np.eye(3)[LABELS], 2, axis)
    np.testing.assert_allclose(ops.cross_entropy(x, shares, axis=axis).data, EACH.mean(), rtol=1e-13)
    assert ops.cross_entropy(X[0, 0], 1).shape == ()


def test_labels_weights_and_smoothing_are_shares():
    smoothed = np.eye(3)[LABELS] * 0.7 + 0.1
    expected = -(WEIGHT * smoothed * LOGS).sum(axis=2)
    for target in (LABELS, np.eye(3)[LABELS]):
        y = ops.cross_entropy(X, target, WEIGHT, "none", label_smoothing=0.3)
        np.testing.assert_allclose(y.data, expected, rtol=1e-13)
    mean = ops.cross_entropy(X, LABELS, WEIGHT, label_smoothing=0.3).item()
    assert mean == pytest.approx(expected.sum() / WEIGHT[LABELS].sum(), rel=1e-13)


def test_ignored_labels_have_no_part():
    x = Tensor(X.copy(), requires_grad=True)
    x.data[0, 1] = np.nan
    labels = LABELS.copy()
    labels[0, 1], labels[1, 3] = 255, 255
    kept = labels != 255
    loss = ops.cross_entropy(x, labels, ignore_index=255)
    assert loss.item() == pytest.approx(EACH[kept].mean(), rel=1e-13)
    (g,) = grad(loss, x)
    np.testing.assert_array_equal(g.data[~kept], np.zeros((2, 3)))
    assert np.isfinite(g.data).all()
    weighted = ops.cross_entropy(x, labels, WEIGHT, ignore_index=255, label_smoothing=0.5).item()
    assert np.isfinite(weighted)


def test_a_masked_class_that_has_no_share_costs_nothing():
    x = Tensor(np.array([[0.0, -np.inf, 1.0]]), requires_grad=True)
    loss = ops.cross_entropy(x, np.array([[0.5, 0.0, 0.5]]))
    assert loss.item() == pytest.approx(np.log1p(np.e) - 0.5, rel=1e-13)
    (g,) = grad(loss, x)
    p = 1 / (1 + np.e)
    np.testing.assert_allclose(g.data, [[p - 0.5, 0, 0.5 - p]], atol=1e-13)
