"""Layers that apply one function to every number."""

from typing import Any

import numpy as np

from rawgan import ops
from rawgan.errors import ArgumentError, described
from rawgan.nn.base.module import Module, Parameter
from rawgan.nn.registry import example, layer
from rawgan.ops.activation import checked_slope
from rawgan.ops.arguments import is_number, whole
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


@layer(example("of any numbers", normal(3, 4)))
class Softplus(Activation):
    """log(1 + e^x), a smooth ReLU. Shapes: any → the same.

    >>> Softplus()(Tensor([-1000.0, 1000.0]))
    Tensor([   0., 1000.], float32)
    """

    function = staticmethod(ops.softplus)


@layer(example("exact", normal(3, 4)), example("by tanh", normal(3, 4), approximate="tanh"))
class GELU(Module):
    """x · Φ(x), a smooth ReLU; see `rawgan.ops.gelu`. Shapes: any → the same.

    >>> GELU()(Tensor([-30.0, 0.0, 30.0]))
    Tensor([-0.,  0., 30.], float32)
    """

    def __init__(self, approximate: str = "none") -> None:
        ops.gelu(np.zeros(0), approximate)  # an option that it refuses is refused now
        self.approximate = approximate

    def forward(self, x: Tensor) -> Tensor:
        return ops.gelu(x, self.approximate)

    def describe_options(self) -> str:
        return "" if self.approximate == "none" else self.approximate


@layer(example("away from 0", nonzero(3, 4)), example("another alpha", nonzero(3, 4), alpha=0.5))
class ELU(Module):
    """x where x > 0, alpha · (e^x − 1) elsewhere. Shapes: any → the same.

    >>> ELU()(Tensor([-1000.0, 2.0]))
    Tensor([-1.,  2.], float32)
    """

    def __init__(self, alpha: float = 1.0) -> None:
        ops.elu(np.zeros(0), alpha)  # an option that it refuses is refused now
        self.alpha = float(alpha)

    def forward(self, x: Tensor) -> Tensor:
        return ops.elu(x, self.alpha)

    def describe_options(self) -> str:
        return f"{self.alpha}"


@layer(example("one slope", nonzero(3, 4)), example("a slope for each channel", nonzero(2, 3, 4), channels=4))
class PReLU(Module):
    """x where x > 0, slope · x elsewhere, with a slope that is learned: one for all, or one for each channel.

    Shapes: x (N, …, C) → the same; slope (channels,), with `channels` 1 or C
    Source: He, Zhang, Ren, Sun 2015

    >>> PReLU()(Tensor([[-1.0, 2.0]]))
    Tensor([[-0.25,  2.  ]], float32, requires_grad=True)
    """

    def __init__(self, channels: int = 1, *, slope: float = 0.25) -> None:
        if not is_number(slope):
            raise ArgumentError(f"PReLU: slope must be a number, but is {described(slope)}")
        self.slope = Parameter(np.full(whole("PReLU", "channels", channels, 1), slope, np.float32))

    def forward(self, x: Tensor) -> Tensor:
        number = x is not None and not x.ndim and self.slope.size == 1
        return ops.prelu(x, ops.reshape(self.slope, ()) if number else self.slope)

    def describe_options(self) -> str:
        return f"{self.slope.size}"
