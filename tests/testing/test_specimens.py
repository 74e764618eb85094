"""The checks of `rawgan.testing` on specimens: wrong functions, layers and kernels, and right but awkward ones."""

import numpy as np
import pytest
from specimens import BEYOND, RIGHT, WRONG, alarm

from rawgan import nn, ops
from rawgan.errors import ArgumentError, CheckFailed
from rawgan.testing import check_kernel, check_layer, gradcheck


@pytest.mark.parametrize("name", WRONG)
def test_wrong_specimens_are_caught(name):
    assert alarm(WRONG[name]), "it slipped through"


@pytest.mark.parametrize("name", RIGHT)
def test_right_specimens_raise_no_alarm(name):
    assert alarm(RIGHT[name]) == ""


@pytest.mark.parametrize("name", BEYOND)
def test_specimens_that_no_check_can_catch_slip_through(name):
    assert alarm(BEYOND[name]) == "", "it is caught: move it to WRONG"


# --- messages -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: check_kernel("tanh"), "check_kernel: tanh(x): missing a required argument: 'x'"),
        (lambda: check_kernel("tanhh", np.ones(3)), "check_kernel: there is no kernel 'tanhh'; did you mean tanh?"),
        (lambda: check_kernel(ops.tanh, np.ones(3)), "check_kernel: there is no kernel a function; give its name; "),
        (
            lambda: check_kernel("tanh", np.arange(3)),
            "check_kernel: tanh: there is no array of floats among the arguments (int64); convert them",
        ),
        (
            lambda: check_kernel("matmul", np.ones((2, 3)), np.ones((2, 3))),
            "check_kernel: the reference of matmul does not take these arguments: ValueError: ",
        ),
        (lambda: gradcheck(ops.add, np.ones(3)), "add(a: Any, b: Any) -> rawgan.tensor.Tensor: missing a required"),
        (lambda: check_layer(nn.Tanh(), np.ones(3), unused=["w"]), "check_layer: unused='w', but Tanh has no such"),
    ],
)
def test_wrong_calls_of_the_checks_are_refused(call, message):
    with pytest.raises(ArgumentError) as error:
        call()
    assert str(error.value).startswith(message)


def test_an_idle_parameter_can_be_declared():
    class Idle(nn.Module):
        def __init__(self):
            self.w, self.b = nn.Parameter(np.ones(3)), nn.Parameter(np.zeros(3))

        def forward(self, x):
            return x * self.w

    with pytest.raises(CheckFailed) as error:
        check_layer(Idle(), np.ones((2, 3)), modes=["eval"])
    assert str(error.value) == (
        "Idle: no result depends on its parameter b (3,)\n"
        "  is it forgotten in forward? If it is meant to be idle: check_layer(…, unused=('b',))"
    )
    report = check_layer(Idle(), np.ones((2, 3)), modes=["eval"], unused="b")
    assert [row.input for row in report.rows if row.order == 1 and row.flat] == ["b (eval)"]


def test_empty_arrays_pass():
    report = gradcheck(ops.tanh, np.zeros((0, 3)))
    assert [(row.input, row.error) for row in report.rows if row.order == 1] == [("x", 0.0)]
