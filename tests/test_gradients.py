"""Every case of `cases.py` against finite differences, and that the check itself can fail."""

import numpy as np
import pytest
from cases import CASES, TOLERANCES
from finite_differences import GradientMismatch, check_gradients

from rawgan import Op, Tensor, grad, ops
from rawgan.ops.conv import Conv2d, Conv2dInputGrad, Conv2dWeightGrad
from rawgan.ops.norm import Normalize
from rawgan_kernels import Window

every_case = pytest.mark.parametrize("case", CASES, ids=str)


def leaves(arrays):
    return [Tensor(array, requires_grad=True) for array in arrays]


def test_every_public_op_has_a_case_and_every_case_a_public_op():
    assert {case.op for case in CASES} == set(ops.__all__)


def test_no_two_cases_share_a_name():
    assert len({str(case) for case in CASES}) == len(CASES)


@every_case
def test_gradients_of_orders_1_and_2(case):
    check_gradients(case.function, case.arrays(), order=2, **TOLERANCES["float64"])


@every_case
def test_float32_stays_float32_and_agrees_with_float64(case):
    results = {}
    for dtype in ("float32", "float64"):
        xs = leaves(case.arrays(dtype))
        y = case.function(*xs)
        v = Tensor(np.random.default_rng(1).standard_normal(y.shape).astype(dtype))
        results[dtype] = [y, *grad(y, xs, [v], unconnected="zero")]
    for single, double in zip(results["float32"], results["float64"], strict=True):
        assert single.dtype == np.float32
        assert double.dtype == np.float64
        np.testing.assert_allclose(single.data, double.data, **TOLERANCES["float32"])


@every_case
def test_inputs_and_upstream_gradients_are_not_written_to(case):
    arrays = case.arrays()
    for array in arrays:
        array.flags.writeable = False  # a write raises
    xs = leaves(arrays)
    y = case.function(*xs)
    v = np.ones(y.shape)
    v.flags.writeable = False
    gs = grad(y, xs, [Tensor(v)], create_graph=True, unconnected="zero")
    grad([g for g in gs if g.requires_grad], xs, [g.detach() for g in gs if g.requires_grad], unconnected="zero")


@every_case
@pytest.mark.parametrize("create_graph", [False, True], ids=["plain", "recorded"])
def test_gradients_share_memory_with_nothing(case, create_graph):
    xs = leaves(case.arrays())
    y = case.function(*xs)
    v = Tensor(np.ones(y.shape))
    gs = grad(y, xs, [v], create_graph=create_graph, unconnected="zero")
    named = {"upstream gradient": v, **{f"input {i}": x for i, x in enumerate(xs)}}
    named |= {f"gradient {i}": g for i, g in enumerate(gs)}
    for i, g in enumerate(gs):
        shared = [name for name, t in named.items() if t is not g and np.shares_memory(t.data, g.data)]
        assert shared == [], f"gradient {i}"
        assert g.data.flags.writeable


@every_case
def test_backward_leaves_the_same_gradients_as_grad(case):
    xs, copies = leaves(case.arrays()), leaves(case.arrays())
    y = case.function(*xs)
    v = Tensor(np.random.default_rng(1).standard_normal(y.shape))
    expected = grad(case.function(*copies), copies, [v], unconnected="zero")
    y.backward(v)
    for x, g in zip(xs, expected, strict=True):
        np.testing.assert_array_equal(np.zeros(x.shape) if x.grad is None else x.grad.data, g.data)


@every_case
def test_non_contiguous_inputs_give_the_same(case):
    contiguous = case.arrays()
    strided = []
    for x in contiguous:
        wide = np.full((*x.shape[::-1], 2), np.nan)  # reversed axes, every second element
        wide[..., 0] = x.transpose()
        strided.append(wide[..., 0].transpose())
        np.testing.assert_array_equal(strided[-1], x)
    results = []
    for arrays in (contiguous, strided):
        xs = leaves(arrays)
        y = case.function(*xs)
        v = Tensor(np.random.default_rng(1).standard_normal((*y.shape, 2))[..., 0])
        results.append([y, *grad(y, xs, [v], unconnected="zero")])
    for expected, got in zip(*results, strict=True):
        np.testing.assert_allclose(got.data, expected.data, rtol=1e-12, atol=1e-13)


