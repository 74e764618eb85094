"""Convolution layers for sequences."""

import numpy as np

from rawgan import ops
from rawgan.nn.conv import channels_of, options_of
from rawgan.nn.init import Initializer, glorot_uniform
from rawgan.nn.module import Module
from rawgan.nn.registry import example, layer
from rawgan.nn.weights import bias_note, initial_bias, initial_weight
from rawgan.ops.arguments import flag, whole
from rawgan.ops.conv1d import Padding1d, check_padding1d
from rawgan.ops.registry import normal
from rawgan.tensor import Tensor


@layer(
    example("bias", normal(2, 5, 2), inputs=2, outputs=3, kernel=3, padding=1),
    example(
        "every option", normal(1, 6, 2), inputs=2, outputs=4, kernel=2, stride=2, padding=(1, 0), dilation=2, groups=2,
        bias=False,
    ),
)  # fmt: skip
class Conv1d(Module):
    """Convolution of sequences; see `rawgan.ops.conv1d` for stride, padding, dilation and groups.

    Shapes: x (N, L, inputs) → (N, M, outputs); w (kernel, inputs/groups, outputs), b (outputs,)

    >>> Conv1d(1, 8, 4, stride=2, padding=1, rng=np.random.default_rng(0))(np.ones((5, 28, 1), "float32")).shape
    (5, 14, 8)
    """

    applies_slope = True

    def __init__(
        self,
        inputs: int,
        outputs: int,
        kernel: int,
        *,
        rng: np.random.Generator,
        stride: int = 1,
        padding: Padding1d = 0,
        dilation: int = 1,
        groups: int = 1,
        bias: bool = True,
        init: Initializer = glorot_uniform,
    ) -> None:
        inputs, outputs, groups = channels_of("Conv1d", inputs, outputs, groups)
        taps = whole("Conv1d", "kernel", kernel, 1)
        bias = flag("Conv1d", "bias", bias)
        self.stride, self.dilation = whole("Conv1d", "stride", stride, 1), whole("Conv1d", "dilation", dilation, 1)
        self.padding, self.groups = check_padding1d("Conv1d", padding), groups
        shape = taps, inputs // groups, outputs
        self.w = initial_weight("Conv1d", shape, taps * inputs // groups, taps * outputs // groups, init, rng)
        self.b = initial_bias(outputs) if bias else None

    def forward(self, x: Tensor, slope: float = 1.0) -> Tensor:
        """The convolution of x with w, plus b; then LeakyReLU, if the slope is below 1."""
        return ops.conv1d(
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
        taps, inputs, outputs = self.w.shape
        return f"{inputs * self.groups} → {outputs}, {taps}{options_of(self)}{bias_note(self.b)}"


@layer(
    example("bias", normal(2, 3, 2), inputs=2, outputs=3, kernel=4, stride=2, padding=1),
    example("every option", normal(1, 2, 2), inputs=2, outputs=4, kernel=3, stride=3, output_padding=2, groups=2),
)
class ConvTranspose1d(Module):
    """Transposed convolution of sequences; see `rawgan.ops.conv_transpose1d` for the options.

    Shapes: x (N, L, inputs) → (N, M, outputs); w (kernel, outputs/groups, inputs), b (outputs,)

    >>> layer = ConvTranspose1d(8, 1, 4, stride=2, padding=1, rng=np.random.default_rng(0))
    >>> layer(np.ones((5, 14, 8), "float32")).shape
    (5, 28, 1)
    """

    applies_slope = True

    def __init__(
        self,
        inputs: int,
        outputs: int,
        kernel: int,
        *,
        rng: np.random.Generator,
        stride: int = 1,
        padding: Padding1d = 0,
        output_padding: int = 0,
        dilation: int = 1,
        groups: int = 1,
        bias: bool = True,
        init: Initializer = glorot_uniform,
    ) -> None:
        name = "ConvTranspose1d"
        inputs, outputs, groups = channels_of(name, inputs, outputs, groups)
        taps = whole(name, "kernel", kernel, 1)
        bias = flag(name, "bias", bias)
        self.stride, self.dilation = whole(name, "stride", stride, 1), whole(name, "dilation", dilation, 1)
        self.padding, self.groups = check_padding1d(name, padding), groups
        self.output_padding = whole(name, "output_padding", output_padding, 0)
        shape = taps, outputs // groups, inputs
        self.w = initial_weight(name, shape, taps * inputs // groups, taps * outputs // groups, init, rng)
        self.b = initial_bias(outputs) if bias else None

    def forward(self, x: Tensor, slope: float = 1.0) -> Tensor:
        """The transposed convolution of x with w, plus b; then LeakyReLU, if the slope is below 1."""
        return ops.conv_transpose1d(
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
        taps, outputs, inputs = self.w.shape
        return f"{inputs} → {outputs * self.groups}, {taps}{options_of(self)}{bias_note(self.b)}"
