"""Convolutions: three ops, each the derivative of the other two, which gives every order of derivative.

y  = conv2d(x, w)      gx = conv_transpose2d(gy, w)      gw = conv2d_weight_grad(x, gy)
"""

from typing import Any

import rawgan_kernels as kernels
from rawgan.autograd import Gradients, Op
from rawgan.autograd.checks import check_alike
from rawgan.errors import ArgumentError, ShapeError, shapes
from rawgan.ops.activation import before_activation, checked_slope
from rawgan.ops.arguments import IMAGES, NHWC, as_tensors, check_rank, integer, nhwc_hint
from rawgan.ops.geometry import Padding, make_window, transposed_window
from rawgan.ops.reduce import sum
from rawgan.ops.registry import case, normal, op
from rawgan.tensor import Tensor
from rawgan_kernels.window import IntPair, Window

WEIGHTS, TRANSPOSED_WEIGHTS = "(kh, kw, in, out)", "(kh, kw, out, in)"


class Conv2d(Op):
    """y[n, i, j, k] = Σ x[n, i·s + a·d, j·s + b·d, c] · w[a, b, c, k] over taps a, b and channels c, x being padded.

    With a bias, y + b; with a slope below 1, leaky_relu of that: both in the pass that writes y.

    Shapes:   x (N, H, W, C), w (A, B, C/G, K), b (K,) → y (N, I, J, K)
    Backward: gx = conv_transpose2d(gy, w)
              gw = conv2d_weight_grad(x, gy)
              gb = Σ gy over images and pixels
    """

    keeps_rounded = True

    def __init__(self, window: Window, slope: float = 1.0) -> None:
        self.window, self.slope = window, slope
        self.keeps_output = slope != 1

    def forward(self, x: Any, w: Any, b: Any = None) -> Any:
        return kernels.conv2d(x, w, self.window, b, self.slope)

    def backward(self, gy: Tensor) -> Gradients:
        x, w = self.inputs[:2]
        gy = before_activation(self, gy)
        gx_comes_last = x.size > w.size  # the larger gradient does, so that the two take less memory
        gx = None if gx_comes_last else self._gx(gy, w)
        gw = Conv2dWeightGrad(self.window)(x, gy) if self.needs[1] else None
        del x
        gx = self._gx(gy, w) if gx_comes_last else gx
        return gx, gw, *(sum(gy, (0, 1, 2)) if needed else None for needed in self.needs[2:])

    def _gx(self, gy: Tensor, w: Tensor) -> Tensor | None:
        return ConvTranspose2d(self.window)(gy, w) if self.needs[0] else None


@op(
    case("plain", normal(2, 4, 5, 2), normal(3, 2, 2, 3)),
    case("bias and stride", normal(2, 5, 4, 2), normal(2, 3, 2, 3), normal(3), stride=(2, 1)),
    case("padding and a remainder", normal(1, 6, 5, 1), normal(3, 3, 1, 2), stride=2, padding=(0, 1)),
    case("same", normal(1, 5, 4, 2), normal(4, 3, 2, 2), stride=2, padding="same"),
    case("asymmetric padding", normal(1, 3, 4, 1), normal(3, 3, 1, 2), padding=((2, 0), (0, 3))),
    case("dilation", normal(1, 7, 6, 1), normal(3, 2, 1, 2), dilation=(2, 3), padding=1),
    case("groups", normal(2, 3, 3, 4), normal(2, 2, 2, 6), groups=2),
    case("one group per channel", normal(1, 4, 4, 3), normal(3, 3, 1, 3), groups=3, stride=2, padding=1),
    case("1×1", normal(2, 2, 3, 3), normal(1, 1, 3, 2)),
    case("then leaky_relu", normal(1, 4, 3, 2), normal(2, 2, 2, 2), normal(2), stride=(2, 1), slope=0.2),
    order=3,
)
def conv2d(
    x: Tensor,
    w: Tensor,
    b: Tensor | None = None,
    *,
    stride: int | IntPair = 1,
    padding: Padding = 0,
    dilation: int | IntPair = 1,
    groups: int = 1,
    slope: float = 1.0,
) -> Tensor:
    """Slide the kernel w over x (a cross-correlation, as everywhere in deep learning).

    `padding` is a number of pixels of zeros, a pair (vertical, horizontal) of numbers or of pairs ((top, bottom),
    (left, right)), or `"same"`: the output has ⌈size / stride⌉ pixels, and an odd pixel of padding goes to the bottom
    and right, as in Keras. With `slope` below 1, leaky_relu is applied in the same pass.

    Shapes: x (N, H, W, C), w (A, B, C/groups, K), b (K,) → (N, I, J, K),
            I = ⌊(H + top + bottom − d·(A − 1) − 1) / s⌋ + 1
    Raises: ShapeError if channels or sizes do not fit, ArgumentError for an option out of range
    Source: Dumoulin and Visin 2016

    >>> import numpy as np
    >>> conv2d(Tensor(np.ones((1, 3, 3, 1))), Tensor(np.ones((2, 2, 1, 1))), stride=2, padding="same").shape
    (1, 2, 2, 1)
    """
    x, w = as_tensors(x, w)
    check_rank("conv2d", 4, x=(x, NHWC), w=(w, WEIGHTS))
    groups = integer("conv2d", "groups", groups)
    _check_groups("conv2d", groups, x, w)
    try:
        window = make_window("conv2d", _size(x), _kernel(w), stride, padding, dilation, groups)
    except ShapeError as error:
        error.add(_listing(x, w, WEIGHTS).strip())
        raise
    return Conv2d(window, checked_slope("conv2d", slope))(x, w, *_checked_bias("conv2d", x, w, w.shape[3], b))


