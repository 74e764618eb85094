"""Messages of errors of the other ops."""

import pytest
from error_tables import check, entries

NORMALISATION = """
ops.batch_norm(zeros(4), zeros(4), zeros(4), training=True)
ShapeError: batch_norm: x must be (N, C) or (N, …, C)
  x (4,)

ops.batch_norm(zeros(4, 3), zeros(2), zeros(3), training=True)
ShapeError: batch_norm: gamma must have shape (3,) to fit x
  x (4, 3), laid out (N, C)   gamma (2,)

ops.batch_norm(zeros(4, 3), zeros(3), zeros(1, 3), training=True)
ShapeError: batch_norm: beta must have shape (3,) to fit x
  x (4, 3), laid out (N, C)   beta (1, 3)

ops.batch_norm(zeros(4, 3), zeros(3), zeros(3), zeros(4), zeros(3), training=True)
ShapeError: batch_norm: running_mean must have shape (3,) to fit x
  x (4, 3), laid out (N, C)   running_mean (4,)

ops.batch_norm(zeros(4, 3), zeros(3), zeros(3), zeros(3), zeros(4), training=False)
ShapeError: batch_norm: running_var must have shape (3,) to fit x
  x (4, 3), laid out (N, C)   running_var (4,)

ops.batch_norm(zeros(4, 3), zeros(3), zeros(3), zeros(3), training=False)
ShapeError: batch_norm: evaluation needs running_mean and running_var; or pass training=True

ops.batch_norm(zeros(1, 3), zeros(3), zeros(3), training=True)
ShapeError: batch_norm: in training each channel needs more than one value, as the variance of one is 0
  x (1, 3), laid out (N, C)   use a larger batch, or eval()

ops.batch_norm(zeros(1, 1, 1, 3), zeros(3), zeros(3), training=True)
ShapeError: batch_norm: in training each channel needs more than one value, as the variance of one is 0
  x (1, 1, 1, 3), laid out (N, H, W, C)   use a larger batch, or eval()

ops.batch_norm(zeros(0, 3), zeros(3), zeros(3), training=True)
ShapeError: batch_norm: in training each channel needs more than one value, as the variance of one is 0
  x (0, 3), laid out (N, C)   use a larger batch, or eval()

ops.batch_norm(zeros(4, 3, dtype="float64"), zeros(3), zeros(3), training=True)
DTypeError: batch_norm: the inputs are of two dtypes
  x (4, 3) float64   gamma (3,) float32   beta (3,) float32
  convert one with .astype(dtype)

ops.batch_norm(zeros(4, 3), zeros(3), zeros(3), zeros(3), zeros(3, dtype="float64"), training=False)
DTypeError: batch_norm: the inputs are of two dtypes
  x (4, 3) float32   gamma (3,) float32   running_mean (3,) float32   running_var (3,) float64
  convert one with .astype(dtype)

ops.layer_norm(zeros(4, 3), zeros(4), zeros(4))
ShapeError: layer_norm: gamma must have shape (3,) to fit x
  x (4, 3), laid out (…, *gamma)   gamma (4,)

ops.layer_norm(zeros(4, 3), zeros(2, 4, 3), zeros(4, 3))
ShapeError: layer_norm: gamma must have shape (4, 3) to fit x
  x (4, 3), laid out (…, *gamma)   gamma (2, 4, 3)

ops.layer_norm(zeros(4, 3), beta="a")
DTypeError: Tensor: data is str; give an array, a number, or nested lists of numbers whose rows have equal lengths
  as beta of layer_norm

ops.batch_norm(zeros(4, 3), "a", training=True)
DTypeError: Tensor: data is str; give an array, a number, or nested lists of numbers whose rows have equal lengths
  as gamma of batch_norm

ops.layer_norm(zeros(4, 3), axis=0)
ArgumentError: layer_norm: axis must be the trailing axes, those of gamma and beta
  x (4, 3)   axis 0

ops.layer_norm(zeros(4, 3), zeros(3), axis=(0, 1))
ArgumentError: layer_norm: axis must be the trailing axes, those of gamma and beta
  x (4, 3)   axis (0, 1)   gamma (3,)

ops.layer_norm(zeros(4, 2, 3), zeros(3), zeros(2, 3))
ShapeError: layer_norm: beta must have shape (3,) to fit x
  x (4, 2, 3), laid out (…, *gamma)   beta (2, 3)

ops.group_norm(zeros(4, 2, 6), 4)
ArgumentError: group_norm: groups must divide the channels of x, but is 4
  x (4, 2, 6)

ops.group_norm(zeros(4, 6), 6)
ShapeError: group_norm: a group needs more than one value, as the variance of one is 0
  x (4, 6), laid out (N, C)   groups 6

ops.group_norm(zeros(4, 2, 6), 3, zeros(2))
ShapeError: group_norm: gamma must have shape (6,) to fit x
  x (4, 2, 6), laid out (N, …, C)   gamma (2,)

ops.instance_norm(zeros(4, 3), zeros(3), zeros(3))
ShapeError: instance_norm: x must be (N, H, W, C) or (N, …, C), with pixels between
  x (4, 3)

ops.instance_norm(zeros(1, 4, 4, 3), zeros(2), zeros(3))
ShapeError: instance_norm: gamma must have shape (3,) to fit x
  x (1, 4, 4, 3), laid out (N, H, W, C)   gamma (2,)

ops.layer_norm(zeros(4, 1), zeros(1), zeros(1))
ShapeError: layer_norm: a sample needs more than one value, as the variance of one is 0
  x (4, 1)   gamma (1,)

ops.instance_norm(zeros(4, 1, 3))
ShapeError: instance_norm: an image needs more than one pixel, as the variance of one is 0
  x (4, 1, 3), laid out (N, …, C)

ops.instance_norm(zeros(1, 1, 1, 3), zeros(3), zeros(3))
ShapeError: instance_norm: an image needs more than one pixel, as the variance of one is 0
  x (1, 1, 1, 3), laid out (N, H, W, C)
"""


