"""Style-based networks: a vector that is computed from the noise controls every layer of the generator."""

import itertools
import math

import numpy as np

from rawgan import nn, ops
from rawgan.gan.networks.model import Model, Networks
from rawgan.gan.networks.sizes import split_size
from rawgan.gan.specs import ImageSpec
from rawgan.nn.weights import initial_weight
from rawgan.tensor import Tensor

GAIN = math.sqrt(2)
"""Gain of a layer before LeakyReLU, which halves the mean square."""
MAPPING_RATE = 0.1
"""Learning rate of the mapping network relative to that of the other layers."""
BINOMIAL = (1 / 8, 3 / 8, 3 / 8, 1 / 8)
"""Filter of images whose size changes."""
TRIANGLE = (1 / 4, 1 / 2, 1 / 4)
"""Filter of features whose size has doubled: it removes patterns that repeat every two pixels."""


def style(image: ImageSpec, pack: int, noise_size: int, width: int, d_width: int, rng: np.random.Generator) -> Networks:
    """A small StyleGAN2, with one convolution for each size of the image.

    In G, a mapping network turns the noise into a vector, as wide as the widest layer. Convolutions modulated by it
    turn a learned constant into features, and double their size; a filter removes the pattern of two pixels that this
    leaves. At each size, noise is added to the features, and they are turned into an image, to which the smaller one is
    added, doubled by a filter (skip outputs).

    D is made of residual blocks that halve the image. Its last convolution sees the standard deviation over the images
    of a batch, too; it has no batch norm.

    All layers have an equalised learning rate. Layers at the full size have `width` channels (in D `d_width`), those at
    each smaller size twice as many, up to 8 · `width`.

    Shapes: generator (N, noise_size) → (N, H, W, C) in [−1, 1]; discriminator (N, H, W, C) → (N, 1) logits
    Source: Karras et al. 2020 (StyleGAN2)
    """
    base, doublings = split_size(image.size)
    filters, d_filters = ([each * min(2**k, 8) for k in range(doublings + 1)] for each in (width, d_width))
    filters.reverse()
    vector, last = filters[0], d_filters[-1]

    def mapping(inputs: int) -> nn.Module:
        return nn.EqualizedLinear(inputs, vector, rng=rng, gain=GAIN, rate=MAPPING_RATE)

    def down(inputs: int, outputs: int) -> nn.Module:
        """Halve the image. Each half of the sum has half of the mean square."""
        return nn.Residual(
            nn.Sequential(
                nn.EqualizedConv2d(inputs, outputs, 4, stride=2, padding=1, rng=rng), nn.LeakyReLU(0.2),
            ),
            nn.Sequential(
                Halved(), nn.EqualizedConv2d(inputs, outputs, 1, bias=False, rng=rng, gain=1 / GAIN),
            ),
        )  # fmt: skip

    generator = nn.Sequential(
        nn.PixelNorm(), mapping(noise_size), nn.LeakyReLU(0.2), mapping(vector), nn.LeakyReLU(0.2),
        nn.Truncation(vector), Synthesis(base, filters, image.channels, rng=rng), nn.Tanh(),
    )  # fmt: skip
    discriminator = nn.Sequential(
        nn.EqualizedConv2d(image.channels * pack, d_width, 1, rng=rng, gain=GAIN), nn.LeakyReLU(0.2),
        *itertools.starmap(down, itertools.pairwise(d_filters)),
        nn.MinibatchStd(), nn.EqualizedConv2d(last + 1, last, 3, rng=rng, gain=GAIN), nn.LeakyReLU(0.2),
        nn.Flatten(), nn.EqualizedLinear((base - 2) ** 2 * last, last, rng=rng, gain=GAIN), nn.LeakyReLU(0.2),
        nn.EqualizedLinear(last, 1, rng=rng),
    )  # fmt: skip
    return generator, discriminator


class Synthesis(nn.Module):
    """Images made of a learned constant, as vectors say.

    Shapes: v (N, filters[0]) → (N, H, W, channels); constant (base, base, filters[0])
    """

    def __init__(self, base: int, filters: list[int], channels: int, *, rng: np.random.Generator) -> None:
        vector = filters[0]
        shape = (base, base, vector)
        self.constant = initial_weight("Synthesis", shape, vector, vector, nn.init.normal(1.0), rng)
        self.blocks = [Block(vector, vector, channels, vector, rng=rng)]
        for inputs, outputs in itertools.pairwise(filters):
            self.blocks.append(Block(inputs, outputs, channels, vector, up=2, rng=rng))

    def forward(self, v: Tensor) -> Tensor:
        """The sum of the images of all sizes, each doubled until it has the full one."""
        x = ops.broadcast_to(self.constant, (len(v), *self.constant.shape))
        image = None
        for block in self.blocks:
            x = block(x, v)
            added = block.to_image(x, v)
            image = added if image is None else added + ops.upfirdn2d(image, BINOMIAL, up=2, padding="same", gain=4.0)
        assert image is not None
        return image

    def describe_options(self) -> str:
        return " → ".join(f"{block.outputs}" for block in self.blocks)


class Block(nn.Module):
    """A modulated convolution, filtered if it doubles the size, noise, LeakyReLU; and a layer that makes an image."""

    def __init__(
        self, inputs: int, outputs: int, channels: int, vector: int, *, up: int = 1, rng: np.random.Generator
    ) -> None:
        self.outputs, kernel = outputs, 3 if up == 1 else 4
        self.conv = nn.ModulatedConv2d(inputs, outputs, kernel, vector=vector, up=up, rng=rng, gain=GAIN)
        self.noise = nn.NoiseInput(rng=rng)
        self.to_image = nn.ModulatedConv2d(outputs, channels, 1, vector=vector, demodulate=False, rng=rng)

    def forward(self, x: Tensor, v: Tensor) -> Tensor:
        """Features of this size. Shapes: x (N, H, W, inputs), v (N, vector) → (N, H·up, W·up, outputs)"""
        x = self.conv(x, v)
        if self.conv.up > 1:
            x = ops.upfirdn2d(x, TRIANGLE, padding="same")
        return ops.leaky_relu(self.noise(x), 0.2)


class Halved(nn.Module):
    """Smooth images, and leave out every other pixel."""

    def forward(self, x: Tensor) -> Tensor:
        return ops.upfirdn2d(x, BINOMIAL, down=2, padding="same")


STYLE = Model(
    name="style",
    summary="a small StyleGAN2, the default for images: a mapping network, modulated convolutions, noise inputs",
    build=style,
    learning_rate=2e-2,
    betas=(0.0, 0.99),
    kernels=("resample", "modulation"),
    defaults={"width": 16, "penalty": "r1", "penalty_every": 16, "ema": 0.995},
)
