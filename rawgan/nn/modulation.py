"""Layers of a generator that is controlled by vectors: convolutions modulated by them, and their truncation."""

import math

import numpy as np

from rawgan import ops
from rawgan.autograd.checks import check_writable
from rawgan.errors import DTypeError, ShapeError, described, shapes
from rawgan.nn import init
from rawgan.nn.base.module import Buffer, Module
from rawgan.nn.equalized import EqualizedLinear
from rawgan.nn.registry import example, layer
from rawgan.nn.weights import bias_note, initial_bias, initial_weight
from rawgan.ops.arguments import checked_generator, finite, flag, whole
from rawgan.ops.registry import normal
from rawgan.tensor import Tensor

KEPT = 0.995
"""Share of the average of vectors that each step keeps. Source: Karras et al. 2019"""


@layer(
    example("bias", normal(2, 3, 4, 2), normal(2, 3), inputs=2, outputs=1, kernel=3, vector=3),
    example("up", normal(2, 2, 3, 1), normal(2, 2), inputs=1, outputs=2, kernel=4, vector=2, up=2, gain=1.5),
    example(
        "modulated only", normal(2, 2, 2, 2), normal(2, 2),
        inputs=2, outputs=1, kernel=1, vector=2, demodulate=False, bias=False,
    ),
)  # fmt: skip
class ModulatedConv2d(Module):
    """A convolution whose kernel is scaled, for each image, by a style that is computed from a vector.

    The style is a number for each input channel: 1 + a linear function of the vector. Weights of both layers have an
    equalised learning rate. The image keeps its size, or becomes `up` times as large by a transposed convolution, whose
    kernel `up` should divide: else pixels are sums of unequal numbers of products. For `demodulate` and `gain`, see
    `rawgan.ops.modulated_conv2d`.

    Shapes: x (N, H, W, inputs), v (N, vector) → (N, H·up, W·up, outputs);
        w (kernel, kernel, inputs, outputs), with `up` (kernel, kernel, outputs, inputs); b (outputs,)
    Source: Karras et al. 2020 (StyleGAN2)

    >>> layer = ModulatedConv2d(4, 8, 4, vector=16, up=2, rng=np.random.default_rng(0))
    >>> layer(np.ones((5, 7, 7, 4), "float32"), np.ones((5, 16), "float32")).shape
    (5, 14, 14, 8)
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        kernel: int,
        *,
        vector: int,
        rng: np.random.Generator,
        up: int = 1,
        demodulate: bool = True,
        bias: bool = True,
        gain: float = 1.0,
    ) -> None:
        name = "ModulatedConv2d"
        inputs, outputs = whole(name, "inputs", inputs, 1), whole(name, "outputs", outputs, 1)
        kernel, vector = whole(name, "kernel", kernel, 1), whole(name, "vector", vector, 1)
        self.up, rng = whole(name, "up", up, 1), checked_generator(name, rng)
        self.demodulate, bias = flag(name, "demodulate", demodulate), flag(name, "bias", bias)
        # A pixel is a sum over 1 / up² of the taps, but a style's norm, and the scale below, count all of them.
        self.gain = finite(name, "gain", gain) * self.up
        self.style = EqualizedLinear(vector, inputs, rng=rng)
        shape = (kernel, kernel, *((inputs, outputs) if self.up == 1 else (outputs, inputs)))
        taps = kernel * kernel
        self.w = initial_weight(name, shape, taps * inputs, taps * outputs, init.normal(1.0), rng)
        self.b = initial_bias(outputs) if bias else None
        self.scale = 1 / math.sqrt(taps * inputs)

    def forward(self, x: Tensor, v: Tensor) -> Tensor:
        """The convolution of x, modulated by v, plus b."""
        vector, inputs = self.style.w.shape
        if x is None or v is None or x.ndim != 4 or x.shape[3] != inputs or v.shape != (len(x), vector):
            raise ShapeError(f"ModulatedConv2d: x must be (N, H, W, {inputs}), and v (N, {vector})\n{shapes(x=x, v=v)}")
        s = self.style(v) + 1.0
        w = self.w if self.demodulate else self.w * self.scale  # which has no part in a demodulated result
        if self.up == 1:
            y = ops.modulated_conv2d(x, w, s, demodulate=self.demodulate, padding="same", gain=self.gain)
        else:
            y = ops.modulated_conv_transpose2d(
                x, w, s, demodulate=self.demodulate, stride=self.up, padding="same", gain=self.gain
            )
        return y if self.b is None else y + self.b

    def describe_options(self) -> str:
        kernel, inputs = self.w.shape[0], self.style.w.shape[1]
        outputs = self.w.shape[3 if self.up == 1 else 2]
        return f"{inputs} → {outputs}, {kernel}×{kernel}{'' if self.up == 1 else f', up {self.up}'}{bias_note(self.b)}"


@layer(example("half way", normal(4, 3), width=3, factor=0.5))
class Truncation(Module):
    """In evaluation, move vectors towards the average of those seen in training: y = average + factor · (x − average).

    Images of vectors near the average are better, and more alike. In training y = x, and the average moves towards the
    mean of each batch. `factor` may be changed before images are made: 1 leaves vectors as they are, 0 makes one image.

    Shapes: x (N, width) → the same; average (width,)
    Source: Karras et al. 2019 (StyleGAN)

    >>> Truncation(2, factor=0.25).eval()(np.ones((1, 2), "float32"))
    Tensor([[0.25, 0.25]], float32)
    """

    def __init__(self, width: int, *, factor: float = 1.0) -> None:
        self.factor = finite("Truncation", "factor", factor)
        self.average = Buffer(np.zeros(whole("Truncation", "width", width, 1), np.float32))

    def forward(self, x: Tensor) -> Tensor:
        if not isinstance(x, Tensor):
            raise DTypeError(f"Truncation: x must be a Tensor of floats, but is {described(x)}")
        if x.ndim != 2 or x.shape[1:] != self.average.shape:
            raise ShapeError(f"Truncation: x must be (N, {self.average.size})\n{shapes(x=x)}")
        if not self.training:
            return x if self.factor == 1 else self.average + (x - self.average) * self.factor
        if not self.buffers_frozen and len(x):
            check_writable("Truncation", average=self.average)
            now = self.average._array
            self.average[...] = now + (x._array.mean(axis=0) - now) * (1 - KEPT)
        return x

    def describe_options(self) -> str:
        return f"{self.average.size}" + ("" if self.factor == 1 else f", factor {self.factor}")
