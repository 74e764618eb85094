"""Messages of errors, in full: the op, the mistake, every argument with its whole shape, the way out."""

import pytest
from error_tables import check, entries

from rawgan.errors import (
    ArgumentError,
    ConfigError,
    DeviceError,
    DTypeError,
    GraphError,
    NotTwiceDifferentiable,
    RawganError,
    ShapeError,
)


def test_errors_can_be_caught_as_errors_of_python():
    for error in (ArgumentError, ConfigError, DeviceError, GraphError, NotTwiceDifferentiable, ShapeError):
        assert issubclass(error, ValueError)
        assert issubclass(error, RawganError)
    assert issubclass(DTypeError, TypeError)
    assert issubclass(DTypeError, RawganError)
    assert issubclass(NotTwiceDifferentiable, GraphError)


TENSORS = """
Tensor(np.arange(6).reshape(2, 3))
DTypeError: Tensor: data is int64, but only float32 and float64 have gradients
  data (2, 3)   convert it: data.astype('float32')

Tensor(np.zeros(2, "float16"))
DTypeError: Tensor: data is float16, but only float32 and float64 have gradients
  data (2,)   convert it: data.astype('float32')

Tensor(np.array([True]))
DTypeError: Tensor: data is bool, but only float32 and float64 have gradients
  data (1,)   convert it: data.astype('float32')

Tensor("1.5")
DTypeError: Tensor: data is str; give an array, a number, or nested lists of numbers whose rows have equal lengths

Tensor(None)
DTypeError: Tensor: data is NoneType; give an array, a number, or nested lists of numbers whose rows have equal lengths

Tensor([[1.0, 2.0], [3.0]])
DTypeError: Tensor: data is list; give an array, a number, or nested lists of numbers whose rows have equal lengths

Tensor([1.0, None])
DTypeError: Tensor: data is list; give an array, a number, or nested lists of numbers whose rows have equal lengths

Tensor([zeros(2), zeros(2)])
DTypeError: Tensor: data is list of Tensors; concatenate joins them, x.numpy() and x.item() give numbers

Tensor(zeros(2))
DTypeError: Tensor: data is a Tensor already; use x.detach() for one that shares its array

setattr(zeros(2, 3), "data", np.zeros((3, 2), "float32"))
ShapeError: Tensor.data: a new array must have the old one's shape, dtype and device
  old (2, 3) float32 cpu   new (3, 2) float32 cpu

setattr(zeros(2), "data", np.zeros(2))
ShapeError: Tensor.data: a new array must have the old one's shape, dtype and device
  old (2,) float32 cpu   new (2,) float64 cpu

(weight(2) * 2).__setitem__(0, 1.0)
GraphError: Mul: its result cannot be written to, only leaves can; detach() it first
"""


@pytest.mark.parametrize(("call", "expected"), entries(TENSORS))
def test_errors_of_tensors(call, expected):
    check(call, expected)


GRAPHS = """
(weight(2) * 2).backward()
GraphError: backward: the output (2,) is not a single number, so its gradient must be given
  reduce it first, as in loss.mean().backward(), or pass the gradient of what follows

zeros().backward()
GraphError: backward: the output has no graph
  was it computed inside no_grad(), detached, or from Tensors that do not require a gradient?

(weight(2) * 2).backward(zeros(3))
ShapeError: backward: the gradient must have its output's shape, dtype and device
  output (2,) float32 cpu   gradient (3,) float32 cpu

(weight(2) * 2).backward(zeros(2, dtype="float64"))
ShapeError: backward: the gradient must have its output's shape, dtype and device
  output (2,) float32 cpu   gradient (2,) float64 cpu

grad(weight() * 2, zeros())
GraphError: grad: inputs[0] () has no gradient: it does not require a gradient
  is a detach() or a no_grad() in between? unconnected='zero' takes zeros for an answer

grad(weight() * 2, [weight(2)])
GraphError: grad: inputs[0] (2,) has no gradient: the outputs do not depend on it
  is a detach() or a no_grad() in between? unconnected='zero' takes zeros for an answer

grad(weight() * 2, [], unconnected="none")
ArgumentError: grad: unconnected is 'none'; choose 'error' or 'zero'

grad([weight() * 2], [weight()], [zeros(), zeros()])
ShapeError: grad: 1 outputs but 2 grad_outputs; give one for each
"""


@pytest.mark.parametrize(("call", "expected"), entries(GRAPHS))
def test_errors_of_graphs(call, expected):
    check(call, expected)
