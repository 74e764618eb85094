"""What every error says, in full: the op, what is wrong, every argument with its whole shape, the way out.

Each entry of the tables is a call, and what a person sees when it fails.
"""

import numpy as np
import pytest

from rawgan import Tensor, grad, nn, ops, optim  # noqa: F401  # the entries use them
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


def zeros(*shape: int, dtype: str = "float32") -> Tensor:
    return Tensor(np.zeros(shape, dtype))


def weight(*shape: int) -> Tensor:
    return Tensor(np.zeros(shape, "float32"), requires_grad=True)


def rng() -> np.random.Generator:
    return np.random.default_rng(0)


def entries(table: str):
    """(call, what it raises) from a text of entries with blank lines in between."""
    return [pytest.param(*entry.split("\n", 1), id=entry.split("\n", 1)[0]) for entry in table.strip().split("\n\n")]


def check(call: str, expected: str) -> None:
    with pytest.raises(RawganError) as raised:
        eval(call)
    assert f"{type(raised.value).__name__}: {raised.value}" == expected


def test_all_errors_can_be_caught_by_those_who_know_nothing_of_rawgan():
    for error in (ArgumentError, ConfigError, DeviceError, GraphError, NotTwiceDifferentiable, ShapeError):
        assert issubclass(error, ValueError)
        assert issubclass(error, RawganError)
    assert issubclass(DTypeError, TypeError)
    assert issubclass(DTypeError, RawganError)
    assert issubclass(NotTwiceDifferentiable, GraphError)


# --- Tensors ------------------------------------------------------------------------------------------

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


# --- convolutions -------------------------------------------------------------------------------------

