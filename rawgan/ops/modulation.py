"""Convolutions whose weights are modulated: scaled, for each image, by a style.

Scaling the input channels of a kernel is scaling the channels of the image, and dividing its output channels by a norm
is dividing those of the result. So all images share one convolution, instead of one group with its own kernel each.
"""

from typing import Any

import rawgan_kernels as kernels
from rawgan.autograd import Gradients, Op
from rawgan.autograd.checks import check_alike
from rawgan.errors import ShapeError, shapes
from rawgan.ops.arguments import IMAGES, NHWC, as_tensors, check_rank, finite, flag, nhwc_hint
from rawgan.ops.arithmetic import div, mul
from rawgan.ops.conv import TRANSPOSED_WEIGHTS, WEIGHTS, Conv2d, ConvTranspose2d
from rawgan.ops.elementary import sqrt
from rawgan.ops.geometry import Padding, make_window, transposed_window
from rawgan.ops.linear import matmul
from rawgan.ops.reduce import sum
from rawgan.ops.registry import case, normal, op
from rawgan.ops.shape import transpose
from rawgan.tensor import Tensor
from rawgan_kernels.window import IntPair

STYLES = "(N, in)"


class ScaleChannels(Op):
    """y[n, …, k] = x[n, …, k] · factors[n, k].

    Shapes:   x (N, …, K), factors (N, K) → y as x
    Backward: gx = scale_channels(gy, factors), gfactors = channel_products(gy, x)
    """

    def forward(self, x: Any, factors: Any) -> Any:
        return kernels.scale_channels(x, factors)

    def backward(self, gy: Tensor) -> Gradients:
        x, factors = self.inputs
        return (
            ScaleChannels()(gy, factors) if self.needs[0] else None,
            ChannelProducts()(gy, x) if self.needs[1] else None,
        )


class ChannelProducts(Op):
    """y[n, k] = Σ a[n, …, k] · b[n, …, k].

    Shapes:   a (N, …, K), b as a → y (N, K)
    Backward: ga = scale_channels(b, gy), gb = scale_channels(a, gy)
    """

    def forward(self, a: Any, b: Any) -> Any:
        return kernels.channel_products(a, b)

    def backward(self, gy: Tensor) -> Gradients:
        a, b = self.inputs
        return (
            ScaleChannels()(b, gy) if self.needs[0] else None,
            ScaleChannels()(a, gy) if self.needs[1] else None,
        )


@op(
    case("images", normal(2, 3, 2, 2), normal(2, 2)),
    case("rows", normal(3, 4), normal(3, 4)),
    case("no pixels", normal(2, 0, 2), normal(2, 2)),
)
def scale_channels(x: Any, factors: Any) -> Tensor:
    """Multiply each channel of each image by a number of its own: y[n, …, k] = x[n, …, k] · factors[n, k].

    Shapes: x (N, …, K), factors (N, K) → as x
    Raises: ShapeError if they do not fit

    >>> scale_channels([[[1.0, 2.0], [3.0, 4.0]]], [[10.0, 100.0]])
    Tensor([[[ 10., 200.],
             [ 30., 400.]]], float32)
    """
    x, factors = as_tensors(x, factors)
    if x.ndim < 2 or factors.shape != (len(x), x.shape[-1]):
        listing = shapes(x=(x, "(N, …, K)"), factors=(factors, "(N, K)"))
        raise ShapeError(f"scale_channels: factors must have a number for each channel of each image\n{listing}")
    check_alike("scale_channels", x=x, factors=factors)
    return ScaleChannels()(x, factors)


