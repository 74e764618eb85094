"""Convolutional networks that look at the whole image at once: self-attention, under spectral norm."""

import itertools

import numpy as np

from rawgan import nn
from rawgan.gan.networks.model import Model, Networks
from rawgan.gan.networks.sizes import split_size
from rawgan.gan.specs import ImageSpec
from rawgan.gan.spectral_norm import spectrally_normed

LOOKS_AT = 16
"""Largest image, in pixels, between whose places there is attention: its cost grows with the fourth power."""


def attention(
    image: ImageSpec, pack: int, noise_size: int, width: int, d_width: int, rng: np.random.Generator
) -> Networks:
    """A small SAGAN: the convolutions of `dcgan`, and self-attention in both networks where the image has 14 or 16
    pixels, or 8 to 12.

    A convolution sees 4×4 pixels; attention lets distant parts of an image agree. G has batch norm and spectral norm.
    D has no batch norm, and spectral norm unless `--no-spectral-norm` takes it away, so its slope is bounded: what the
    hinge objective needs.

    Shapes: generator (N, noise_size) → (N, H, W, C) in [−1, 1]; discriminator (N, H, W, C) → (N, 1) logits
    Source: Zhang et al. 2019; Miyato et al. 2018
    """
    base, doublings = split_size(image.size)
    filters, d_filters = ([each * min(2**k, 8) for k in range(doublings)] for each in (width, d_width))
    filters.reverse()  # G begins with the widest, D ends with it
    sizes = [base * 2**k for k in range(doublings)]  # of the images inside the networks
    attended = max(size for size in sizes if size <= LOOKS_AT)

    def look(size: int, channels: int) -> list[nn.Module]:
        return [nn.SelfAttention(channels, rng=rng)] if size == attended else []

    generator: list[nn.Module] = [
        nn.Linear(noise_size, base * base * filters[0], bias=False, rng=rng),
        nn.Reshape(base, base, filters[0]), nn.BatchNorm(filters[0]), nn.ReLU(), *look(base, filters[0]),
    ]  # fmt: skip
    for size, (inputs, outputs) in zip(sizes[1:], itertools.pairwise(filters), strict=True):
        generator += [
            nn.ConvTranspose2d(inputs, outputs, 4, stride=2, padding=1, bias=False, rng=rng),
            nn.BatchNorm(outputs), nn.ReLU(), *look(size, outputs),
        ]  # fmt: skip
    generator += [nn.ConvTranspose2d(filters[-1], image.channels, 4, stride=2, padding=1, rng=rng), nn.Tanh()]

    discriminator: list[nn.Module] = []
    for size, (inputs, outputs) in zip(
        reversed(sizes), itertools.pairwise([image.channels * pack, *d_filters]), strict=True
    ):
        discriminator += [
            nn.Conv2d(inputs, outputs, 4, stride=2, padding=1, rng=rng), nn.LeakyReLU(0.1), *look(size, outputs),
        ]  # fmt: skip
    discriminator += [nn.Flatten(), nn.Linear(base * base * d_filters[-1], 1, rng=rng)]
    return spectrally_normed(nn.Sequential(*generator), rng), nn.Sequential(*discriminator)


ATTENTION = Model(
    name="attention",
    summary="convolutional networks with self-attention and spectral norm (SAGAN)",
    build=attention,
    learning_rate=2e-3,
    betas=(0.0, 0.9),
    kernels=("attention",),
    defaults={"objective": "hinge", "spectral_norm": True, "width": 32},  # wider ones learn less in the same time
)
