"""Ops that resize and filter images: a linear map along the height, and one along the width.

`rawgan_kernels.resampling` describes the maps, and makes the tables of their weights.
"""

from functools import lru_cache, reduce
from math import isfinite
from typing import Any

import numpy as np

import rawgan_kernels as kernels
from rawgan.arrays import plain
from rawgan.autograd import Gradients, Op
from rawgan.errors import ArgumentError, DTypeError, ShapeError, described, shapes
from rawgan.ops.arguments import IMAGES, LARGEST, NHWC, as_tensors, check_rank, choice, flag, is_number
from rawgan.ops.arithmetic import add
from rawgan.ops.geometry import Padding, padding_of, pair_of
from rawgan.ops.registry import case, normal, op
from rawgan.tensor import Tensor
from rawgan_kernels.resampling import MODES, SMOOTH, Filter, Interpolation, Map, transposed
from rawgan_kernels.window import IntPair

Taps = tuple[float, ...]


class Resample(Op):
    """y[n, i, j, c] = Σ R[i, h] · C[j, w] · x[n, h, w, c], with the sparse matrices R and C of two maps.

    Shapes:   x (N, H, W, C), R (I, H), C (J, W) → y (N, I, J, C)
    Backward: gx = the same with Rᵀ and Cᵀ of gy
    """

    uses_inputs = False

    def __init__(self, rows: Map, columns: Map) -> None:
        self.rows, self.columns = rows, columns

    def forward(self, x: Any) -> Any:
        return kernels.resample(x, self.rows, self.columns)

    def backward(self, gy: Tensor) -> Gradients:
        return (Resample(transposed(self.rows), transposed(self.columns))(gy),)


