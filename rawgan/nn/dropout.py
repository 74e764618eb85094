"""Dropout."""

import numpy as np

from rawgan import ops
from rawgan.nn.module import Module
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
        self.rate, self.rng = checked_rate("Dropout", rate), checked_generator("Dropout", rng)

    def forward(self, x: Tensor) -> Tensor:
        return ops.dropout(x, self.rate, self.rng) if self.training else x

    def describe_options(self) -> str:
        return f"{self.rate}"
