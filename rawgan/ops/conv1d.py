"""Convolutions of sequences: those of images that are one pixel high."""

from typing import Any

from rawgan.autograd.checks import check_alike
from rawgan.errors import ArgumentError, ShapeError, described, shapes
from rawgan.ops.activation import checked_slope
from rawgan.ops.arguments import LARGEST, as_tensors, check_rank, is_whole, whole
from rawgan.ops.conv import Conv2d, ConvTranspose2d
from rawgan.ops.geometry import make_window, transposed_window
from rawgan.ops.registry import case, normal, op
from rawgan.ops.shape import reshape
from rawgan.tensor import Tensor
from rawgan_kernels.window import IntPair

Padding1d = int | str | IntPair

SEQUENCES, WEIGHTS, TRANSPOSED_WEIGHTS = "(N, L, C)", "(k, in, out)", "(k, out, in)"


@op(
    case("bias and stride", normal(2, 6, 2), normal(3, 2, 3), normal(3), stride=2, padding=1),
    case("same, then leaky_relu", normal(1, 5, 2), normal(4, 2, 2), normal(2), padding="same", slope=0.2),
    case("groups, dilation, one side padded", normal(2, 4, 4), normal(2, 2, 2), groups=2, dilation=3, padding=(2, 0)),
)
def conv1d(
    x: Tensor,
    w: Tensor,
    b: Tensor | None = None,
    *,
    stride: int = 1,
    padding: Padding1d = 0,
    dilation: int = 1,
    groups: int = 1,
    slope: float = 1.0,
) -> Tensor:
    """Slide the kernel w over sequences; see `conv2d`.

    `padding` is a number of zeros at each end, a pair (before, after), or `"same"`. `(d · (k − 1), 0)` makes the
    convolution causal: no result depends on what comes later.

    Shapes: x (N, L, C), w (k, C/groups, K), b (K,) → (N, M, K), M = ⌊(L + before + after − d·(k − 1) − 1) / s⌋ + 1
    Raises: ShapeError if channels or lengths do not fit, ArgumentError for an option out of range

    >>> conv1d(Tensor([[[1.0], [2.0], [4.0]]]), Tensor([[[-1.0]], [[1.0]]]))
    Tensor([[[1.],
             [2.]]], float32)
    """
    x, w = as_tensors(x, w)
    check_rank("conv1d", 3, x=(x, SEQUENCES), w=(w, WEIGHTS))
    groups = whole("conv1d", "groups", groups, 1)
    outputs = w.shape[2]
    if x.shape[2] % groups or outputs % groups:
        raise ArgumentError(
            f"conv1d: groups must divide the {x.shape[2]} input and the {outputs} output channels\n"
            f"{shapes(x=x, w=w, groups=groups)}"
        )
    listing = shapes(x=(x, SEQUENCES), w=(w, WEIGHTS))
    if x.shape[2] != w.shape[1] * groups:
        takes = f"{w.shape[1]}" if groups == 1 else f"{w.shape[1]} in each of {groups} groups"
        raise ShapeError(f"conv1d: x has {x.shape[2]} channels but w takes {takes}\n{listing}")
    bias = _checked_bias("conv1d", x, w, outputs, b, listing)
    options, step = _stride_and_padding("conv1d", stride, padding), whole("conv1d", "dilation", dilation, 1)
    try:
        window = make_window("conv1d", (1, x.shape[1]), (1, w.shape[0]), *options, (1, step), groups)
    except ShapeError as error:
        error.add(listing.strip())
        raise
    return _lowered(Conv2d(window, checked_slope("conv1d", slope))(_raised(x), _raised(w, 0), *bias))


