"""PatchGAN: a discriminator that scores each patch of an image, so it is about texture, not about the whole."""

import itertools

import numpy as np

from rawgan import nn
from rawgan.errors import ArgumentError

PATCHES = {16: 1, 34: 2, 70: 3, 142: 4}
"""Number of times that `patchgan` halves the image, by receptive field in pixels."""


def patchgan(channels: int, width: int, patch: int, rng: np.random.Generator) -> nn.Sequential:
    """A logit for each patch of `patch` × `patch` pixels.

    The layer next to the image has `width` channels, each further one twice as many, up to 8 · `width`. Norms are
    instance norms, so that each image is scored by itself.

    Shapes: (N, H, W, channels) → (N, I, J, 1) logits
    Raises: ArgumentError for a receptive field that is not in `PATCHES`
    Source: Isola et al. 2017

    >>> d = patchgan(2, 8, 34, np.random.default_rng(0))
    >>> receptive_field(d), d(np.zeros((2, 28, 28, 2), "float32")).shape
    (34, (2, 5, 5, 1))
    """
    if patch not in PATCHES:
        raise ArgumentError(f"patchgan scores patches of {', '.join(map(str, PATCHES))} pixels, not of {patch}")
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
    """Number of input pixels, in each direction, that convolutions combine into one output pixel.

    Instance norm is not counted: it sees the whole image, but only by its mean and variance.

    >>> receptive_field(patchgan(1, 2, 70, np.random.default_rng(0)))
    70
    """
    field = 1
    for layer in reversed(network.layers):
        if isinstance(layer, nn.Conv2d):
            kernel, stride = layer.w.shape[0], layer.stride if isinstance(layer.stride, int) else layer.stride[0]
            field = field * stride + kernel - stride
    return field