# --- order 3: the conv triple is closed ----------------------------------------------------------------

WINDOW = Window((4, 5), (2, 3), (2, 1), ((1, 0), (0, 1)), (1, 1), 2)
X, W, Y = (1, 4, 5, 2), (2, 3, 1, 4), (1, 2, 4, 4)


@pytest.mark.parametrize(
    ("op", "shapes"), [(Conv2d, (X, W)), (Conv2dInputGrad, (Y, W)), (Conv2dWeightGrad, (X, Y))], ids=lambda p: str(p)
)
def test_the_conv_triple_has_a_third_derivative(op, shapes):
    assert WINDOW.output == Y[1:3]
    rng = np.random.default_rng(0)

    # The triple is bilinear: cubed, its third derivative is not zero.
    def function(a, b):
        y = op(WINDOW)(a, b)
        return y * y * y

    check_gradients(function, [0.5 * rng.standard_normal(shape) for shape in shapes], order=3, rtol=1e-5, atol=1e-6)


# --- conversions, which finite differences in float64 cannot see ---------------------------------------


def test_the_gradient_of_a_conversion_has_the_dtype_of_its_input():
    x = Tensor(np.array([1.0, 2.0], "float32"), requires_grad=True)
    y = x.astype("float64")
    (g,) = grad(y, x, [Tensor(np.array([0.5, 3.0]))])
    assert (y.dtype, g.dtype) == (np.float64, np.float32)
    np.testing.assert_array_equal(g.data, [0.5, 3.0])


# --- points where the derivative jumps: which of the slopes it is --------------------------------------


def slopes(function, *arrays):
    xs = leaves([np.array(array, "float64") for array in arrays])
    return [g.data.tolist() for g in grad(function(*xs).sum(), xs)]


def test_slopes_at_kinks():
    assert slopes(lambda x: ops.leaky_relu(x, 0.25), [0.0]) == [[0.25]]
    assert slopes(ops.relu, [0.0, -0.0]) == [[0.0, 0.0]]
    assert slopes(ops.abs, [0.0]) == [[0.0]]
    assert slopes(ops.maximum, [1.0, 2.0], [1.0, 3.0]) == [[0.5, 0.0], [0.5, 1.0]]
    assert slopes(lambda x: ops.max(x, 1), [[3.0, 1.0, 3.0], [2.0, 2.0, 2.0]]) == [[[0.5, 0, 0.5], [1 / 3] * 3]]
    assert slopes(ops.l1, [1.0, 2.0], [1.0, 1.0]) == [[0.0, 0.5], [0.0, -0.5]]


def test_equal_pixels_of_a_pooling_window_share_the_gradient_and_padding_gets_none():
    (g,) = slopes(lambda x: ops.max_pool2d(x, 2, padding=1), np.full((1, 2, 2, 1), -5.0))
    assert g == np.ones((1, 2, 2, 1)).tolist()  # each pixel is alone in its window, with padding around it
    (g,) = slopes(ops.max_pool2d, np.zeros((1, 2, 2, 1)))
    assert g == np.full((1, 2, 2, 1), 0.25).tolist()


def test_powers_at_zero_have_finite_slopes():
    assert slopes(lambda x: x**2, [0.0]) == [[0.0]]
    assert slopes(lambda x: x**1, [0.0]) == [[1.0]]
    x = Tensor([0.0], requires_grad=True)
    (g,) = grad((x**2).sum(), x, create_graph=True)
    (g,) = grad(g.sum(), x, create_graph=True)
    assert g.item() == 2.0
    assert [z.item() for z in grad(g.sum(), x, unconnected="zero")] == [0.0]


# --- planted faults: a check that cannot fail is worthless ---------------------------------------------


class Square(Op):
    """y = x², done right."""

    def forward(self, x):
        return x * x

    def backward(self, gy):
        (x,) = self.inputs
        return (self.slope(x) * gy,)

    def slope(self, x):
        return 2 * x


class ZeroGradient(Square):
    def slope(self, x):
        return 0 * x


class WrongSign(Square):
    def slope(self, x):
        return -2 * x


class WrongFactor(Square):
    def slope(self, x):
        return 2.0001 * x


