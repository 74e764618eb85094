"""The gradient check itself: what it finds, what it says, and that it can fail."""

import numpy as np
import pytest

from rawgan import Op, Tensor, grad, nn, ops
from rawgan.autograd import is_recording
from rawgan.errors import ArgumentError, CheckFailed, GradientMismatch, NotTwiceDifferentiable
from rawgan.ops.norm import Normalize
from rawgan.testing import CHECKS, check_layer, gradcheck
from rawgan.testing.functions.backward import leaves

X = np.array([0.5, -1.5, 2.0])


def normal(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape)


# --- gradients that are right --------------------------------------------------------------------------


def test_the_report_has_the_error_of_every_input_at_every_order():
    report = gradcheck(ops.linear, normal(3, 4), normal(4, 2), normal(2), order=3)
    inputs = {order: [row.input for row in report.rows if row.order == order] for order in report.orders}
    assert inputs == {1: ["x", "w", "b"], 2: ["x", "w", "b", "gy"], 3: ["x", "w", "b", "gy", "ggx", "ggw", "ggb"]}
    assert all(
        report.error(order) == max(r.error for r in report.rows if r.order == order) < 1e-9 for order in (1, 2, 3)
    )
    assert report.evaluations > 100
    assert report.seconds > 0
    assert report.kinks == ()


def test_printed_the_report_is_a_table():
    lines = str(gradcheck(lambda x, w: 2 * x + 0 * w.detach(), X, X[:1])).splitlines()
    assert lines[0].startswith("<lambda>: gradients agree with finite differences (")
    assert lines[1].split() == ["input", "shape", "order", "1", "order", "2"]
    assert [line.split()[0] for line in lines[2:5]] == ["x", "w", "gy"]
    assert lines[3].split() == ["w", "(1,)", "zero", "zero"]
    assert lines[5:] == ["  w has no influence on the result"]


def test_evaluations_are_the_calls_of_the_function():
    calls = []

    def function(x):
        calls.append(x)
        return x * x

    report = gradcheck(function, X, order=1, checks=())
    assert (
        0 < len(calls) - report.evaluations <= 12
    )  # reading the arguments, rounding them, and the four walks that are checked


def test_several_results_and_whole_numbers():
    def function(x, power, labels, y):
        return x**power, ops.softmax_cross_entropy(y, labels)

    report = gradcheck(function, X, 3, np.array([1, 0]), normal(2, 4))
    assert [row.input for row in report.rows if row.order == 2] == ["x", "y", "gy0", "gy1"]


def test_lists_floats_tensors_and_float32_are_checked_in_float64():
    report = gradcheck(lambda a, b, c: a * b * c, [1.0, 2.0, 3.0], 2.5, Tensor(X.astype("float32")))
    assert [row.shape for row in report.rows if row.order == 1] == [(3,), (), (3,)]
    assert report.error(2) < 1e-9


def test_what_it_is_given_stays_as_it_was():
    x = X.copy()
    gradcheck(ops.tanh, x)
    with pytest.raises(CheckFailed):
        gradcheck(WritesToInput, x)
    np.testing.assert_array_equal(x, X)


@pytest.mark.parametrize("size", [1e-150, 1e-9, 1.0, 1e9, 1e80])
def test_tiny_and_huge_numbers_are_checked_like_others(size):
    assert gradcheck(ops.mul, size * normal(3), normal(3) / size).error(2) < 1e-9
    assert gradcheck(lambda x: x * x, size * normal(3)).error(2) < 1e-9
    with pytest.raises(GradientMismatch):
        gradcheck(WrongFactor, size * normal(3))


def test_steps_stay_inside_the_domain():
    report = gradcheck(ops.log, np.array([1e-6, 1.0, 0.5]), order=3)
    assert max(map(report.error, report.orders)) < 1e-9
    assert report.kinks == ()


