"""Messages of errors of filtering, resizing and sampling of images."""

import pytest
from error_tables import check, entries

FILTERS = """
ops.upfirdn2d(zeros(4, 4, 3), [1.0])
ShapeError: upfirdn2d: x must have 4 axes, (batch, height, width, channels), but has 3
  x (4, 4, 3)
  one image is a batch of one: x[None]

ops.upfirdn2d(zeros(1, 4, 4, 3), [1.0], up=0)
ArgumentError: upfirdn2d: up must be an integer >= 1, or two of them, but is 0

ops.upfirdn2d(zeros(1, 4, 4, 3), [1.0], down=(1, 2, 3))
ArgumentError: upfirdn2d: down must be an integer >= 1, or two of them, but is (1, 2, 3)

ops.upfirdn2d(zeros(1, 4, 4, 3), [1.0], padding="valid")
ArgumentError: upfirdn2d: padding must be a number of pixels, a pair (vertical, horizontal) of numbers or of pairs ((top, bottom), (left, right)), or 'same', but is 'valid'

ops.upfirdn2d(zeros(1, 4, 4, 3), [1.0], gain=None)
ArgumentError: upfirdn2d: gain must be a finite number, but is None

ops.upfirdn2d(zeros(1, 4, 4, 3), [1.0], gain=float("inf"))
ArgumentError: upfirdn2d: gain must be a finite number, but is inf

ops.upfirdn2d(zeros(1, 4, 4, 3), [1.0], flip_filter=1)
ArgumentError: upfirdn2d: flip_filter must be True or False, but is 1

ops.upfirdn2d(zeros(1, 4, 4, 3), [])
ArgumentError: upfirdn2d: f must be finite taps (A,) for both axes, or a filter (A, B), but is []

ops.upfirdn2d(zeros(1, 4, 4, 3), np.ones((1, 1, 1)))
ArgumentError: upfirdn2d: f must be finite taps (A,) for both axes, or a filter (A, B), but is ndarray (1, 1, 1)

ops.upfirdn2d(zeros(1, 4, 4, 3), [float("inf")])
ArgumentError: upfirdn2d: f must be finite taps (A,) for both axes, or a filter (A, B), but is [inf]

ops.upfirdn2d(zeros(1, 4, 4, 3), weight(3))
ArgumentError: upfirdn2d: f is a constant, but requires a gradient
  conv2d(x, w, groups=channels) learns a filter for each channel; f.detach() is a constant

ops.upfirdn2d(zeros(1, 9, 3, 3), [1.0, 3.0, 3.0, 1.0], up=(1, 2), padding=(0, (-2, -1)))
ShapeError: upfirdn2d: the filter does not fit, its width is 4, but the image has 3 pixels
  size 3 * up 2 + padding -2 + -1
  x (1, 9, 3, 3), laid out (N, H, W, C)   f (4, 4)

ops.upfirdn2d(zeros(1, 9, 3, 3), np.ones(3, complex))
DTypeError: upfirdn2d: f must be real numbers, but is complex128
  f (3,)

ops.upfirdn2d(zeros(1, 0, 3, 3), [1.0], padding=1)
ShapeError: upfirdn2d: the image has no pixels, its height is 0
  x (1, 0, 3, 3), laid out (N, H, W, C)
"""  # noqa: E501


@pytest.mark.parametrize(("call", "expected"), entries(FILTERS))
def test_errors_of_filters(call, expected):
    check(call, expected)


SIZES = """
ops.resize(zeros(4, 4, 3), 2)
ShapeError: resize: x must have 4 axes, (batch, height, width, channels), but has 3
  x (4, 4, 3)
  one image is a batch of one: x[None]

ops.resize(zeros(1, 4, 0, 3), 2)
ShapeError: resize: the image has no pixels, its width is 0
  x (1, 4, 0, 3), laid out (N, H, W, C)

ops.resize(zeros(1, 4, 4, 3))
ArgumentError: resize: the new size is set by either size or scale_factor, but neither is given

ops.resize(zeros(1, 4, 4, 3), 2, scale_factor=2)
ArgumentError: resize: the new size is set by either size or scale_factor, but both are given

ops.resize(zeros(1, 4, 4, 3), 0.5)
ArgumentError: resize: size must be an integer >= 1, or two of them, but is 0.5

ops.resize(zeros(1, 4, 4, 3), scale_factor=(1, -2))
ArgumentError: resize: scale_factor must be a number above 0, or two of them, but is (1, -2)

ops.resize(zeros(1, 4, 8, 3), scale_factor=0.2)
ShapeError: resize: no pixel would be left, the new size is 0 × 1
  x (1, 4, 8, 3), laid out (N, H, W, C)   scale_factor 0.2

ops.resize(zeros(1, 4, 4, 3), 2, "lanczos")
ArgumentError: resize: mode is 'lanczos'; choose one of: nearest, nearest-exact, bilinear, bicubic, area

ops.resize(zeros(1, 4, 4, 3), 2, ["area"])
ArgumentError: resize: mode is ['area']; choose one of: nearest, nearest-exact, bilinear, bicubic, area

ops.resize(zeros(1, 4, 4, 3), 2, "area", align_corners=True)
ArgumentError: resize: align_corners is for bilinear and bicubic, not area

ops.resize(zeros(1, 4, 4, 3), 2, antialias="yes")
ArgumentError: resize: antialias must be True or False, but is 'yes'

ops.resize(zeros(1, 4, 4, 3), 2, "bicubic", a="0.5")
ArgumentError: resize: a must be a finite number, but is '0.5'

ops.resize(zeros(1, 4, 4, 3), 2, "bicubic", a=float("nan"))
ArgumentError: resize: a must be a finite number, but is nan
"""