CONVOLUTIONS = """
ops.conv2d(zeros(8, 32, 32, 3), zeros(4, 4, 2, 64))
ShapeError: conv2d: x has 3 channels but w takes 2
  x (8, 32, 32, 3), laid out (N, H, W, C)   w (4, 4, 2, 64), laid out (kh, kw, in, out)

ops.conv2d(zeros(32, 32, 3), zeros(4, 4, 3, 64))
ShapeError: conv2d: x must have 4 axes, (batch, height, width, channels), but has 3
  x (32, 32, 3)   w (4, 4, 3, 64)
  one image is a batch of one: x[None]

ops.conv2d(zeros(8, 32, 32, 3), zeros(4, 3, 64))
ShapeError: conv2d: w must have 4 axes, (kh, kw, in, out), but has 3
  x (8, 32, 32, 3)   w (4, 3, 64)

ops.conv2d(zeros(8, 32, 32, 4), zeros(4, 4, 4, 6), groups=2)
ShapeError: conv2d: x has 4 channels but w takes 4 in each of 2 groups
  x (8, 32, 32, 4), laid out (N, H, W, C)   w (4, 4, 4, 6), laid out (kh, kw, in, out)

ops.conv2d(zeros(8, 32, 32, 3), zeros(4, 4, 1, 6), groups=2)
ArgumentError: conv2d: groups must divide the 3 input and the 6 output channels
  x (8, 32, 32, 3)   w (4, 4, 1, 6)   groups 2

ops.conv2d(zeros(8, 32, 32, 4), zeros(4, 4, 2, 5), groups=2)
ArgumentError: conv2d: groups must divide the 4 input and the 5 output channels
  x (8, 32, 32, 4)   w (4, 4, 2, 5)   groups 2

ops.conv2d(zeros(8, 32, 32, 4), zeros(4, 4, 2, 6), groups="2")
ArgumentError: conv2d: groups must be an integer, but is '2'

ops.conv_transpose2d(zeros(8, 7, 7, 4), zeros(4, 4, 2, 4), groups=2.0)
ArgumentError: conv_transpose2d: groups must be an integer, but is 2.0

ops.conv2d(zeros(8, 32, 32, 4), zeros(4, 4, 4, 5), groups=0)
ArgumentError: conv2d: groups must divide the 4 input and the 5 output channels
  x (8, 32, 32, 4)   w (4, 4, 4, 5)   groups 0

ops.conv2d(zeros(1, 5, 5, 1), zeros(3, 3, 1, 8), zeros(7))
ShapeError: conv2d: b must have one number for each of 8 output channels
  b (7,), laid out (out,)   x (1, 5, 5, 1), laid out (N, H, W, C)   w (3, 3, 1, 8), laid out (kh, kw, in, out)

ops.conv2d(zeros(1, 2, 9, 1), zeros(4, 4, 1, 1), padding=((1, 0), 0))
ShapeError: conv2d: the window does not fit, the output height would be 0
  floor((size 2 + padding 1 + 0 - (dilation 1 * (kernel 4 - 1) + 1)) / stride 1) + 1 = 0
  x (1, 2, 9, 1), laid out (N, H, W, C)   w (4, 4, 1, 1), laid out (kh, kw, in, out)

ops.conv2d(zeros(1, 9, 3, 1), zeros(3, 3, 1, 1), stride=2, dilation=2)
ShapeError: conv2d: the window does not fit, the output width would be 0
  floor((size 3 + padding 0 + 0 - (dilation 2 * (kernel 3 - 1) + 1)) / stride 2) + 1 = 0
  x (1, 9, 3, 1), laid out (N, H, W, C)   w (3, 3, 1, 1), laid out (kh, kw, in, out)

ops.conv2d(zeros(1, 0, 3, 1), zeros(1, 1, 1, 1), padding=1)
ShapeError: conv2d: the image has no pixels, its height is 0
  x (1, 0, 3, 1), laid out (N, H, W, C)   w (1, 1, 1, 1), laid out (kh, kw, in, out)

ops.conv2d(zeros(1, 9, 3, 1), zeros(0, 3, 1, 1))
ArgumentError: conv2d: kernel must be an integer >= 1, or two of them, but is (0, 3)

ops.conv2d(zeros(1, 5, 5, 1), zeros(3, 3, 1, 1), stride=0)
ArgumentError: conv2d: stride must be an integer >= 1, or two of them, but is 0

ops.conv2d(zeros(1, 5, 5, 1), zeros(3, 3, 1, 1), stride=(1, 2, 3))
ArgumentError: conv2d: stride must be an integer >= 1, or two of them, but is (1, 2, 3)

ops.conv2d(zeros(1, 5, 5, 1), zeros(3, 3, 1, 1), stride=1.5)
ArgumentError: conv2d: stride must be an integer >= 1, or two of them, but is 1.5

ops.conv2d(zeros(1, 5, 5, 1), zeros(3, 3, 1, 1), stride=None)
ArgumentError: conv2d: stride must be an integer >= 1, or two of them, but is None

ops.conv2d(zeros(1, 5, 5, 1), zeros(3, 3, 1, 1), dilation=(1, 0))
ArgumentError: conv2d: dilation must be an integer >= 1, or two of them, but is (1, 0)

ops.conv2d(zeros(1, 5, 5, 1), zeros(3, 3, 1, 1), padding=-1)
ArgumentError: conv2d: padding must be a number of pixels >= 0, a pair (vertical, horizontal) of numbers or of pairs ((top, bottom), (left, right)), or 'same', but is -1

ops.conv2d(zeros(1, 5, 5, 1), zeros(3, 3, 1, 1), padding="valid")
ArgumentError: conv2d: padding must be a number of pixels >= 0, a pair (vertical, horizontal) of numbers or of pairs ((top, bottom), (left, right)), or 'same', but is 'valid'

ops.conv2d(zeros(1, 5, 5, 1), zeros(3, 3, 1, 1), padding=((1, 1, 1), (1, 1)))
ArgumentError: conv2d: padding must be a number of pixels >= 0, a pair (vertical, horizontal) of numbers or of pairs ((top, bottom), (left, right)), or 'same', but is ((1, 1, 1), (1, 1))

ops.conv2d(zeros(1, 5, 5, 1), zeros(3, 3, 1, 1), padding=0.5)
ArgumentError: conv2d: padding must be a number of pixels >= 0, a pair (vertical, horizontal) of numbers or of pairs ((top, bottom), (left, right)), or 'same', but is 0.5

ops.conv2d(zeros(1, 5, 5, 1), zeros(3, 3, 1, 1, dtype="float64"))
DTypeError: Conv2d: the inputs are of two dtypes
  x (1, 5, 5, 1) float32   w (3, 3, 1, 1) float64
  convert one with .astype(dtype)

ops.conv2d(zeros(1, 5, 5, 1), zeros(3, 3, 1, 1), zeros(1, dtype="float64"))
DTypeError: Conv2d: the inputs are of two dtypes
  x (1, 5, 5, 1) float32   w (3, 3, 1, 1) float32   b (1,) float64
  convert one with .astype(dtype)
"""  # noqa: E501


@pytest.mark.parametrize(("call", "expected"), entries(CONVOLUTIONS))
def test_errors_of_convolutions(call, expected):
    check(call, expected)


# --- transposed convolutions --------------------------------------------------------------------------