class OneElementForgotten(Square):
    def slope(self, x):
        mask = np.ones(x.shape)
        mask.flat[-1] = 0
        return 2 * x * Tensor(mask)


class NoGradient(Square):
    def backward(self, gy):
        return (None,)


class FactorTreatedAsConstant(Square):
    """Right at order 1, and has a graph, through gy alone."""

    def slope(self, x):
        return 2 * x.detach()


class OtherFormulaWhenRecorded(Square):
    """Right when not recorded; twice too much, consistently, when recorded."""

    def slope(self, x):
        from rawgan.autograd import is_recording

        return 4 * x if is_recording() else 2 * x


def test_the_check_passes_what_is_right():
    check_gradients(lambda x: Square()(x), [np.array([0.5, -1.5, 2.0])], order=3)


@pytest.mark.parametrize(
    ("fault", "order"),
    [
        (ZeroGradient, 1),
        (WrongSign, 1),
        (WrongFactor, 1),
        (OneElementForgotten, 1),
        (NoGradient, 1),
        (FactorTreatedAsConstant, 2),
        (OtherFormulaWhenRecorded, 1),
    ],
)
def test_planted_faults_are_caught(fault, order):
    arrays = [np.array([0.5, -1.5, 2.0])]
    if order == 2:
        check_gradients(lambda x: fault()(x), arrays)  # order 1 alone does not see it
    with pytest.raises(GradientMismatch, match=rf"^order {order}, input 0 \(3,\), create_graph="):
        check_gradients(lambda x: fault()(x), arrays, order)


def recorded_batch_norm(op, gy, std_of):
    """The composed backward of Normalize, with the standard deviation in the caller's hands."""
    x, gamma, _ = op.inputs
    axes = tuple(range(x.ndim - 1))
    centred = x - ops.mean(x, axes, keepdims=True)
    std = std_of(ops.sqrt(ops.mean(centred * centred, axes, keepdims=True) + op.eps))
    x_hat = centred / std
    g = gy * gamma
    gx = (g - ops.mean(g, axes, True) - x_hat * ops.mean(g * x_hat, axes, True)) / std
    return gx, ops.sum(gy * x_hat, axes), ops.sum(gy, axes)


class ConstantStd(Normalize):
    """Batch norm whose second derivative takes the standard deviation for a constant: a fault of engines that exist."""

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


def test_batch_norm_with_a_constant_std_is_caught_at_order_2():
    rng = np.random.default_rng(0)
    arrays = [rng.standard_normal((6, 3)), rng.standard_normal(3), rng.standard_normal(3)]
    check_gradients(normalized(RightStd), arrays, order=2)
    check_gradients(normalized(ConstantStd), arrays, order=1)
    with pytest.raises(GradientMismatch, match=r"^order 2, input 0 \(6, 3\)"):
        check_gradients(normalized(ConstantStd), arrays, order=2)


def test_random_upstream_gradients_catch_what_ones_do_not():
    rng = np.random.default_rng(0)
    arrays = [rng.standard_normal((6, 3)), np.ones(3), np.zeros(3)]
    xs = leaves(arrays)
    right = grad(normalized(Normalize)(*xs), xs, [Tensor(np.ones((6, 3)))])
    faulty = grad(normalized(NoBatchNormGradient)(*xs), xs, [Tensor(np.ones((6, 3)))])
    for a, b in zip(right, faulty, strict=True):
        np.testing.assert_allclose(a.data, b.data, atol=1e-12)  # the sum of the result is constant
    with pytest.raises(GradientMismatch, match=r"^order 1, input 0 \(6, 3\)"):
        check_gradients(normalized(NoBatchNormGradient), arrays)


def test_the_fused_and_the_composed_backward_of_batch_norm_agree():
    rng = np.random.default_rng(0)
    xs = leaves([rng.standard_normal((4, 3, 2, 5)), rng.standard_normal(5), rng.standard_normal(5)])
    v = Tensor(rng.standard_normal((4, 3, 2, 5)))
    composed = grad(ops.batch_norm(*xs, training=True), xs, v, create_graph=True)
    fused = grad(ops.batch_norm(*xs, training=True), xs, v)
    for a, b in zip(fused, composed, strict=True):
        np.testing.assert_allclose(a.data, b.data, rtol=1e-11, atol=1e-12)
