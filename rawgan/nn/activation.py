"""Layers that apply one function to every number."""

from typing import Any

from rawgan import ops
from rawgan.nn.module import Module
from rawgan.nn.registry import example, layer
from rawgan.ops.activation import checked_slope
from rawgan.ops.registry import nonzero, normal
from rawgan.tensor import Tensor


class Activation(Module):
    """A layer that applies `function`, and has no options.

    >>> class Exp(Activation):
    ...     function = staticmethod(ops.exp)
    >>> Exp()(Tensor([0.0]))
    Tensor([1.], float32)
    """

    @staticmethod
    def function(x: Any) -> Tensor:
        """The function of `rawgan.ops`."""
        raise NotImplementedError

    def forward(self, x: Tensor) -> Tensor:
        return self.function(x)


@layer(example("of any numbers", normal(3, 4)))
class Tanh(Activation):
    """Hyperbolic tangent. Shapes: any → the same.

    >>> Tanh()(Tensor([0.0]))
    Tensor([0.], float32)
    """

    function = staticmethod(ops.tanh)


@layer(example("of any numbers", normal(3, 4)))
class Sigmoid(Activation):
    """1 / (1 + e^−x). Shapes: any → the same.

    >>> Sigmoid()(Tensor([0.0]))
    Tensor([0.5], float32)
    """

    function = staticmethod(ops.sigmoid)


@layer(example("of any numbers", normal(3, 4)))
class SiLU(Activation):
    """x · σ(x), a smooth ReLU. Shapes: any → the same.

    >>> SiLU()(Tensor([0.0, 1000.0]))
    Tensor([   0., 1000.], float32)
    """

    function = staticmethod(ops.silu)


@layer(example("away from 0", nonzero(3, 4)))
class ReLU(Activation):
    """x where x > 0, 0 elsewhere. Shapes: any → the same.

    >>> ReLU()(Tensor([2.0]))
    Tensor([2.], float32)
    """

    function = staticmethod(ops.relu)


@layer(example("away from 0", nonzero(3, 4)), example("another slope", nonzero(3, 4), slope=0.3))
class LeakyReLU(Module):
    """x where x > 0, slope · x elsewhere. Shapes: any → the same.

    >>> LeakyReLU(0.2)(Tensor([-1.0, 2.0]))
    Tensor([-0.2,  2. ], float32)
    """

    def __init__(self, slope: float = 0.2) -> None:
        self.slope = checked_slope("LeakyReLU", slope)

    def forward(self, x: Tensor) -> Tensor:
        return ops.leaky_relu(x, self.slope)

    def describe_options(self) -> str:
        return f"{self.slope}"
