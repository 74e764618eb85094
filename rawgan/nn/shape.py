"""Layers that give each sample another shape, or none."""

import math

from rawgan import ops
from rawgan.errors import ShapeError, shapes
from rawgan.nn.base.module import Module
from rawgan.nn.registry import example, layer
from rawgan.ops.arguments import whole
from rawgan.ops.registry import normal
from rawgan.tensor import Tensor


@layer(example("a free length", normal(2, 3, 4), make=lambda rng: Reshape(6, -1)))
class Reshape(Module):
    """Give each sample another shape; one length may be −1. Shapes: (N, …) → (N, *shape).

    >>> import numpy as np
    >>> Reshape(2, 2)(np.ones((3, 4), "float32")).shape
    (3, 2, 2)
    """

    def __init__(self, *shape: int) -> None:
        numbers = shape[0] if len(shape) == 1 and isinstance(shape[0], tuple | list) else shape
        self.shape = tuple(whole("Reshape", "shape", n, -1) for n in numbers)

    def forward(self, x: Tensor) -> Tensor:
        return ops.reshape(x, (_samples(x), *self.shape))

    def describe_options(self) -> str:
        return ", ".join(str(n) for n in self.shape)


@layer(example("images", normal(2, 2, 3, 2)))
class Flatten(Module):
    """Make a vector of each sample. Shapes: (N, …) → (N, features).

    >>> import numpy as np
    >>> Flatten()(np.ones((3, 2, 2), "float32")).shape
    (3, 4)
    """

    def forward(self, x: Tensor) -> Tensor:
        return ops.reshape(x, (_samples(x), math.prod(x.shape[1:])))


@layer(example("vectors", normal(2, 3)))
class Identity(Module):
    """x itself; a shortcut of `Branches`, as in a U-Net. Shapes: any → the same.

    >>> import numpy as np
    >>> Identity()(np.ones(2, "float32"))
    Tensor([1., 1.], float32)
    """

    def forward(self, x: Tensor) -> Tensor:
        return x


def _samples(x: Tensor) -> int:
    """Number of samples. Raises: ShapeError if x has no axes."""
    if x is None or not x.ndim:
        raise ShapeError(f"x must be (N, …), but has no axes\n{shapes(x=x)}")
    return x.shape[0]
