"""Ops that choose between values: what they give at their edges, and what is not chosen, which has no influence."""

import numpy as np
import pytest

from rawgan import Tensor, grad, ops

NAN, INF = float("nan"), float("inf")


def leaf(*numbers):
    return Tensor(np.array(numbers), requires_grad=True)


def gradients(y, *xs, upstream=None):
    """Gradients as lists; the upstream gradient is 1, if it is not given."""
    seeds = None if upstream is None else Tensor(np.array(upstream))
    found = grad(y if seeds is not None else y.sum(), xs, seeds, unconnected="zero")
    return [g.numpy().tolist() for g in found]


def test_what_is_not_selected_has_no_influence_at_any_order():
    """Neither the numbers there nor their gradients, which a product with a mask would turn into NaN."""
    x, bad = leaf(2.0, 3.0), leaf(NAN, INF)
    y = ops.where([True, True], x**3, bad)
    (slope,) = grad(y.sum(), x, create_graph=True)
    assert gradients(slope, x, bad) == [[12.0, 18.0], [0.0, 0.0]]
    found = gradients(ops.where([True, False], x, bad), x, bad, upstream=[INF, NAN])
    np.testing.assert_array_equal(found, [[INF, 0.0], [0.0, NAN]])


def test_the_way_around_an_infinite_slope():
    """As `where` advises: also the number that it does not take must be one where the slope is finite."""
    x = leaf(0.0, 4.0)
    y = ops.where(x > 0, ops.sqrt(ops.where(x > 0, x, 1)), 0)
    (slope,) = grad(y.sum(), x, create_graph=True)
    assert slope.numpy().tolist() == [0.0, 0.25]
    assert gradients(slope, x) == [[0.0, -1 / 32]]


@pytest.mark.parametrize("function", [ops.maximum, ops.minimum], ids=["maximum", "minimum"])
def test_the_other_number_gets_no_part_of_an_infinite_gradient(function):
    a, b = leaf(-1.0, 1.0), leaf(0.0, 0.0)
    found = gradients(function(a, b), a, b, upstream=[INF, INF])
    assert sorted(map(sorted, found)) == [[0.0, INF], [0.0, INF]]
    low = leaf(1.0, 1.0, 2.0)
    assert gradients(ops.min(low), low) == [[0.5, 0.5, 0.0]]
    assert gradients(ops.min(low), low, upstream=INF) == [[INF, INF, 0.0]]


def test_clip_at_beyond_and_without_its_bounds():
    x, low, high = leaf(-2.0, -1.0, 0.0, 1.0, 2.0, NAN), leaf(-1.0), leaf(1.0)
    for bounds in [(-1, 1), (low, high), (np.array(-1), [1.0])]:
        y = ops.clip(x, *bounds)
        assert y.numpy().tolist() == pytest.approx([-1, -1, 0, 1, 1, NAN], nan_ok=True)
        assert gradients(y[:-1], x)[0][:-1] == [0, 1, 1, 1, 0]
    assert gradients(ops.clip(x, low, high)[:-1], low, high) == [[1.0], [1.0]]
    assert x.clip(max=0).numpy().tolist()[:3] == [-2, -1, 0]
    assert x.clip(2, -2).numpy().tolist()[:3] == [-2, -2, -2]  # as in NumPy and PyTorch, the upper bound counts
    assert ops.clip(leaf(1.0), low * NAN).numpy().tolist() == pytest.approx([NAN], nan_ok=True)


def test_a_bound_is_one_in_the_dtype_of_x():
    x = Tensor([0.1, 0.2], requires_grad=True)  # 0.1 in float32 is more than 0.1
    y = x.clip(max=0.1)
    assert y.numpy()[0] == x.numpy()[0]
    assert gradients(y, x) == [[1.0, 0.0]]


def test_powers_of_zero():
    """Slopes as in PyTorch: no 0 · ∞ where a power of 0 does not depend on the base or on the exponent."""
    a, b = leaf(0.0, 0.0, 0.0, 2.0), leaf(0.0, 1.0, 2.0, 3.0)
    assert gradients(a**b, a, b) == [[0.0, 1.0, 0.0, 12.0], pytest.approx([0, 0, 0, 8 * np.log(2)])]
    assert gradients(2**b, b) == [pytest.approx([2**n * np.log(2) for n in range(4)])]


def test_remainders_have_the_sign_of_the_divisor():
    x, y = leaf(-5.0, 5.0, -5.0, 5.0), leaf(3.0, 3.0, -3.0, -3.0)
    assert (x % y).numpy().tolist() == [1, 2, -2, -1]
    assert (7 % y).numpy().tolist() == [1, 1, -2, -2]
    assert gradients(x % y, x, y) == [[1, 1, 1, 1], [2, -1, -1, 2]]


def test_quotients_are_rounded_down_and_have_no_gradient():
    x, y = leaf(-5.0, 5.0, -5.0, 5.0), leaf(3.0, 3.0, -3.0, -3.0)
    assert (x // y).numpy().tolist() == [-2, 1, 1, -2]
    assert (7 // y).numpy().tolist() == [2, 2, -3, -3]
    quotient, rest = divmod(x, y)
    assert (quotient * y + rest).numpy().tolist() == x.numpy().tolist()
    assert [each.numpy().tolist() for each in divmod(7, y)] == [[2, 2, -3, -3], [1, 1, -2, -2]]
    assert gradients((x // y) * x, x, y) == [[-2, 1, 1, -2], [0, 0, 0, 0]]


def test_prelu_keeps_what_it_does_not_use_out_of_its_gradient():
    x, slope = leaf(-1.0, INF), leaf(0.0, 0.0)
    y = ops.prelu(x, slope)
    assert y.numpy().tolist() == [0, INF]
    assert gradients(y, x, slope) == [[0, 1], [-1, 0]]
