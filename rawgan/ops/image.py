"""Ops that change the size of images. Each is made of other ops, and so has every derivative."""

from typing import Any

import numpy as np

from rawgan.errors import ArgumentError, ShapeError, shapes
from rawgan.ops.arguments import IMAGES, NHWC, as_tensors, check_rank, whole
from rawgan.ops.conv import Conv2d
from rawgan.ops.geometry import Padding, make_window, padding_of
from rawgan.ops.indexing import slice_
from rawgan.ops.linear import matmul
from rawgan.ops.reduce import broadcast_to, max
from rawgan.ops.registry import apart, case, normal, op
from rawgan.ops.shape import concatenate, pad, reshape, transpose
from rawgan.tensor import Tensor
from rawgan_kernels import array_module
from rawgan_kernels.window import IntPair, Window


@op(case("three times", normal(2, 2, 3, 2), factor=3))
def upsample_nearest(x: Tensor, factor: int = 2) -> Tensor:
    """Repeat every pixel `factor` times in both directions.

    Shapes: x (N, H, W, C) → (N, H·factor, W·factor, C)
    Raises: ShapeError unless x has 4 axes, ArgumentError unless factor ≥ 1

    >>> upsample_nearest(Tensor([[[[1.0], [2.0]]]]), 2).data[0, :, :, 0]
    array([[1., 1., 2., 2.],
           [1., 1., 2., 2.]], dtype=float32)
    """
    (x,) = as_tensors(x)
    (n, h, w, c), factor = _checked("upsample_nearest", x, factor)
    repeated = broadcast_to(reshape(x, (n, h, 1, w, 1, c)), (n, h, factor, w, factor, c))
    return reshape(repeated, (n, h * factor, w * factor, c))


@op(
    case("twice", normal(2, 2, 3, 2)),
    case("three times, one row", normal(1, 1, 3, 1), factor=3),
)
def upsample_bilinear(x: Tensor, factor: int = 2) -> Tensor:
    """Enlarge by interpolating between pixel centres; beyond the outermost centres, the edge is repeated.

    Interpolation is linear, so it is a matrix product along the rows and one along the columns.

    Shapes: x (N, H, W, C) → (N, H·factor, W·factor, C)
    Raises: ShapeError unless x has 4 axes, ArgumentError unless factor ≥ 1

    >>> upsample_bilinear(Tensor([[[[0.0], [1.0]]]]), 2).data[0, 0, :, 0]
    array([0.  , 0.25, 0.75, 1.  ], dtype=float32)
    """
    (x,) = as_tensors(x)
    (n, h, w, c), factor = _checked("upsample_bilinear", x, factor)
    rows, columns = (_interpolation(x, size, factor) for size in (h, w))
    tall = matmul(rows, reshape(x, (n, h, w * c)))  # (H·f, H) @ (N, H, W·C) → (N, H·f, W·C)
    wide = matmul(columns, reshape(tall, (n * h * factor, w, c)))  # (W·f, W) @ (N·H·f, W, C) → (N·H·f, W·f, C)
    return reshape(wide, (n, h * factor, w * factor, c))


@op(case("twice", normal(2, 2, 3, 8)))
def pixel_shuffle(x: Tensor, factor: int = 2) -> Tensor:
    """Turn factor² channels into factor × factor pixels; channel c·factor² + a·factor + b goes to pixel (a, b) of c.

    Shapes: x (N, H, W, C·factor²) → (N, H·factor, W·factor, C)
    Raises: ShapeError unless x has 4 axes and factor² divides its channels, ArgumentError unless factor ≥ 1
    Source: Shi et al. 2016

    >>> pixel_shuffle(Tensor([[[[1.0, 2.0, 3.0, 4.0]]]]), 2).data[0, :, :, 0]
    array([[1., 2.],
           [3., 4.]], dtype=float32)
    """
    (x,) = as_tensors(x)
    (n, h, w, channels), factor = _checked("pixel_shuffle", x, factor)
    if channels % factor**2:
        raise ShapeError(
            f"pixel_shuffle: {channels} channels cannot be shared by {factor}·{factor} pixels\n"
            f"{shapes(x=(x, IMAGES), factor=factor)}"
        )
    c = channels // factor**2
    apart = reshape(x, (n, h, w, c, factor, factor))
    return reshape(transpose(apart, (0, 1, 4, 2, 5, 3)), (n, h * factor, w * factor, c))


