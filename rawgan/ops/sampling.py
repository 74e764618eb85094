"""Images sampled at any places, as in spatial transformers: three ops, each the derivative of the other two.

y = SamplePixels(x, w)      gx = SpreadPixels(gy, w)      gw = PixelWeights(x, gy)

The weights w are made of the places by other ops, so the places have gradients as well. Bilinear sampling is an op of
its own, whose derivatives are made of these three.
"""

from typing import Any

import numpy as np

import rawgan_kernels as kernels
from rawgan.arrays import constant
from rawgan.autograd import Gradients, Op, is_recording
from rawgan.autograd.checks import check_alike
from rawgan.errors import ArgumentError, ShapeError, described, shapes
from rawgan.ops.arguments import IMAGES, NHWC, as_tensors, check_rank, check_size, choice, flag, is_whole
from rawgan.ops.linear import matmul
from rawgan.ops.parts import stack
from rawgan.ops.registry import between, case, normal, op
from rawgan.ops.registry import constant as fixed
from rawgan.ops.selection import clip, where
from rawgan.ops.shape import reshape, transpose
from rawgan.tensor import Tensor
from rawgan_kernels import array_module
from rawgan_kernels.places import FAR, PADDINGS, bilinear, slopes

GRID_MODES = ("bilinear", "nearest", "bicubic")
GRID, THETA = "(N, I, J, 2)", "(N, 2, 3)"


class SamplePixels(Op):
    """y[n, p, c] = Σ w[n, p, k] · x[n, indices[n, p, k], c] over taps k; those with the number −1 are left out.

    Shapes:   x (N, pixels, C), w (N, P, K) → y (N, P, C)
    Backward: gx = SpreadPixels(gy, w), gw = PixelWeights(x, gy)
    """

    def __init__(self, indices: Any) -> None:
        self.indices = indices

    def forward(self, x: Any, w: Any) -> Any:
        return kernels.sample_pixels(x, w, self.indices)

    def backward(self, gy: Tensor) -> Gradients:
        x, w = self.inputs
        gx = SpreadPixels(self.indices, x.shape[1])(gy, w) if self.needs[0] else None
        return gx, PixelWeights(self.indices)(x, gy) if self.needs[1] else None


class SpreadPixels(Op):
    """y[n, q, c] = Σ w[n, p, k] · x[n, p, c] over all p, k with indices[n, p, k] = q.

    Shapes:   x (N, P, C), w (N, P, K) → y (N, pixels, C)
    Backward: gx = SamplePixels(gy, w), gw = PixelWeights(gy, x)
    """

    def __init__(self, indices: Any, pixels: int) -> None:
        self.indices, self.pixels = indices, pixels

    def forward(self, x: Any, w: Any) -> Any:
        return kernels.sample_pixels_input_grad(x, w, self.indices, self.pixels)

    def backward(self, gy: Tensor) -> Gradients:
        x, w = self.inputs
        gx = SamplePixels(self.indices)(gy, w) if self.needs[0] else None
        return gx, PixelWeights(self.indices)(gy, x) if self.needs[1] else None


class PixelWeights(Op):
    """y[n, p, k] = Σ x[n, indices[n, p, k], c] · z[n, p, c] over channels c.

    Shapes:   x (N, pixels, C), z (N, P, C) → y (N, P, K)
    Backward: gx = SpreadPixels(z, gy), gz = SamplePixels(x, gy)
    """

    def __init__(self, indices: Any) -> None:
        self.indices = indices

    def forward(self, x: Any, z: Any) -> Any:
        return kernels.sample_pixels_weight_grad(x, z, self.indices)

    def backward(self, gy: Tensor) -> Gradients:
        x, z = self.inputs
        gx = SpreadPixels(self.indices, x.shape[1])(z, gy) if self.needs[0] else None
        return gx, SamplePixels(self.indices)(x, gy) if self.needs[1] else None


