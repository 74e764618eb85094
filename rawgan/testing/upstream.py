"""A backward is linear in the upstream gradient: whatever it is given, it gives as many times as much."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from rawgan.device import device_of, to_device
from rawgan.errors import CheckFailed, NotTwiceDifferentiable
from rawgan.tensor import Tensor
from rawgan.testing.calls import leaves, walked
from rawgan.testing.outcome import Outcome, Subject, close, copies, difference, floor, run
from rawgan.testing.tolerances import TOLERANCES
from rawgan_kernels import array_module

Array = Any

FACTORS = {"tiny": 2.0**-60, "huge and negated": -(2.0**60)}
"""Powers of 2, which round nothing."""

PARTS = (1.0, 2.0**-20, 2.0**-40)
"""Of an upstream gradient with numbers of very different sizes."""


def backward_is_linear(subject: Subject) -> None:
    """Give the backward zeros, tiny, huge and mixed upstream gradients, and some with zeros among other numbers."""
    call, weights = subject.call, subject.weights
    if not all(array_module(g).isfinite(g).all() for g in subject.expected.gradients):
        return  # that is said where the gradients are compared
    _check_zero(subject, run(call, call.arrays, [0 * v for v in weights]), "")
    for word, factor in _factors(subject):
        got = run(call, call.arrays, [factor * v for v in weights])
        _check(subject, f"a {word} upstream gradient", [g / factor for g in got.gradients], subject.expected.gradients)
    masks = _masks(weights)
    parts = [run(call, call.arrays, [v * m for v, m in zip(weights, mask, strict=True)]).gradients for mask in masks]
    summed = [sum(gs) for gs in zip(*parts, strict=True)]
    _check(subject, "an upstream gradient with zeros among its numbers", summed, subject.expected.gradients)
    shares = [sum(s * m for s, m in zip(PARTS, ms, strict=True)) for ms in zip(*masks, strict=True)]
    mixed = run(call, call.arrays, [share * v for share, v in zip(shares, weights, strict=True)]).gradients
    right = [sum(share * g for share, g in zip(PARTS, gs, strict=True)) for gs in zip(*parts, strict=True)]
    _check(subject, "an upstream gradient of tiny and larger numbers", mixed, right)
    _walk_again(subject)


def _walk_again(subject: Subject) -> None:
    """Walk one graph several times, which keeps it if the walks are recorded, with different upstream gradients."""
    call = subject.call
    xs = leaves(copies(call.arrays))
    ys = call.function(*xs)

    def walk(factor: float) -> list[Array]:
        return [g.data for g in walked(ys, xs, [Tensor(factor * v) for v in subject.weights], create_graph=True)]

    try:
        first = walk(1)
    except NotTwiceDifferentiable:
        return
    for word, factor in _factors(subject):
        _check(subject, f"in a recorded walk, a {word} upstream gradient", [g / factor for g in walk(factor)], first)
    _check_zero(subject, Outcome([], walk(0)), "in a recorded walk, ")
    for name, x, before, after in zip(call.inputs, call.arrays, first, walk(1), strict=True):
        if not close(after, before, TOLERANCES["float64"], floor(call, x)):
            raise CheckFailed(
                f"{call.name}: g{name} {x.shape} is another one when the same graph is walked again, "
                f"{difference(after, before)}\n  a backward must leave what forward kept for it as it is"
            )


def _check_zero(subject: Subject, got: Outcome, when: str) -> None:
    for name, x, g in zip(subject.call.inputs, subject.call.arrays, got.gradients, strict=True):
        if not (g == 0).all():
            raise CheckFailed(
                f"{subject.call.name}: {when}an upstream gradient of zeros, as there is behind every ReLU, gives a "
                f"g{name} {x.shape} that is not zero: {float(g[g != 0].flat[0]):.3g}"
            )


def _check(subject: Subject, when: str, got: Sequence[Array], expected: Sequence[Array]) -> None:
    call = subject.call
    for name, x, g, right in zip(call.inputs, call.arrays, got, expected, strict=False):
        if not close(g, right, 10 * TOLERANCES["float64"], floor(call, x)):
            raise CheckFailed(
                f"{call.name}: {when} gives another g{name} {x.shape} than in proportion, {difference(g, right)}\n"
                "  backward is linear in gy: of a · gy it gives a times as much"
            )


def _factors(subject: Subject) -> Iterator[tuple[str, float]]:
    """Those with which nothing overflows, or becomes zero, that did not before."""
    for word, factor in FACTORS.items():
        products = [factor * x for x in (*subject.weights, *subject.expected.gradients)]
        sizes = [abs(x[x != 0]) for x in products]
        if all(bool((x < 1e250).all() and (x > 1e-250).all()) for x in sizes):
            yield word, factor


def _masks(weights: Sequence[Array]) -> list[list[Array]]:
    """Ones and zeros that part the numbers of the upstream gradients into as many groups as there are `PARTS`."""
    rng = np.random.default_rng(0)
    groups = [to_device(rng.integers(len(PARTS), size=v.shape), device_of(v)) for v in weights]
    return [[(g == part).astype(v.dtype) for v, g in zip(weights, groups, strict=True)] for part in range(len(PARTS))]
