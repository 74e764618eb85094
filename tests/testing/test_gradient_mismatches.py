"""Wrong gradients: `gradcheck` finds each at its order, and names the input, the index and both values."""

import numpy as np
import pytest
from squares import Square, WrongFactor, X, normal

from rawgan import Op, Tensor, grad, ops
from rawgan.autograd import is_recording
from rawgan.errors import GradientMismatch
from rawgan.ops.normalisation import Normalize
from rawgan.testing import gradcheck
from rawgan.testing.functions.backward import leaves


class ZeroGradient(Square):
    def slope(self, x):
        return 0 * x


class WrongSign(Square):
    def slope(self, x):
        return -2 * x


class OneElementForgotten(Square):
    def slope(self, x):
        mask = np.ones(x.shape, x.dtype)
        mask.flat[-1] = 0
        return 2 * x * Tensor(mask)


class NoGradient(Square):
    def backward(self, gy):
        return (None,)


class FactorTreatedAsConstant(Square):
    """Right at order 1; its graph leads through gy alone."""

    def slope(self, x):
        return 2 * x.detach()


class KeptInAnAttribute(Square):
    """Keeps the values of x without its graph."""

    def forward(self, x):
        self.kept = x
        return x * x

    def slope(self, x):
        return 2 * Tensor(self.kept)


class OtherFormulaWhenRecorded(Square):
    """Right in a plain walk; twice as much, at every order, in a recorded one."""

    def slope(self, x):
        return 4 * x if is_recording() else 2 * x


class OtherFormulaWhenPlain(Square):
    def slope(self, x):
        return 2 * x if is_recording() else 4 * x


def test_without_a_fault_the_square_passes():
    assert gradcheck(Square, X, order=3).error(3) < 1e-9


@pytest.mark.parametrize(
    ("fault", "order"),
    [
        (ZeroGradient, 1),
        (WrongSign, 1),
        (WrongFactor, 1),
        (OneElementForgotten, 1),
        (NoGradient, 1),
        (FactorTreatedAsConstant, 2),
        (KeptInAnAttribute, 2),
        (OtherFormulaWhenRecorded, 1),
        (OtherFormulaWhenPlain, 1),
    ],
)
def test_wrong_gradients_are_found_at_their_order(fault, order):
    if order == 2:
        gradcheck(fault, X, order=1)  # order 1 alone does not see it
    with pytest.raises(GradientMismatch) as error:
        gradcheck(fault, X, order=order)
    assert str(error.value).startswith(f"{fault.__name__}: the gradient of x (3,) is wrong at order {order}\n")
    assert (error.value.order, error.value.input) == (order, "x")


def test_third_derivatives_are_checked_on_request():
    class Cube(Op):
        """Right at orders 1 and 2: the second derivative has the value of that of x³, but no graph."""

        def forward(self, x):
            return x**3

        def backward(self, gy):
            return (CubeSlope()(self.inputs[0]) * gy,)

    class CubeSlope(Op):
        def forward(self, x):
            return 3 * x**2

        def backward(self, gy):
            return (6 * self.inputs[0].detach() * gy,)

    gradcheck(Cube, X, order=2)
    with pytest.raises(GradientMismatch, match=r"^Cube: the gradient of x \(3,\) is wrong at order 3\n"):
        gradcheck(Cube, X, order=3)


def test_the_message_names_the_input_the_index_and_both_values():
    def function(a, b):
        return a * b + OneElementForgotten()(b)

    with pytest.raises(GradientMismatch) as error:
        gradcheck(function, normal(2, 3), normal(2, 3, seed=1))
    found = error.value
    assert (found.order, found.input, found.index) == (1, "b", (1, 2))
    assert str(found).splitlines() == [
        "function: the gradient of b (2, 3) is wrong at order 1",
        f"  slope of Σ gy·y at b[1, 2]: backward gives {found.backward:.7g}, finite differences {found.numerical:.7g}",
        "  1 of 6 elements are wrong",
    ]