def test_a_result_that_is_zero_but_for_rounding_passes():
    scales = Tensor(np.ones(3)), Tensor(np.zeros(3))

    def function(x):
        return ops.sum(ops.batch_norm(x, *(s.astype(x.dtype) for s in scales), training=True))

    gradcheck(function, normal(5, 3))


def test_a_gradient_that_is_zero_but_for_rounding_passes():
    """The bias before a batch norm: subtracted again."""

    def function(x, b, gamma, beta):
        return ops.batch_norm(x + b, gamma, beta, training=True)

    report = gradcheck(function, normal(5, 3), normal(3), normal(3), normal(3))
    assert not next(row for row in report.rows if row.input == "b").flat


# --- planted faults ------------------------------------------------------------------------------------


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
        return 2.00001 * x


class OneElementForgotten(Square):
    def slope(self, x):
        mask = np.ones(x.shape, x.dtype)
        mask.flat[-1] = 0
        return 2 * x * Tensor(mask)


class NoGradient(Square):
    def backward(self, gy):
        return (None,)


class FactorTreatedAsConstant(Square):
    """Right at order 1, and has a graph, through gy alone."""

    def slope(self, x):
        return 2 * x.detach()


class KeptInAnAttribute(Square):
    """The values of x without its graph."""

    def forward(self, x):
        self.kept = x
        return x * x

    def slope(self, x):
        return 2 * Tensor(self.kept)


class OtherFormulaWhenRecorded(Square):
    """Right when not recorded; twice too much, consistently, when recorded."""

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
def test_planted_faults_are_found_at_their_order(fault, order):
    if order == 2:
        gradcheck(fault, X, order=1)  # which alone does not see it
    with pytest.raises(GradientMismatch) as error:
        gradcheck(fault, X, order=order)
    assert str(error.value).startswith(f"{fault.__name__}: the gradient of x (3,) is wrong at order {order}\n")
    assert (error.value.order, error.value.input) == (order, "x")


def test_third_derivatives_are_checked_on_request():
    class Cube(Op):
        """Right at orders 1 and 2: the second derivative, as a number, is that of x³, and has no graph."""

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


def test_both_values_are_those_of_the_weighted_result():
    with pytest.raises(GradientMismatch) as error:
        gradcheck(WrongSign, X)
    assert error.value.backward == pytest.approx(-error.value.numerical, rel=1e-6)
    assert 0.5 <= abs(error.value.numerical) / (2 * abs(X[error.value.index])) * np.sqrt((X**4).mean()) <= 1.5


def test_the_message_says_when_nothing_flows_back():
    with pytest.raises(GradientMismatch, match="it is zero everywhere: does a backward return None"):
        gradcheck(lambda x: (2 * x).detach(), X)


def test_the_message_says_when_the_two_walks_differ():
    with pytest.raises(GradientMismatch, match=r"the plain and the recorded backward differ: .* create_graph=True$"):
        gradcheck(OtherFormulaWhenRecorded, X)


def test_the_message_says_what_order_2_is_about():
    with pytest.raises(GradientMismatch, match=r"(?s)slope of Σ ggx·gx at x.*takes for a constant"):
        gradcheck(KeptInAnAttribute, X)


class OnePixel(Square):
    """One of very many elements is wrong."""

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


# --- kinks ---------------------------------------------------------------------------------------------


def found_kinks(function, *arrays):
    return [(kink.input, kink.index, kink.order) for kink in gradcheck(function, *arrays).kinks]


def test_kinks_are_reported_and_whatever_lies_between_their_slopes_is_right():
    assert found_kinks(ops.relu, np.array([[0.0, 1.0], [-2.0, 0.0]])) == [("x", (0, 0), 1), ("x", (1, 1), 1)]
    assert found_kinks(ops.abs, np.array([0.0, 1.0])) == [("x", (0,), 1)]  # its gradient is the mean of both slopes
    assert found_kinks(ops.max, np.array([1.0, 3.0, 3.0])) == [("x", (1,), 1), ("x", (2,), 1)]
    assert found_kinks(ops.relu, normal(4, 5)) == []