TRANSPOSED_CONVOLUTIONS = """
ops.conv_transpose2d(zeros(8, 4, 4, 3), zeros(4, 4, 2, 64))
ShapeError: conv_transpose2d: x has 3 channels but w takes 64
  x (8, 4, 4, 3), laid out (N, H, W, C)   w (4, 4, 2, 64), laid out (kh, kw, out, in)

ops.conv_transpose2d(zeros(4, 4, 3), zeros(4, 4, 2, 3))
ShapeError: conv_transpose2d: x must have 4 axes, (batch, height, width, channels), but has 3
  x (4, 4, 3)   w (4, 4, 2, 3)
  one image is a batch of one: x[None]

ops.conv_transpose2d(zeros(1, 4, 4, 3), zeros(4, 2, 3))
ShapeError: conv_transpose2d: w must have 4 axes, (kh, kw, out, in), but has 3
  x (1, 4, 4, 3)   w (4, 2, 3)

ops.conv_transpose2d(zeros(1, 4, 4, 3), zeros(4, 4, 2, 3), groups=2)
ArgumentError: conv_transpose2d: groups must divide the 3 input channels
  x (1, 4, 4, 3)   w (4, 4, 2, 3)   groups 2

ops.conv_transpose2d(zeros(1, 4, 4, 4), zeros(4, 4, 3, 4), zeros(3), groups=2)
ShapeError: conv_transpose2d: b must have one number for each of 6 output channels
  b (3,), laid out (out,)   x (1, 4, 4, 4), laid out (N, H, W, C)   w (4, 4, 3, 4), laid out (kh, kw, out, in)

ops.conv_transpose2d(zeros(1, 4, 4, 3), zeros(4, 4, 2, 3), output_padding=1)
ArgumentError: conv_transpose2d: output_padding must be smaller than stride
  output_padding (1, 1)   stride (1, 1)

ops.conv_transpose2d(zeros(1, 4, 4, 3), zeros(4, 4, 2, 3), stride=(2, 3), output_padding=(1, 3))
ArgumentError: conv_transpose2d: output_padding must be smaller than stride
  output_padding (1, 3)   stride (2, 3)

ops.conv_transpose2d(zeros(1, 4, 4, 3), zeros(4, 4, 2, 3), stride=2, output_padding=-1)
ArgumentError: conv_transpose2d: output_padding must be an integer >= 0, or two of them, but is -1

ops.conv_transpose2d(zeros(1, 4, 4, 3), zeros(4, 4, 2, 3), stride=2, output_padding=1, padding="same")
ArgumentError: conv_transpose2d: padding='same' settles the size, so output_padding must be 0, not 1

ops.conv_transpose2d(zeros(1, 1, 4, 3), zeros(3, 3, 2, 3), padding=(2, 0))
ShapeError: conv_transpose2d: the output height would be -1
  (size 1 - 1) * stride 1 - padding 2 - 2 + dilation 1 * (kernel 3 - 1) + 1 + output_padding 0 = -1
  x (1, 1, 4, 3), laid out (N, H, W, C)   w (3, 3, 2, 3), laid out (kh, kw, out, in)

ops.conv_transpose2d(zeros(1, 4, 2, 3), zeros(3, 3, 2, 3), stride=2, padding=(0, (3, 2)))
ShapeError: conv_transpose2d: the output width would be 0
  (size 2 - 1) * stride 2 - padding 3 - 2 + dilation 1 * (kernel 3 - 1) + 1 + output_padding 0 = 0
  x (1, 4, 2, 3), laid out (N, H, W, C)   w (3, 3, 2, 3), laid out (kh, kw, out, in)

ops.conv_transpose2d(zeros(1, 0, 4, 3), zeros(3, 3, 2, 3))
ShapeError: conv_transpose2d: the image has no pixels, its height is 0
  x (1, 0, 4, 3), laid out (N, H, W, C)   w (3, 3, 2, 3), laid out (kh, kw, out, in)

ops.conv_transpose2d(zeros(1, 4, 4, 3), zeros(4, 0, 2, 3))
ArgumentError: conv_transpose2d: kernel must be an integer >= 1, or two of them, but is (4, 0)

ops.conv_transpose2d(zeros(1, 4, 4, 3), zeros(4, 4, 2, 3), stride=-2)
ArgumentError: conv_transpose2d: stride must be an integer >= 1, or two of them, but is -2

ops.conv_transpose2d(zeros(1, 4, 4, 3), zeros(4, 4, 2, 3), dilation="a")
ArgumentError: conv_transpose2d: dilation must be an integer >= 1, or two of them, but is 'a'

ops.conv_transpose2d(zeros(1, 4, 4, 3), zeros(4, 4, 2, 3), padding=None)
ArgumentError: conv_transpose2d: padding must be a number of pixels >= 0, a pair (vertical, horizontal) of numbers or of pairs ((top, bottom), (left, right)), or 'same', but is None

ops.conv_transpose2d(zeros(1, 4, 4, 3), zeros(4, 4, 2, 3, dtype="float64"))
DTypeError: ConvTranspose2d: the inputs are of two dtypes
  x (1, 4, 4, 3) float32   w (4, 4, 2, 3) float64
  convert one with .astype(dtype)
"""  # noqa: E501


@pytest.mark.parametrize(("call", "expected"), entries(TRANSPOSED_CONVOLUTIONS))
def test_errors_of_transposed_convolutions(call, expected):
    check(call, expected)


# --- images -------------------------------------------------------------------------------------------

