"""Kinks and jumps: `gradcheck` lists them, and takes neither curvature nor rounding for one."""

import numpy as np
import pytest
from squares import WrongFactor, normal

from rawgan import Op, Tensor, nn, ops
from rawgan.errors import GradientMismatch
from rawgan.testing import check_layer, gradcheck


def found_kinks(function, *arrays):
    return [(kink.input, kink.index, kink.order) for kink in gradcheck(function, *arrays).kinks]


def test_kinks_are_reported_and_any_gradient_between_their_slopes_is_right():
    assert found_kinks(ops.relu, np.array([[0.0, 1.0], [-2.0, 0.0]])) == [("x", (0, 0), 1), ("x", (1, 1), 1)]
    assert found_kinks(ops.abs, np.array([0.0, 1.0])) == [("x", (0,), 1)]  # its gradient is the mean of both slopes
    assert found_kinks(ops.max, np.array([1.0, 3.0, 3.0])) == [("x", (1,), 1), ("x", (2,), 1)]
    assert found_kinks(ops.relu, normal(4, 5)) == []


def test_a_kink_has_the_slopes_of_both_sides():
    (kink,) = gradcheck(lambda x: ops.leaky_relu(x, 0.25), np.array([1.0, 0.0, -1.0])).kinks
    assert sorted([abs(kink.left), abs(kink.right)])[0] == pytest.approx(abs(kink.gradient))
    assert sorted([kink.left / kink.gradient, kink.right / kink.gradient]) == pytest.approx([1, 4], rel=1e-6)
    assert str(kink).startswith("x[1], order 1: slopes ")


def test_the_printed_report_lists_five_kinks_and_counts_the_rest():
    printed = str(gradcheck(ops.relu, np.zeros(100), order=1))
    assert printed.count("kink at x[") == 5
    assert printed.endswith("\n  and 95 more kinks")


def test_a_gradient_outside_the_slopes_of_a_kink_is_wrong():
    class Relu(Op):
        def forward(self, x):
            return np.maximum(x, 0)

        def backward(self, gy):
            x = self.inputs[0].data
            return (gy * Tensor((x > 0) + 1.5 * (x == 0).astype(x.dtype)),)

    with pytest.raises(GradientMismatch, match=r"at x\[1\]: backward gives .*, finite differences .* on the other"):
        gradcheck(Relu, np.array([1.0, 0.0, -1.0]))
    gradcheck(Relu, np.array([1.0, -1.0]))


def test_a_kink_excuses_no_other_element():
    class Relu(Op):
        def forward(self, x):
            return np.maximum(x, 0)

        def backward(self, gy):
            x = self.inputs[0].data
            return (gy * Tensor((x > 0) - 0.01 * (x < -1).astype(x.dtype)),)

    with pytest.raises(GradientMismatch) as error:
        gradcheck(Relu, np.array([0.0, 1.0, -2.0, 0.0]))
    assert error.value.index == (2,)


def test_a_second_derivative_may_jump_too():
    for x in (np.array([0.0]), np.array([0.0, 1.0, -1.0])):
        assert found_kinks(lambda x: ops.relu(x) ** 2, x) == [("x", (0,), 2)]


@pytest.mark.parametrize(
    ("function", "x"),
    [
        (lambda x: ops.leaky_relu(x, 0.999), [0.0, 1.0]),
        (lambda x: ops.exp(x) + 1e-3 * ops.relu(x), [0.0, 1.0]),
        (lambda x: ops.relu(x) + 1e4, [0.0, 1.0]),
    ],
)
def test_small_kinks_are_kinks(function, x):
    assert found_kinks(function, np.array(x)) == [("x", (0,), 1)]


class Floor(Op):
    """Jumps at whole numbers."""

    gradient = 0.0

    def forward(self, x):
        return np.floor(x)

    def backward(self, gy):
        return (self.gradient * gy,)


def test_a_jump_is_reported_and_its_gradient_must_be_a_number():
    (kink,) = gradcheck(Floor, np.array([1.0, 2.5])).kinks
    assert (kink.index, kink.jumps) == ((0,), True)
    assert "order 1: the function jumps, gradient 0" in str(kink)

    class NoNumber(Floor):
        gradient = np.nan

    with pytest.raises(GradientMismatch, match=r"at x\[0\]: backward gives nan, finite differences"):
        gradcheck(NoNumber, np.array([1.0]))


def test_a_steep_function_does_not_jump():
    poles, tiny = np.array([1e-9, 1.0, -2.0]), np.array([1e-9, 1.0])
    assert found_kinks(lambda x: 1 / x, poles) == []
    assert found_kinks(lambda x: ops.tanh(1e7 * x), np.array([1e-8])) == []
    with pytest.raises(GradientMismatch):
        gradcheck(lambda x: 1 / x + 2e-6 * (1 / x - (1 / x).detach()), poles, checks=())
    with pytest.raises(GradientMismatch):
        gradcheck(lambda x: ops.tanh(1e7 * x) * 3 - 2 * ops.tanh(1e7 * x).detach(), tiny, checks=())


def test_a_norm_with_an_epsilon_is_smooth_at_zero():
    x = np.array([[0.0, 0.0], [1.0, -2.0]])
    report = gradcheck(lambda x: ops.sqrt(ops.sum(x * x, 1) + 1e-12), x)
    assert report.kinks == ()
    gradcheck(lambda x: x / ops.sqrt(ops.sum(x * x, 1, keepdims=True) + 1e-12), x)


def test_deep_networks_whose_rounding_adds_up_pass():
    rng = np.random.default_rng(0)
    blocks = [nn.Sequential(nn.Linear(6, 6, rng=rng), nn.BatchNorm(6), nn.ReLU()) for _ in range(10)]
    check_layer(nn.Sequential(*blocks), rng.standard_normal((8, 6)), order=1, modes=["train"])


def test_a_loss_that_float32_rounds_away_passes():
    x = np.array([[14.0, 0.0, 0.0], [0.0, 13.0, 0.0]])
    gradcheck(ops.cross_entropy, x, np.array([0, 1]), order=1)


def test_strong_curvature_is_no_kink():
    assert found_kinks(lambda x: ops.tanh(300 * x), np.array([1e-3, -2e-3, 0.5])) == []
    with pytest.raises(GradientMismatch):
        gradcheck(lambda x: ops.tanh(300 * x) + WrongFactor()(x), np.array([1e-3, -2e-3, 0.5]), rtol=1e-9)