@op(
    case("blur", normal(2, 4, 5, 2), f=(1.0, 2.0, 3.0), padding=1),
    case("enlarged and shrunk", normal(1, 3, 4, 2), f=(1.0, 3.0, 3.0, 1.0), up=(3, 2), down=(2, 1), padding="same"),
    case("a filter that is not separable", normal(1, 4, 5, 1), f=[[1.0, 2.0, -1.0], [0.5, 0.0, 3.0]], gain=2.0),
    case("cropped", normal(1, 6, 5, 1), f=[1.0, -1.0], flip_filter=True, padding=((-2, 1), (0, -1))),
)
def upfirdn2d(
    x: Tensor,
    f: Any,
    *,
    up: int | IntPair = 1,
    down: int | IntPair = 1,
    padding: Padding = 0,
    flip_filter: bool = False,
    gain: float = 1.0,
) -> Tensor:
    """Put up − 1 zeros behind each pixel, pad with zeros, convolve channels with gain · f, keep every down-th pixel.

    f is an array of constants: its taps along both axes, or a filter (height, width). It is flipped, as a convolution
    demands, unless `flip_filter`. `padding` is a number of pixels, a pair (vertical, horizontal) of numbers or of pairs
    ((top, bottom), (left, right)), where negative numbers crop, or `"same"`: the result keeps its place and has
    ⌊size · up / down⌋ pixels.

    A blur is `upfirdn2d(x, f, padding="same")`. StyleGAN enlarges with `up=2, padding="same", gain=4`, and shrinks with
    `down=2, padding="same"`, f having the sum 1.

    Shapes: x (N, H, W, C), f (A,) or (A, B) → (N, I, J, C), I = ⌊(H·up + top + bottom − A) / down⌋ + 1
    Raises: ShapeError unless x has 4 axes and the filter fits, ArgumentError for an option out of range
    Source: Karras et al. 2020 (StyleGAN2)

    >>> upfirdn2d(Tensor([[[[1.0], [5.0]]]]), [[0.25, 0.75, 0.75, 0.25]], up=(1, 2), padding="same").data[0, 0, :, 0]
    array([0.75, 2.  , 4.  , 3.75], dtype=float32)
    """
    (x,) = as_tensors(x)
    check_rank("upfirdn2d", 4, x=(x, NHWC))
    _check_pixels("upfirdn2d", x)
    ups, downs = pair_of("upfirdn2d", "up", up, 1), pair_of("upfirdn2d", "down", down, 1)
    if not is_number(gain) or not isfinite(gain):
        raise ArgumentError(f"upfirdn2d: gain must be a finite number, but is {described(gain)}")
    filters = _filters(f, flag("upfirdn2d", "flip_filter", flip_filter))
    taps = len(filters[0][0]), len(filters[0][1])
    if isinstance(padding, str) and padding == "same":
        before = [(k + u - d) // 2 for k, u, d in zip(taps, ups, downs, strict=True)]
        pads = (before[0], taps[0] - downs[0] - before[0]), (before[1], taps[1] - downs[1] - before[1])
    else:
        pads = padding_of("upfirdn2d", padding, ", or 'same'", -LARGEST)
    for side, size, u, k, pair in zip(("height", "width"), x.shape[1:3], ups, taps, pads, strict=True):
        if size * u + sum(pair) < k:
            raise ShapeError(
                f"upfirdn2d: the filter does not fit, its {side} is {k}, but the image has {size * u + sum(pair)} "
                f"pixels\n  size {size} * up {u} + padding {pair[0]} + {pair[1]}\n{shapes(x=(x, IMAGES), f=taps)}"
            )
    parts = []
    for rows, columns in filters:
        scaled = rows if gain == 1 else tuple([float(gain) * tap for tap in rows])
        vertical = Filter(x.shape[1], scaled, ups[0], downs[0], pads[0])
        horizontal = Filter(x.shape[2], columns, ups[1], downs[1], pads[1])
        parts.append(Resample(vertical, horizontal)(x))
    return reduce(add, parts)


def _check_pixels(op: str, x: Tensor) -> None:
    for side, size in zip(("height", "width"), x.shape[1:3], strict=True):
        if not size:
            raise ShapeError(f"{op}: the image has no pixels, its {side} is 0\n{shapes(x=(x, IMAGES))}")


@op(
    case("bilinear, smaller and larger", normal(2, 5, 3, 2), size=(2, 7)),
    case("bicubic", normal(1, 3, 7, 1), size=(5, 4), mode="bicubic"),
    case(
        "bicubic by a factor, without antialias",
        normal(1, 5, 4, 1),
        scale_factor=(0.7, 1.3),
        mode="bicubic",
        antialias=False,
    ),
    case("align_corners", normal(1, 4, 3, 1), size=(7, 2), align_corners=True),
    case("nearest", normal(1, 4, 3, 2), size=(2, 5), mode="nearest"),
    case("area", normal(1, 5, 4, 1), size=(2, 6), mode="area"),
)
def resize(
    x: Tensor,
    size: int | IntPair | None = None,
    mode: str = "bilinear",
    *,
    scale_factor: float | tuple[float, float] | None = None,
    antialias: bool = True,
    align_corners: bool = False,
    a: float | None = None,
) -> Tensor:
    """Images of another height and width: `size` pixels, or ⌊H · scale_factor⌋ and ⌊W · scale_factor⌋.

    `mode` is `"bilinear"`, `"bicubic"`, `"area"` (the mean of all pixels that a new one touches), `"nearest"` (the
    pixel at its upper left corner) or `"nearest-exact"` (the pixel at its centre). With `antialias`, each pixel of a
    smaller image is a weighted mean over all that it covers, as in Pillow; without, it is interpolated between the
    nearest ones. With `align_corners`, the centres of the corner pixels stay where they are; otherwise the edges of the
    image do. `a` is the slope of the cubic at 1: −0.5 as in Pillow, or −0.75 without antialias, as in PyTorch.

    Shapes: x (N, H, W, C) → (N, *size, C)
    Raises: ShapeError unless x has 4 axes and pixels, ArgumentError for an option out of range
    Source: Keys 1981 for the cubic; the weights are those of Pillow and PyTorch

    >>> resize(Tensor([[[[0.0], [1.0], [2.0], [9.0]]]]), (1, 2)).data[0, 0, :, 0]
    array([0.71428573, 4.857143  ], dtype=float32)
    """
    (x,) = as_tensors(x)
    check_rank("resize", 4, x=(x, NHWC))
    _check_pixels("resize", x)
    mode = choice("resize", "mode", mode, MODES)
    options = mode, flag("resize", "antialias", antialias), flag("resize", "align_corners", align_corners)
    if align_corners and mode not in SMOOTH:
        raise ArgumentError(f"resize: align_corners is for {' and '.join(SMOOTH)}, not {mode}")
    if a is not None and not (is_number(a) and isfinite(a)):
        raise ArgumentError(f"resize: a must be a finite number, but is {described(a)}")
    slope = (-0.5 if antialias else -0.75) if a is None else float(a)
    sizes, scales = _resized(x, size, scale_factor)
    rows, columns = (
        Interpolation(before, after, *options, slope, scale)
        for before, after, scale in zip(x.shape[1:3], sizes, scales, strict=True)
    )
    return Resample(rows, columns)(x)


def _resized(x: Tensor, size: Any, scale_factor: Any) -> tuple[IntPair, list[float | None]]:
    """The new height and width, and the number of old pixels for a new one; None is size / new size."""
    if (size is None) == (scale_factor is None):
        given = "neither is given" if size is None else "both are given"
        raise ArgumentError(f"resize: the new size is set by either size or scale_factor, but {given}")
    if size is not None:
        return pair_of("resize", "size", size, 1), [None, None]
    factors = tuple(scale_factor) if isinstance(scale_factor, tuple | list) else (scale_factor, scale_factor)
    if len(factors) != 2 or not all(is_number(f) and 0 < f <= LARGEST for f in factors):
        raise ArgumentError(
            f"resize: scale_factor must be a number above 0, or two of them, but is {described(scale_factor)}"
        )
    height, width = (int(n * f) for n, f in zip(x.shape[1:3], factors, strict=True))
    if not height or not width:
        raise ShapeError(
            f"resize: no pixel would be left, the new size is {height} × {width}\n"
            f"{shapes(x=(x, IMAGES), scale_factor=scale_factor)}"
        )
    exact = (after == n * f for n, f, after in zip(x.shape[1:3], factors, (height, width), strict=True))
    return (height, width), [None if whole else 1 / float(f) for whole, f in zip(exact, factors, strict=True)]


def _filters(f: Any, flip: bool) -> list[tuple[Taps, Taps]]:
    """The filter as a sum of separable ones: vertical taps and horizontal taps of each.

    Raises: ArgumentError unless f is a constant array of finite numbers with one axis or two, DTypeError unless these
        are real
    """
    if isinstance(f, Tensor) and f.requires_grad:
        raise ArgumentError(
            "upfirdn2d: f is a constant, but requires a gradient\n"
            "  conv2d(x, w, groups=channels) learns a filter for each channel; f.detach() is a constant"
        )
    array = f._array if isinstance(f, Tensor) else plain(f, "upfirdn2d: f")
    if array.dtype.kind not in "biuf":
        raise DTypeError(f"upfirdn2d: f must be real numbers, but is {array.dtype}\n{shapes(f=array)}")
    taps = np.asarray(array if isinstance(array, np.ndarray) else array.get(), np.float64)
    if taps.ndim not in (1, 2) or not taps.size or not np.isfinite(taps).all():
        raise ArgumentError(
            f"upfirdn2d: f must be finite taps (A,) for both axes, or a filter (A, B), but is {described(f)}"
        )
    taps = np.flip(taps) if flip else taps
    return [(tuple(taps.tolist()),) * 2] if taps.ndim == 1 else separated(taps.tobytes(), taps.shape)


@lru_cache(maxsize=64)
def separated(data: bytes, shape: tuple[int, ...]) -> list[tuple[Taps, Taps]]:
    """A filter of float64 as a sum of separable ones, of which most filters need one.

    The largest tap's column and row make such a filter; what it leaves is treated likewise.
    """
    parts, rest = [], np.frombuffer(data).reshape(shape)
    negligible = 1e-14 * np.abs(rest).max()
    for _ in range(min(shape)):
        a, b = np.unravel_index(np.abs(rest).argmax(), shape)
        rows, columns = rest[:, b] / (rest[a, b] or 1.0), rest[a]
        parts.append((tuple(rows.tolist()), tuple(columns.tolist())))
        rest = rest - rows[:, None] * columns
        if np.abs(rest).max() <= negligible:
            break
    return parts
