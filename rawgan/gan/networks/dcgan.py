"""The convolutional networks that became the standard for images."""

import itertools

import numpy as np

from rawgan import nn
from rawgan.gan.networks.model import Model, Networks
from rawgan.gan.networks.sizes import split_size
from rawgan.gan.specs import ImageSpec


def dcgan(image: ImageSpec, pack: int, noise_size: int, width: int, d_width: int, rng: np.random.Generator) -> Networks:
    """A convolutional generator after DCGAN, and a discriminator that mirrors it and ends in two linear layers.

    Every convolution halves, and every transposed convolution doubles, the image: kernel 4, stride 2, padding 1. The
    layer next to the image has `width` channels (in D `d_width`), each further one twice as many, up to 8 · `width`.
    All layers but those next to the image have batch norm. Weights are drawn from N(0, 0.02).

    D's layer of 2 · `d_width` units sees the whole image; the convolutions before it see only parts of 28×28 pixels.
    Half of its units have batch norm. They let D compare the images of a batch, so G makes every class as often as the
    data does. The other half has none: batch norm hides what all images of a batch have in common, so a G that makes a
    single shade of grey would not learn which.

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


DCGAN = Model(
    name="dcgan",
    summary="convolutional networks with batch norm",
    build=dcgan,
    learning_rate=1e-3,
    betas=(0.5, 0.999),
)