def test_a_kink_has_the_slopes_of_both_sides():
    (kink,) = gradcheck(lambda x: ops.leaky_relu(x, 0.25), np.array([1.0, 0.0, -1.0])).kinks
    assert sorted([abs(kink.left), abs(kink.right)])[0] == pytest.approx(abs(kink.gradient))
    assert sorted([kink.left / kink.gradient, kink.right / kink.gradient]) == pytest.approx([1, 4], rel=1e-6)
    assert str(kink).startswith("x[1], order 1: slopes ")


def test_the_printed_report_lists_kinks_but_not_hundreds():
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


def test_kinks_excuse_no_other_element():
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


def test_a_jump_is_reported_and_its_gradient_is_a_number():
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


def test_a_norm_that_epsilon_keeps_from_zero_is_smooth():
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
    gradcheck(ops.softmax_cross_entropy, x, np.array([0, 1]), order=1)


def test_strong_curvature_is_no_kink():
    assert found_kinks(lambda x: ops.tanh(300 * x), np.array([1e-3, -2e-3, 0.5])) == []
    with pytest.raises(GradientMismatch):
        gradcheck(lambda x: ops.tanh(300 * x) + WrongFactor()(x), np.array([1e-3, -2e-3, 0.5]), rtol=1e-9)


# --- what else can be wrong ----------------------------------------------------------------------------


class WritesToInput(Square):
    def forward(self, x):
        x *= x
        return x + 0


class WritesToUpstreamGradient(Square):
    def backward(self, gy):
        gradients = super().backward(gy)
        gy.data[...] = 0
        return gradients


class WritesWhenRecorded(Square):
    def backward(self, gy):
        gradients = super().backward(gy)
        if is_recording():
            gy.data[...] = 0
        return gradients


BUFFERS = {}


class SameBuffer(Square):
    def forward(self, x):
        return np.multiply(x, x, out=BUFFERS.setdefault(x.dtype, np.empty_like(x)))


class NeedsRowMajor(Square):
    def forward(self, x):
        return np.square(np.ravel(x, order="K")).reshape(x.shape)


class Promotes(Square):
    keeps_dtype = False

    def forward(self, x):
        return x * np.ones(x.shape) * x

    def backward(self, gy):
        (x,) = self.inputs
        return (ops.astype(gy, x.dtype) * 2 * x,)


class HalfPrecision(Square):
    def forward(self, x):
        return (x if x.dtype == np.float64 else x.astype("float16").astype("float32")) * x


class Shuffled(Op):
    """y = a · b, whose backward returns only the gradients that are needed, in front."""

    def forward(self, a, b):
        return a * b

    def backward(self, gy):
        a, b = self.inputs
        wanted = [g for g, needed in zip((gy * b, gy * a), self.needs, strict=True) if needed]
        return (*wanted, *[None] * (2 - len(wanted)))


class ReadsBehindStrides(Square):
    """Goes wrong where all of gy is one number in memory."""

    def backward(self, gy):
        (x,) = self.inputs
        return (2 * x * (1.5 * gy if gy.data.strides == (0,) else gy),)


def randomly(x):
    return x * (1 + np.random.default_rng().random())  # never twice the same, as a mask of so few elements may be