class SampleBilinear(Op):
    """y[n, i, j] = Σ w[k] · x[n, at[k]] over the four pixels around the place grid[n, i, j].

    With a place's distances t from the upper and s from the left pixels, the weights are (1−t)(1−s), (1−t)s, t(1−s) and
    ts.

    Shapes:   x (N, H, W, C), grid (N, I, J, 2) → y (N, I, J, C)
    Backward: gx = SpreadPixels(gy, w); gw = PixelWeights(x, gy), and from it
              gt = (gw[2] − gw[0]) (1−s) + (gw[3] − gw[1]) s, gs = (gw[1] − gw[0]) (1−t) + (gw[3] − gw[2]) t
    Source:   Jaderberg et al. 2015
    """

    def __init__(self, padding: str, aligned: bool) -> None:
        self.padding, self.aligned = padding, aligned

    def forward(self, x: Any, grid: Any) -> Any:
        return kernels.grid_sample(x, grid, self.padding, self.aligned)

    def backward(self, gy: Tensor) -> Gradients:
        x, grid = self.inputs
        (n, h, w, c), (_, i, j, _), options = x.shape, grid.shape, (self.padding, self.aligned)
        if not is_recording():
            arrays, gx, ggrid = (x._array, grid._array, gy._array), None, None
            if self.needs[0]:
                gx = Tensor.wrap(kernels.grid_sample_input_grad(arrays[2], arrays[1], (h, w), *options))
            if self.needs[1]:
                ggrid = Tensor.wrap(kernels.grid_sample_grid_grad(*arrays, *options))
            return gx, ggrid
        numbers, _, (*rest, down_slope, along_slope) = bilinear(grid._array, (h, w), *options)
        indices, places = constant(numbers), reshape(grid, (n, i * j, 2))
        t, s = (
            _attached(value, places[..., 1 - axis], slope)
            for axis, (value, slope) in enumerate(zip(rest, (down_slope, along_slope), strict=True))
        )
        gx, ggrid, rows = None, None, reshape(gy, (n, i * j, c))
        if self.needs[0]:
            weights = stack([(1 - t) * (1 - s), (1 - t) * s, t * (1 - s), t * s], axis=-1)
            gx = reshape(SpreadPixels(indices, h * w)(rows, weights), x.shape)
        if self.needs[1]:
            gw = PixelWeights(indices)(reshape(x, (n, h * w, c)), rows)
            down, along = slopes(gw, t, s, Tensor.wrap(down_slope), Tensor.wrap(along_slope))
            ggrid = reshape(stack([along, down], axis=-1), grid.shape)
        return gx, ggrid


def _attached(value: Any, place: Tensor, slope: Any) -> Tensor:
    """A Tensor of these values, whose derivative by the place is the slope; where that is 0, the place may be NaN."""
    place = where(slope != 0, place, 0.0)
    return (place - place.detach()) * Tensor.wrap(slope) + Tensor.wrap(value)


# Places between the kinks, which lie at pixels' centres, or at their edges with align_corners; some are outside.
PLACES = fixed([[[[-0.9, 0.3], [0.1, -1.4]], [[0.7, 0.8], [-0.35, 0.05]]]])


