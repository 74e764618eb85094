"""Residual networks whose discriminator has no batch norm, for gradient penalties."""

import itertools

import numpy as np

from rawgan import nn
from rawgan.gan.networks.model import Model, Networks
from rawgan.gan.networks.sizes import split_size
from rawgan.gan.specs import ImageSpec


def residual(
    image: ImageSpec, pack: int, noise_size: int, width: int, d_width: int, rng: np.random.Generator
) -> Networks:
    """Small residual networks: every block doubles or halves the image.

    G has batch norm. D has none, so that a gradient penalty is about one image at a time; it sees the standard
    deviation over the images of a batch instead. Channels are as in `dcgan`. The second convolution of each block
    starts at zero, so blocks start as their shortcuts.

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


RESIDUAL = Model(
    name="residual",
    summary="residual networks without batch norm in the discriminator, for --penalty",
    build=residual,
    learning_rate=2e-4,
    betas=(0.0, 0.99),
)