@pytest.mark.parametrize(
    ("kind", "fault", "message"),
    [
        ("inputs", WritesToInput, r"^WritesToInput writes to x \(3, 2\), which belongs to its caller$"),
        ("inputs", WritesToUpstreamGradient, r"^WritesToUpstreamGradient writes to gy \(3, 2\), which belongs to its"),
        ("inputs", WritesWhenRecorded, r"^WritesWhenRecorded writes to gy"),
        ("repeatable", randomly, r"^randomly gives another y \(3, 2\) when it is called again with the same inputs\n"),
        ("repeatable", SameBuffer, r"^SameBuffer: y \(3, 2\) is the same memory at every call"),
        ("layout", NeedsRowMajor, r"^NeedsRowMajor: Fortran-ordered inputs give another y \(3, 2\), off by "),
        ("dtype", Promotes, r"^Promotes turns float32 inputs into a y \(3, 2\) of float64$"),
        ("dtype", HalfPrecision, r"^HalfPrecision: float32 inputs give another y \(3, 2\), off by "),
    ],
)
def test_other_faults_are_found_and_named(kind, fault, message):
    with pytest.raises(CheckFailed, match=message):
        gradcheck(fault, normal(3, 2))
    with pytest.raises(CheckFailed, match=message):
        gradcheck(fault, normal(3, 2), checks=[kind])


class DetachesUnwanted(Op):
    """y = x · w, whose backward takes for a constant what needs no gradient of its own: penalties go wrong by that."""

    def forward(self, x, w):
        return x * w

    def backward(self, gy):
        x, w = self.inputs
        return gy * (w if self.needs[1] else w.detach()), gy * (x if self.needs[0] else x.detach())


def test_second_derivatives_must_not_depend_on_which_gradients_are_wanted():
    arrays = normal(3), normal(3, seed=1)
    message = r"^DetachesUnwanted: when gx \(3,\) alone is wanted, as by a gradient penalty, its derivative by w \(3,\)"
    with pytest.raises(CheckFailed, match=message):
        gradcheck(DetachesUnwanted, *arrays)
    gradcheck(DetachesUnwanted, *arrays, order=1)


def test_a_backward_is_held_to_the_same_as_a_forward():
    class Square(Op):
        def forward(self, x):
            return x * x

        def backward(self, gy):
            return (Slope()(self.inputs[0], gy),)

    class Slope(Op):
        def forward(self, x, gy):
            return 2 * x * gy

        def backward(self, ggx):
            x, gy = self.inputs
            wanted = [g for g, needed in zip((2 * ggx * gy, 2 * ggx * x), self.needs, strict=True) if needed]
            return (*wanted, *[None] * (2 - len(wanted)))

    with pytest.raises(CheckFailed, match=r"^Square: ggy \(3,\) changes when no other gradient is wanted"):
        gradcheck(Square, X)


def test_a_function_that_takes_gradients_itself_can_be_checked():
    """A gradient penalty."""

    def penalty(x, w):
        (g,) = grad(ops.tanh(x @ w).sum(), x, create_graph=True)
        return ((g * g).sum(axis=1) - 1) ** 2

    assert gradcheck(penalty, normal(2, 3), normal(3, 4)).error(2) < 1e-9


def test_gradients_must_not_depend_on_which_are_wanted():
    arrays = normal(3), normal(3, seed=1)
    with pytest.raises(CheckFailed, match=r"^Shuffled: gb \(3,\) changes when no other gradient is wanted"):
        gradcheck(Shuffled, *arrays)
    gradcheck(Shuffled, *arrays, checks=CHECKS.keys() - {"needs", "constants"})


def test_an_upstream_gradient_may_be_one_number_repeated():
    with pytest.raises(CheckFailed, match=r"^ReadsBehindStrides: an upstream gradient of stride 0 gives another gx"):
        gradcheck(ReadsBehindStrides, X, checks=["layout"])


def test_float64_arrays_in_the_way_of_float32_are_named_with_the_way_out():
    def function(x):
        return x * Tensor(np.ones(3))

    with pytest.raises(CheckFailed, match=r"(?s)^function does not take float32\n.*two dtypes.*checks=CHECKS"):
        gradcheck(function, X)
    gradcheck(function, X, checks=CHECKS.keys() - {"dtype"})