IMAGES = """
ops.avg_pool2d(zeros(3, 4, 4))
ShapeError: avg_pool2d: x must have 4 axes, (batch, height, width, channels), but has 3
  x (3, 4, 4)
  one image is a batch of one: x[None]

ops.avg_pool2d(zeros(1, 4, 4, 1), 5)
ShapeError: avg_pool2d: the window does not fit, the output height would be 0
  floor((size 4 + padding 0 + 0 - (dilation 1 * (kernel 5 - 1) + 1)) / stride 5) + 1 = 0
  x (1, 4, 4, 1), laid out (N, H, W, C)

ops.avg_pool2d(zeros(1, 4, 4, 1), 0)
ArgumentError: avg_pool2d: kernel must be an integer >= 1, or two of them, but is 0

ops.max_pool2d(zeros(1, 4, 4, 1), (2,), 1)
ArgumentError: max_pool2d: kernel must be an integer >= 1, or two of them, but is (2,)

ops.max_pool2d(zeros(1, 4, 4, 1), 2, 0)
ArgumentError: max_pool2d: stride must be an integer >= 1, or two of them, but is 0

ops.max_pool2d(zeros(3, 4, 4))
ShapeError: max_pool2d: x must have 4 axes, (batch, height, width, channels), but has 3
  x (3, 4, 4)
  one image is a batch of one: x[None]

ops.max_pool2d(zeros(1, 1, 4, 1), 2)
ShapeError: max_pool2d: the window does not fit, the output height would be 0
  floor((size 1 + padding 0 + 0 - (dilation 1 * (kernel 2 - 1) + 1)) / stride 2) + 1 = 0
  x (1, 1, 4, 1), laid out (N, H, W, C)

ops.upsample_nearest(zeros(4, 4, 3))
ShapeError: upsample_nearest: x must have 4 axes, (batch, height, width, channels), but has 3
  x (4, 4, 3)
  one image is a batch of one: x[None]

ops.upsample_nearest(zeros(1, 4, 4, 3), 0)
ArgumentError: upsample_nearest: factor must be an integer >= 1, but is 0

ops.upsample_bilinear(zeros(4, 4))
ShapeError: upsample_bilinear: x must have 4 axes, (batch, height, width, channels), but has 2
  x (4, 4)

ops.upsample_bilinear(zeros(1, 4, 4, 3), 1.5)
ArgumentError: upsample_bilinear: factor must be an integer >= 1, but is 1.5

ops.pixel_shuffle(zeros(4, 4, 4))
ShapeError: pixel_shuffle: x must have 4 axes, (batch, height, width, channels), but has 3
  x (4, 4, 4)
  one image is a batch of one: x[None]

ops.pixel_shuffle(zeros(1, 4, 4, 6), 2)
ShapeError: pixel_shuffle: 6 channels cannot be shared by 2·2 pixels
  x (1, 4, 4, 6), laid out (N, H, W, C)   factor 2

ops.pixel_shuffle(zeros(1, 4, 4, 6), "2")
ArgumentError: pixel_shuffle: factor must be an integer >= 1, but is '2'

ops.reflection_pad2d(zeros(4, 4, 4), 1)
ShapeError: reflection_pad2d: x must have 4 axes, (batch, height, width, channels), but has 3
  x (4, 4, 4)
  one image is a batch of one: x[None]

ops.reflection_pad2d(zeros(1, 4, 3, 1), 3)
ArgumentError: reflection_pad2d: an image of 3 pixels has 2 to mirror on each side, but padding is 3 and 3
  x (1, 4, 3, 1), laid out (N, H, W, C)

ops.reflection_pad2d(zeros(1, 4, 4, 1), "same")
ArgumentError: reflection_pad2d: padding must be a number of pixels >= 0, a pair (vertical, horizontal) of numbers or of pairs ((top, bottom), (left, right)), but is 'same'
"""  # noqa: E501


@pytest.mark.parametrize(("call", "expected"), entries(IMAGES))
def test_errors_of_images(call, expected):
    check(call, expected)


# --- normalisation ------------------------------------------------------------------------------------

NORMALISATION = """
ops.batch_norm(zeros(4, 3, 2), zeros(2), zeros(2), training=True)
ShapeError: batch_norm: x must be (N, C) or (N, H, W, C), but has 3 axes
  x (4, 3, 2)

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
DTypeError: Normalize: the inputs are of two dtypes
  x (4, 3) float64   gamma (3,) float32   beta (3,) float32
  convert one with .astype(dtype)
  in batch_norm

ops.layer_norm(zeros(4, 3), zeros(4), zeros(4))
ShapeError: layer_norm: gamma must have shape (3,) to fit x
  x (4, 3), laid out (N, …, *gamma)   gamma (4,)

ops.layer_norm(zeros(4, 3), zeros(4, 3), zeros(4, 3))
ShapeError: layer_norm: gamma must have shape (3,) to fit x
  x (4, 3), laid out (N, …, *gamma)   gamma (4, 3)

ops.layer_norm(zeros(4, 2, 3), zeros(3), zeros(2, 3))
ShapeError: layer_norm: beta must have shape (3,) to fit x
  x (4, 2, 3), laid out (N, …, *gamma)   beta (2, 3)

ops.instance_norm(zeros(4, 3), zeros(3), zeros(3))
ShapeError: instance_norm: x must be (N, H, W, C), but has 2 axes
  x (4, 3)

ops.instance_norm(zeros(1, 4, 4, 3), zeros(2), zeros(3))
ShapeError: instance_norm: gamma must have shape (3,) to fit x
  x (1, 4, 4, 3), laid out (N, H, W, C)   gamma (2,)

ops.layer_norm(zeros(4, 1), zeros(1), zeros(1))
ShapeError: layer_norm: a sample needs more than one value, as the variance of one is 0
  x (4, 1)   gamma (1,)

ops.instance_norm(zeros(1, 1, 1, 3), zeros(3), zeros(3))
ShapeError: instance_norm: an image needs more than one pixel, as the variance of one is 0
  x (1, 1, 1, 3), laid out (N, H, W, C)
"""


