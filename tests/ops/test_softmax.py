"""Softmax, its logarithm and log-sum-exp: exact values, masks, and axes."""

import numpy as np
import pytest

from rawgan import Tensor, grad, ops
from rawgan.errors import ArgumentError


def derivatives(function, x):
    """Value, gradient by kernels, gradient by ops, second derivative; of a sum weighted unequally."""
    x = Tensor(x, requires_grad=True)
    y = function(x)
    weights = Tensor(np.arange(1.0, y.size + 1).reshape(y.shape).astype(x.dtype))
    (plain,) = grad(y, x, weights)
    (recorded,) = grad(function(x), x, weights, create_graph=True)
    (second,) = grad((recorded * recorded).sum(), x)
    return y.data, plain.data, recorded.data, second.data


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_large_numbers_neither_overflow_nor_lose_their_digits(dtype, each_backend):
    x = Tensor(np.array([[1e4, 0.0, -1e4], [-1e4, -1e4, -1e4]], dtype))
    np.testing.assert_allclose(ops.softmax(x).data, [[1, 0, 0], [1 / 3] * 3], rtol=3e-7)
    np.testing.assert_allclose(ops.log_softmax(x).data, [[0, -1e4, -2e4], [-np.log(3)] * 3], rtol=3e-7)
    np.testing.assert_allclose(ops.logsumexp(x, 1).data, [1e4, np.log(3) - 1e4], rtol=3e-7)


@pytest.mark.parametrize("function", [ops.softmax, lambda x: ops.logsumexp(x, -1)], ids=["softmax", "logsumexp"])
def test_a_masked_number_has_no_part_and_gets_no_gradient(function, each_backend):
    masked = np.array([[0.5, -np.inf, 2.0], [1.0, 3.0, -np.inf]])
    *found, second = derivatives(function, masked)
    rest = masked[np.isfinite(masked)].reshape(2, 2)
    assert np.isfinite(np.concatenate([x.ravel() for x in (*found, second)])).all()
    for x in (*found[1:], second):
        np.testing.assert_array_equal(x[np.isinf(masked)], 0)
    np.testing.assert_allclose(found[1], found[2], rtol=1e-12, atol=1e-15)
    value = found[0] if found[0].ndim == 1 else found[0][np.isfinite(masked)].reshape(2, 2)
    np.testing.assert_allclose(value, function(rest).data, rtol=1e-12)


def test_several_axes_are_one_row():
    x = Tensor(np.random.default_rng(0).standard_normal((2, 3, 4)))
    rows = ops.reshape(x.transpose(1, 0, 2), (3, 8))
    y = ops.softmax(x, (2, 0))
    np.testing.assert_array_equal(y.transpose(1, 0, 2).reshape(3, 8).data, ops.softmax(rows).data)
    np.testing.assert_allclose(y.sum((0, 2)).data, np.ones(3), rtol=1e-15)
    np.testing.assert_array_equal(x.logsumexp((0, 2), keepdims=True).data, ops.logsumexp(rows, 1).data.reshape(1, 3, 1))
    np.testing.assert_allclose(x.softmax(None).sum().data, 1, rtol=1e-15)


def test_empty_arrays_and_arrays_without_axes():
    assert ops.softmax(Tensor(np.empty((0, 3)))).shape == (0, 3)
    assert ops.log_softmax(Tensor(np.empty((3, 0))), 0).shape == (3, 0)
    assert ops.logsumexp(Tensor(np.empty((0, 3))), 1).shape == (0,)
    assert ops.softmax(2.0, None).item() == 1
    assert ops.logsumexp(2.0).item() == 2
    np.testing.assert_array_equal(ops.logsumexp(Tensor(np.empty((0, 2))), 0).data, [-np.inf, -np.inf])
    with pytest.raises(ArgumentError, match=r"softmax: axis is out of range for 2 axes\n  x \(2, 3\)   axis 2"):
        ops.softmax(Tensor(np.zeros((2, 3))), 2)
