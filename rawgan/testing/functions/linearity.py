"""Linearity of backward: gradients are in proportion to the upstream gradient."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from rawgan.device import device_of, to_device
from rawgan.errors import CheckFailed, NotTwiceDifferentiable
from rawgan.tensor import Tensor
from rawgan.testing.arrays import copies
from rawgan.testing.comparison import close, difference
from rawgan.testing.functions.backward import gradients_from, leaves
from rawgan.testing.functions.result import Baseline, CallResult, floor, run
from rawgan.testing.tolerances import TOLERANCES
from rawgan_kernels import array_module

Array = Any

FACTORS = {"tiny": 2.0**-60, "huge and negated": -(2.0**60)}
"""Factors of an upstream gradient: powers of 2, which round nothing."""

PARTS = (1.0, 2.0**-20, 2.0**-40)
"""Factors within one upstream gradient, whose numbers then have very different sizes."""


def check_linearity(baseline: Baseline) -> None:
    """Gradients are in proportion to upstream gradients of any size, mixed sizes and zeros among them."""
    call, weights = baseline.call, baseline.weights
    if not all(array_module(g).isfinite(g).all() for g in baseline.expected.gradients):
        return  # the comparison with slopes reports that
    _check_zero(baseline, run(call, call.arrays, [0 * v for v in weights]), "")
    for word, factor in _factors(baseline):
        got = run(call, call.arrays, [factor * v for v in weights])
        _check(
            baseline, f"a {word} upstream gradient", [g / factor for g in got.gradients], baseline.expected.gradients
        )
    masks = _masks(weights)
    parts = [run(call, call.arrays, [v * m for v, m in zip(weights, mask, strict=True)]).gradients for mask in masks]
    summed = [sum(gs) for gs in zip(*parts, strict=True)]
    _check(baseline, "an upstream gradient with zeros among its numbers", summed, baseline.expected.gradients)
    shares = [sum(s * m for s, m in zip(PARTS, ms, strict=True)) for ms in zip(*masks, strict=True)]
    mixed = run(call, call.arrays, [share * v for share, v in zip(shares, weights, strict=True)]).gradients
    right = [sum(share * g for share, g in zip(PARTS, gs, strict=True)) for gs in zip(*parts, strict=True)]
    _check(baseline, "an upstream gradient of tiny and larger numbers", mixed, right)
    _walk_again(baseline)


def _walk_again(baseline: Baseline) -> None:
    """Walk one graph several times with different upstream gradients; it stays because the walks are recorded."""
    call = baseline.call
    xs = leaves(copies(call.arrays))
    ys = call.function(*xs)

    def walk(factor: float) -> list[Array]:
        return [
            g.data for g in gradients_from(ys, xs, [Tensor(factor * v) for v in baseline.weights], create_graph=True)
        ]

    try:
        first = walk(1)
    except NotTwiceDifferentiable:
        return
    for word, factor in _factors(baseline):
        _check(baseline, f"in a recorded walk, a {word} upstream gradient", [g / factor for g in walk(factor)], first)
    _check_zero(baseline, CallResult([], walk(0)), "in a recorded walk, ")
    for name, x, before, after in zip(call.inputs, call.arrays, first, walk(1), strict=True):
        if not close(after, before, TOLERANCES["float64"], floor(call, x)):
            raise CheckFailed(
                f"{call.name}: g{name} {x.shape} changes when the same graph is walked again, "
                f"{difference(after, before)}\n  backward must not change what forward kept for it"
            )


def _check_zero(baseline: Baseline, got: CallResult, when: str) -> None:
    for name, x, g in zip(baseline.call.inputs, baseline.call.arrays, got.gradients, strict=True):
        if not (g == 0).all():
            raise CheckFailed(
                f"{baseline.call.name}: {when}an upstream gradient of zeros, as there is behind every ReLU, gives a "
                f"g{name} {x.shape} that is not zero: {float(g[g != 0].flat[0]):.3g}"
            )


def _check(baseline: Baseline, when: str, got: Sequence[Array], expected: Sequence[Array]) -> None:
    call = baseline.call
    for name, x, g, right in zip(call.inputs, call.arrays, got, expected, strict=False):
        if not close(g, right, 10 * TOLERANCES["float64"], floor(call, x)):
            raise CheckFailed(
                f"{call.name}: {when} gives a g{name} {x.shape} out of proportion, {difference(g, right)}\n"
                "  backward is linear in gy: for a · gy it returns a times as much"
            )


def _factors(baseline: Baseline) -> Iterator[tuple[str, float]]:
    """The factors with which nothing overflows or becomes zero."""
    for word, factor in FACTORS.items():
        products = [factor * x for x in (*baseline.weights, *baseline.expected.gradients)]
        sizes = [abs(x[x != 0]) for x in products]
        if all(bool((x < 1e250).all() and (x > 1e-250).all()) for x in sizes):
            yield word, factor


def _masks(weights: Sequence[Array]) -> list[list[Array]]:
    """Masks of zeros and ones that divide the numbers of the upstream gradients into one group for each of `PARTS`."""
    rng = np.random.default_rng(0)
    groups = [to_device(rng.integers(len(PARTS), size=v.shape), device_of(v)) for v in weights]
    return [[(g == part).astype(v.dtype) for v, g in zip(weights, groups, strict=True)] for part in range(len(PARTS))]
