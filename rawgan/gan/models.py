"""The networks: a generator that makes images, or points, out of noise, a discriminator that tells them from real ones.

Each model is a function that builds both networks for one kind of data:

- `tutorial`: the networks of the tutorial that rawgan starts from, with its constants. Where its generator and its
  discriminator disagree on the image size, each is built at the other's size by its own pattern.
- `dcgan`: the convolutional pair that became the standard;
- `residual`: a residual pair, whose discriminator has no batch norm, for gradient penalties;
- `mlp`: linear layers, for points in the plane.
"""

import itertools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from rawgan import nn
from rawgan.errors import ArgumentError
from rawgan.paper import is_on_paper

Pair = tuple[nn.Sequential, nn.Sequential]
"""Generator and discriminator."""


@dataclass(frozen=True)
class ImageSpec:
    """What a generator makes and a discriminator judges: images.

    >>> ImageSpec(28, 1).shape
    (28, 28, 1)
    """

    name: ClassVar[str] = "images"
    size: int
    """Height and width, in pixels."""
    channels: int = 1

    @property
    def shape(self) -> tuple[int, int, int]:
        """(H, W, C)."""
        return self.size, self.size, self.channels


@dataclass(frozen=True)
class PointSpec:
    """Points instead of images, about as far from 0 as pixels are.

    >>> PointSpec().shape
    (2,)
    """

    name: ClassVar[str] = "points"
    dimensions: int = 2

    @property
    def shape(self) -> tuple[int]:
        """(dimensions,)."""
        return (self.dimensions,)


DataSpec = ImageSpec | PointSpec


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


def tutorial(image: ImageSpec, pack: int, noise_size: int, width: int, d_width: int, rng: np.random.Generator) -> Pair:
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
    widths = [image.size**2 * image.channels * pack, *(d_width * k for k in (8, 4, 2, 1))]  # 784, 512, 256, 128, 64
    for inputs, outputs in itertools.pairwise(widths):
        discriminator += [nn.Linear(inputs, outputs, bias=False, rng=rng), *normalized(outputs)]
    discriminator += [nn.Linear(widths[-1], 1, bias=False, rng=rng)]
    return nn.Sequential(*generator), nn.Sequential(*discriminator)


def dcgan(image: ImageSpec, pack: int, noise_size: int, width: int, d_width: int, rng: np.random.Generator) -> Pair:
    """A convolutional generator, and a discriminator that mirrors it and ends in two linear layers, after DCGAN.

    Every convolution halves, and every transposed convolution doubles, the image: kernel 4, stride 2, padding 1. The
    layer next to the image has `width` channels (in D `d_width`), each further one twice as many, up to eight times as
    many. There is batch norm everywhere but next to the image; weights are drawn from N(0, 0.02).

    D's layer of 2 · `d_width` units sees the image as a whole: of 28×28 pixels, the convolutions before it see no more
    than parts. Half of its units have batch norm, by which D sees a batch as well, and so G makes every class as often
    as the data does; the other half has none, as that hides what all images of a batch have in common, and a G that
    makes but one grey would not be told which.

    Shapes: generator (N, noise_size) → (N, H, W, C) in [−1, 1]; discriminator (N, H, W, C) → (N, 1) logits
    Source: Radford, Metz, Chintala 2016
    """
    base, doublings = split_size(image.size)
    init = nn.init.normal(0.02)
    filters, d_filters = ([each * min(2**k, 8) for k in range(doublings)] for each in (width, d_width))
    filters.reverse()  # G begins with the widest, D ends with it
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
        nn.Conv2d(image.channels * pack, d_filters[0], 4, stride=2, padding=1, rng=rng, init=init),
        nn.LeakyReLU(0.2),
    ]
    for inputs, outputs in itertools.pairwise(d_filters):
        discriminator += [
            nn.Conv2d(inputs, outputs, 4, stride=2, padding=1, bias=False, rng=rng, init=init),
            nn.BatchNorm(outputs),
            nn.LeakyReLU(0.2),
        ]
    pixels = base * base * d_filters[-1]
    discriminator += [
        nn.Flatten(),
        nn.Branches(
            nn.Sequential(nn.Linear(pixels, d_width, bias=False, rng=rng, init=init), nn.BatchNorm(d_width)),
            nn.Linear(pixels, d_width, rng=rng, init=init),
        ),
        nn.LeakyReLU(0.2),
        nn.Linear(2 * d_width, 1, rng=rng, init=init),
    ]
    return nn.Sequential(*generator), nn.Sequential(*discriminator)


