"""Super-resolution: all work is done on the small image, and the last layers turn channels into pixels."""

import numpy as np

from rawgan import nn
from rawgan.gan.specs import TranslationSpec
from rawgan.gan.translation.networks.model import TranslationModel

BLOCKS = 4
"""Number of residual blocks."""


def subpixel(channels: int, width: int, blocks: int, doublings: int, rng: np.random.Generator) -> nn.Sequential:
    """Residual blocks on the small image; then, for each doubling, a convolution whose channels become pixels. The
    result is added to the bilinear interpolation of the image.

    There is no batch norm, which would remove an image's brightness, and no tanh, which would reduce its contrast. The
    second convolution of each block and the last convolution start at zero, so blocks start as their shortcuts, and the
    network as the interpolation.

    Shapes: (N, H, W, channels) → (N, H · 2^doublings, W · 2^doublings, channels)
    Source: Shi et al. 2016; Kim, Lee, Lee 2016; Ledig et al. 2017; Lim et al. 2017

    >>> grey = np.zeros((2, 7, 7, 1), "float32")
    >>> y = subpixel(1, 8, 2, 2, np.random.default_rng(0))(grey)
    >>> y.shape, float(abs(y.data).max())
    ((2, 28, 28, 1), 0.0)
    """
    he, zero = nn.init.he_normal, nn.init.normal(0.0)

    def block() -> nn.Module:
        return nn.Residual(
            nn.Sequential(
                nn.Conv2d(width, width, 3, padding=1, rng=rng, init=he), nn.ReLU(),
                nn.Conv2d(width, width, 3, padding=1, rng=rng, init=zero),
            )
        )  # fmt: skip

    layers: list[nn.Module] = [nn.Conv2d(channels, width, 3, padding=1, rng=rng, init=he), nn.LeakyReLU(0.2)]
    layers += [block() for _ in range(blocks)]
    for _ in range(doublings):
        layers += [
            nn.Conv2d(width, 4 * width, 3, padding=1, rng=rng, init=he),
            nn.PixelShuffle(2), nn.LeakyReLU(0.2),
        ]  # fmt: skip
    layers.append(nn.Conv2d(width, channels, 3, padding=1, rng=rng, init=zero))
    return nn.Sequential(nn.Residual(nn.Sequential(*layers), nn.Sequential(nn.Upsample(2**doublings, "bilinear"))))


def reach(spec: TranslationSpec) -> int:
    """2 pixels for each block, 1 for the convolution before them, and less than 2 for those that enlarge."""
    return 2 * BLOCKS + 3


SUBPIXEL = TranslationModel(
    name="subpixel",
    summary="enlarges images, for super-resolution",
    build=lambda spec, width, rng: subpixel(spec.channels, width, BLOCKS, spec.enlarged.bit_length() - 1, rng),
    stride=lambda spec: 1,
    reach=reach,
    enlarges=True,
)
