"""Dropout."""

import numpy as np

from rawgan import ops
from rawgan.nn.base.module import Module
from rawgan.nn.registry import example, layer
from rawgan.ops.arguments import checked_generator
from rawgan.ops.dropout import checked_rate
from rawgan.ops.registry import normal
from rawgan.tensor import Tensor


@layer(example("half", normal(3, 4)))
class Dropout(Module):
    """In training, set elements to 0 with probability `rate` and scale the rest by 1 / (1 − rate).

    Shapes: any → the same

    >>> Dropout(0.5, rng=np.random.default_rng(0)).eval()(np.ones(3, "float32"))
    Tensor([1., 1., 1.], float32)
    """

    def __init__(self, rate: float = 0.5, *, rng: np.random.Generator) -> None:
        self.rate, self.rng = checked_rate(type(self).__name__, rate), checked_generator(type(self).__name__, rng)

    def forward(self, x: Tensor) -> Tensor:
        return ops.dropout(x, self.rate, self.rng) if self.training else x

    def describe_options(self) -> str:
        return f"{self.rate}"


@layer(example("half, images", normal(2, 2, 2, 3)))
class Dropout2d(Dropout):
    """In training, set whole channels of an image to 0 with probability `rate`; see `rawgan.ops.dropout2d`.

    Shapes: x (N, …, C), such as images (N, H, W, C) → the same

    >>> Dropout2d(0.5, rng=np.random.default_rng(0)).eval()(np.ones((1, 2, 2, 1), "float32")).shape
    (1, 2, 2, 1)
    """

    def forward(self, x: Tensor) -> Tensor:
        return ops.dropout2d(x, self.rate, self.rng) if self.training else x