@op(
    case("bilinear", normal(1, 3, 4, 2), PLACES),
    case("border", normal(1, 3, 4, 2), PLACES, padding_mode="border", align_corners=True),
    case("reflection", normal(1, 3, 4, 1), PLACES, padding_mode="reflection"),
    case("bicubic", normal(1, 3, 4, 2), PLACES, mode="bicubic"),
    case("nearest", normal(2, 3, 4, 2), between(-1, 1, 2, 2, 3, 2), mode="nearest",
         call=lambda op, x, grid, mode: op(x, grid.detach(), mode) + 0 * grid[..., :1]),
)  # fmt: skip
def grid_sample(
    x: Tensor, grid: Tensor, mode: str = "bilinear", padding_mode: str = "zeros", align_corners: bool = False
) -> Tensor:
    """Images sampled at places of a grid: (−1, −1) is the upper left corner of the image, (1, 1) the lower right one.

    Places are (horizontal, vertical). With `align_corners`, they count from the centres of the corner pixels, otherwise
    from their edges. `mode` is `"bilinear"`, `"bicubic"` (with the slope −0.75 of PyTorch) or `"nearest"`, which has no
    gradient for the grid. Beyond the image there are `"zeros"`, its outermost pixels (`"border"`), or its mirror image
    (`"reflection"`). A place that is NaN counts as −1.

    Shapes: x (N, H, W, C), grid (N, I, J, 2) → (N, I, J, C)
    Raises: ShapeError unless x and grid have 4 axes and fit, ArgumentError for an option out of range
    Source: Jaderberg et al. 2015

    >>> x = Tensor([[[[1.0], [2.0]], [[3.0], [4.0]]]])
    >>> grid_sample(x, Tensor([[[[0.0, 0.0], [-0.5, -0.5], [1.0, 0.0]]]])).data[0, :, :, 0]
    array([[2.5, 1. , 1.5]], dtype=float32)
    """
    x, grid = as_tensors(x, grid)
    check_rank("grid_sample", 4, x=(x, NHWC), grid=(grid, GRID))
    mode = choice("grid_sample", "mode", mode, GRID_MODES)
    padding_mode = choice("grid_sample", "padding_mode", padding_mode, PADDINGS)
    aligned = flag("grid_sample", "align_corners", align_corners)
    if grid.shape[3] != 2 or grid.shape[0] != x.shape[0] or not x.shape[1] * x.shape[2]:
        if grid.shape[3] != 2:
            fault = "the last axis of grid must be the two coordinates of a place, horizontal and vertical"
        elif grid.shape[0] != x.shape[0]:
            fault = "x and grid must have the same batch size"
        else:
            fault = "the images have no pixels"
        raise ShapeError(f"grid_sample: {fault}\n{shapes(x=(x, IMAGES), grid=(grid, GRID))}")
    check_alike("grid_sample", x=x, grid=grid)
    if mode == "bilinear":
        return SampleBilinear(padding_mode, aligned)(x, grid)
    (n, i, j, _), (_, h, w, c) = grid.shape, x.shape
    (rows, vertical), (columns, horizontal) = (
        _taps(grid[..., 1 - axis], size, mode, padding_mode, aligned) for axis, size in enumerate((h, w))
    )
    shape, xp = (n, i * j, rows.shape[-1] * columns.shape[-1]), array_module(x._array)
    outside = (rows < 0)[..., :, None] | (columns < 0)[..., None, :]
    indices = xp.where(outside, -1, rows[..., :, None] * w + columns[..., None, :]).reshape(shape)
    weights = reshape(vertical[..., :, None] * horizontal[..., None, :], shape)
    return reshape(SamplePixels(constant(indices))(reshape(x, (n, h * w, c)), weights), (n, i, j, c))


def _taps(places: Tensor, size: int, mode: str, padding: str, aligned: bool) -> tuple[Any, Tensor]:
    """Pixels along one axis for each place, by number (−1 is none), and their weights. Shapes: S → (*S, K), twice"""
    xp = array_module(places._array)
    if bool(xp.isnan(places._array).any()):
        places = where(~xp.isnan(places._array), places, -1.0)
    at = (places + 1) * (0.5 * (size - 1)) if aligned else (places + 1) * (0.5 * size) - 0.5
    if not bool((abs(at._array) <= FAR).all()):
        at = clip(at, -FAR, FAR)
    if mode == "nearest":
        at = _inside(at, size, padding, aligned)
        taps = xp.round(at._array).astype(np.int64)[..., None]
        weights = Tensor.wrap(xp.ones(taps.shape, at.dtype))
    else:
        low = xp.floor(at._array)
        taps = low.astype(np.int64)[..., None] + xp.arange(-1, 3)
        weights = stack(_cubic(at - Tensor.wrap(low)), axis=-1)
        moved = _inside(  # the pixels, not the place, as in PyTorch
            Tensor.wrap(taps.astype(at.dtype)), size, padding, aligned
        )
        taps = moved._array.astype(np.int64)
    return xp.where((taps >= 0) & (taps < size), taps, -1), weights


