"""Gradients that are not wanted: leaving them out changes neither the results nor the other gradients."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from rawgan.autograd import grad, no_grad
from rawgan.errors import CheckFailed, GraphError
from rawgan.tensor import Tensor
from rawgan.testing.arrays import copies, random_like, unit
from rawgan.testing.comparison import close, difference
from rawgan.testing.functions.backward import gradients_at, gradients_from, leaves
from rawgan.testing.functions.result import Baseline, CallResult, floor
from rawgan.testing.tolerances import TOLERANCES

FEW = 6
"""Number of inputs up to which each is tried alone, and all others without it; of more, three are."""


def check_without_graph(baseline: Baseline) -> None:
    """Results are the same under `no_grad()`, as for samples, and from inputs that require no gradient."""
    call = baseline.call
    if call.order > 1:
        return
    with no_grad():
        _compare_results(baseline, leaves(copies(call.arrays)), "under no_grad() there is")
    inputs = [Tensor(x) for x in copies(call.arrays)]
    _compare_results(baseline, inputs, "from inputs that require no gradient there is")


def _compare_results(baseline: Baseline, xs: Sequence[Tensor], when: str) -> None:
    try:
        results = [y.data for y in baseline.call.function(*xs)]
    except GraphError:
        return  # it takes gradients itself, which it cannot do without a graph
    baseline.compare(CallResult(results, []), when)


def check_constant_inputs(baseline: Baseline) -> None:
    """Gradients are the same if other inputs require none, as real images and the weights of a frozen network do."""
    call = baseline.call
    if call.order > 1:
        return
    for required in _subsets(len(call.arrays)):
        for create_graph in (False, True):
            xs = [Tensor(x, requires_grad=index in required) for index, x in enumerate(copies(call.arrays))]
            asked = [xs[index] for index in required]
            try:
                ys = call.function(*xs)
                found = gradients_from(ys, asked, [Tensor(v) for v in baseline.weights], create_graph)
            except GraphError:
                continue
            names = ", ".join(call.inputs[index] for index in required)
            when = f"if only {names} require{'s' if len(required) == 1 else ''} a gradient, there is"
            baseline.compare(CallResult([y.data for y in ys], []), when)
            for index, g in zip(required, found, strict=True):
                right, name = baseline.expected.gradients[index], call.inputs[index]
                if not close(g.data, right, TOLERANCES["float64"], floor(call, call.arrays[index])):
                    raise CheckFailed(f"{call.name}: {when} another g{name} {right.shape}, {difference(g.data, right)}")


def _subsets(count: int) -> Iterator[list[int]]:
    """Inputs that require gradients, of so many: each alone, and all but each."""
    if count == 1:
        return
    singled = range(count) if count <= FEW else (0, count // 2, count - 1)
    yield from ([index] for index in singled)
    if count > 2:
        yield from ([other for other in range(count) if other != index] for index in singled)


def check_single_gradients(baseline: Baseline) -> None:
    """A gradient is the same if it is the only one wanted."""
    call = baseline.call
    if len(call.arrays) == 1:
        return
    for index, name in enumerate(call.inputs):
        xs = leaves(call.arrays)
        (alone,) = gradients_at(call.function, xs, [Tensor(v) for v in baseline.weights], False, [xs[index]])
        right = baseline.expected.gradients[index]
        if not close(alone.data, right, TOLERANCES["float64"], floor(call, call.arrays[index])):
            raise CheckFailed(
                f"{call.name}: g{name} {alone.shape} changes if no other gradient is wanted\n"
                "  backward returns one gradient for each input, in their order, whatever self.needs says"
            )


def check_derivatives_of_single_gradients(baseline: Baseline) -> None:
    """A gradient that is wanted alone, as by a gradient penalty, has the same derivatives by everything."""
    call, weights = baseline.call, baseline.weights
    if len(call.arrays) == 1:
        return
    rng = np.random.default_rng(0)
    for index, (name, x) in enumerate(zip(call.inputs, call.arrays, strict=True)):
        v = Tensor(random_like(x, rng, unit(x)))
        seconds = []
        for alone in (True, False):
            xs, vs = leaves(call.arrays), leaves(weights)
            gradients = gradients_at(call.function, xs, vs, True, [xs[index]] if alone else None)
            g = gradients[0 if alone else index]
            linked = [g] if g.requires_grad else []  # a zero that stands for no influence has no graph
            seconds.append(grad(linked, [*xs, *vs], [v] * len(linked), unconnected="zero"))
        by = [*call.inputs, *(f"g{y}" for y in call.outputs)]
        for other, array, got, expected in zip(by, [*call.arrays, *weights], *seconds, strict=True):
            if not close(got.data, expected.data, TOLERANCES["float64"], floor(call, array)):
                raise CheckFailed(
                    f"{call.name}: if g{name} {x.shape} alone is wanted, as by a gradient penalty, "
                    f"its derivative by {other} {array.shape} changes\n"
                    "  an input whose gradient is not wanted is no constant: the other gradients depend on it"
                )