def residual(image: ImageSpec, pack: int, noise_size: int, width: int, d_width: int, rng: np.random.Generator) -> Pair:
    """A small residual pair: every block doubles or halves the image. G has batch norm; D has none, so that a gradient
    penalty is about one image at a time, and sees how much the images of a batch differ instead.

    Channels as in `dcgan`. The second convolution of each block begins at zero, so blocks begin as their shortcuts.

    Shapes: generator (N, noise_size) → (N, H, W, C) in [−1, 1]; discriminator (N, H, W, C) → (N, 1) logits
    Source: Gulrajani et al. 2017; Karras et al. 2018; Huang et al. 2024
    """
    base, doublings = split_size(image.size)
    he, zero = nn.init.he_normal, nn.init.normal(0.0)
    filters, d_filters = ([each * min(2**k, 8) for k in range(doublings)] for each in (width, d_width))

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

    widths, d_widths = [*reversed(filters), width], [d_width, *d_filters]
    generator = nn.Sequential(
        nn.Linear(noise_size, base * base * widths[0], rng=rng), nn.Reshape(base, base, widths[0]),
        *itertools.starmap(up, itertools.pairwise(widths)),
        nn.BatchNorm(width), nn.ReLU(), nn.Conv2d(width, image.channels, 3, padding=1, rng=rng), nn.Tanh(),
    )  # fmt: skip
    discriminator = nn.Sequential(
        nn.Conv2d(image.channels * pack, d_width, 3, padding=1, rng=rng, init=he),
        *itertools.starmap(down, itertools.pairwise(d_widths)),
        nn.LeakyReLU(0.2), nn.MinibatchStd(), nn.Flatten(), nn.Linear(base * base * (d_widths[-1] + 1), 1, rng=rng),
    )  # fmt: skip
    return generator, discriminator


def mlp(points: PointSpec, pack: int, noise_size: int, width: int, d_width: int, rng: np.random.Generator) -> Pair:
    """Three hidden layers in each network, without batch norm, of `d_width` units in D and 2 · `width` in G, which has
    the harder task: to spread noise over far places, and leave nothing between them. What G makes has no bounds.

    D's first layer is of tanh, as bends in a ReLU are too blunt for modes that are a hundredth as wide as the plane.
    Each unit of a first layer turns at a place of its own: without biases all would turn at 0, where no data is.

    Shapes: generator (N, noise_size) → (N, dimensions); discriminator (N, dimensions) → (N, 1) logits
    """
    he = nn.init.he_normal

    def network(first: nn.Linear, layers: list[nn.Module]) -> nn.Sequential:
        assert first.b is not None
        if not is_on_paper():
            first.b[:] = -(first.w._array * rng.uniform(-1, 1, first.w.shape)).sum(axis=0)
        return nn.Sequential(first, *layers)

    wide = 2 * width
    generator = network(
        nn.Linear(noise_size, wide, rng=rng, init=he),
        [
            nn.ReLU(), nn.Linear(wide, wide, rng=rng, init=he),
            nn.ReLU(), nn.Linear(wide, wide, rng=rng, init=he),
            nn.ReLU(), nn.Linear(wide, points.dimensions, rng=rng),
        ],
    )  # fmt: skip
    discriminator = network(
        nn.Linear(points.dimensions * pack, d_width, rng=rng, init=nn.init.normal(6.0)),
        [
            nn.Tanh(), nn.Linear(d_width, d_width, rng=rng, init=he),
            nn.LeakyReLU(0.2), nn.Linear(d_width, d_width, rng=rng, init=he),
            nn.LeakyReLU(0.2), nn.Linear(d_width, 1, rng=rng),
        ],
    )  # fmt: skip
    return generator, discriminator


@dataclass(frozen=True)
class Model:
    """What builds both networks, and Adam's constants."""

    networks: Callable[[Any, int, int, int, int, np.random.Generator], Pair]
    """Of a kind of data, pack, noise size, the width of G, that of D, and random numbers."""
    learning_rate: float
    betas: tuple[float, float]
    eps: float
    spec: type[DataSpec] = ImageSpec
    """What it makes."""
    d_rate: float = 1.0
    """D's learning rate, by that of G. Source: Heusel et al. 2017 (two time scales)"""


MODELS = {
    "dcgan": Model(dcgan, learning_rate=1e-3, betas=(0.5, 0.999), eps=1e-8),
    "mlp": Model(mlp, learning_rate=2e-3, betas=(0.0, 0.99), eps=1e-8, spec=PointSpec, d_rate=2.0),
    "residual": Model(residual, learning_rate=2e-4, betas=(0.0, 0.99), eps=1e-8),
    "tutorial": Model(tutorial, learning_rate=1e-4, betas=(0.9, 0.999), eps=1e-7),
}
"""By the name that --model takes."""


def models_for(spec: DataSpec | type[DataSpec]) -> list[str]:
    """The models that make such data.

    >>> models_for(PointSpec)
    ['mlp']
    """
    return [name for name, model in MODELS.items() if model.spec.name == spec.name]
