"""Variance and standard deviation: exact values, long axes, and slopes at 0."""

import numpy as np
import pytest

from rawgan import Tensor, grad, ops
from rawgan.errors import ArgumentError


def test_the_variance_of_many_float32_numbers_far_from_0_keeps_its_digits():
    x = (1000 + np.random.default_rng(0).standard_normal((200_000, 3))).astype("float32")
    exact = x.astype("float64").var(axis=0)
    np.testing.assert_allclose(ops.var(Tensor(x), 0).data, exact, rtol=2e-7)
    np.testing.assert_allclose(ops.std(Tensor(x), 0).data, np.sqrt(exact), rtol=2e-7)


def test_the_correction_is_taken_from_the_number_of_elements():
    x = np.random.default_rng(0).standard_normal((4, 3))
    np.testing.assert_allclose(Tensor(x).var(0, correction=1).data, x.var(axis=0, ddof=1), rtol=1e-14)
    np.testing.assert_allclose(Tensor(x).std(keepdims=True).data, x.std(keepdims=True), rtol=1e-14)
    with pytest.raises(ArgumentError, match=r"std: correction must be a number below 1, .* but is 1\n  x \(1,\)"):
        ops.std(Tensor([2.0]), correction=1)


def test_equal_elements_have_no_slope():
    x = Tensor(np.ones((2, 3)), requires_grad=True)
    (g,) = grad(ops.std(x, axis=1).sum(), x, create_graph=True)
    np.testing.assert_array_equal(g.data, np.zeros((2, 3)))
    np.testing.assert_array_equal(grad((g * g).sum(), x)[0].data, np.zeros((2, 3)))
