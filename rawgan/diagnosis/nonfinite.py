"""Origin of the first number that is not finite.

Training looks at its losses alone, which costs nothing. When one is no longer finite, the run goes back to its last
checkpoint and repeats the same steps, bit for bit, with an observer that looks at every array that an op makes.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rawgan.autograd import Observer, observing
from rawgan.diagnosis.layers import layer_places
from rawgan.nn import Module
from rawgan.optim import Optimizer
from rawgan.tensor import Node, Tensor
from rawgan_kernels import array_module


@dataclass(frozen=True)
class NonFinite:
    """The first numbers of a step that are not finite."""

    place: str
    """The network and the layer, or the parameter."""
    op: str
    """Op and direction, or update, that made them."""
    count: int
    """Number of elements that are not finite."""
    size: int
    """Number of all elements."""

    def __str__(self) -> str:
        return f"{self.place}, {self.op}: {self.count:,} of {self.size:,} numbers are not finite"


class _Found(Exception):
    """Ends the step that is looked at."""

    def __init__(self, first: NonFinite) -> None:
        super().__init__(str(first))
        self.first = first


def first_nonfinite(
    step: Callable[[], object], networks: Mapping[str, Module], optimizers: Mapping[str, Optimizer]
) -> NonFinite | None:
    """Take a step, and find its first number that is not finite; None if all are finite.

    >>> from rawgan import nn, ops, optim, Tensor, grad
    >>> import numpy as np
    >>> network = nn.Sequential(nn.Linear(2, 1, rng=np.random.default_rng(0)), nn.Sigmoid())
    >>> adam = optim.Adam(network.parameters(), lr=1e39)
    >>> def step():
    ...     loss = ops.mean(network(np.ones((3, 2), "float32")))
    ...     adam.step(grad(loss, adam.parameters))
    >>> print(first_nonfinite(step, {"generator": network}, {"generator": adam}))
    generator, parameter 0.w (2, 1), update by Adam: 2 of 2 numbers are not finite
    """
    search = _Search(networks)
    try:
        for name, x in _state(networks):
            search.check(name, "before the step", x._array)
        with observing(search):
            step()
        for name, x in _state(networks):
            kind = next((type(o).__name__ for o in optimizers.values() if any(x is p for p in o.parameters)), None)
            search.check(name, f"update by {kind}" if kind else "running statistic", x._array)
    except _Found as found:
        return found.first
    return None


class _Search(Observer):
    """Looks at every array that an op makes, on the way forward and on the way back; knows the layer it is in."""

    def __init__(self, networks: Mapping[str, Module]) -> None:
        self._places = layer_places(networks)
        self._entered = ["outside of all layers"]
        self._places_of_ops: dict[Node, str] = {}

    def before_layer(self, layer: Module, inputs: tuple[Any, ...], options: dict[str, Any]) -> None:
        self._entered.append(self._places.get(layer, self._entered[-1]))

    def after_layer(
        self, layer: Module, inputs: tuple[Any, ...], options: dict[str, Any], result: Tensor | None
    ) -> None:
        self._entered.pop()

    def after_forward(self, op: Node, array: Any) -> None:
        place = self._places_of_ops[op] = self._entered[-1]
        self.check(place, f"op {op.name}, forward", array)

    def after_backward(self, op: Node, gradients: Sequence[Any]) -> None:
        for array in filter(lambda gradient: gradient is not None, gradients):
            self.check(self._places_of_ops.get(op, self._entered[-1]), f"op {op.name}, backward", array)

    def check(self, place: str, what: str, array: Any) -> None:
        """Raise _Found if a number in the array is not finite."""
        bad = array.size - int(array_module(array).isfinite(array).sum())
        if bad:
            raise _Found(NonFinite(place, what, bad, array.size))


def _state(networks: Mapping[str, Module]) -> Iterator[tuple[str, Any]]:
    for network, module in networks.items():
        for name, x in module.state_tensors().items():
            yield f"{network}, parameter {name} {x.shape}", x