@op(case("twice", normal(2, 4, 2, 3)))
def pixel_unshuffle(x: Tensor, factor: int = 2) -> Tensor:
    """Turn factor × factor pixels into factor² channels; the inverse of `pixel_shuffle`.

    Shapes: x (N, H, W, C) → (N, H/factor, W/factor, C·factor²)
    Raises: ShapeError unless x has 4 axes and factor divides height and width, ArgumentError unless factor ≥ 1

    >>> pixel_unshuffle(Tensor([[[[1.0], [2.0]], [[3.0], [4.0]]]]), 2)
    Tensor([[[[1., 2., 3., 4.]]]], float32)
    """
    (x,) = as_tensors(x)
    (n, height, width, c), factor = _checked("pixel_unshuffle", x, factor)
    if height % factor or width % factor:
        raise ShapeError(
            f"pixel_unshuffle: {height} × {width} pixels cannot be divided into blocks of {factor} × {factor}\n"
            f"{shapes(x=(x, IMAGES), factor=factor)}"
        )
    h, w = height // factor, width // factor
    blocks = reshape(x, (n, h, factor, w, factor, c))
    return reshape(transpose(blocks, (0, 1, 3, 5, 2, 4)), (n, h, w, c * factor**2))


@op(
    case("all sides alike", normal(2, 3, 4, 2), padding=2),
    case("each side its own", normal(1, 3, 4, 2), padding=((0, 2), (3, 1))),
)
def reflection_pad2d(x: Tensor, padding: Padding) -> Tensor:
    """Images with a border in which they are mirrored at their outermost pixels, which are not repeated.

    `padding` is a number of pixels, a pair (vertical, horizontal) of numbers or of pairs ((top, bottom), (left,
    right)).

    Shapes: x (N, H, W, C) → (N, top + H + bottom, left + W + right, C)
    Raises: ShapeError unless x has 4 axes, ArgumentError for padding of another kind, or as wide as the image

    >>> reflection_pad2d(Tensor([[[[1.0], [2.0], [3.0]]]]), (0, 2)).data[0, 0, :, 0]
    array([3., 2., 1., 2., 3., 2., 1.], dtype=float32)
    """
    (x,) = as_tensors(x)
    check_rank("reflection_pad2d", 4, x=(x, NHWC))
    widths = padding_of("reflection_pad2d", padding)
    for size, pair in zip(x.shape[1:3], widths, strict=True):
        if size <= pair[0] or size <= pair[1]:
            raise ArgumentError(
                f"reflection_pad2d: an image of {size} pixels has {size - 1} to mirror on each side, but padding is "
                f"{pair[0]} and {pair[1]}\n{shapes(x=(x, IMAGES))}"
            )
    for axis, (before, after) in enumerate(widths, 1):
        front = (slice(None),) * axis
        mirrored = slice_(x, (*front, slice(before, 0, -1))), slice_(x, (*front, slice(-2, -2 - after, -1)))
        x = concatenate((mirrored[0], x, mirrored[1]), axis) if before or after else x
    return x


