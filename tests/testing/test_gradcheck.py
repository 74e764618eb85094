"""Reports of `gradcheck` on right gradients, and its refusals."""

import numpy as np
import pytest
from squares import Square, WritesToInput, WrongFactor, X, normal

from rawgan import Tensor, nn, ops
from rawgan.errors import ArgumentError, CheckFailed, GradientMismatch, NotTwiceDifferentiable
from rawgan.testing import gradcheck


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


def test_evaluations_count_the_calls_of_the_function():
    calls = []

    def function(x):
        calls.append(x)
        return x * x

    report = gradcheck(function, X, order=1, checks=())
    extra = len(calls) - report.evaluations  # to read the arguments, to round them, and for the four walks
    assert 0 < extra <= 12


def test_functions_may_return_several_results_and_take_integers():
    def function(x, power, labels, y):
        return x**power, ops.cross_entropy(y, labels)

    report = gradcheck(function, X, 3, np.array([1, 0]), normal(2, 4))
    assert [row.input for row in report.rows if row.order == 2] == ["x", "y", "gy0", "gy1"]


def test_lists_floats_tensors_and_float32_are_checked_in_float64():
    report = gradcheck(lambda a, b, c: a * b * c, [1.0, 2.0, 3.0], 2.5, Tensor(X.astype("float32")))
    assert [row.shape for row in report.rows if row.order == 1] == [(3,), (), (3,)]
    assert report.error(2) < 1e-9


def test_inputs_stay_as_they_were():
    x = X.copy()
    gradcheck(ops.tanh, x)
    with pytest.raises(CheckFailed):
        gradcheck(WritesToInput, x)
    np.testing.assert_array_equal(x, X)


@pytest.mark.parametrize("size", [1e-150, 1e-9, 1.0, 1e9, 1e80])
def test_tiny_and_huge_numbers_are_checked_like_ordinary_ones(size):
    assert gradcheck(ops.mul, size * normal(3), normal(3) / size).error(2) < 1e-9
    assert gradcheck(lambda x: x * x, size * normal(3)).error(2) < 1e-9
    with pytest.raises(GradientMismatch):
        gradcheck(WrongFactor, size * normal(3))


def test_steps_stay_inside_the_domain():
    report = gradcheck(ops.log, np.array([1e-6, 1.0, 0.5]), order=3)
    assert max(map(report.error, report.orders)) < 1e-9
    assert report.kinks == ()


def test_a_result_of_nothing_but_rounding_passes():
    scales = Tensor(np.ones(3)), Tensor(np.zeros(3))

    def function(x):
        return ops.sum(ops.batch_norm(x, *(s.astype(x.dtype) for s in scales), training=True))

    gradcheck(function, normal(5, 3))


def test_a_gradient_of_nothing_but_rounding_passes():
    """A bias before a batch norm is subtracted again."""

    def function(x, b, gamma, beta):
        return ops.batch_norm(x + b, gamma, beta, training=True)

    report = gradcheck(function, normal(5, 3), normal(3), normal(3), normal(3))
    assert not next(row for row in report.rows if row.input == "b").flat


# --- refusals --------------------------------------------------------------------------------------------------------


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
def test_functions_and_inputs_that_cannot_be_checked_are_refused(arguments, message):
    with pytest.raises(ArgumentError) as error:
        gradcheck(*arguments)
    assert str(error.value).startswith(message)


def test_a_function_that_holds_float32_gets_an_error_with_the_way_out():
    net = nn.Linear(3, 2, rng=np.random.default_rng(0))
    with pytest.raises(ArgumentError, match=r"(?s)^<lambda>: linear: .* two dtypes.*net.to\(dtype='float64'\)"):
        gradcheck(lambda x: net(x), normal(2, 3))


def test_options_out_of_range_are_refused():
    with pytest.raises(ArgumentError, match=r"^tanh: 1 inputs but 2 names$"):
        gradcheck(ops.tanh, X, names=["a", "b"])

    with pytest.raises(ArgumentError, match=r"^gradcheck: order must be 1, 2 or 3, but is 4$"):
        gradcheck(ops.tanh, X, order=4)
    with pytest.raises(ArgumentError, match=r"^gradcheck: there is no check 'speed'; choose among: inputs, "):
        gradcheck(ops.tanh, X, checks=["speed"])


def test_an_infinite_slope_is_a_mismatch_and_names_its_element():
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
