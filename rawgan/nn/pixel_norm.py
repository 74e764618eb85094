"""Pixel norm, which has no parameters and no statistics."""

from rawgan import ops
from rawgan.errors import ShapeError, shapes
from rawgan.nn.base.module import Module
from rawgan.nn.registry import example, layer
from rawgan.ops.arguments import finite
from rawgan.ops.registry import normal
from rawgan.tensor import Tensor


@layer(example("images", normal(2, 2, 3, 4)), example("vectors", normal(3, 4), eps=0.1))
class PixelNorm(Module):
    """Divide the channels of each pixel, or a vector, by their root mean square: y = x / √(mean x² + eps).

    The mean is taken over the last axis.

    Shapes: (…, C) → the same
    Raises: ShapeError for a number without axes
    Source: Karras et al. 2018

    >>> PixelNorm()(Tensor([[3.0, 4.0, 0.0, 0.0]]))
    Tensor([[1.2, 1.6, 0. , 0. ]], float32)
    """

    def __init__(self, *, eps: float = 1e-8) -> None:
        self.eps = finite("PixelNorm", "eps", eps)

    def forward(self, x: Tensor) -> Tensor:
        if x is None or not x.ndim:
            raise ShapeError(f"PixelNorm: x must have an axis of channels\n{shapes(x=x)}")
        return x * (1.0 / ops.sqrt(ops.mean(x * x, axis=-1, keepdims=True) + self.eps))