@op(
    case("default", normal(2, 4, 5, 2)),
    case("overlapping and padded", normal(1, 5, 4, 2), kernel=3, stride=2, padding=1),
)
def avg_pool2d(
    x: Tensor, kernel: int | IntPair = 2, stride: int | IntPair | None = None, padding: Padding = 0
) -> Tensor:
    """Mean over windows: a convolution with equal weights, each channel by itself. Padding counts as zeros.

    Shapes: x (N, H, W, C) → (N, I, J, C), I = ⌊(H + top + bottom − kernel) / stride⌋ + 1; stride is kernel if None
    Raises: ShapeError if x has not 4 axes or the window does not fit, ArgumentError for an option out of range

    >>> avg_pool2d(Tensor([[[[1.0], [3.0]], [[5.0], [7.0]]]]))
    Tensor([[[[4.]]]], float32)
    """
    (x,) = as_tensors(x)
    check_rank("avg_pool2d", 4, x=(x, NHWC))
    n, h, w, c = x.shape
    window = _pool_window("avg_pool2d", x, kernel, stride, padding)
    a, b = window.kernel
    weights = Tensor.wrap(array_module(x._array).full((a, b, 1, 1), 1 / (a * b), x.dtype))
    planes = reshape(transpose(x, (0, 3, 1, 2)), (n * c, h, w, 1))
    return transpose(reshape(Conv2d(window)(planes, weights), (n, c, *window.output)), (0, 2, 3, 1))


@op(
    case("default", apart(2, 4, 4, 2)),
    case("overlapping and padded", apart(1, 5, 4, 2), kernel=(3, 2), stride=(2, 1), padding=(1, 0)),
    case("same", apart(1, 5, 4, 1), kernel=3, stride=2, padding="same"),
)
def max_pool2d(
    x: Tensor, kernel: int | IntPair = 2, stride: int | IntPair | None = None, padding: Padding = 0
) -> Tensor:
    """Largest value in each window. Padding never wins; equal pixels share the gradient.

    Shapes: x (N, H, W, C) → (N, I, J, C), I = ⌊(H + top + bottom − kernel) / stride⌋ + 1; stride is kernel if None
    Raises: ShapeError if x has not 4 axes or the window does not fit, ArgumentError for an option out of range

    >>> max_pool2d(Tensor([[[[1.0], [3.0]], [[5.0], [7.0]]]]))
    Tensor([[[[7.]]]], float32)
    """
    (x,) = as_tensors(x)
    check_rank("max_pool2d", 4, x=(x, NHWC))
    window = _pool_window("max_pool2d", x, kernel, stride, padding)
    (a, b), (s, t), (i, j) = window.kernel, window.stride, window.output
    padded = pad(x, ((0, 0), *window.padding, (0, 0)), -np.inf)
    seen = [
        padded[None, :, p : p + (i - 1) * s + 1 : s, q : q + (j - 1) * t + 1 : t] for p in range(a) for q in range(b)
    ]
    return max(concatenate(seen), axis=0)


def _pool_window(op: str, x: Tensor, kernel: int | IntPair, stride: int | IntPair | None, padding: Padding) -> Window:
    size = x.shape[1], x.shape[2]
    try:
        window = make_window(op, size, kernel, kernel if stride is None else stride, padding, 1)
    except ShapeError as error:
        error.add(shapes(x=(x, IMAGES)).strip())
        raise
    if any(p >= k for pair, k in zip(window.padding, window.kernel, strict=True) for p in pair):
        raise ArgumentError(
            f"{op}: padding must be smaller than the kernel, or a window would contain nothing else\n"
            f"{shapes(x=(x, IMAGES), kernel=window.kernel, padding=window.padding)}"
        )
    return window


def _interpolation(x: Tensor, size: int, factor: int) -> Tensor:
    """The matrix (size·factor, size) that interpolates linearly between pixel centres."""
    centres = (np.arange(size * factor) + 0.5) / factor - 0.5
    weights = np.maximum(0, 1 - np.abs(np.clip(centres, 0, size - 1)[:, None] - np.arange(size)))
    return Tensor.wrap(array_module(x._array).asarray(weights.astype(x.dtype)))


def _checked(op: str, x: Tensor, factor: Any) -> tuple[tuple[int, ...], int]:
    check_rank(op, 4, x=(x, NHWC))
    return x.shape, whole(op, "factor", factor, 1)