@pytest.mark.parametrize(("call", "expected"), entries(NORMALISATION))
def test_errors_of_normalisation(call, expected):
    check(call, expected)


LOSSES = """
ops.bce_with_logits(zeros(4, 1), zeros(4))
ShapeError: bce_with_logits: target must have x's shape or be a number
  x (4, 1)   target (4,)

ops.bce_with_logits(zeros(4), 1.0, zeros(3))
ShapeError: bce_with_logits: weight must have x's shape or be a number
  x (4,)   weight (3,)

ops.bce_with_logits(zeros(4), 1.0, reduction="average")
ArgumentError: bce_with_logits: reduction is 'average'; choose one of: mean, sum, none

ops.bce_with_logits(zeros(0), 1.0)
ShapeError: mean: there is nothing to reduce along axes (0,)
  x (0,)

ops.mse(zeros(4, 1), zeros(4))
ShapeError: mse: target must have x's shape or be a number
  x (4, 1)   target (4,)

ops.mse(zeros(4), 1.0, reduction="avg")
ArgumentError: mse: reduction is 'avg'; choose one of: mean, sum, none

ops.l1(zeros(4, 1), zeros(1, 4))
ShapeError: l1: target must have x's shape or be a number
  x (4, 1)   target (1, 4)

ops.l1(zeros(4), np.zeros(4))
DTypeError: l1: the inputs are of two dtypes
  x (4,) float32   target (4,) float64
  convert one with .astype(dtype)

ops.bce_with_logits(zeros(4), 1.0, weight=np.zeros(4))
DTypeError: bce_with_logits: the inputs are of two dtypes
  x (4,) float32   weight (4,) float64
  convert one with .astype(dtype)

ops.cross_entropy(zeros(4), np.array([0, 1, 2, 3]))
ShapeError: cross_entropy: labels must have x's shape without its axis of classes, ()
  x (4,)   axis 0   labels (4,)
  turn one-hot vectors into class numbers, labels.argmax(axis=0), or into floats

ops.cross_entropy(zeros(4, 3), np.array([0, 1]))
ShapeError: cross_entropy: labels must have x's shape without its axis of classes, (4,)
  x (4, 3)   axis 1   labels (2,)

ops.cross_entropy(zeros(2, 5, 3), np.zeros(10, int))
ShapeError: cross_entropy: labels must have x's shape without its axis of classes, (2, 5)
  x (2, 5, 3)   axis 2   labels (10,)
  give them these axes: labels.reshape(2, 5)

ops.cross_entropy(zeros(2, 3), np.array([0.0, 1.0]))
DTypeError: cross_entropy: labels must be integers, but are float64

ops.cross_entropy(zeros(2, 3), np.zeros((2, 3)))
DTypeError: cross_entropy: the inputs are of two dtypes
  x (2, 3) float32   target (2, 3) float64
  convert one with .astype(dtype)

ops.cross_entropy(zeros(2, 3), np.array([0, 3]))
ArgumentError: cross_entropy: labels must lie in 0 … 2, but go from 0 to 3
  x (2, 3)   axis 1   labels (2,)

ops.cross_entropy(zeros(2, 3), np.array([-1, 2]))
ArgumentError: cross_entropy: labels must lie in 0 … 2, but go from -1 to 2
  x (2, 3)   axis 1   labels (2,)

ops.cross_entropy(zeros(2, 3), np.array([1, 2]), zeros(2))
ShapeError: cross_entropy: weight must have a number for each of 3 classes
  x (2, 3)   axis -1   weight (2,)

ops.cross_entropy(zeros(2, 0), np.array([1, 2]))
ShapeError: cross_entropy: x must have one axis of classes, at least one of them
  x (2, 0)   axis -1

ops.cross_entropy(zeros(2, 3), np.array([-100, -100]))
ArgumentError: cross_entropy: all labels are -100, ignore_index, and there is no mean of none

ops.cross_entropy(zeros(2, 3), np.array([1, 2]), label_smoothing=2)
ArgumentError: cross_entropy: label_smoothing must be a number between 0 and 1, but is 2

ops.nll(zeros(2, 3), np.array([1, 2]), reduction=None)
ArgumentError: nll: reduction is None; choose one of: mean, sum, none

ops.huber(zeros(2), zeros(2), delta=0)
ArgumentError: huber: delta must be a number, more than 0 and finite, but is 0

ops.hinge(zeros(2), zeros(3))
ShapeError: hinge: target must have x's shape or be a number
  x (2,)   target (3,)
"""