@op(
    case("bias and stride", normal(2, 3, 2), normal(4, 3, 2), normal(3), stride=2, padding=1),
    case("output padding, groups", normal(1, 3, 4), normal(2, 1, 4), stride=3, output_padding=2, groups=2),
    case("same, then relu", normal(1, 3, 2), normal(3, 2, 2), stride=2, padding="same", slope=0.0),
)
def conv_transpose1d(
    x: Tensor,
    w: Tensor,
    b: Tensor | None = None,
    *,
    stride: int = 1,
    padding: Padding1d = 0,
    output_padding: int = 0,
    dilation: int = 1,
    groups: int = 1,
    slope: float = 1.0,
) -> Tensor:
    """Transposed convolution of sequences; see `conv_transpose2d`.

    Shapes: x (N, L, C), w (k, out/groups, C), b (out,) → (N, M, out),
            M = (L − 1)·s − before − after + d·(k − 1) + 1 + output_padding
    Raises: ShapeError if channels or lengths do not fit, ArgumentError for an option out of range

    >>> conv_transpose1d(Tensor([[[1.0], [3.0]]]), Tensor([[[1.0]], [[1.0]]]), stride=2).reshape(-1)
    Tensor([1., 1., 3., 3.], float32)
    """
    name = "conv_transpose1d"
    x, w = as_tensors(x, w)
    check_rank(name, 3, x=(x, SEQUENCES), w=(w, TRANSPOSED_WEIGHTS))
    groups = whole(name, "groups", groups, 1)
    listing = shapes(x=(x, SEQUENCES), w=(w, TRANSPOSED_WEIGHTS))
    if x.shape[2] != w.shape[2]:
        raise ShapeError(f"{name}: x has {x.shape[2]} channels but w takes {w.shape[2]}\n{listing}")
    if x.shape[2] % groups:
        raise ArgumentError(
            f"{name}: groups must divide the {x.shape[2]} input channels\n{shapes(x=x, w=w, groups=groups)}"
        )
    bias = _checked_bias(name, x, w, w.shape[1] * groups, b, listing)
    options = *_stride_and_padding(name, stride, padding), (0, whole(name, "output_padding", output_padding, 0))
    step = whole(name, "dilation", dilation, 1)
    try:
        window = transposed_window(name, (1, x.shape[1]), (1, w.shape[0]), *options, (1, step), groups)
    except ShapeError as error:
        error.add(listing.strip())
        raise
    return _lowered(ConvTranspose2d(window, checked_slope(name, slope))(_raised(x), _raised(w, 0), *bias))


def check_padding1d(name: str, padding: Any) -> Padding1d:
    """The padding itself. Raises: ArgumentError unless it is a number, a pair of numbers, or "same"."""
    if isinstance(padding, str) and padding == "same":
        return padding
    pair = padding if isinstance(padding, tuple | list) else (padding, padding)
    if len(pair) != 2 or not all(is_whole(n) and 0 <= n <= LARGEST for n in pair):
        raise ArgumentError(
            f"{name}: padding must be an integer >= 0, a pair (before, after), or 'same', but is {described(padding)}"
        )
    return padding


def _stride_and_padding(name: str, stride: Any, padding: Any) -> tuple[IntPair, Any]:
    """The stride and the padding of an image."""
    step = 1, whole(name, "stride", stride, 1)
    if isinstance(check_padding1d(name, padding), str):
        return step, "same"
    return step, ((0, 0), tuple(padding) if isinstance(padding, tuple | list) else (padding, padding))


def _checked_bias(name: str, x: Tensor, w: Tensor, channels: int, b: Any, listing: str) -> list[Tensor]:
    """The bias in a list; an empty list if there is none."""
    if b is None:
        check_alike(name, x=x, w=w)
        return []
    _, b = as_tensors(x, b)
    if b.shape != (channels,):
        raise ShapeError(
            f"{name}: b must have one number for each of {channels} output channels\n"
            f"{shapes(b=(b, '(out,)'))}   {listing.strip()}"
        )
    check_alike(name, x=x, w=w, b=b)
    return [b]


def _raised(x: Tensor, axis: int = 1) -> Tensor:
    """With an axis of length 1 for the height."""
    return reshape(x, (*x.shape[:axis], 1, *x.shape[axis:]))


def _lowered(y: Tensor) -> Tensor:
    """Without the height."""
    return reshape(y, (y.shape[0], *y.shape[2:]))
