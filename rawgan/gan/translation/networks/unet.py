"""U-Net: an encoder and a decoder, with skips that carry what stays in its place past the bottleneck."""

import numpy as np

from rawgan import nn
from rawgan.gan.specs import TranslationSpec
from rawgan.gan.translation.networks.model import TranslationModel


def unet(sources: int, channels: int, width: int, halvings: int, rng: np.random.Generator) -> nn.Sequential:
    """An encoder and a decoder, with a skip from each size of the encoder to the same size of the decoder.

    It has `width` channels at full size, and twice as many at each smaller size, up to 8 · `width`.

    Shapes: (N, H, W, sources) → (N, H, W, channels) in [−1, 1]; H and W multiples of 2^halvings
    Source: Ronneberger, Fischer, Brox 2015; Isola et al. 2017

    >>> unet(3, 1, 8, 2, np.random.default_rng(0))(np.zeros((2, 28, 28, 3), "float32")).shape
    (2, 28, 28, 1)
    """
    he = nn.init.he_normal

    def skipped(outer: int, left: int) -> nn.Branches:
        """The image itself, beside the output of all smaller sizes: 2 · outer channels."""
        inner = min(2 * outer, 8 * width)
        return nn.Branches(
            nn.Identity(),
            nn.Sequential(
                nn.Conv2d(outer, inner, 4, stride=2, padding=1, bias=False, rng=rng, init=he),
                nn.BatchNorm(inner), nn.LeakyReLU(0.2),
                *([skipped(inner, left - 1)] if left > 1 else []),
                nn.ConvTranspose2d(
                    inner * (2 if left > 1 else 1), outer, 4, stride=2, padding=1, bias=False, rng=rng, init=he
                ),
                nn.BatchNorm(outer), nn.ReLU(),
            ),
        )  # fmt: skip

    return nn.Sequential(
        nn.Conv2d(sources, width, 3, padding=1, rng=rng, init=he), nn.LeakyReLU(0.2),
        skipped(width, halvings),
        nn.Conv2d(2 * width, channels, 3, padding=1, rng=rng), nn.Tanh(),
    )  # fmt: skip


def halvings(size: int) -> int:
    """Number of times that the network halves an image: while more than 3 pixels are left, at least once, at most 5
    times.

    >>> halvings(28), halvings(64)
    (2, 4)
    """
    count = 0
    while count < 5 and size % 2 == 0 and size > 7:
        size, count = size // 2, count + 1
    return max(count, 1)


def stride(spec: TranslationSpec) -> int:
    """Pixels of the source image for each pixel of the bottleneck."""
    return 1 << halvings(spec.size)


def reach(spec: TranslationSpec) -> int:
    """1 pixel for each convolution at full size; each halving adds 1 pixel at its own size, and 1 at the next size."""
    return 3 * stride(spec) - 1


UNET = TranslationModel(
    name="unet",
    summary="with skips, for what stays in its place",
    build=lambda spec, width, rng: unet(spec.sources, spec.channels, width, halvings(spec.size), rng),
    stride=stride,
    reach=reach,
)