@op(
    case("plain", normal(2, 4, 3, 2), normal(3, 2, 2, 3), normal(2, 2), padding=1),
    case("options", normal(2, 5, 4, 2), normal(3, 3, 2, 1), normal(2, 2), stride=2, padding=(0, 1), gain=1.5, eps=0.5),
    case("modulated only", normal(3, 2, 2, 3), normal(1, 1, 3, 2), normal(3, 3), demodulate=False),
)
def modulated_conv2d(
    x: Tensor,
    w: Tensor,
    s: Tensor,
    *,
    demodulate: bool = True,
    stride: int | IntPair = 1,
    padding: Padding = 0,
    gain: float = 1.0,
    eps: float = 1e-8,
) -> Tensor:
    """Convolve each image n with a kernel of its own: w scaled along its input channels by the style s[n].

    With `demodulate`, each output channel of these kernels is then scaled to length 1, which keeps the scale of the
    result without a norm over its pixels:

        y[n] = gain · conv2d(x[n], w · s[n]) / √(Σ (w · s[n])² + eps), the sum over taps and input channels

    `stride` and `padding` are those of `conv2d`. A `gain` of √2 makes up for the ReLU that follows.

    Shapes: x (N, H, W, C), w (A, B, C, K), s (N, C) → (N, I, J, K), as conv2d
    Raises: ShapeError if channels, images or sizes do not fit, ArgumentError for an option out of range
    Source: Karras et al. 2020 (StyleGAN2)

    >>> modulated_conv2d(Tensor([[[[3.0, 4.0]]]]), Tensor([[[[1.0], [1.0]]]]), Tensor([[2.0, 0.0]]))
    Tensor([[[[3.]]]], float32)
    """
    name = "modulated_conv2d"
    x, w, s = _checked(name, x, w, s, WEIGHTS)
    demodulate, eps, gain = flag(name, "demodulate", demodulate), finite(name, "eps", eps), finite(name, "gain", gain)
    window = make_window(name, (x.shape[1], x.shape[2]), (w.shape[0], w.shape[1]), stride, padding, 1)
    y = Conv2d(window)(ScaleChannels()(x, s), w)
    return ScaleChannels()(y, _factors(sum(mul(w, w), (0, 1)), s, gain, eps)) if demodulate else _times(y, gain)


@op(
    case("twice as large", normal(2, 2, 3, 2), normal(4, 4, 3, 2), normal(2, 2), stride=2, padding=1),
    case("modulated only", normal(2, 2, 2, 3), normal(3, 3, 1, 3), normal(2, 3), stride=2, demodulate=False),
)
def modulated_conv_transpose2d(
    x: Tensor,
    w: Tensor,
    s: Tensor,
    *,
    demodulate: bool = True,
    stride: int | IntPair = 1,
    padding: Padding = 0,
    output_padding: int | IntPair = 0,
    gain: float = 1.0,
    eps: float = 1e-8,
) -> Tensor:
    """Modulate a transposed convolution, which enlarges images; see `modulated_conv2d` for the formula.

    `stride`, `padding` and `output_padding` are those of `conv_transpose2d`.

    Shapes: x (N, I, J, C), w (A, B, K, C), s (N, C) → (N, H, W, K), as conv_transpose2d
    Raises: ShapeError if channels, images or sizes do not fit, ArgumentError for an option out of range
    Source: Karras et al. 2020 (StyleGAN2)

    >>> import numpy as np
    >>> x, w, s = Tensor(np.ones((2, 7, 7, 3))), Tensor(np.ones((4, 4, 5, 3))), Tensor(np.ones((2, 3)))
    >>> modulated_conv_transpose2d(x, w, s, stride=2, padding=1).shape
    (2, 14, 14, 5)
    """
    name = "modulated_conv_transpose2d"
    x, w, s = _checked(name, x, w, s, TRANSPOSED_WEIGHTS)
    demodulate, eps, gain = flag(name, "demodulate", demodulate), finite(name, "eps", eps), finite(name, "gain", gain)
    size, kernel = (x.shape[1], x.shape[2]), (w.shape[0], w.shape[1])
    window = transposed_window(name, size, kernel, stride, padding, output_padding, 1, 1)
    y, squares = ConvTranspose2d(window)(ScaleChannels()(x, s), w), transpose(sum(mul(w, w), (0, 1)))
    return ScaleChannels()(y, _factors(squares, s, gain, eps)) if demodulate else _times(y, gain)


def _times(y: Tensor, gain: float) -> Tensor:
    return y if gain == 1 else mul(y, gain)


def _factors(squares: Tensor, s: Tensor, gain: float, eps: float) -> Tensor:
    """gain / length of each modulated output channel. Shapes: squares (C, K), s (N, C) → (N, K)"""
    return div(gain, sqrt(matmul(mul(s, s), squares) + eps))  # (N, C) @ (C, K) → (N, K)


def _checked(op: str, x: Any, w: Any, s: Any, layout: str) -> list[Tensor]:
    """Images, weights and styles as Tensors. Raises: ShapeError unless they fit"""
    x, w, s = as_tensors(x, w, s)
    check_rank(op, 4, x=(x, NHWC), w=(w, layout))
    inputs = w.shape[2] if layout == WEIGHTS else w.shape[3]
    listing = shapes(x=(x, IMAGES), w=(w, layout), s=(s, STYLES))
    if x.shape[3] != inputs:
        raise ShapeError(f"{op}: x has {x.shape[3]} channels but w takes {inputs}\n{listing}{nhwc_hint(x, inputs)}")
    if s.shape != (len(x), inputs):
        raise ShapeError(
            f"{op}: s must have a row for each of {len(x)} images, and a number for each of {inputs} channels\n"
            f"{listing}"
        )
    check_alike(op, x=x, w=w, s=s)
    return [x, w, s]
