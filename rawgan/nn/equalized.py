"""Layers with an equalised learning rate: weights of one size, whatever the layer, and a constant that scales them.

Adam changes every weight by about the learning rate, however small the weight. With all weights drawn from N(0, 1), and
He's constant applied in each call, no layer learns faster than another. Where a spectral norm takes the place of that
constant, `scale` is 1.
"""

import math

import numpy as np

from rawgan import ops
from rawgan.nn import init
from rawgan.nn.conv import Conv2d
from rawgan.nn.linear import Linear
from rawgan.nn.registry import example, layer
from rawgan.ops.arguments import checked_generator, finite, flag, whole
from rawgan.ops.geometry import Padding
from rawgan.ops.registry import normal
from rawgan.tensor import Tensor
from rawgan_kernels.window import IntPair


@layer(
    example("bias", normal(3, 4), inputs=4, outputs=3),
    example("slow, no bias", normal(3, 2), inputs=2, outputs=3, gain=1.5, rate=0.1, bias=False),
)
class EqualizedLinear(Linear):
    """Linear with an equalised learning rate: y = x @ (w · rate · gain / √inputs) + b · rate.

    Weights are drawn from N(0, 1 / rate²). So those applied begin with a standard deviation of gain / √inputs, whatever
    the rate, and change `rate` times as fast as those of other layers.

    Shapes: x (…, inputs) → (…, outputs); w (inputs, outputs), b (outputs,)
    Source: Karras et al. 2018; rate: Karras et al. 2019 (StyleGAN)

    >>> EqualizedLinear(3, 2, rng=np.random.default_rng(0))(np.ones((5, 3), "float32")).shape
    (5, 2)
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        *,
        rng: np.random.Generator,
        bias: bool = True,
        gain: float = 1.0,
        rate: float = 1.0,
    ) -> None:
        name = "EqualizedLinear"
        inputs, outputs = whole(name, "inputs", inputs, 1), whole(name, "outputs", outputs, 1)
        bias, rng = flag(name, "bias", bias), checked_generator(name, rng)
        gain, self.rate = finite(name, "gain", gain), finite(name, "rate", rate, above=True)
        super().__init__(inputs, outputs, rng=rng, bias=bias, init=init.normal(1 / self.rate))
        self.scale = self.rate * gain / math.sqrt(inputs)

    def forward(self, x: Tensor) -> Tensor:
        """x @ w + b, both scaled."""
        b = self.b if self.b is None or self.rate == 1 else self.b * self.rate
        return ops.linear(x, self.w * self.scale, b)

    def describe_options(self) -> str:
        return super().describe_options() + ("" if self.rate == 1 else f", rate {self.rate}")


@layer(
    example("bias", normal(2, 4, 3, 2), inputs=2, outputs=3, kernel=3, stride=2, padding=1, gain=1.5),
    example("no bias", normal(2, 3, 3, 2), inputs=2, outputs=3, kernel=(1, 2), padding="same", bias=False),
)
class EqualizedConv2d(Conv2d):
    """Conv2d with an equalised learning rate: its weights are w · gain / √(kh · kw · inputs), with w from N(0, 1).

    Shapes: x (N, H, W, inputs) → (N, I, J, outputs); w (kh, kw, inputs, outputs), b (outputs,)
    Source: Karras et al. 2018

    >>> EqualizedConv2d(2, 8, 3, padding=1, rng=np.random.default_rng(0))(np.ones((5, 7, 7, 2), "float32")).shape
    (5, 7, 7, 8)
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
        bias: bool = True,
        gain: float = 1.0,
    ) -> None:
        gain = finite("EqualizedConv2d", "gain", gain)
        drawn = init.normal(1.0)
        super().__init__(inputs, outputs, kernel, rng=rng, stride=stride, padding=padding, bias=bias, init=drawn)
        self.scale = gain / math.sqrt(math.prod(self.w.shape[:3]))

    def forward(self, x: Tensor, slope: float = 1.0) -> Tensor:
        """The convolution of x with the scaled w, plus b; then LeakyReLU, if the slope is below 1."""
        w = self.w * self.scale
        return ops.conv2d(x, w, self.b, stride=self.stride, padding=self.padding, slope=slope)