@pytest.mark.parametrize(("call", "expected"), entries(NORMALISATION))
def test_errors_of_normalisation(call, expected):
    check(call, expected)


# --- losses -------------------------------------------------------------------------------------------

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
DTypeError: Sub: the inputs are of two dtypes
  a (4,) float32   b (4,) float64
  convert one with .astype(dtype)

ops.softmax_cross_entropy(zeros(4), np.array([0, 1, 2, 3]))
ShapeError: softmax_cross_entropy: x must be (N, classes) and labels (N,)
  x (4,)   labels (4,)

ops.softmax_cross_entropy(zeros(4, 3), np.array([0, 1]))
ShapeError: softmax_cross_entropy: x must be (N, classes) and labels (N,)
  x (4, 3)   labels (2,)

ops.softmax_cross_entropy(zeros(2, 3), np.array([0.0, 1.0]))
DTypeError: softmax_cross_entropy: labels must be integers, but are float64

ops.softmax_cross_entropy(zeros(2, 3), np.array([0, 3]))
ArgumentError: softmax_cross_entropy: labels must lie in 0 … 2, but go from 0 to 3
  x (2, 3), laid out (N, classes)   labels (2,), laid out (N,)

ops.softmax_cross_entropy(zeros(2, 3), np.array([-1, 2]))
ArgumentError: softmax_cross_entropy: labels must lie in 0 … 2, but go from -1 to 2
  x (2, 3), laid out (N, classes)   labels (2,), laid out (N,)

ops.softmax_cross_entropy(zeros(2, 3), np.array([1, 2]), zeros(3))
ShapeError: softmax_cross_entropy: weight must have x's shape or be a number
  x (2,)   weight (3,)

ops.softmax_cross_entropy(zeros(2, 3), np.array([1, 2]), reduction=None)
ArgumentError: softmax_cross_entropy: reduction is None; choose one of: mean, sum, none
"""


@pytest.mark.parametrize(("call", "expected"), entries(LOSSES))
def test_errors_of_losses(call, expected):
    check(call, expected)


# --- arithmetic ---------------------------------------------------------------------------------------

ARITHMETIC = """
zeros(2, 3) + zeros(2)
ShapeError: add: shapes do not broadcast: from the last axis on, lengths must agree or be 1
  a (2, 3)   b (2,)

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

zeros(2) ** zeros(2)
ArgumentError: pow: the exponent must be a number, but is Tensor
  for x > 0, exp(exponent * log(x)) takes a Tensor

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


# --- products -----------------------------------------------------------------------------------------

PRODUCTS = """
ops.matmul(zeros(2, 3), zeros(2, 3))
ShapeError: matmul: a has 3 columns but b has 2 rows
  a (2, 3)   b (2, 3)

ops.matmul(zeros(3), zeros(3, 2))
ShapeError: matmul: both inputs need at least 2 axes; reshape a vector to (1, K) or (K, 1)
  a (3,)   b (3, 2)

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

ops.matmul(zeros(2, 3), zeros(3, 2, dtype="float64"))
DTypeError: MatMul: the inputs are of two dtypes
  a (2, 3) float32   b (3, 2) float64
  convert one with .astype(dtype)
"""


@pytest.mark.parametrize(("call", "expected"), entries(PRODUCTS))
def test_errors_of_products(call, expected):
    check(call, expected)


# --- shapes -------------------------------------------------------------------------------------------

