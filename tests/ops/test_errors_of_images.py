"""Messages of errors of convolutions, pooling and resizing."""

import pytest
from error_tables import check, entries

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
DTypeError: conv2d: the inputs are of two dtypes
  x (1, 5, 5, 1) float32   w (3, 3, 1, 1) float64
  convert one with .astype(dtype)

ops.conv2d(zeros(1, 5, 5, 1), zeros(3, 3, 1, 1), zeros(1, dtype="float64"))
DTypeError: conv2d: the inputs are of two dtypes
  x (1, 5, 5, 1) float32   w (3, 3, 1, 1) float32   b (1,) float64
  convert one with .astype(dtype)
"""  # noqa: E501


@pytest.mark.parametrize(("call", "expected"), entries(CONVOLUTIONS))
def test_errors_of_convolutions(call, expected):
    check(call, expected)


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
ArgumentError: conv_transpose2d: padding='same' determines the size, so output_padding must be 0, not 1

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
DTypeError: conv_transpose2d: the inputs are of two dtypes
  x (1, 4, 4, 3) float32   w (4, 4, 2, 3) float64
  convert one with .astype(dtype)
"""  # noqa: E501


@pytest.mark.parametrize(("call", "expected"), entries(TRANSPOSED_CONVOLUTIONS))
def test_errors_of_transposed_convolutions(call, expected):
    check(call, expected)


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

ops.pixel_unshuffle(zeros(1, 4, 6, 3), 4)
ShapeError: pixel_unshuffle: 4 × 6 pixels cannot be divided into blocks of 4 × 4
  x (1, 4, 6, 3), laid out (N, H, W, C)   factor 4

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