@pytest.mark.parametrize(("call", "expected"), entries(SIZES))
def test_errors_of_resizing(call, expected):
    check(call, expected)


GRIDS = """
ops.grid_sample(zeros(4, 4, 3), zeros(1, 2, 2, 2))
ShapeError: grid_sample: x must have 4 axes, (batch, height, width, channels), but has 3
  x (4, 4, 3)   grid (1, 2, 2, 2)
  one image is a batch of one: x[None]

ops.grid_sample(zeros(1, 4, 4, 3), zeros(1, 2, 2, 3))
ShapeError: grid_sample: the last axis of grid must be the two coordinates of a place, horizontal and vertical
  x (1, 4, 4, 3), laid out (N, H, W, C)   grid (1, 2, 2, 3), laid out (N, I, J, 2)

ops.grid_sample(zeros(1, 4, 4, 3), zeros(2, 2, 2, 2))
ShapeError: grid_sample: x and grid must have the same batch size
  x (1, 4, 4, 3), laid out (N, H, W, C)   grid (2, 2, 2, 2), laid out (N, I, J, 2)

ops.grid_sample(zeros(1, 4, 0, 3), zeros(1, 2, 2, 2))
ShapeError: grid_sample: the images have no pixels
  x (1, 4, 0, 3), laid out (N, H, W, C)   grid (1, 2, 2, 2), laid out (N, I, J, 2)

ops.grid_sample(zeros(1, 4, 4, 3), zeros(1, 2, 2, 2), "linear")
ArgumentError: grid_sample: mode is 'linear'; choose one of: bilinear, nearest, bicubic

ops.grid_sample(zeros(1, 4, 4, 3), zeros(1, 2, 2, 2), zeros(1))
ArgumentError: grid_sample: mode is Tensor (1,); choose one of: bilinear, nearest, bicubic

ops.grid_sample(zeros(1, 4, 4, 3), zeros(1, 2, 2, 2), padding_mode="reflect")
ArgumentError: grid_sample: padding_mode is 'reflect'; choose one of: zeros, border, reflection

ops.grid_sample(zeros(1, 4, 4, 3), zeros(1, 2, 2, 2), align_corners=None)
ArgumentError: grid_sample: align_corners must be True or False, but is None

ops.grid_sample(zeros(1, 4, 4, 3), zeros(1, 2, 2, 2, dtype="float64"))
DTypeError: grid_sample: the inputs are of two dtypes
  x (1, 4, 4, 3) float32   grid (1, 2, 2, 2) float64
  convert one with .astype(dtype)

ops.affine_grid(zeros(2, 3), (1, 4, 4, 3))
ShapeError: affine_grid: theta must have 3 axes, (N, 2, 3), but has 2
  theta (2, 3)

ops.affine_grid(zeros(1, 2, 3), (1, 10**15, 10**15, 1))
ShapeError: affine_grid: no array has as many elements as the result would have
  theta (1, 2, 3)   size (1, 1000000000000000, 1000000000000000, 1)

ops.affine_grid(zeros(2, 2, 3), (1, 4, 4, 3))
ShapeError: affine_grid: theta must be 1 matrices (2, 3), one for each image
  theta (2, 2, 3)   size (1, 4, 4, 3)

ops.affine_grid(zeros(1, 2, 3), (4, 4))
ArgumentError: affine_grid: size must be that of images, (N, H, W, C), but is (4, 4)
"""


@pytest.mark.parametrize(("call", "expected"), entries(GRIDS))
def test_errors_of_grids(call, expected):
    check(call, expected)
