"""Attention between the places of an image."""

import numpy as np

from rawgan import ops
from rawgan.errors import ShapeError, shapes
from rawgan.nn.base.module import Module, Parameter
from rawgan.nn.conv import Conv2d
from rawgan.nn.registry import example, layer
from rawgan.ops.arguments import checked_generator, whole
from rawgan.ops.registry import normal
from rawgan.tensor import Tensor

NARROWING = 8
"""Channels of the image relative to those of a query."""


def _awake(rng: np.random.Generator) -> "SelfAttention":
    made = SelfAttention(9, rng=rng)
    made.gamma[:] = 0.5
    return made


@layer(
    example("at the start", normal(2, 2, 2, 4), channels=4),
    example("awake", normal(2, 2, 2, 9), make=_awake),
)
class SelfAttention(Module):
    """y = x + gamma · attention(query(x), key(x), value(x)) among all pixels of an image.

    Query, key and value are 1×1 convolutions: query and key have an eighth of the channels, value has all. The scale of
    the scores is 1. gamma is 0 at the start, so the layer begins as the identity and learns to look further.

    Shapes: x (N, H, W, channels) → the same; gamma (1,)
    Source: Zhang et al. 2019 (SAGAN); see `rawgan.ops.attention`

    >>> x = np.ones((2, 4, 4, 16), "float32")
    >>> bool((SelfAttention(16, rng=np.random.default_rng(0))(x).data == x).all())
    True
    """

    def __init__(self, channels: int, *, rng: np.random.Generator) -> None:
        channels = whole("SelfAttention", "channels", channels, 1)
        rng = checked_generator("SelfAttention", rng)
        narrow = max(1, channels // NARROWING)
        self.query = Conv2d(channels, narrow, 1, rng=rng)
        self.key = Conv2d(channels, narrow, 1, rng=rng)
        self.value = Conv2d(channels, channels, 1, rng=rng)
        self.gamma = Parameter(np.zeros(1, np.float32))
        self.channels = channels

    def forward(self, x: Tensor) -> Tensor:
        if x is None or x.ndim != 4 or x.shape[-1] != self.channels:
            raise ShapeError(f"SelfAttention: x must be images with {self.channels} channels\n{shapes(x=x)}")
        query, key, value = (_rows(each(x)) for each in (self.query, self.key, self.value))
        seen = ops.attention(query, key, value, scale=1.0)  # (N, H·W, channels)
        return x + self.gamma * ops.reshape(seen, x.shape)

    def describe_options(self) -> str:
        return f"{self.channels}"


def _rows(x: Tensor) -> Tensor:
    """(N, H, W, C) → (N, H·W, C)"""
    n, h, w, c = x.shape
    return ops.reshape(x, (n, h * w, c))
