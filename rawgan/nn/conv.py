"""Convolution layers."""

import math
from collections.abc import Callable
from typing import Any, ClassVar, Generic, NamedTuple, TypeVar

import numpy as np

from rawgan import ops
from rawgan.errors import ArgumentError, described
from rawgan.nn.base.module import Module
from rawgan.nn.init import Initializer, glorot_uniform
from rawgan.nn.registry import example, layer
from rawgan.nn.weights import bias_note, initial_bias, initial_weight
from rawgan.ops.arguments import flag, is_whole, whole
from rawgan.ops.geometry import Padding, check_padding, pair_of
from rawgan.ops.registry import normal
from rawgan.tensor import Tensor
from rawgan_kernels.window import IntPair

Lengths = TypeVar("Lengths")
"""Type of an option that is a length for each axis: an integer, or two for images."""
Pads = TypeVar("Pads")
"""Type of `padding`."""

ONE: Any = 1
NONE: Any = 0


class Axes(NamedTuple):
    """Checks of options, which differ between images and sequences."""

    lengths: Callable[[str, str, Any, int], tuple[int, ...]]
    """(layer, option, value, least) → a length for each axis. Raises: ArgumentError."""
    check_padding: Callable[[str, Any], object]
    """Raises an ArgumentError unless this is padding."""


class Convolution(Module, Generic[Lengths, Pads]):
    """Convolution along the axes between the first and the last. A subclass names its function and its axes."""

    function: ClassVar[Callable[..., Tensor]]
    axes: ClassVar[Axes]
    transposed: ClassVar[bool] = False

    def __init__(
        self,
        inputs: int,
        outputs: int,
        kernel: Lengths,
        *,
        rng: np.random.Generator,
        stride: Lengths = ONE,
        padding: Pads = NONE,
        dilation: Lengths = ONE,
        groups: int = 1,
        bias: bool = True,
        init: Initializer = glorot_uniform,
    ) -> None:
        name = type(self).__name__
        inputs, outputs, groups = channels_of(name, inputs, outputs, groups)
        taps = self.axes.lengths(name, "kernel", kernel, 1)
        bias = flag(name, "bias", bias)
        self.axes.lengths(name, "stride", stride, 1)
        self.axes.lengths(name, "dilation", dilation, 1)
        self.axes.check_padding(name, padding)
        channels = (outputs // groups, inputs) if self.transposed else (inputs // groups, outputs)
        fan_in, fan_out = (math.prod(taps) * count // groups for count in (inputs, outputs))
        self.w = initial_weight(name, (*taps, *channels), fan_in, fan_out, init, rng)
        self.b = initial_bias(outputs) if bias else None
        self.stride, self.padding, self.dilation, self.groups = stride, padding, dilation, groups

    def forward(self, x: Tensor, slope: float = 1.0) -> Tensor:
        """The convolution of x with w, plus b; then LeakyReLU, if the slope is below 1."""
        return type(self).function(
            x,
            self.w,
            self.b,
            stride=self.stride,
            padding=self.padding,
            dilation=self.dilation,
            groups=self.groups,
            slope=slope,
        )

    def describe_options(self) -> str:
        *taps, one, other = self.w.shape
        inputs, outputs = (other, one * self.groups) if self.transposed else (one * self.groups, other)
        defaults = {"stride": 1, "padding": 0, "output_padding": 0, "dilation": 1, "groups": 1}
        given = {name: getattr(self, name, default) for name, default in defaults.items()}
        listing = "".join(f", {name} {value}" for name, value in given.items() if value != defaults[name])
        return f"{inputs} → {outputs}, {'×'.join(map(str, taps))}{listing}{bias_note(self.b)}"


class TransposedConvolution(Convolution[Lengths, Pads]):
    """The transpose of a convolution, with the same options and `output_padding`."""

    transposed = True

    def __init__(
        self,
        inputs: int,
        outputs: int,
        kernel: Lengths,
        *,
        rng: np.random.Generator,
        stride: Lengths = ONE,
        padding: Pads = NONE,
        output_padding: Lengths = NONE,
        dilation: Lengths = ONE,
        groups: int = 1,
        bias: bool = True,
        init: Initializer = glorot_uniform,
    ) -> None:
        self.axes.lengths(type(self).__name__, "output_padding", output_padding, 0)
        self.output_padding = output_padding
        super().__init__(
            inputs,
            outputs,
            kernel,
            rng=rng,
            stride=stride,
            padding=padding,
            dilation=dilation,
            groups=groups,
            bias=bias,
            init=init,
        )

    def forward(self, x: Tensor, slope: float = 1.0) -> Tensor:
        """The transposed convolution of x with w, plus b; then LeakyReLU, if the slope is below 1."""
        return type(self).function(
            x,
            self.w,
            self.b,
            stride=self.stride,
            padding=self.padding,
            output_padding=self.output_padding,
            dilation=self.dilation,
            groups=self.groups,
            slope=slope,
        )


IMAGES = Axes(pair_of, check_padding)


@layer(
    example("bias", normal(2, 4, 4, 2), inputs=2, outputs=3, kernel=3, padding=1),
    example(
        "every option", normal(1, 4, 5, 2), inputs=2, outputs=4, kernel=(3, 2), stride=(1, 2), groups=2, bias=False
    ),
)
class Conv2d(Convolution[int | IntPair, Padding]):
    """Convolution; see `rawgan.ops.conv2d` for stride, padding, dilation and groups.

    Shapes: x (N, H, W, inputs) → (N, I, J, outputs); w (kh, kw, inputs/groups, outputs), b (outputs,)

    >>> Conv2d(1, 8, 4, stride=2, padding=1, rng=np.random.default_rng(0))(np.ones((5, 28, 28, 1), "float32")).shape
    (5, 14, 14, 8)
    """

    applies_slope = True
    function = staticmethod(ops.conv2d)
    axes = IMAGES


@layer(
    example("bias", normal(2, 2, 2, 2), inputs=2, outputs=3, kernel=4, stride=2, padding=1),
    example(
        "every option", normal(1, 2, 2, 2), inputs=2, outputs=4, kernel=3, stride=3, output_padding=(0, 2), groups=2
    ),
)
class ConvTranspose2d(TransposedConvolution[int | IntPair, Padding]):
    """Transposed convolution; see `rawgan.ops.conv_transpose2d` for the options.

    Shapes: x (N, I, J, inputs) → (N, H, W, outputs); w (kh, kw, outputs/groups, inputs), b (outputs,)

    >>> layer = ConvTranspose2d(8, 1, 4, stride=2, padding=1, rng=np.random.default_rng(0))
    >>> layer(np.ones((5, 14, 14, 8), "float32")).shape
    (5, 28, 28, 1)
    """

    applies_slope = True
    function = staticmethod(ops.conv_transpose2d)
    axes = IMAGES


def channels_of(layer: str, inputs: int, outputs: int, groups: int) -> tuple[int, int, int]:
    """Convert the three to int. Raises: ArgumentError unless they are at least 1, and groups divides both others."""
    inputs, outputs = whole(layer, "inputs", inputs, 1), whole(layer, "outputs", outputs, 1)
    for name, count in {"inputs": inputs, "outputs": outputs}.items():
        if not is_whole(groups) or groups < 1 or count % groups:
            raise ArgumentError(
                f"{layer}: groups must divide {name}, but {name} is {count} and groups {described(groups)}"
            )
    return inputs, outputs, int(groups)
