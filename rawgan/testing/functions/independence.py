"""Calls that follow one another: none leaves anything behind for the next."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import numpy as np

from rawgan.autograd import no_grad
from rawgan.errors import CheckFailed, GraphError, RawganError
from rawgan.tensor import Tensor
from rawgan.testing.arrays import copies, shifted
from rawgan.testing.comparison import close, difference, same
from rawgan.testing.functions.backward import gradients_from, leaves
from rawgan.testing.functions.call import Call
from rawgan.testing.functions.result import Baseline, CallResult, floor, gradients, run
from rawgan.testing.tolerances import TOLERANCES

Array = Any

ELSEWHERE = 0.1
"""Distance of other inputs from the given ones, relative to each number."""


def check_independent_calls(baseline: Baseline) -> None:
    """Several calls before a walk back, in one graph, and with the same Tensors do not influence one another."""
    there, other = _elsewhere(baseline)
    _check_calls_before_the_walk(baseline, there, other)
    _check_calls_in_one_graph(baseline, there, other)
    if baseline.call.order == 1:
        _check_changed_tensors(baseline, there, other)


def _check_calls_before_the_walk(baseline: Baseline, there: Sequence[Array], other: CallResult) -> None:
    """Call twice before the walks back, as D is called for real and for fake images."""
    call, weights = baseline.call, baseline.weights
    xs, zs = leaves(copies(call.arrays)), leaves(copies(there))
    ys = call.function(*xs)
    kept = copies([y.data for y in ys])
    qs = call.function(*zs)
    with no_grad(), suppress(GraphError):  # if it takes gradients itself, it cannot do without a graph
        call.function(*leaves(copies(there)))
    first = CallResult([y.data for y in ys], gradients(ys, xs, weights))
    second = CallResult([q.data for q in qs], gradients(qs, zs, weights))
    baseline.compare(first, "when it is called with other inputs before the walk back, there is")
    _compare_other(call, other, second, "when the walk back of an earlier call comes first, there is")
    for name, y, before in zip(call.outputs, ys, kept, strict=True):
        if not same(y.data, before):
            raise CheckFailed(f"{call.name}: {name} {before.shape} of one call is overwritten by later calls")


def _check_calls_in_one_graph(baseline: Baseline, there: Sequence[Array], other: CallResult) -> None:
    """Call three times and walk back from the sum; then call often, and look at the first results again."""
    call, weights = baseline.call, baseline.weights
    expected = baseline.expected
    xs, zs = leaves(copies(call.arrays)), leaves(copies(there))
    graph = [*call.function(*xs), *call.function(*zs), *call.function(*xs)]
    vs = [Tensor(v.copy()) for v in [*weights] * 3]
    found = [g.data for g in gradients_from(graph, [*xs, *zs], vs)]
    count = len(call.inputs)
    for name, x, twice, once in zip(call.inputs, call.arrays, found[:count], expected.gradients, strict=True):
        _check_sum(call, name, x, twice, 2 * once)
    if call.order == 1:
        baseline.check_kept(there)
    for name, x, got, once in zip(call.inputs, there, found[count:], other.gradients, strict=True):
        _check_sum(call, name, x, got, once)


def _check_changed_tensors(baseline: Baseline, there: Sequence[Array], other: CallResult) -> None:
    """Call with the same Tensors after they got another array, and after they were written to in place."""
    call = baseline.call
    xs = leaves(copies(call.arrays))
    call.function(*xs)
    for x, array in zip(xs, there, strict=True):
        x.data = array.copy()
    _compare_other(call, other, _again(baseline, xs), "with the same Tensors, given other arrays since, there is")
    for x, array in zip(xs, call.arrays, strict=True):
        x[...] = array
    baseline.compare(_again(baseline, xs), "with the same Tensors, written to since, there is")


def _again(baseline: Baseline, xs: Sequence[Tensor]) -> CallResult:
    ys = baseline.call.function(*xs)
    return CallResult([y.data.copy() for y in ys], gradients(ys, xs, baseline.weights))


def _elsewhere(baseline: Baseline) -> tuple[list[Array], CallResult]:
    """Other inputs and their result; the given inputs and theirs if the function does not take others."""
    call, rng = baseline.call, np.random.default_rng(0)
    there = [shifted(x, rng, ELSEWHERE) for x in call.arrays]
    try:
        other = run(call, copies(there), baseline.weights)
    except RawganError:
        return call.arrays, baseline.expected
    if [y.shape for y in other.results] != [y.shape for y in call.results]:
        return call.arrays, baseline.expected
    return there, other


def _compare_other(call: Call, expected: CallResult, got: CallResult, when: str) -> None:
    for (name, right), (_, array) in zip(expected.named(call), got.named(call), strict=False):
        if not close(array, right, 10 * TOLERANCES["float64"], _size(call, name)):
            raise CheckFailed(f"{call.name}: {when} another {name} {right.shape}, {difference(array, right)}")


def _size(call: Call, name: str) -> float:
    if name in call.outputs:
        return call.sizes[call.outputs.index(name)]
    return floor(call, call.arrays[call.inputs.index(name[1:])])


def _check_sum(call: Call, name: str, x: Array, got: Array, expected: Array) -> None:
    if not close(got, expected, 10 * TOLERANCES["float64"], floor(call, x)):
        raise CheckFailed(
            f"{call.name}: when it is called several times in one graph, as D is for real and for fake images, "
            f"g{name} {x.shape} is not the sum of the gradients of each call, {difference(got, expected)}\n"
            "  what a call keeps for its walk back must not be in a class, a module or a buffer that all calls share"
        )