class ConvTranspose2d(Op):
    """y[n, i·s + a·d, j·s + b·d, c] = Σ x[n, i, j, k] · w[a, b, c, k]: the gradient of Conv2d by its input.

    With a bias, y + b; with a slope below 1, leaky_relu of that, as in Conv2d.

    Shapes:   x (N, I, J, K), w (A, B, C/G, K), b (C,) → y (N, H, W, C)
    Backward: gx = conv2d(gy, w)
              gw = conv2d_weight_grad(gy, x)
              gb = Σ gy over images and pixels
    """

    keeps_rounded = True

    def __init__(self, window: Window, slope: float = 1.0) -> None:
        self.window, self.slope = window, slope
        self.keeps_output = slope != 1

    def forward(self, x: Any, w: Any, b: Any = None) -> Any:
        return kernels.conv2d_input_grad(x, w, self.window, b, self.slope)

    def backward(self, gy: Tensor) -> Gradients:
        x, w = self.inputs[:2]
        gy = before_activation(self, gy)
        gx_comes_last = x.size > w.size  # the larger gradient does, so that the two take less memory
        gx = None if gx_comes_last else self._gx(gy, w)
        gw = Conv2dWeightGrad(self.window)(gy, x) if self.needs[1] else None
        del x
        gx = self._gx(gy, w) if gx_comes_last else gx
        return gx, gw, *(sum(gy, (0, 1, 2)) if needed else None for needed in self.needs[2:])

    def _gx(self, gy: Tensor, w: Tensor) -> Tensor | None:
        return Conv2d(self.window)(gy, w) if self.needs[0] else None


@op(
    case("plain", normal(2, 3, 2, 2), normal(2, 3, 3, 2)),
    case("bias, DCGAN's", normal(1, 3, 3, 2), normal(4, 4, 2, 2), normal(2), stride=2, padding=1),
    case("output padding", normal(1, 2, 3, 1), normal(3, 3, 2, 1), stride=3, output_padding=(2, 1)),
    case("same", normal(1, 3, 2, 2), normal(3, 5, 1, 2), stride=(2, 3), padding="same"),
    case("asymmetric", normal(1, 3, 3, 1), normal(3, 3, 2, 1), padding=((1, 0), (0, 2))),
    case("dilation", normal(1, 2, 3, 2), normal(2, 3, 2, 2), dilation=2, stride=2),
    case("groups", normal(2, 2, 2, 4), normal(3, 2, 3, 4), groups=2, stride=2),
    case("then relu", normal(1, 2, 2, 2), normal(3, 3, 2, 2), normal(2), stride=2, padding=1, slope=0.0),
    order=3,
)
def conv_transpose2d(
    x: Tensor,
    w: Tensor,
    b: Tensor | None = None,
    *,
    stride: int | IntPair = 1,
    padding: Padding = 0,
    output_padding: int | IntPair = 0,
    dilation: int | IntPair = 1,
    groups: int = 1,
    slope: float = 1.0,
) -> Tensor:
    """Transposed convolution: every pixel of x adds a scaled copy of the kernel, `stride` pixels from its neighbour's.

    It is the gradient of a conv2d with this kernel, stride and padding. A strided conv2d makes the same size of several
    input sizes; `output_padding` is the number of pixels by which the wanted one exceeds the smallest. With
    `padding="same"` the output has size · stride pixels, as in Keras. With `slope` below 1, leaky_relu is applied in
    the same pass.

    Shapes: x (N, I, J, C), w (A, B, out/groups, C), b (out,) → (N, H, W, out),
            H = (I − 1)·s − top − bottom + d·(A − 1) + 1 + output_padding
    Raises: ShapeError if channels or sizes do not fit, ArgumentError for an option out of range
    Source: Zeiler et al. 2010; Dumoulin and Visin 2016

    >>> import numpy as np
    >>> x, w = Tensor(np.ones((1, 7, 7, 2))), Tensor(np.ones((4, 4, 3, 2)))
    >>> conv_transpose2d(x, w, stride=2, padding=1).shape
    (1, 14, 14, 3)
    """
    op = "conv_transpose2d"
    x, w = as_tensors(x, w)
    check_rank(op, 4, x=(x, NHWC), w=(w, TRANSPOSED_WEIGHTS))
    if x.shape[3] != w.shape[3]:
        raise ShapeError(
            f"{op}: x has {x.shape[3]} channels but w takes {w.shape[3]}\n"
            f"{_listing(x, w, TRANSPOSED_WEIGHTS)}{nhwc_hint(x, w.shape[3])}"
        )
    groups = integer(op, "groups", groups)
    if groups < 1 or x.shape[3] % groups:
        raise ArgumentError(
            f"{op}: groups must divide the {x.shape[3]} input channels\n{shapes(x=x, w=w, groups=groups)}"
        )
    try:
        window = transposed_window(op, _size(x), _kernel(w), stride, padding, output_padding, dilation, groups)
    except ShapeError as error:
        error.add(_listing(x, w, TRANSPOSED_WEIGHTS).strip())
        raise
    bias = _checked_bias(op, x, w, w.shape[2] * groups, b)
    return ConvTranspose2d(window, checked_slope(op, slope))(x, w, *bias)