def test_both_values_belong_to_the_weighted_result():
    with pytest.raises(GradientMismatch) as error:
        gradcheck(WrongSign, X)
    assert error.value.backward == pytest.approx(-error.value.numerical, rel=1e-6)
    assert 0.5 <= abs(error.value.numerical) / (2 * abs(X[error.value.index])) * np.sqrt((X**4).mean()) <= 1.5


def test_the_message_says_that_nothing_flows_back():
    with pytest.raises(GradientMismatch, match="it is zero everywhere: does a backward return None"):
        gradcheck(lambda x: (2 * x).detach(), X)


def test_the_message_says_that_the_two_walks_differ():
    with pytest.raises(GradientMismatch, match=r"the plain and the recorded backward differ: .* create_graph=True$"):
        gradcheck(OtherFormulaWhenRecorded, X)


def test_the_message_explains_order_2():
    with pytest.raises(GradientMismatch, match=r"(?s)slope of Σ ggx·gx at x.*takes for a constant"):
        gradcheck(KeptInAnAttribute, X)


class OnePixel(Square):
    """Wrong in one of very many elements."""

    def slope(self, x):
        factor = np.full(x.shape, 2, x.dtype)
        factor[71, 293] = 2.1
        return Tensor(factor) * x


def test_one_wrong_element_of_very_many_is_found():
    with pytest.raises(GradientMismatch) as error:
        gradcheck(OnePixel, normal(100, 300), order=1)
    assert error.value.index == (71, 293)
    assert "1 of 469 elements looked at are wrong" in str(error.value)


def recorded_batch_norm(op, gy, std_of):
    """The composed backward of Normalize, with a standard deviation that the caller chooses."""
    x, gamma, _ = op.inputs
    axes = tuple(range(x.ndim - 1))
    centred = x - ops.mean(x, axes, keepdims=True)
    std = std_of(ops.sqrt(ops.mean(centred * centred, axes, keepdims=True) + op.eps))
    x_hat = centred / std
    g = gy * gamma
    gx = (g - ops.mean(g, axes, True) - x_hat * ops.mean(g * x_hat, axes, True)) / std
    return gx, ops.sum(gy * x_hat, axes), ops.sum(gy, axes)


class ConstantStd(Normalize):
    """Batch norm whose second derivative takes the standard deviation for a constant, as some engines do."""

    def backward(self, gy):
        return recorded_batch_norm(self, gy, lambda std: std.detach())


class RightStd(Normalize):
    """The same without the fault."""

    def backward(self, gy):
        return recorded_batch_norm(self, gy, lambda std: std)


class NoBatchNormGradient(Normalize):
    """Batch norm that stops the gradient to x."""

    def backward(self, gy):
        gx, ggamma, gbeta = super().backward(gy)
        return 0 * gx, ggamma, gbeta


def normalized(op):
    return lambda x, gamma, beta: op((0,), 1e-5)(x, gamma, beta)


def test_batch_norm_with_a_constant_std_is_found_at_order_2():
    arrays = [normal(6, 3), normal(3), normal(3)]
    gradcheck(normalized(RightStd), *arrays)
    gradcheck(normalized(ConstantStd), *arrays, order=1)
    with pytest.raises(GradientMismatch, match=r"gradient of x \(6, 3\) is wrong at order 2"):
        gradcheck(normalized(ConstantStd), *arrays)


def test_random_upstream_gradients_find_what_ones_do_not():
    arrays = [normal(6, 3), np.ones(3), np.zeros(3)]
    xs = leaves(arrays)
    right = grad(normalized(Normalize)(*xs), xs, [Tensor(np.ones((6, 3)))])
    faulty = grad(normalized(NoBatchNormGradient)(*xs), xs, [Tensor(np.ones((6, 3)))])
    for a, b in zip(right, faulty, strict=True):
        np.testing.assert_allclose(a.data, b.data, atol=1e-12)  # the sum of the result is constant
    with pytest.raises(GradientMismatch, match=r"gradient of x \(6, 3\) is wrong at order 1"):
        gradcheck(normalized(NoBatchNormGradient), *arrays)
