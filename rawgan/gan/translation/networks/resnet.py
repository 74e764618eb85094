"""Residual blocks on an image of a quarter of the size, for changes of style that keep shapes."""

import numpy as np

from rawgan import nn
from rawgan.gan.translation.networks.model import TranslationModel

BLOCKS = 4
"""Number of residual blocks."""


def resnet(sources: int, channels: int, width: int, blocks: int, rng: np.random.Generator) -> nn.Sequential:
    """An encoder that halves twice, residual blocks, and a decoder that doubles twice.

    Borders are mirrored, as zeros would be visible in the image. Norms are instance norms, as a style often changes the
    contrast of an image.

    Shapes: (N, H, W, sources) → (N, H, W, channels) in [−1, 1]; H and W multiples of 4, and at least 8
    Source: Johnson, Alahi, Fei-Fei 2016; Zhu et al. 2017

    >>> resnet(1, 3, 8, 2, np.random.default_rng(0))(np.zeros((2, 28, 28, 1), "float32")).shape
    (2, 28, 28, 3)
    """
    he = nn.init.he_normal

    def mirrored(inputs: int, outputs: int, kernel: int) -> list[nn.Module]:
        return [
            nn.ReflectionPad2d(kernel // 2),
            nn.Conv2d(inputs, outputs, kernel, bias=False, rng=rng, init=he),
            nn.InstanceNorm(outputs),
        ]

    layers = [*mirrored(sources, width, 7), nn.ReLU()]
    for inputs, outputs in ((width, 2 * width), (2 * width, 4 * width)):
        layers += [
            nn.Conv2d(inputs, outputs, 4, stride=2, padding=1, bias=False, rng=rng, init=he),
            nn.InstanceNorm(outputs), nn.ReLU(),
        ]  # fmt: skip
    wide = 4 * width
    for _ in range(blocks):
        layers.append(nn.Residual(nn.Sequential(*mirrored(wide, wide, 3), nn.ReLU(), *mirrored(wide, wide, 3))))
    for inputs, outputs in ((wide, 2 * width), (2 * width, width)):
        layers += [
            nn.ConvTranspose2d(inputs, outputs, 4, stride=2, padding=1, bias=False, rng=rng, init=he),
            nn.InstanceNorm(outputs), nn.ReLU(),
        ]  # fmt: skip
    return nn.Sequential(*layers, nn.ReflectionPad2d(3), nn.Conv2d(width, channels, 7, rng=rng), nn.Tanh())


RESNET = TranslationModel(
    name="resnet",
    summary="residual blocks on a smaller image",
    build=lambda spec, width, rng: resnet(spec.sources, spec.channels, width, BLOCKS, rng),
    stride=lambda spec: 4,
    reach=lambda spec: None,  # instance norm takes the mean of the whole image
)