class Conv2dWeightGrad(Op):
    """gw[a, b, c, k] = Σ x[n, i·s + a·d, j·s + b·d, c] · gy[n, i, j, k] over images n and pixels i, j.

    Shapes:   x (N, H, W, C), gy (N, I, J, K) → gw (A, B, C/G, K)
    Backward: gx  = conv_transpose2d(gy, ggw)
              ggy = conv2d(x, ggw)
    """

    keeps_rounded = True

    def __init__(self, window: Window) -> None:
        self.window = window

    def forward(self, x: Any, gy: Any) -> Any:
        return kernels.conv2d_weight_grad(x, gy, self.window)

    def backward(self, ggw: Tensor) -> Gradients:
        x, gy = self.inputs
        gx = ConvTranspose2d(self.window)(gy, ggw) if self.needs[0] else None
        ggy = Conv2d(self.window)(x, ggw) if self.needs[1] else None
        return gx, ggy


def _check_groups(op: str, groups: int, x: Tensor, w: Tensor) -> None:
    if groups < 1 or x.shape[3] % groups or w.shape[3] % groups:
        raise ArgumentError(
            f"{op}: groups must divide the {x.shape[3]} input and the {w.shape[3]} output channels\n"
            f"{shapes(x=x, w=w, groups=groups)}"
        )
    if x.shape[3] != w.shape[2] * groups:
        takes = f"{w.shape[2]}" if groups == 1 else f"{w.shape[2]} in each of {groups} groups"
        raise ShapeError(
            f"{op}: x has {x.shape[3]} channels but w takes {takes}\n"
            f"{_listing(x, w, WEIGHTS)}{nhwc_hint(x, w.shape[2] * groups)}"
        )


def _checked_bias(op: str, x: Tensor, w: Tensor, channels: int, b: Tensor | None) -> list[Tensor]:
    """The bias in a list; an empty list if there is none."""
    if b is None:
        check_alike(op, x=x, w=w)
        return []
    _, b = as_tensors(x, b)
    if b.shape != (channels,):
        layout = WEIGHTS if op == "conv2d" else TRANSPOSED_WEIGHTS
        raise ShapeError(
            f"{op}: b must have one number for each of {channels} output channels\n"
            f"{shapes(b=(b, '(out,)'))}   {_listing(x, w, layout).strip()}"
        )
    check_alike(op, x=x, w=w, b=b)
    return [b]


def _listing(x: Tensor, w: Tensor, layout: str) -> str:
    """Shapes with the meaning of their axes, and advice if the weights seem to be laid out as PyTorch's."""
    lines = shapes(x=(x, IMAGES), w=(w, layout))
    theirs = "(out, in, kh, kw)" if layout == WEIGHTS else "(in, out, kh, kw)"
    inputs = w.shape[1] if layout == WEIGHTS else w.shape[0]
    square = w.shape[2] == w.shape[3] and w.shape[0] != w.shape[1]
    if square and inputs in (x.shape[1], x.shape[3]):
        lines += f"\n  if w is laid out as PyTorch's, {theirs}, pass w.transpose(2, 3, 1, 0)"
    return lines


def _size(x: Tensor) -> IntPair:
    return x.shape[1], x.shape[2]


def _kernel(w: Tensor) -> IntPair:
    return w.shape[0], w.shape[1]
