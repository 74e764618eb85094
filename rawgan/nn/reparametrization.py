"""Layers whose weight is computed anew in each call: one wrapper for every layer with a weight."""

from __future__ import annotations

from types import MethodType
from typing import Any

from rawgan import ops
from rawgan.errors import ArgumentError, ShapeError, described, shapes
from rawgan.nn.base.hooks import with_hooks
from rawgan.nn.base.module import Module, Parameter
from rawgan.nn.fusing import applies_slope
from rawgan.ops.arguments import is_whole
from rawgan.tensor import Tensor
from rawgan_kernels import array_module

_NOTHING = object()


class Reparametrized(Module):
    """Base class of layers around a layer, which compute with another weight than that layer's parameter.

    A subclass writes `weight()`, which makes the weight out of `self.parameter` and of what else it owns. Any layer
    that reads the parameter as its attribute `name`, `self.w` as a rule, can be inside. Its names follow `layer`:
    "layer.w", "layer.b", …

    `axis` is the axis of the parameter that counts the layer's outputs.

    >>> import numpy as np
    >>> from rawgan import nn
    >>> class Halved(Reparametrized):
    ...     def weight(self):
    ...         return 0.5 * self.parameter
    >>> linear = nn.Linear(2, 1, rng=np.random.default_rng(0), init=lambda shape, *_: np.ones(shape))
    >>> Halved(linear)(Tensor([[1.0, 3.0]]))
    Tensor([[2.]], float32, requires_grad=True)
    """

    applies_slope = True

    def __init__(self, layer: Module, *, name: str = "w", axis: int = -1) -> None:
        title = type(self).__name__
        if not isinstance(layer, Module):
            raise ArgumentError(f"{title}: layer must be a Module, but is {described(layer)}")
        found = vars(layer).get(name) if isinstance(name, str) else None
        if not isinstance(found, Parameter):
            own = [each for each, x in vars(layer).items() if isinstance(x, Parameter)]
            raise ArgumentError(
                f"{title}: {type(layer).__name__} has no Parameter {described(name)}\n"
                + (
                    f"  it has {', '.join(own)}: {title}(…, name={own[0]!r})"
                    if own
                    else f"  put {title} around the layers that have weights"
                )
            )
        if not is_whole(axis) or not -found.ndim <= axis < found.ndim:
            raise ShapeError(
                f"{title}: axis must be one of the {found.ndim} axes of {name}\n{shapes(**{name: found}, axis=axis)}"
            )
        self.layer, self.name, self.axis = layer, name, int(axis) % found.ndim

    @property
    def parameter(self) -> Tensor:
        """The layer's own parameter, of which the weight is made."""
        return vars(self.layer)[self.name]

    def weight(self) -> Tensor:
        """The weight that the layer computes with. Shapes: as the parameter"""
        raise NotImplementedError(f"{type(self).__name__} has no weight()")

    def as_input(self, x: Any) -> Any:
        """As the layer takes it."""
        return self.layer.as_input(x)

    def forward(self, x: Any, *inputs: Any, slope: float = 1.0, **options: Any) -> Tensor:
        """The layer's result with the computed weight; then LeakyReLU, if the slope is below 1."""
        fused = slope != 1 and applies_slope(self.layer)
        if fused:
            options["slope"] = slope
        layer, weight = self.layer, self.weight()

        def run(inputs: tuple[Any, ...]) -> Tensor:
            return _forward_with(layer, self.name, weight, inputs, options)

        y = with_hooks(layer, run, (x, *inputs)) if layer._hooks else run((x, *inputs))
        return y if fused or slope == 1 else ops.leaky_relu(y, slope)

    def describe_options(self) -> str:
        return f"{type(self.layer).__name__}({self.layer.describe_options()})"


def _forward_with(layer: Module, name: str, w: Tensor, inputs: tuple[Any, ...], options: dict[str, Any]) -> Tensor:
    """Result of a layer's forward with another Tensor as an attribute.

    The forward runs on a shallow copy, which nothing else sees: the layer keeps its parameter, so that it may be in
    another call, or be saved, at the same time. Attributes that forward assigns go to the layer.
    """
    before = vars(layer)
    for each, value in before.items():
        if each == "forward" or (value.__class__ is MethodType and value.__self__ is layer):
            raise ArgumentError(
                f"{type(layer).__name__}.{each} is bound to this one layer, so it would compute with the parameter "
                f"{name} itself, not with the weight made of it\n  write it as a method of a class derived from "
                f"{type(layer).__name__}"
            )
    other = object.__new__(type(layer))
    vars(other).update(before)
    vars(other)[name] = w
    y = other.forward(*inputs, **options)
    for each, value in vars(other).items():
        if each != name and before.get(each, _NOTHING) is not value:
            setattr(layer, each, value)
    return y


def power_of_two(largest: Any, nothing: Any) -> Any:
    """The power of two below each number, to divide by: no digit changes, and no square overflows or vanishes; 1 where
    there is `nothing`."""
    xp = array_module(largest)
    return xp.exp2(xp.floor(xp.log2(xp.where(nothing, 1, largest))))
