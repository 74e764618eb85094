"""Convolution layers."""

from typing import Any

import numpy as np

from rawgan import ops
from rawgan.errors import ArgumentError, described
from rawgan.nn.init import Initializer, glorot_uniform
from rawgan.nn.module import Module
from rawgan.nn.registry import example, layer
from rawgan.nn.weights import bias_note, initial_bias, initial_weight
from rawgan.ops.arguments import flag, is_whole, whole
from rawgan.ops.geometry import Padding, check_padding, pair_of
from rawgan.ops.registry import normal
from rawgan.tensor import Tensor
from rawgan_kernels.window import IntPair


@layer(
    example("bias", normal(2, 4, 4, 2), inputs=2, outputs=3, kernel=3, padding=1),
    example(
        "every option", normal(1, 4, 5, 2), inputs=2, outputs=4, kernel=(3, 2), stride=(1, 2), groups=2, bias=False
    ),
)
class Conv2d(Module):
    """Convolution; see `rawgan.ops.conv2d` for stride, padding, dilation and groups.

    Shapes: x (N, H, W, inputs) → (N, I, J, outputs); w (kh, kw, inputs/groups, outputs), b (outputs,)

    >>> Conv2d(1, 8, 4, stride=2, padding=1, rng=np.random.default_rng(0))(np.ones((5, 28, 28, 1), "float32")).shape
    (5, 14, 14, 8)
    """

    applies_slope = True

    def __init__(
        self,
        inputs: int,
        outputs: int,
        kernel: int | IntPair,
        *,
        rng: np.random.Generator,
        stride: int | IntPair = 1,
        padding: Padding = 0,
        dilation: int | IntPair = 1,
        groups: int = 1,
        bias: bool = True,
        init: Initializer = glorot_uniform,
    ) -> None:
        inputs, outputs, groups = channels_of("Conv2d", inputs, outputs, groups)
        kh, kw = pair_of("Conv2d", "kernel", kernel, 1)
        bias = flag("Conv2d", "bias", bias)
        _check_options("Conv2d", stride, padding, dilation)
        taps = kh * kw
        shape = (kh, kw, inputs // groups, outputs)
        self.w = initial_weight("Conv2d", shape, taps * inputs // groups, taps * outputs // groups, init, rng)
        self.b = initial_bias(outputs) if bias else None
        self.stride, self.padding, self.dilation, self.groups = stride, padding, dilation, groups

    def forward(self, x: Tensor, slope: float = 1.0) -> Tensor:
        """The convolution of x with w, plus b; then LeakyReLU, if the slope is below 1."""
        return ops.conv2d(
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
        kh, kw, inputs, outputs = self.w.shape
        return f"{inputs * self.groups} → {outputs}, {kh}×{kw}{options_of(self)}{bias_note(self.b)}"


@layer(
    example("bias", normal(2, 2, 2, 2), inputs=2, outputs=3, kernel=4, stride=2, padding=1),
    example(
        "every option", normal(1, 2, 2, 2), inputs=2, outputs=4, kernel=3, stride=3, output_padding=(0, 2), groups=2
    ),
)
class ConvTranspose2d(Module):
    """Transposed convolution; see `rawgan.ops.conv_transpose2d` for the options.

    Shapes: x (N, I, J, inputs) → (N, H, W, outputs); w (kh, kw, outputs/groups, inputs), b (outputs,)

    >>> layer = ConvTranspose2d(8, 1, 4, stride=2, padding=1, rng=np.random.default_rng(0))
    >>> layer(np.ones((5, 14, 14, 8), "float32")).shape
    (5, 28, 28, 1)
    """

    applies_slope = True

    def __init__(
        self,
        inputs: int,
        outputs: int,
        kernel: int | IntPair,
        *,
        rng: np.random.Generator,
        stride: int | IntPair = 1,
        padding: Padding = 0,
        output_padding: int | IntPair = 0,
        dilation: int | IntPair = 1,
        groups: int = 1,
        bias: bool = True,
        init: Initializer = glorot_uniform,
    ) -> None:
        inputs, outputs, groups = channels_of("ConvTranspose2d", inputs, outputs, groups)
        kh, kw = pair_of("ConvTranspose2d", "kernel", kernel, 1)
        bias = flag("ConvTranspose2d", "bias", bias)
        _check_options("ConvTranspose2d", stride, padding, dilation)
        pair_of("ConvTranspose2d", "output_padding", output_padding, 0)
        taps = kh * kw
        shape = (kh, kw, outputs // groups, inputs)
        self.w = initial_weight("ConvTranspose2d", shape, taps * inputs // groups, taps * outputs // groups, init, rng)
        self.b = initial_bias(outputs) if bias else None
        self.stride, self.padding, self.output_padding = stride, padding, output_padding
        self.dilation, self.groups = dilation, groups

    def forward(self, x: Tensor, slope: float = 1.0) -> Tensor:
        """The transposed convolution of x with w, plus b; then LeakyReLU, if the slope is below 1."""
        return ops.conv_transpose2d(
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

    def describe_options(self) -> str:
        kh, kw, outputs, inputs = self.w.shape
        return f"{inputs} → {outputs * self.groups}, {kh}×{kw}{options_of(self)}{bias_note(self.b)}"


def channels_of(layer: str, inputs: int, outputs: int, groups: int) -> tuple[int, int, int]:
    """Convert the three to int. Raises: ArgumentError unless they are at least 1, and groups divides both others."""
    inputs, outputs = whole(layer, "inputs", inputs, 1), whole(layer, "outputs", outputs, 1)
    for name, count in {"inputs": inputs, "outputs": outputs}.items():
        if not is_whole(groups) or groups < 1 or count % groups:
            raise ArgumentError(
                f"{layer}: groups must divide {name}, but {name} is {count} and groups {described(groups)}"
            )
    return inputs, outputs, int(groups)


def _check_options(layer: str, stride: int | IntPair, padding: Padding, dilation: int | IntPair) -> None:
    """Raise an ArgumentError for options of a convolution that no image would fit."""
    pair_of(layer, "stride", stride, 1)
    pair_of(layer, "dilation", dilation, 1)
    check_padding(layer, padding)


def options_of(layer: Any) -> str:
    defaults = {"stride": 1, "padding": 0, "output_padding": 0, "dilation": 1, "groups": 1}
    chosen = {name: getattr(layer, name, default) for name, default in defaults.items()}
    return "".join(f", {name} {value}" for name, value in chosen.items() if value != defaults[name])