SHAPES = """
ops.reshape(zeros(2, 3), (4, 2))
ShapeError: reshape: 6 elements do not fit
  x (2, 3)   shape (4, 2)

ops.reshape(zeros(2, 3), (-1, 4))
ShapeError: reshape: 6 elements do not fit
  x (2, 3)   shape (-1, 4)

ops.reshape(zeros(2, 3), (-1, -1))
ShapeError: reshape: 6 elements do not fit
  x (2, 3)   shape (-1, -1)

ops.reshape(zeros(2, 3), (-2, -3))
ShapeError: reshape: 6 elements do not fit
  x (2, 3)   shape (-2, -3)

zeros(0, 3).reshape(0, -1)
ShapeError: reshape: 0 elements do not fit
  x (0, 3)   shape (0, -1)

ops.transpose(zeros(2, 3), (0, 0))
ArgumentError: transpose: axes must name each of the 2 axes once
  x (2, 3)   axes (0, 0)

ops.transpose(zeros(2, 3), (0, 3))
ArgumentError: transpose: axes must name each of the 2 axes once
  x (2, 3)   axes (0, 3)

ops.transpose(zeros(2, 3), (0,))
ArgumentError: transpose: axes must name each of the 2 axes once
  x (2, 3)   axes (0,)

zeros(2, 3)[2]
ArgumentError: slice: index 2 is out of bounds for axis 0 with size 2
  x (2, 3)   index 2

zeros(2, 3)[0, 0, 0]
ArgumentError: slice: too many indices for array: array is 2-dimensional, but 3 were indexed
  x (2, 3)   index (0, 0, 0)

zeros(2, 3)[[0, 1]]
ArgumentError: slice: an index must be made of integers, slices, ... and None, but has list
  take(x, indices) selects rows by an array of numbers

zeros(2, 3)[zeros(2, 3).data > 0]
ArgumentError: slice: an index must be made of integers, slices, ... and None, but has ndarray
  take(x, indices) selects rows by an array of numbers

zeros(2, 3)[True]
ArgumentError: slice: an index must be made of integers, slices, ... and None, but has bool
  take(x, indices) selects rows by an array of numbers

ops.take(zeros(4, 2), np.array([0, 4]))
ArgumentError: take: indices must lie in 0 … 3, but go from 0 to 4
  x (4, 2)   indices (2,)

ops.take(zeros(4, 2), np.array([[-1, 0]]))
ArgumentError: take: indices must lie in 0 … 3, but go from -1 to 0
  x (4, 2)   indices (1, 2)

ops.take(zeros(4, 2), np.array([0.0]))
DTypeError: take: indices must be integers, but are float64

ops.take(zeros(4, 2), np.array([True, False, True, False]))
DTypeError: take: indices must be integers, but are bool: of a mask, np.flatnonzero(mask) gives the numbers

ops.concatenate([])
ShapeError: concatenate: there is nothing to join; give at least one Tensor

ops.concatenate([zeros(2, 3), zeros(2, 4)])
ShapeError: concatenate: lengths may differ only along axis 0
  xs[0] (2, 3)   xs[1] (2, 4)   axis 0

ops.concatenate([zeros(2, 3), zeros(2)], axis=1)
ShapeError: concatenate: lengths may differ only along axis 1
  xs[0] (2, 3)   xs[1] (2,)   axis 1

ops.concatenate([zeros(2, 3)], axis=2)
ArgumentError: concatenate: axis is out of range for 2 axes
  x (2, 3)   axis 2

ops.pad(zeros(2, 3), ((1, 1),))
ArgumentError: pad: widths must be 2 pairs (before, after) of integers ≥ 0
  x (2, 3)   widths ((1, 1),)

ops.pad(zeros(2, 3), ((1, 1), (0, -1)))
ArgumentError: pad: widths must be 2 pairs (before, after) of integers ≥ 0
  x (2, 3)   widths ((1, 1), (0, -1))

ops.pad(zeros(2, 3), (1, 1))
ArgumentError: pad: widths must be 2 pairs (before, after) of integers ≥ 0
  x (2, 3)   widths (1, 1)
"""


@pytest.mark.parametrize(("call", "expected"), entries(SHAPES))
def test_errors_of_shapes(call, expected):
    check(call, expected)


# --- reductions ---------------------------------------------------------------------------------------

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


# --- graphs -------------------------------------------------------------------------------------------

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


# --- optimisers ---------------------------------------------------------------------------------------

