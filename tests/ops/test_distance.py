"""Norms, distances and angles: orders, large and small numbers, slopes at 0, messages."""

import math

import numpy as np
import pytest

from rawgan import Tensor, grad, ops
from rawgan.errors import ArgumentError, ShapeError

ORDERS = [-math.inf, -1, 0, 0.5, 1, 2, 3, math.inf]


@pytest.mark.parametrize("order", ORDERS)
def test_norms_are_those_of_numpy(order):
    x = np.array([[3.0, -4.0, 0.5], [-1.0, 2.0, 2.0]])
    for axis in (0, -1):
        expected = np.linalg.norm(x, order, axis, keepdims=True)
        np.testing.assert_allclose(Tensor(x).norm(order, axis, keepdims=True).data, expected, rtol=1e-14)


@pytest.mark.parametrize("order", ORDERS)
def test_the_slope_of_a_norm_at_0_is_0(order):
    x = Tensor(np.zeros((2, 3)), requires_grad=True)
    (g,) = grad(ops.norm(x, order, axis=1).sum(), x, create_graph=True, unconnected="zero")
    np.testing.assert_array_equal(g.data, np.zeros((2, 3)))
    if order not in (0, 1, math.inf, -math.inf):
        np.testing.assert_array_equal(grad((g * g).sum(), x)[0].data, np.zeros((2, 3)))


def test_float32_norms_neither_overflow_nor_drift():
    np.testing.assert_allclose(ops.norm(Tensor([3e30, 4e30])).data, 5e30, rtol=1e-7)
    np.testing.assert_allclose(ops.norm(Tensor([3e-30, 4e-30])).data, 5e-30, rtol=1e-7)
    x = Tensor(np.full((1 << 20, 2), 0.1, "float32"))
    np.testing.assert_allclose(ops.norm(x, axis=0).data, np.float32(0.1) * 1024, rtol=1e-7)


def test_vectors_of_length_0_have_neither_direction_nor_slope():
    x = Tensor(np.array([[0.0, 0.0], [3.0, 4.0]]), requires_grad=True)
    np.testing.assert_allclose(ops.normalize(x).data, [[0, 0], [0.6, 0.8]], rtol=1e-15)
    assert ops.cosine_similarity(x, [[1.0, 0.0], [1.0, 0.0]]).data.tolist() == pytest.approx([0, 0.6])
    (g,) = grad(ops.cdist(x, x).sum(), x)
    np.testing.assert_allclose(g.data, [[-1.2, -1.6], [1.2, 1.6]], rtol=1e-14)


def test_errors():
    with pytest.raises(ArgumentError, match="norm: ord must be a number, but is 'fro'"):
        ops.norm(Tensor([1.0]), "fro")
    with pytest.raises(ShapeError, match=r"norm: no elements have no norm of order inf\n  x \(0, 2\)   axis 0"):
        ops.norm(Tensor(np.empty((0, 2))), math.inf, 0)
    with pytest.raises(ShapeError, match=r"cdist: a must be \(…, M, K\) and b \(…, N, K\)\n  a \(2, 3\)   b \(2, 4\)"):
        ops.cdist(np.zeros((2, 3)), np.zeros((2, 4)))
    with pytest.raises(ShapeError, match=r"cosine_similarity: shapes do not broadcast.*\n  a \(2, 3\)   b \(4, 3\)"):
        ops.cosine_similarity(np.zeros((2, 3)), np.zeros((4, 3)))
    with pytest.raises(ArgumentError, match="normalize: eps must be a number, more than 0 and finite, but is 0"):
        ops.normalize(Tensor([1.0]), eps=0)
