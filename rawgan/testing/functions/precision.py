"""Float32: it is kept, and agrees with float64 as far as rounding allows."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from rawgan.autograd import Observer, observing
from rawgan.errors import CheckFailed, DTypeError
from rawgan.tensor import Node
from rawgan.testing.arrays import random_like, unit
from rawgan.testing.comparison import difference, distance, largest
from rawgan.testing.functions.backward import leaves
from rawgan.testing.functions.call import EPS, Call
from rawgan.testing.functions.result import Baseline, floors, run
from rawgan.testing.tolerances import TOLERANCES

Array = Any

MOVES = 2
"""Number of times that inputs are moved, to see the effect of rounding."""

CLOSE = 1e-9
"""Distance of such a move, relative to each number."""

SINGLE = 1e-15, 1e15
"""Range of sizes whose squares float32 holds."""


def check_precision(baseline: Baseline) -> None:
    """Float32 inputs give float32 results and gradients, which agree with those in float64."""
    call = baseline.call
    arrays, upstream = [x.astype("float32") for x in call.arrays], [v.astype("float32") for v in baseline.weights]
    try:
        _check_dtypes(call, zip(call.outputs, [y.data for y in call.function(*leaves(arrays))], strict=True))
        single = run(call, arrays, upstream)
    except DTypeError as error:
        raise CheckFailed(
            f"{call.name} does not take float32\n  {error}\n  pass float64 arrays that it holds as inputs, or leave "
            "this check out: checks=CHECKS.keys() - {'dtype'}"
        ) from error
    _check_dtypes(call, single.named(call))
    sizes = [unit(x) for x in (*call.arrays, *call.results)]
    if min(call.sizes) < 1e-6 * max(map(unit, call.arrays)) or not SINGLE[0] < min(sizes) <= max(sizes) < SINGLE[1]:
        return  # float32 loses such results among the numbers that they are made from, or does not hold them
    doubles = [x.astype("float64") for x in arrays], [v.astype("float64") for v in upstream]
    expected = run(call, *doubles)
    named = list(zip(expected.named(call), single.named(call), floors(call), strict=False))
    allowed = [TOLERANCES["float32"] * max(largest(right), least) for (_, right), _, least in named]
    if all(distance(x, right) <= most for ((_, right), (_, x), _), most in zip(named, allowed, strict=True)):
        return
    # Rounding changes float32 as it changes float64, but eps/eps times as much; and each op rounds its constants, too.
    eps = float(np.finfo("float32").eps)
    ratio, constants = 32 * eps / EPS, eps * _op_count(call) / TOLERANCES["float32"]
    for ((name, right), (_, x), _), most, moved in zip(named, allowed, _rounding(call, *doubles), strict=True):
        if distance(x, right) > max(most, most * constants, ratio * moved):
            raise CheckFailed(f"{call.name}: float32 inputs give another {name} {right.shape}, {difference(x, right)}")


def _rounding(call: Call, arrays: Sequence[Array], weights: Sequence[Array]) -> list[float]:
    """Change of each result and gradient by rounding: the distance of three close points in a row from a line."""
    rng, worst = np.random.default_rng(0), [0.0] * (len(call.outputs) + len(call.inputs))
    for _ in range(MOVES):
        moves = [[random_like(x, rng, CLOSE) * x for x in xs] for xs in (arrays, weights)]
        points = []
        for share in (0, 1, 2):
            xs, vs = (
                [x + share * u for x, u in zip(given, us, strict=True)]
                for given, us in zip((arrays, weights), moves, strict=True)
            )
            result = run(call, xs, vs)
            points.append([*result.results, *result.gradients])
        worst = [max(most, largest(a - 2 * b + c)) for most, a, b, c in zip(worst, *points, strict=True)]
    return worst


def _op_count(call: Call) -> int:
    """Number of ops that one call records."""
    counter = _Counter()
    with observing(counter):
        call.function(*leaves(call.arrays))
    return counter.ops


class _Counter(Observer):
    """Counts the ops that are recorded."""

    ops = 0

    def after_forward(self, op: Node, array: Any) -> None:
        self.ops += 1


def _check_dtypes(call: Call, named: Iterable[tuple[str, Array]]) -> None:
    for name, array in named:
        if array.dtype != np.float32:
            raise CheckFailed(f"{call.name} turns float32 inputs into a {name} {array.shape} of {array.dtype}")