OPTIMISERS = """
optim.SGD([], lr=0.1)
ArgumentError: SGD: there are no parameters to update; pass model.parameters()

optim.SGD([weight(2)] * 2, lr=0.1)
ArgumentError: SGD: a parameter is listed twice, and would be updated twice

optim.SGD([weight(2)], lr=0)
ArgumentError: SGD: lr must be more than 0 and finite, but is 0

optim.SGD([weight(2)], lr=float("nan"))
ArgumentError: SGD: lr must be more than 0 and finite, but is nan

optim.Adam([weight(2)], lr=float("inf"))
ArgumentError: Adam: lr must be more than 0 and finite, but is inf

optim.SGD([weight(2)], lr=0.1, momentum=1.0)
ArgumentError: SGD: momentum must be at least 0 and less than 1, but is 1.0

optim.SGD([weight(2)], lr=0.1, nesterov=True)
ArgumentError: SGD: nesterov looks ahead along the momentum, so momentum must be more than 0

optim.RMSprop([weight(2)], rho=-0.1)
ArgumentError: RMSprop: rho must be at least 0 and less than 1, but is -0.1

optim.RMSprop([weight(2)], eps=-1.0)
ArgumentError: RMSprop: eps must be at least 0 and finite, but is -1.0

optim.Adam([weight(2)], betas=(0.9, 1.0))
ArgumentError: Adam: betas[1] must be at least 0 and less than 1, but is 1.0

optim.AdamW([weight(2)], betas=(-0.1, 0.9))
ArgumentError: AdamW: betas[0] must be at least 0 and less than 1, but is -0.1

optim.AdamW([weight(2)], eps=-1e-8)
ArgumentError: AdamW: eps must be at least 0 and finite, but is -1e-08

optim.AdamW([weight(2)], weight_decay=-0.1)
ArgumentError: AdamW: weight_decay must be at least 0 and finite, but is -0.1

optim.SGD([weight(2)], lr="a")
ArgumentError: SGD: lr must be a number, but is 'a'

optim.Adam([weight(2)], betas=(Tensor(0.5), 0.9))
ArgumentError: Adam: betas[0] must be a number, but is Tensor(0.5, float32)

optim.Adam([weight(2)], weight_decay=0.1)
ArgumentError: Adam: there is no weight_decay, which would go into the moments, too
  AdamW(…, weight_decay=0.1) keeps it apart from them

optim.SGD(weight(2), lr=0.1)
ArgumentError: SGD: parameters is Tensor; put it into a list

optim.SGD([weight(2) * 2], lr=0.1)
ArgumentError: SGD: parameter 0 (2,) is a result, of Mul
  pass the Tensors that it is computed from

optim.SGD([weight(2)], lr=0.1).step([np.zeros(2, "float32")])
DTypeError: SGD.step: gradient 0 is ndarray; wrap the array: Tensor(array)

optim.SGD([weight(2)], lr=0.1).step(zeros(1, 2))
ArgumentError: SGD.step: gradients is Tensor; give a list, one for each parameter

optim.SGD([weight(2)], lr=0.1).step()
GraphError: SGD.step: no parameter has a gradient; call loss.backward() first

optim.SGD([weight(2)], lr=0.1).step([])
ShapeError: SGD.step: 1 parameters but 0 gradients

optim.Adam([weight(2), weight(3)]).step([zeros(2), zeros(2)])
ShapeError: Adam.step: gradient 1 is unlike its parameter
  parameter (3,) float32 cpu   gradient (2,) float32 cpu

optim.RMSprop([weight(2)]).step([zeros(2, dtype="float64")])
ShapeError: RMSprop.step: gradient 0 is unlike its parameter
  parameter (2,) float32 cpu   gradient (2,) float64 cpu
"""


@pytest.mark.parametrize(("call", "expected"), entries(OPTIMISERS))
def test_errors_of_optimisers(call, expected):
    check(call, expected)


# --- layers -------------------------------------------------------------------------------------------