def test_gradients_are_memory_of_their_own(monkeypatch):
    """The engine sees to that, so it has to be broken first."""
    monkeypatch.setattr("rawgan.autograd._separate", lambda g, *_: g)
    with pytest.raises(CheckFailed, match=r"^add: ga \(3,\) and gb are the same memory$"):
        gradcheck(ops.add, X, X)
    with pytest.raises(CheckFailed, match=r"^neg_neg: gx \(3,\) and gy are the same memory$"):
        gradcheck(lambda x: ops.reshape(x, (3,)), X, name="neg_neg")


# --- what cannot be checked ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((ops.tanh,), "tanh: there is nothing to differentiate by; give at least one array of floats"),
        ((ops.tanh, np.arange(3)), "tanh: there is nothing to differentiate by"),
        ((ops.tanh, np.array([1.0, np.nan])), "tanh: x is not finite\n  x (2,)"),
        ((ops.log, np.array([-1.0])), "log: the result is not finite; give inputs inside its domain\n  result (1,)"),
        ((lambda x: x.data, X), "<lambda> must return a Tensor, or a tuple of Tensors, not ndarray"),
        ((lambda x: (), X), "<lambda> must return a Tensor, or a tuple of Tensors, not tuple"),
        ((Square(), X), "an op is called once, so give a function that makes a new one: lambda x: Square(…)(x)"),
        ((3, X), "a function of Tensors is needed, not int"),
    ],
    ids=lambda argument: str(argument)[:20],
)
def test_what_cannot_be_checked_is_refused(arguments, message):
    with pytest.raises(ArgumentError) as error:
        gradcheck(*arguments)
    assert str(error.value).startswith(message)


def test_what_a_function_holds_in_float32_is_named_with_the_way_out():
    net = nn.Linear(3, 2, rng=np.random.default_rng(0))
    with pytest.raises(ArgumentError, match=r"(?s)^<lambda>: MatMul: .* two dtypes.*net.to\(dtype='float64'\)"):
        gradcheck(lambda x: net(x), normal(2, 3))


def test_options_out_of_range_are_refused():
    with pytest.raises(ArgumentError, match=r"^tanh: 1 inputs but 2 names$"):
        gradcheck(ops.tanh, X, names=["a", "b"])

    with pytest.raises(ArgumentError, match=r"^gradcheck: order must be 1, 2 or 3, but is 4$"):
        gradcheck(ops.tanh, X, order=4)
    with pytest.raises(ArgumentError, match=r"^gradcheck: there is no check 'speed'; choose among: inputs, "):
        gradcheck(ops.tanh, X, checks=["speed"])


def test_an_infinite_slope_is_a_mismatch_that_names_its_element():
    with pytest.raises(GradientMismatch) as error:
        gradcheck(ops.sqrt, np.array([1.0, 0.0]))
    assert error.value.index == (1,)
    assert "1 of 2 elements are wrong" in str(error.value)


def test_an_op_without_second_derivative_is_checked_at_order_1():
    class Once(Square):
        differentiable_twice = False

        def backward(self, gy):
            return (Tensor(2 * self.inputs[0].data * gy.data),)

    assert gradcheck(Once, X, order=1).error(1) < 1e-9
    with pytest.raises(NotTwiceDifferentiable, match=r"^Once has no second derivative"):
        gradcheck(Once, X)


def test_one_check_may_be_given_by_its_name():
    seen = []

    def watched(x):
        seen.append(x.dtype)
        return x * x

    gradcheck(watched, np.array([1.0, 2.0]), checks="dtype", names="x")
    assert {str(dtype) for dtype in seen} == {"float32", "float64"}
    with pytest.raises(ArgumentError, match=r"^gradcheck: there is no check 'dtyp'; choose among: inputs, "):
        gradcheck(watched, np.array([1.0, 2.0]), checks="dtyp")
    with pytest.raises(ArgumentError, match=r"^gradcheck: checks must be a name, or a list of names, but is 3$"):
        gradcheck(watched, np.array([1.0, 2.0]), checks=3)
