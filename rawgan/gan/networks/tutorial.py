"""The networks of the tutorial that rawgan starts from, with its constants."""

import itertools

import numpy as np

from rawgan import nn
from rawgan.gan.networks.model import Model, Networks
from rawgan.gan.networks.sizes import split_size
from rawgan.gan.specs import ImageSpec


def tutorial(
    image: ImageSpec, pack: int, noise_size: int, width: int, d_width: int, rng: np.random.Generator
) -> Networks:
    """The tutorial's networks: exactly its generator at 64×64×3, and its discriminator at 28×28×1 (with width 64).

    In the tutorial, the two disagree on the image size. Here, each is built at the other's size by its own pattern.

    Everything else is Keras's default: Glorot-uniform weights, LeakyReLU 0.3, batch norm with ε = 0.001 and momentum
    0.99, which is 0.01 here, as it is defined the other way round. Only the last transposed convolution has a bias.
    Batch norm would subtract the biases of the others, so their gradients are 0, and Adam would turn the rounding
    errors of these into steps.

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


TUTORIAL = Model(
    name="tutorial",
    summary="the tutorial's networks with its constants",
    build=tutorial,
    learning_rate=1e-4,
    betas=(0.9, 0.999),
    eps=1e-7,
)
