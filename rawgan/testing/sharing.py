"""Calls that have nothing to do with one another: neither may leave anything behind for the other."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import numpy as np

from rawgan.autograd import no_grad
from rawgan.errors import CheckFailed, GraphError, RawganError
from rawgan.tensor import Tensor
from rawgan.testing.calls import Call, leaves, shifted, walked
from rawgan.testing.outcome import Outcome, Subject, close, copies, difference, floor, gradients, run, same
from rawgan.testing.tolerances import TOLERANCES

Array = Any

ELSEWHERE = 0.1
"""How far other inputs are from those that were given, as a share of each number."""


def calls_are_apart(subject: Subject) -> None:
    """Call twice, as D is for real and for fake images, before the walks back: one by one, and from the sum."""
    call, weights = subject.call, subject.weights
    there, other = _elsewhere(subject)
    expected = subject.expected

    xs, zs = leaves(copies(call.arrays)), leaves(copies(there))
    ys = call.function(*xs)
    kept = copies([y.data for y in ys])
    qs = call.function(*zs)
    with no_grad(), suppress(GraphError):  # if it takes gradients itself, it cannot do without a graph
        call.function(*leaves(copies(there)))
    first = Outcome([y.data for y in ys], gradients(ys, xs, weights))
    second = Outcome([q.data for q in qs], gradients(qs, zs, weights))
    subject.compare(first, "when it is called with other inputs before the walk back, there is")
    _compare_other(call, other, second, "when the walk back of an earlier call comes first, there is")
    for name, y, before in zip(call.outputs, ys, kept, strict=True):
        if not same(y.data, before):
            raise CheckFailed(f"{call.name}: {name} {before.shape} that a call gave is overwritten by later calls")

    xs, zs = leaves(copies(call.arrays)), leaves(copies(there))
    graph = [*call.function(*xs), *call.function(*zs), *call.function(*xs)]
    vs = [Tensor(v.copy()) for v in [*weights] * 3]
    found = [g.data for g in walked(graph, [*xs, *zs], vs)]
    count = len(call.inputs)
    for name, x, twice, once in zip(call.inputs, call.arrays, found[:count], expected.gradients, strict=True):
        _check_sum(call, name, x, twice, 2 * once)
    if call.order == 1:
        subject.check_kept(there)
    for name, x, got, once in zip(call.inputs, there, found[count:], other.gradients, strict=True):
        _check_sum(call, name, x, got, once)


def inputs_may_change(subject: Subject) -> None:
    """Call with the same Tensors when they hold other numbers: in a new array, and written to in place."""
    call = subject.call
    there, other = _elsewhere(subject)
    xs = leaves(copies(call.arrays))
    call.function(*xs)
    for x, array in zip(xs, there, strict=True):
        x.data = array.copy()
    _compare_other(call, other, _again(subject, xs), "with the same Tensors, that hold other arrays by then, there is")
    for x, array in zip(xs, call.arrays, strict=True):
        x[...] = array
    subject.compare(_again(subject, xs), "with the same Tensors, that were written to by then, there is")


def _again(subject: Subject, xs: Sequence[Tensor]) -> Outcome:
    ys = subject.call.function(*xs)
    return Outcome([y.data.copy() for y in ys], gradients(ys, xs, subject.weights))


def _elsewhere(subject: Subject) -> tuple[list[Array], Outcome]:
    """Other inputs, and what they give; the same ones if the function does not take others."""
    call, rng = subject.call, np.random.default_rng(0)
    there = [shifted(x, rng, ELSEWHERE) for x in call.arrays]
    try:
        other = run(call, copies(there), subject.weights)
    except RawganError:
        return call.arrays, subject.expected
    if [y.shape for y in other.results] != [y.shape for y in call.results]:
        return call.arrays, subject.expected
    return there, other


def _compare_other(call: Call, expected: Outcome, got: Outcome, when: str) -> None:
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
            f"g{name} {x.shape} is not the sum of what each call gives, {difference(got, expected)}\n"
            "  what one call keeps for its walk back must not be in a class, a module or a buffer that all calls share"
        )