def _inside(at: Tensor, size: int, padding: str, aligned: bool) -> Tensor:
    """Places in pixels, moved into the image unless there are zeros around it."""
    if padding == "reflection":
        xp = array_module(at._array)
        low, span = (0.0, size - 1.0) if aligned else (-0.5, float(size))
        if not span:
            return 0 * clip(at, 0, 0)
        # Each multiple of span is a mirror, so between those of an odd number and the next, the image is turned.
        mirrors = xp.floor((at._array - low) / span)
        odd = mirrors % 2 == 1
        sign = xp.where(odd, -1, 1).astype(at.dtype)
        start = xp.where(odd, (mirrors + 1) * span, -mirrors * span).astype(at.dtype)
        at = (at - low) * Tensor.wrap(sign) + Tensor.wrap(start) + low
    return at if padding == "zeros" else clip(at, 0, size - 1)


def _cubic(t: Tensor, a: float = -0.75) -> list[Tensor]:
    """Weights of the four pixels around a place, at the distances 1 + t, t, 1 − t and 2 − t.

    Source: Keys 1981
    """
    near = [((a + 2) * d - (a + 3)) * d * d + 1 for d in (t, 1 - t)]
    far = [(((d - 5) * d + 8) * d - 4) * a for d in (1 + t, 2 - t)]
    return [far[0], *near, far[1]]


@op(
    case("any", normal(2, 2, 3), size=(2, 2, 3, 1)),
    case("corners, one row", normal(1, 2, 3), size=(1, 1, 3, 2), align_corners=True),
)
def affine_grid(theta: Tensor, size: tuple[int, int, int, int], align_corners: bool = False) -> Tensor:
    """Places for `grid_sample` that turn, move and stretch an image: theta @ (x, y, 1) for each pixel at (x, y).

    theta is a matrix for each image, from places in the new image to those in the old one. `size` is the shape of the
    new images, (N, H, W, C); `align_corners` is that of `grid_sample`.

    Shapes: theta (N, 2, 3) → (N, H, W, 2)
    Raises: ShapeError unless theta has 3 axes and fits `size`, ArgumentError for an option out of range
    Source: Jaderberg et al. 2015

    >>> affine_grid(Tensor([[[1.0, 0.0, 0.0], [0.0, 1.0, 0.5]]]), (1, 1, 2, 3)).data
    array([[[[-0.5,  0.5],
             [ 0.5,  0.5]]]], dtype=float32)
    """
    (theta,) = as_tensors(theta)
    check_rank("affine_grid", 3, theta=(theta, THETA))
    if not isinstance(size, tuple | list) or len(size) != 4 or not all(is_whole(n) and n >= 1 for n in size):
        raise ArgumentError(f"affine_grid: size must be that of images, (N, H, W, C), but is {described(size)}")
    n, h, w, _ = (int(each) for each in size)
    if theta.shape != (n, 2, 3):
        raise ShapeError(
            f"affine_grid: theta must be {n} matrices (2, 3), one for each image\n{shapes(theta=theta, size=size)}"
        )
    check_size("affine_grid", (n, h, w, 2), theta=theta, size=size)
    aligned = flag("affine_grid", "align_corners", align_corners)
    y, x = np.meshgrid(*(_centres(each, aligned) for each in (h, w)), indexing="ij")
    places = np.stack([x, y, np.ones_like(x)], axis=-1).reshape(h * w, 3).astype(theta.dtype)
    base = Tensor.wrap(array_module(theta._array).asarray(places))
    return reshape(matmul(base, transpose(theta, (0, 2, 1))), (n, h, w, 2))  # (H·W, 3) @ (N, 3, 2) → (N, H·W, 2)


def _centres(size: int, aligned: bool) -> np.ndarray[Any, Any]:
    """Places of the centres of pixels along one axis."""
    if aligned:
        return np.linspace(-1, 1, size) if size > 1 else np.zeros(1)
    return (2 * np.arange(size) + 1) / size - 1