@pytest.mark.parametrize(("call", "expected"), entries(LOSSES))
def test_errors_of_losses(call, expected):
    check(call, expected)


ARITHMETIC = """
zeros(2, 3) + zeros(2)
ShapeError: add: shapes do not broadcast: from the last axis on, lengths must agree or be 1
  a (2, 3)   b (2,)

ops.floor_divide(zeros(2, 3), zeros(4))
ShapeError: floor_divide: shapes do not broadcast: from the last axis on, lengths must agree or be 1
  a (2, 3)   b (4,)

ops.sub(zeros(2, 3), zeros(3, 3))
ShapeError: sub: shapes do not broadcast: from the last axis on, lengths must agree or be 1
  a (2, 3)   b (3, 3)

zeros(2) * zeros(3)
ShapeError: mul: shapes do not broadcast: from the last axis on, lengths must agree or be 1
  a (2,)   b (3,)

zeros(2) / zeros(3)
ShapeError: div: shapes do not broadcast: from the last axis on, lengths must agree or be 1
  a (2,)   b (3,)

ops.maximum(zeros(2), zeros(3))
ShapeError: maximum: shapes do not broadcast: from the last axis on, lengths must agree or be 1
  a (2,)   b (3,)

zeros(2) * zeros(2, dtype="float64")
DTypeError: Mul: the inputs are of two dtypes
  a (2,) float32   b (2,) float64
  convert one with .astype(dtype)

zeros(2) - np.ones(2, complex)
DTypeError: Tensor: data is complex128, but only float32 and float64 have gradients
  data (2,)   take its real part, data.real, or abs(data)
  as b of sub

zeros(2) ** zeros(3)
ShapeError: pow: shapes do not broadcast: from the last axis on, lengths must agree or be 1
  a (2,)   b (3,)

ops.where("x", zeros(2), 0)
DTypeError: where: condition is str; give an array, a number, or nested lists of numbers whose rows have equal lengths

ops.where([True, False], zeros(3), 0)
ShapeError: where: shapes do not broadcast: from the last axis on, lengths must agree or be 1
  condition (2,)   a (3,)   b ()

ops.clip(zeros(2))
ArgumentError: clip: give min, max or both

zeros(2).clip(zeros(3), 1)
ShapeError: clip: shapes do not broadcast: from the last axis on, lengths must agree or be 1
  x (2,)   min (3,)   max ()

zeros(2).round(0.5)
ArgumentError: round: decimals must be an integer, but is 0.5

ops.gelu(zeros(2), "fast")
ArgumentError: gelu: approximate is 'fast'; choose one of: none, tanh

ops.elu(zeros(2), None)
ArgumentError: elu: alpha must be a finite number, but is None

ops.prelu(zeros(2, 3), zeros(2))
ShapeError: prelu: shapes do not broadcast: from the last axis on, lengths must agree or be 1
  x (2, 3)   slope (2,)

ops.prelu(zeros(3), zeros(2, 3))
ShapeError: prelu: slope must broadcast to the shape of x
  x (3,)   slope (2, 3)

ops.astype(zeros(2), "float16")
ArgumentError: astype: dtype is float16; choose float32 or float64

ops.astype(zeros(2), "flaot32")
ArgumentError: astype: dtype is 'flaot32'; choose float32 or float64

ops.leaky_relu(zeros(2), 1.5)
ArgumentError: leaky_relu: slope must be a number between 0 and 1, but is 1.5

ops.leaky_relu(zeros(2), -0.1)
ArgumentError: leaky_relu: slope must be a number between 0 and 1, but is -0.1

ops.dropout(zeros(2), 1.0, rng())
ArgumentError: dropout: rate must be a number, at least 0 and less than 1, but is 1.0

ops.dropout(zeros(2), -0.1, rng())
ArgumentError: dropout: rate must be a number, at least 0 and less than 1, but is -0.1
"""


