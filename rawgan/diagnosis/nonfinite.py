"""Where a number that is not finite came from.

Training looks at its losses alone, which costs nothing. When one is no longer finite, the run goes back to its last
checkpoint and takes the same steps again, bit for bit, looking at every array that an op makes.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from rawgan.autograd import Op, watching
from rawgan.diagnosis.layers import around_layers
from rawgan.nn import Module
from rawgan.optim import Optimizer
from rawgan_kernels import array_module


@dataclass(frozen=True)
class NonFinite:
    """The first numbers of a step that are not finite."""

    place: str
    """The network and the layer, or the parameter."""
    op: str
    """What made them, and in which direction."""
    count: int
    """How many are not finite."""
    size: int
    """How many there are."""

    def __str__(self) -> str:
        return f"{self.place}, {self.op}: {self.count:,} of {self.size:,} numbers are not finite"


class _Found(Exception):
    """Ends the step that is looked at."""


def first_nonfinite(
    step: Callable[[], object], networks: Mapping[str, Module], optimizers: Mapping[str, Optimizer]
) -> NonFinite | None:
    """Take a step, and say where its first number that is not finite appeared; None if all are.

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
    layers: dict[Op, str] = {}  # which layer an op was called by
    entered: list[str] = ["outside of all layers"]
    found: list[NonFinite] = []

    def look(op: Op, phase: str, arrays: Any) -> None:
        place = layers.setdefault(op, entered[-1])
        for array in arrays:
            check(place, f"op {op.name}, {phase}", array)

    def check(place: str, what: str, array: Any) -> None:
        bad = array.size - int(array_module(array).isfinite(array).sum())
        if bad:
            found.append(NonFinite(place, what, bad, array.size))
            raise _Found

    def enter(place: str, module: Module, forward: Callable[..., Any], inputs: Any, options: Any) -> Any:
        entered.append(place)
        try:
            return forward(*inputs, **options)
        finally:
            entered.pop()

    try:
        for name, x in _state(networks):
            check(name, "before the step", x._array)
        with watching(look), around_layers(networks, enter):
            step()
        for name, x in _state(networks):
            kind = next((type(o).__name__ for o in optimizers.values() if any(x is p for p in o.parameters)), None)
            check(name, f"update by {kind}" if kind else "running statistic", x._array)
    except _Found:
        return found[0]
    return None


def _state(networks: Mapping[str, Module]) -> Iterator[tuple[str, Any]]:
    for network, module in networks.items():
        for name, x in module.state_tensors().items():
            yield f"{network}, parameter {name} {x.shape}", x
