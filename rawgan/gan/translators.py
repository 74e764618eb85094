"""The networks that make images out of images, and the discriminator that judges them patch by patch.

All are convolutions from end to end, so weights fit images of any size whose height and width are multiples of
`stride_of` the network:

- `unet`: for pairs, where what is wanted lies where it lies in the source; skips carry it past the bottleneck;
- `resnet`: for style, where shapes change little: residual blocks on an image of a quarter of the size;
- `subpixel`: for enlarging: all work is done on the small image, and the last layers turn channels into pixels;
- `patchgan`: a discriminator that says of each patch whether it is real, so that it is about texture, not the whole.
"""

import itertools

import numpy as np

from rawgan import nn
from rawgan.errors import ArgumentError

PATCHES = {16: 1, 34: 2, 70: 3, 142: 4}
"""How often `patchgan` halves the image for each receptive field, in pixels."""


def unet(sources: int, channels: int, width: int, halvings: int, rng: np.random.Generator) -> nn.Sequential:
    """An encoder and a decoder, with a skip from each size of the one to the same size of the other.

    `width` channels at full size, twice as many at each smaller one, up to eight times as many.

    Shapes: (N, H, W, sources) → (N, H, W, channels) in [−1, 1]; H and W multiples of 2^halvings
    Source: Ronneberger, Fischer, Brox 2015; Isola et al. 2017

    >>> unet(3, 1, 8, 2, np.random.default_rng(0))(np.zeros((2, 28, 28, 3), "float32")).shape
    (2, 28, 28, 1)
    """
    he = nn.init.he_normal

    def skipped(outer: int, left: int) -> nn.Branches:
        """The image as it is, beside what the smaller ones make of it: 2 · outer channels."""
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


def resnet(sources: int, channels: int, width: int, blocks: int, rng: np.random.Generator) -> nn.Sequential:
    """An encoder that halves twice, residual blocks, a decoder that doubles twice. Borders are mirrored, as zeros would
    be seen in the image; instance norm, as the contrast of an image is what a style often changes.

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


def subpixel(channels: int, width: int, blocks: int, doublings: int, rng: np.random.Generator) -> nn.Sequential:
    """Residual blocks on the small image; then, for each doubling, a convolution whose channels become pixels. All that
    is added to the image as bilinear interpolation enlarges it.

    Without batch norm, which takes from an image the brightness that it had, and without a tanh, which would take its
    contrast. The second convolution of each block and the last one begin at zero: so blocks begin as their shortcuts,
    and the network as the interpolation.

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


def patchgan(channels: int, width: int, patch: int, rng: np.random.Generator) -> nn.Sequential:
    """A logit for each patch of `patch` × `patch` pixels. The layer next to the image has `width` channels, each
    further one twice as many, up to eight times as many. Instance norm, so that each image is judged by itself.

    Shapes: (N, H, W, channels) → (N, I, J, 1) logits
    Raises: ArgumentError for a receptive field that there is not
    Source: Isola et al. 2017

    >>> d = patchgan(2, 8, 34, np.random.default_rng(0))
    >>> receptive_field(d), d(np.zeros((2, 28, 28, 2), "float32")).shape
    (34, (2, 5, 5, 1))
    """
    if patch not in PATCHES:
        raise ArgumentError(f"patchgan judges patches of {', '.join(map(str, PATCHES))} pixels, not of {patch}")
    halvings, init = PATCHES[patch], nn.init.normal(0.02)
    widths = [width * min(2**k, 8) for k in range(halvings + 1)]
    layers: list[nn.Module] = [
        nn.Conv2d(channels, width, 4, stride=2, padding=1, rng=rng, init=init),
        nn.LeakyReLU(0.2),
    ]
    for k, (inputs, outputs) in enumerate(itertools.pairwise(widths), 1):
        layers += [
            nn.Conv2d(
                inputs, outputs, 4, stride=2 if k < halvings else 1, padding=1, bias=False, rng=rng, init=init
            ),
            nn.InstanceNorm(outputs), nn.LeakyReLU(0.2),
        ]  # fmt: skip
    return nn.Sequential(*layers, nn.Conv2d(widths[-1], 1, 4, padding=1, rng=rng, init=init))


def receptive_field(network: nn.Sequential) -> int:
    """How many pixels of the input, in each direction, have a say in one pixel of the output: of convolutions alone.

    Instance norm looks at the whole image, but no further than its mean and variance.

    >>> receptive_field(patchgan(1, 2, 70, np.random.default_rng(0)))
    70
    """
    field = 1
    for layer in reversed(network.layers):
        if isinstance(layer, nn.Conv2d):
            kernel, stride = layer.w.shape[0], layer.stride if isinstance(layer.stride, int) else layer.stride[0]
            field = field * stride + kernel - stride
    return field