@pytest.mark.parametrize(("call", "expected"), entries(ARITHMETIC))
def test_errors_of_arithmetic(call, expected):
    check(call, expected)


PRODUCTS = """
ops.matmul(zeros(2, 3), zeros(2, 3))
ShapeError: matmul: a has 3 columns but b has 2 rows
  a (2, 3)   b (2, 3)

ops.matmul(zeros(), zeros(3, 2))
ShapeError: matmul: both inputs need an axis; a number is multiplied by *
  a ()   b (3, 2)

ops.matmul(zeros(3), zeros(2))
ShapeError: matmul: a has 3 columns but b has 2 rows
  a (3,)   b (2,)

ops.matmul(zeros(3, 2, 3), zeros(2, 3, 2))
ShapeError: matmul: the axes in front of the matrices do not broadcast
  a (3, 2, 3)   b (2, 3, 2)

ops.linear(zeros(4, 5), zeros(3, 2))
ShapeError: linear: x has 5 features but w takes 3
  x (4, 5), laid out (N, in)   w (3, 2), laid out (in, out)

ops.linear(zeros(4, 5), zeros(5))
ShapeError: linear: x must be (N, in), or (…, in), and w (in, out)
  x (4, 5)   w (5,)

ops.linear(zeros(4, 5), zeros(5, 2), zeros(3))
ShapeError: linear: b must have one number for each of 2 outputs
  x (4, 5), laid out (N, in)   w (5, 2), laid out (in, out)   b (3,), laid out (out,)

ops.linear(zeros(4, 5), zeros(5, 2), zeros(2, dtype="float64"))
DTypeError: linear: the inputs are of two dtypes
  x (4, 5) float32   w (5, 2) float32   b (2,) float64
  convert one with .astype(dtype)

ops.matmul(zeros(2, 3), zeros(3, 2, dtype="float64"))
DTypeError: MatMul: the inputs are of two dtypes
  a (2, 3) float32   b (3, 2) float64
  convert one with .astype(dtype)
"""


@pytest.mark.parametrize(("call", "expected"), entries(PRODUCTS))
def test_errors_of_products(call, expected):
    check(call, expected)


REDUCTIONS = """
ops.sum(zeros(2, 3), axis=2)
ArgumentError: sum: axis is out of range for 2 axes
  x (2, 3)   axis 2

ops.sum(zeros(2, 3), axis=(0, -2))
ArgumentError: sum: axis names one axis twice
  x (2, 3)   axis (0, -2)

ops.mean(zeros(2, 3), axis=(0, -3))
ArgumentError: mean: axis is out of range for 2 axes
  x (2, 3)   axis (0, -3)

ops.max(zeros(), axis=0)
ArgumentError: max: axis is out of range for 0 axes
  x ()   axis 0

ops.mean(zeros(0, 3))
ShapeError: mean: there is nothing to reduce along axes (0, 1)
  x (0, 3)

ops.mean(zeros(0, 3), axis=0)
ShapeError: mean: there is nothing to reduce along axes (0,)
  x (0, 3)

ops.max(zeros(2, 0), axis=1)
ShapeError: max: there is nothing to reduce along axes (1,)
  x (2, 0)

ops.broadcast_to(zeros(2, 3), (2, 4))
ShapeError: broadcast_to: from the last axis on, lengths must agree or be 1
  x (2, 3)   shape (2, 4)

ops.broadcast_to(zeros(2, 3), (3,))
ShapeError: broadcast_to: from the last axis on, lengths must agree or be 1
  x (2, 3)   shape (3,)
"""


@pytest.mark.parametrize(("call", "expected"), entries(REDUCTIONS))
def test_errors_of_reductions(call, expected):
    check(call, expected)
