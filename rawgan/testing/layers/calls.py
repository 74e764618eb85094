"""Calls of a layer: their results and gradients, in a form that can be compared."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from rawgan.errors import CheckFailed
from rawgan.nn import Module
from rawgan.tensor import Node, Tensor
from rawgan.testing.arrays import is_floating, plain, random_like, unit
from rawgan.testing.comparison import close, difference
from rawgan.testing.functions.backward import gradients_from
from rawgan.testing.functions.signature import parameter_names
from rawgan.testing.tolerances import TOLERANCES

Array = Any


class Part(NamedTuple):
    """A result, or the gradient of an input or a parameter."""

    name: str
    array: Array
    floor: float
    """Size below which numbers are nothing but rounding."""


class LayerResult(NamedTuple):
    """Results and gradients of one or several calls of a layer."""

    results: list[Part]
    inputs: list[Part]
    parameters: list[Part]


class LayerCall:
    """A call of a layer, before the walk back."""

    def __init__(self, layer: Module, inputs: Sequence[Any], dtype: str = "float64") -> None:
        names = parameter_names(layer.forward, len(inputs))
        arguments = [as_argument(x, dtype) for x in inputs]
        self.inputs = {n: x for n, x in zip(names, arguments, strict=True) if isinstance(x, Tensor) and x.requires_grad}
        self.results = as_list(layer(*arguments))
        self.parameters = dict(layer.named_parameters())  # some layers make them when they are called
        self.weights = [
            random_like(y.data, np.random.default_rng(k), 1 / unit(y.data)) for k, y in enumerate(self.results)
        ]

    def result(self) -> LayerResult:
        """Walk back."""
        return joint_result([self])


def result_of(layer: Module, inputs: Sequence[Any]) -> LayerResult:
    """Call a layer, and walk back with upstream gradients that depend on the shapes of the results alone."""
    return LayerCall(layer, inputs).result()


def joint_result(calls: Sequence[LayerCall]) -> LayerResult:
    """Walk back from several calls of one layer at once."""
    ys = [y for call in calls for y in call.results]
    vs = [Tensor(v) for call in calls for v in call.weights]
    inputs, parameters = [item for call in calls for item in call.inputs.items()], list(calls[-1].parameters.items())
    results = [Part(f"y{index}", y.data.copy(), unit(y.data)) for index, y in enumerate(ys)]
    if not any(y.requires_grad for y in ys):
        return LayerResult(results, [], [])
    magnitude = 0.1 * float(np.sqrt(sum(y.size for y in ys)))
    found = gradients_from(ys, [x for _, x in (*inputs, *parameters)], vs)
    parts = [
        Part(f"g{name}", g.data, magnitude / unit(x.data))
        for (name, x), g in zip((*inputs, *parameters), found, strict=True)
    ]
    return LayerResult(results, parts[: len(inputs)], parts[len(inputs) :])


def added(results: Sequence[LayerResult]) -> LayerResult:
    """The joint result of separate calls: all results and inputs' gradients, and sums of the parameters' gradients."""
    outputs = [part for each in results for part in each.results]
    inputs = [part for each in results for part in each.inputs]
    parameters = [
        Part(parts[0].name, sum(part.array for part in parts), max(part.floor for part in parts))
        for parts in zip(*(each.parameters for each in results), strict=True)
    ]
    return LayerResult(outputs, inputs, parameters)


def check_same(title: str, expected: LayerResult, got: LayerResult, when: str, hint: str = "") -> None:
    """Raise a CheckFailed unless two results agree; `when` says in words how the layer was called."""
    if fault := first_difference(expected, got):
        raise CheckFailed(f"{title}: {when} another {fault}{hint}")


def first_difference(expected: LayerResult, got: LayerResult, tolerance: float = 100 * TOLERANCES["float64"]) -> str:
    """The first result or gradient that is not as expected, in words; an empty string if all are."""
    for those, these in zip(expected, got, strict=True):
        if len(those) != len(these):
            missing = those[len(these) :] or these[len(those) :]
            return f"{missing[0].name} {missing[0].array.shape}: one of the two has none"
        for (name, right, floor), (_, array, _) in zip(those, these, strict=True):
            if not close(array, right, tolerance, floor):
                return f"{name} {right.shape}, {difference(array, right)}"
    return ""


def same_results(a: LayerResult, b: LayerResult) -> bool:
    """True if two calls gave the same bits."""
    return [part.array.tobytes() for part in a.results] == [part.array.tobytes() for part in b.results]


def copy_of(layer: Module) -> Module:
    """A copy with the same parameters, buffers and other attributes."""
    return copy.deepcopy(layer)


def graph_leaves(results: Sequence[Tensor]) -> Iterator[tuple[Tensor, Node | None]]:
    """Every leaf that results depend on and that requires a gradient, with the op that takes it."""
    pending: list[tuple[Tensor, Node | None]] = [(y, None) for y in results]
    seen: set[int] = set()
    while pending:
        x, taker = pending.pop()
        if id(x) in seen or not x.requires_grad:
            continue
        seen.add(id(x))
        if x.op is None:
            yield x, taker
        else:
            pending += [(other, x.op) for other in x.op.recorded_inputs]


def as_list(results: Any) -> list[Tensor]:
    """The results of a layer as a list, be it one or several."""
    return [results] if isinstance(results, Tensor) else list(results)


def as_argument(x: Any, dtype: str) -> Any:
    """An input as a layer takes it: floats as a leaf of this dtype, an integer as a Tensor without axes."""
    value = plain(x)
    if is_floating(value):
        return Tensor(value.astype(dtype), requires_grad=True)
    if isinstance(value, int) and not isinstance(value, bool):
        return Tensor(np.full((), value, dtype))
    return value


def changed_buffer(layer: Module, before: Module) -> str:
    """Name and shape of the first buffer that differs; an empty string if none does."""
    for (name, x), (_, old) in zip(layer.named_buffers(), before.named_buffers(), strict=True):
        if x.data.tobytes() != old.data.tobytes():
            return f"{name} {x.shape}"
    return ""
