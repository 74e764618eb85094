"""The networks: a generator that makes images out of noise, a discriminator that tells them from real ones.

Two models, each a function that builds both networks for one kind of image:

- `tutorial`: the networks of the tutorial that rawgan starts from, with its constants. Where its generator and its
  discriminator disagree on the image size, each is built at the other's size by its own pattern.
- `dcgan`: the convolutional pair that became the standard;
- `residual`: a residual pair, whose discriminator has no batch norm, for gradient penalties.
"""

import itertools
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from rawgan import nn, ops, optim
from rawgan.errors import ArgumentError
from rawgan.random import generator as random_generator
from rawgan.tensor import Tensor

Pair = tuple[nn.Sequential, nn.Sequential]
"""Generator and discriminator."""


@dataclass(frozen=True)
class ImageKind:
    """What a generator makes and a discriminator judges.

    >>> ImageKind(28, 1).shape
    (28, 28, 1)
    """

    size: int
    """Height and width, in pixels."""
    channels: int = 1

    @property
    def shape(self) -> tuple[int, int, int]:
        """(H, W, C)."""
        return self.size, self.size, self.channels


@dataclass(frozen=True)
class GAN:
    """Two networks, and the optimiser of each."""

    model: str
    image: ImageKind
    noise_size: int
    generator: nn.Sequential
    discriminator: nn.Sequential
    g_optimizer: optim.Optimizer
    d_optimizer: optim.Optimizer
    pack: int = 1
    """How many images D judges at a time, as channels of one: so that it sees when all are alike (PacGAN)."""
    average: nn.Sequential | None = None
    """A generator whose weights are the running average of G's, and its running statistics with them."""
    average_decay: float = 0.0
    """The share of the old weights in that average."""

    @property
    def sampler(self) -> nn.Sequential:
        """The generator to make images with: the average, where there is one."""
        return self.generator if self.average is None else self.average

    def judge(self, images: Tensor) -> Tensor:
        """D's logits. Shapes: images (N, H, W, C), N a multiple of `pack` → (N / pack, 1)

        Source of packing: Lin et al. 2018
        """
        if self.pack == 1:
            return self.discriminator(images)
        n, height, width, channels = images.shape
        if n % self.pack:
            raise ArgumentError(f"{n} images cannot be judged {self.pack} at a time; take a multiple")
        apart = ops.reshape(images, (n // self.pack, self.pack, height, width, channels))
        return self.discriminator(
            ops.reshape(ops.transpose(apart, (0, 2, 3, 1, 4)), (n // self.pack, height, width, self.pack * channels))
        )

    def follow(self, index: int) -> None:
        """Move the average towards G, after step `index`: faster in the first steps, whose weights are soon outdated.

        Source: Yazıcı et al. 2019
        """
        if self.average is None:
            return
        decay = min(self.average_decay, (1 + index) / (10 + index))
        now = self.generator.state_tensors()
        for name, x in self.average.state_tensors().items():
            x.data *= decay
            x.data += (1 - decay) * now[name].data

    def noise(self, seed: int, purpose: str, count: int, step: int = 0) -> Tensor:
        """Standard normal noise (count, noise_size), a pure function of seed, purpose and step.

        >>> gan = build("dcgan", ImageKind(8), width=4)
        >>> gan.noise(0, "train", 2, step=7).shape
        (2, 100)
        """
        first = self.generator.parameters()[0]
        draw = random_generator(seed, purpose, step).standard_normal((count, self.noise_size))
        return Tensor(draw.astype(first.dtype)).to(first.device)


def split_size(size: int) -> tuple[int, int]:
    """Write an image size as base · 2^doublings, base from 4 to 7: where a generator starts, how often it doubles.

    Raises: ArgumentError, with the nearest sizes that can be made

    >>> split_size(28), split_size(64)
    ((7, 2), (4, 4))
    """
    base, doublings = size, 0
    while base > 7 and base % 2 == 0:
        base, doublings = base // 2, doublings + 1
    if doublings and 4 <= base <= 7:
        return base, doublings
    possible = sorted(m * 2**k for m in range(4, 8) for k in range(1, 9))
    nearest = sorted(sorted(possible, key=lambda n: abs(n - size))[:4])
    raise ArgumentError(
        f"image size {size}: the networks double an image of 4 to 7 pixels, so a size must be 4, 5, 6 or 7 times "
        f"2, 4, 8, ...\n  sizes near {size}: {', '.join(str(n) for n in nearest)}"
    )


def tutorial(image: ImageKind, pack: int, noise_size: int, width: int, rng: np.random.Generator) -> Pair:
    """The tutorial's networks: at 64×64×3 its very generator, at 28×28×1 its very discriminator (with width 64).

    Everything else is Keras's default: Glorot-uniform weights, LeakyReLU 0.3, batch norm with ε = 0.001 and momentum
    0.99, which counts the other way round: 0.01 here. Only the last transposed convolution has a bias; batch norm
    subtracts those of the others again, and Adam would turn the rounding error of their gradients, which are 0, into
    steps.

    Shapes: generator (N, noise_size) → (N, H, W, C) in [−1, 1]; discriminator (N, H, W, C) → (N, 1) logits
    """
    base, doublings = split_size(image.size)

    def normalized(channels: int) -> list[nn.Module]:
        return [nn.BatchNorm(channels, momentum=0.01, eps=1e-3), nn.LeakyReLU(0.3)]

    filters = [width * 2**k for k in reversed(range(doublings))]  # 512, 256, 128, 64 for 64×64 pixels
    pixels = base * base * filters[0]
    generator: list[nn.Module] = [
        nn.Linear(noise_size, pixels, bias=False, rng=rng),
        *normalized(pixels),
        nn.Reshape(base, base, filters[0]),
    ]
    for inputs, outputs in itertools.pairwise(filters):
        generator += [
            nn.ConvTranspose2d(inputs, outputs, 4, stride=2, padding="same", bias=False, rng=rng),
            *normalized(outputs),
        ]
    generator += [nn.ConvTranspose2d(filters[-1], image.channels, 4, stride=2, padding="same", rng=rng), nn.Tanh()]

    discriminator: list[nn.Module] = [nn.Flatten()]
    widths = [image.size**2 * image.channels * pack, 8 * width, 4 * width, 2 * width, width]  # 784, 512, 256, 128, 64
    for inputs, outputs in itertools.pairwise(widths):
        discriminator += [nn.Linear(inputs, outputs, bias=False, rng=rng), *normalized(outputs)]
    discriminator += [nn.Linear(widths[-1], 1, bias=False, rng=rng)]
    return nn.Sequential(*generator), nn.Sequential(*discriminator)


def dcgan(image: ImageKind, pack: int, noise_size: int, width: int, rng: np.random.Generator) -> Pair:
    """A convolutional generator and the discriminator that mirrors it, after DCGAN.

    Every convolution halves, and every transposed convolution doubles, the image: kernel 4, stride 2, padding 1. The
    layer next to the image has `width` channels, each further one twice as many, up to 8 · width. There is batch norm
    everywhere but next to the image; weights are drawn from N(0, 0.02).

    Shapes: generator (N, noise_size) → (N, H, W, C) in [−1, 1]; discriminator (N, H, W, C) → (N, 1) logits
    Source: Radford, Metz, Chintala 2016
    """
    base, doublings = split_size(image.size)
    init = nn.init.normal(0.02)
    filters = [width * min(2**k, 8) for k in reversed(range(doublings))]
    pixels = base * base * filters[0]

    generator: list[nn.Module] = [
        nn.Linear(noise_size, pixels, bias=False, rng=rng, init=init),
        nn.Reshape(base, base, filters[0]),
        nn.BatchNorm(filters[0]),
        nn.ReLU(),
    ]
    for inputs, outputs in itertools.pairwise(filters):
        generator += [
            nn.ConvTranspose2d(inputs, outputs, 4, stride=2, padding=1, bias=False, rng=rng, init=init),
            nn.BatchNorm(outputs),
            nn.ReLU(),
        ]
    generator += [
        nn.ConvTranspose2d(filters[-1], image.channels, 4, stride=2, padding=1, rng=rng, init=init),
        nn.Tanh(),
    ]

    discriminator: list[nn.Module] = [
        nn.Conv2d(image.channels * pack, filters[-1], 4, stride=2, padding=1, rng=rng, init=init),
        nn.LeakyReLU(0.2),
    ]
    for outputs, inputs in reversed(list(itertools.pairwise(filters))):
        discriminator += [
            nn.Conv2d(inputs, outputs, 4, stride=2, padding=1, bias=False, rng=rng, init=init),
            nn.BatchNorm(outputs),
            nn.LeakyReLU(0.2),
        ]
    discriminator += [nn.Flatten(), nn.Linear(pixels, 1, rng=rng, init=init)]
    return nn.Sequential(*generator), nn.Sequential(*discriminator)


def residual(image: ImageKind, pack: int, noise_size: int, width: int, rng: np.random.Generator) -> Pair:
    """A small residual pair: every block doubles or halves the image. G has batch norm; D has none, so that a gradient
    penalty is about one image at a time, and sees how much the images of a batch differ instead.

    Channels as in `dcgan`. The second convolution of each block begins at zero, so blocks begin as their shortcuts.

    Shapes: generator (N, noise_size) → (N, H, W, C) in [−1, 1]; discriminator (N, H, W, C) → (N, 1) logits
    Source: Gulrajani et al. 2017; Karras et al. 2018; Huang et al. 2024
    """
    base, doublings = split_size(image.size)
    he, zero = nn.init.he_normal, nn.init.normal(0.0)
    filters = [width * min(2**k, 8) for k in reversed(range(doublings))]

    def up(inputs: int, outputs: int) -> nn.Module:
        return nn.Residual(
            nn.Sequential(
                nn.BatchNorm(inputs), nn.ReLU(),
                nn.ConvTranspose2d(inputs, outputs, 4, stride=2, padding=1, bias=False, rng=rng, init=he),
                nn.BatchNorm(outputs), nn.ReLU(),
                nn.Conv2d(outputs, outputs, 3, padding=1, rng=rng, init=zero),
            ),
            nn.Sequential(nn.Conv2d(inputs, outputs, 1, bias=False, rng=rng), nn.Upsample(2)),
        )  # fmt: skip

    def down(inputs: int, outputs: int) -> nn.Module:
        return nn.Residual(
            nn.Sequential(
                nn.LeakyReLU(0.2), nn.Conv2d(inputs, outputs, 4, stride=2, padding=1, rng=rng, init=he),
                nn.LeakyReLU(0.2), nn.Conv2d(outputs, outputs, 3, padding=1, rng=rng, init=zero),
            ),
            nn.Sequential(nn.AvgPool2d(2), nn.Conv2d(inputs, outputs, 1, bias=False, rng=rng)),
        )  # fmt: skip

    widths = [*filters, filters[-1]]
    generator = nn.Sequential(
        nn.Linear(noise_size, base * base * filters[0], rng=rng), nn.Reshape(base, base, filters[0]),
        *itertools.starmap(up, itertools.pairwise(widths)),
        nn.BatchNorm(widths[-1]), nn.ReLU(), nn.Conv2d(widths[-1], image.channels, 3, padding=1, rng=rng), nn.Tanh(),
    )  # fmt: skip
    discriminator = nn.Sequential(
        nn.Conv2d(image.channels * pack, widths[-1], 3, padding=1, rng=rng, init=he),
        *itertools.starmap(down, itertools.pairwise(widths[::-1])),
        nn.LeakyReLU(0.2), nn.MinibatchStd(), nn.Flatten(), nn.Linear(base * base * (filters[0] + 1), 1, rng=rng),
    )  # fmt: skip
    return generator, discriminator


@dataclass(frozen=True)
class _Recipe:
    networks: Callable[[ImageKind, int, int, int, np.random.Generator], Pair]
    learning_rate: float
    betas: tuple[float, float]
    eps: float


_RECIPES = {
    "dcgan": _Recipe(dcgan, learning_rate=2e-4, betas=(0.5, 0.999), eps=1e-8),
    "residual": _Recipe(residual, learning_rate=2e-4, betas=(0.0, 0.99), eps=1e-8),
    "tutorial": _Recipe(tutorial, learning_rate=1e-4, betas=(0.9, 0.999), eps=1e-7),
}

MODELS = tuple(_RECIPES)


def build(
    model: str,
    image: ImageKind,
    *,
    noise_size: int = 100,
    width: int = 64,
    learning_rate: float | None = None,
    d_learning_rate: float | None = None,
    pack: int = 1,
    average_decay: float = 0.0,
    spectral_norm: bool = False,
    seed: int = 0,
    device: str = "cpu",
) -> GAN:
    """Make both networks of a model, with weights drawn from the seed, and an Adam for each with the model's constants.

    `width` is the number of channels (`tutorial`: the smallest number of units) of the narrowest layer. None for
    `learning_rate` is the model's own; D has the same, unless `d_learning_rate` says otherwise. With `spectral_norm`,
    D's weights are divided by their largest singular values.

    Raises: ArgumentError for an unknown model, an image size it cannot make, or a count out of range

    >>> build("dcgan", ImageKind(28), width=8).generator
    Sequential()
      0: Linear(100 → 784, no bias)                            w (100, 784)
      1: Reshape(7, 7, 16)
      2: BatchNorm(16)                                         gamma (16,)  beta (16,)
      3: ReLU()
      4: ConvTranspose2d(16 → 8, 4×4, stride 2, padding 1, no bias) w (4, 4, 8, 16)
      5: BatchNorm(8)                                          gamma (8,)  beta (8,)
      6: ReLU()
      7: ConvTranspose2d(8 → 1, 4×4, stride 2, padding 1)      w (4, 4, 1, 8)  b (1,)
      8: Tanh()
    80,625 parameters in 8 arrays
    """
    if model not in _RECIPES:
        raise ArgumentError(f"there is no model {model!r}; choose one of: {', '.join(MODELS)}")
    if not 1 <= image.channels <= 4:
        raise ArgumentError(f"{model}: images have 1 to 4 channels, not {image.channels}")
    for name, value in (("noise_size", noise_size), ("width", width), ("pack", pack)):
        if value < 1:
            raise ArgumentError(f"{model}: {name} must be at least 1, but is {value}")
    if not 0 <= average_decay < 1:
        raise ArgumentError(f"{model}: average_decay must be at least 0 and less than 1, but is {average_decay}")
    recipe = _RECIPES[model]

    def networks() -> Pair:
        return recipe.networks(image, pack, noise_size, width, random_generator(seed, "weights"))

    generator, discriminator = networks()
    if spectral_norm:
        discriminator = _spectrally_normed(discriminator, random_generator(seed, "singular vectors"))
    average = networks()[0].to(device) if average_decay else None
    rate = recipe.learning_rate if learning_rate is None else learning_rate
    rates = rate, rate if d_learning_rate is None else d_learning_rate
    g_optimizer, d_optimizer = (
        optim.Adam(network.to(device).parameters(), rate, recipe.betas, recipe.eps)
        for network, rate in zip((generator, discriminator), rates, strict=True)
    )
    return GAN(
        model, image, noise_size, generator, discriminator, g_optimizer, d_optimizer, pack, average, average_decay
    )


def _spectrally_normed(network: nn.Sequential, rng: np.random.Generator) -> nn.Sequential:
    """The same layers, those with weights inside a SpectralNorm."""

    def normed(layer: nn.Module) -> nn.Module:
        if isinstance(layer, nn.Linear | nn.Conv2d):
            return nn.SpectralNorm(layer, rng=rng)
        if isinstance(layer, nn.Residual):
            shortcut = None if layer.shortcut is None else _spectrally_normed(layer.shortcut, rng)
            return nn.Residual(_spectrally_normed(layer.main, rng), shortcut)
        return layer

    return nn.Sequential(*map(normed, network.layers))