LAYERS = """
nn.Linear(0, 3, rng=rng())
ArgumentError: Linear: inputs must be an integer >= 1, but is 0

nn.Linear(3, -1, rng=rng())
ArgumentError: Linear: outputs must be an integer >= 1, but is -1

nn.Linear(3, 2, rng=rng())(zeros(4, 5))
ShapeError: linear: x has 5 features but w takes 3
  x (4, 5), laid out (N, in)   w (3, 2), laid out (in, out)
  in Linear(3 → 2)

nn.Conv2d(0, 3, 3, rng=rng())
ArgumentError: Conv2d: inputs must be an integer >= 1, but is 0

nn.Conv2d(3, 8, 0, rng=rng())
ArgumentError: Conv2d: kernel must be an integer >= 1, or two of them, but is 0

nn.Conv2d(3, 8, (3, 3, 3), rng=rng())
ArgumentError: Conv2d: kernel must be an integer >= 1, or two of them, but is (3, 3, 3)

nn.Conv2d(3, 8, 3, groups=2, rng=rng())
ArgumentError: Conv2d: groups must divide inputs, but inputs is 3 and groups 2

nn.Conv2d(4, 6, 3, groups=0, rng=rng())
ArgumentError: Conv2d: groups must divide inputs, but inputs is 4 and groups 0

nn.Conv2d(3, 8, 5, rng=rng())(zeros(1, 4, 4, 3))
ShapeError: conv2d: the window does not fit, the output height would be 0
  floor((size 4 + padding 0 + 0 - (dilation 1 * (kernel 5 - 1) + 1)) / stride 1) + 1 = 0
  x (1, 4, 4, 3), laid out (N, H, W, C)   w (5, 5, 3, 8), laid out (kh, kw, in, out)
  in Conv2d(3 → 8, 5×5)

nn.ConvTranspose2d(4, 5, 3, groups=2, rng=rng())
ArgumentError: ConvTranspose2d: groups must divide outputs, but outputs is 5 and groups 2

nn.ConvTranspose2d(4, 6, (0, 3), rng=rng())
ArgumentError: ConvTranspose2d: kernel must be an integer >= 1, or two of them, but is (0, 3)

nn.Embedding(0, 3, rng=rng())
ArgumentError: Embedding: count must be an integer >= 1, but is 0

nn.Embedding(3, 3, rng=rng())(np.array([3]))
ArgumentError: take: indices must lie in 0 … 2, but go from 3 to 3
  x (3, 3)   indices (1,)
  in Embedding(3 → 3)

nn.Embedding(3, 3, rng=rng())(zeros(2))
DTypeError: take: indices must be integers, but are float32
  a Module makes a Tensor of floats of a list: give an array of integers, np.array([0, 1])
  in Embedding(3 → 3)

ops.softmax_cross_entropy(zeros(2, 3), zeros(2))
DTypeError: softmax_cross_entropy: labels must be integers, but are float32

nn.Dropout(1.0, rng=rng())
ArgumentError: Dropout: rate must be a number, at least 0 and less than 1, but is 1.0

nn.Upsample(2, "cubic")
ArgumentError: Upsample: mode is 'cubic'; choose one of: nearest, bilinear

nn.Upsample(0)(zeros(1, 2, 2, 1))
ArgumentError: Upsample: factor must be an integer >= 1, but is 0

nn.MaxPool2d(2, padding=((0, 2), (0, 0)))(zeros(1, 4, 4, 1))
ArgumentError: max_pool2d: padding must be smaller than the kernel, or a window would see nothing else
  x (1, 4, 4, 1), laid out (N, H, W, C)   kernel (2, 2)   padding ((0, 2), (0, 0))
  in MaxPool2d(2, stride 2)

nn.AvgPool2d((2, 1), padding=1)(zeros(1, 4, 4, 1))
ArgumentError: avg_pool2d: padding must be smaller than the kernel, or a window would see nothing else
  x (1, 4, 4, 1), laid out (N, H, W, C)   kernel (2, 1)   padding ((1, 1), (1, 1))
  in AvgPool2d((2, 1), stride (2, 1))

nn.Sequential([nn.ReLU()])
ArgumentError: Sequential: layer 0 must be a Module, but is list
  give them one by one, nn.Sequential(a, b), or as nn.Sequential(*layers)

setattr(nn.Module(), "w", Tensor([1.0, 2.0], requires_grad=True))
ArgumentError: Module.w: a Tensor that requires a gradient is not a Parameter, so no optimiser would find it
  w (2,)   wrap it: nn.Parameter(array)

nn.BatchNorm(3, eps=-1)(zeros(2, 3))
ArgumentError: batch_norm: eps must be a number, at least 0 and finite, but is -1
  in BatchNorm(3)

nn.BatchNorm(3, eps=float("nan")).eval()(zeros(2, 3))
ArgumentError: batch_norm: eps must be a number, at least 0 and finite, but is nan
  in BatchNorm(3)

nn.BatchNorm(3, momentum=1.5)(zeros(2, 3))
ArgumentError: batch_norm: momentum must be a number between 0 and 1, but is 1.5
  in BatchNorm(3)

nn.LayerNorm(3, eps=-1)(zeros(2, 3))
ArgumentError: layer_norm: eps must be a number, at least 0 and finite, but is -1
  in LayerNorm(3)

nn.InstanceNorm(3, eps=-1)(zeros(2, 4, 4, 3))
ArgumentError: instance_norm: eps must be a number, at least 0 and finite, but is -1
  in InstanceNorm(3)

optim.Adam(nn.Linear(2, 1, rng=rng()))
ArgumentError: Adam: parameters is Linear; pass model.parameters()

optim.Adam(nn.Linear(2, 1, rng=rng()).named_parameters())
ArgumentError: Adam: parameter 0 is tuple; pass model.parameters()

optim.SGD([zeros(2)], 0.1)
ArgumentError: SGD: parameter 0 (2,) requires no gradient
  leave frozen ones out: [p for p in model.parameters() if p.requires_grad]

optim.Adam([nn.Parameter([1.0])], 0.1, 0.5)
ArgumentError: Adam: betas must be two numbers, but is 0.5

setattr(zeros(2), "data", 3.0)
DTypeError: Tensor.data: a new array must be an array, not float

bool(Tensor([1.0, 2.0]))
ShapeError: a Tensor of several numbers is neither true nor false
  x (2,)

ops.leaky_relu(zeros(2), 1.5)
ArgumentError: leaky_relu: slope must be a number between 0 and 1, but is 1.5

nn.BatchNorm(3)(zeros(1, 3))
ShapeError: batch_norm: in training each channel needs more than one value, as the variance of one is 0
  x (1, 3), laid out (N, C)   use a larger batch, or eval()
  in BatchNorm(3)

nn.BatchNorm(3)(zeros(2, 2, 2, 4))
ShapeError: batch_norm: gamma must have shape (4,) to fit x
  x (2, 2, 2, 4), laid out (N, H, W, C)   gamma (3,)
  in BatchNorm(3)

nn.Flatten()(np.zeros((2, 3), "int64"))
DTypeError: Tensor: data is int64, but only float32 and float64 have gradients
  data (2, 3)   convert it: data.astype('float32')
  as x of reshape
  in Flatten()

nn.Linear(2, 3, rng=rng()).load_state_dict({"w": np.zeros((3, 2)), "bias": np.zeros(3)})
ConfigError: Linear: the weights do not fit this network
  b (3,) is missing
  bias (3,) is unknown
  w (3, 2) should be (2, 3)

nn.Sequential(nn.Linear(2, 3, rng=rng())).load_state_dict({})
ConfigError: Sequential: the weights do not fit this network
  0.w (2, 3) is missing
  0.b (3,) is missing
"""


@pytest.mark.parametrize(("call", "expected"), entries(LAYERS))
def test_errors_of_layers(call, expected):
    check(call, expected)
