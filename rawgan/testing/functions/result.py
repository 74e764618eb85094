"""Results and gradients of a call, and their comparison with those of another way to call."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any, NamedTuple

from rawgan.errors import CheckFailed, NotTwiceDifferentiable
from rawgan.tensor import Tensor
from rawgan.testing.arrays import copies, unit
from rawgan.testing.comparison import close, difference, same
from rawgan.testing.functions.backward import gradients_from, leaves
from rawgan.testing.functions.call import Call
from rawgan.testing.tolerances import TOLERANCES

Array = Any

LATER = 10
"""Number of calls with other inputs after which the results of an earlier call are compared again."""


class CallResult(NamedTuple):
    """Arrays of one forward and backward pass."""

    results: list[Array]
    gradients: list[Array]

    def named(self, call: Call) -> list[tuple[str, Array]]:
        """Every array with its name: results, then gradients if there are any."""
        return list(zip(names_of(call), [*self.results, *self.gradients], strict=False))


class Baseline:
    """A call with upstream gradients, and its result, with which every check compares."""

    def __init__(self, call: Call, weights: Sequence[Array]) -> None:
        self.call, self.weights = call, list(weights)

    @cached_property
    def expected(self) -> CallResult:
        """Result of a plain forward and backward pass."""
        self._kept = run(self.call, copies(self.call.arrays), copies(self.weights))
        self._copied = CallResult(copies(self._kept.results), copies(self._kept.gradients))
        return self._copied

    def check_kept(self, there: Sequence[Array]) -> None:
        """Raise a CheckFailed if calls with other inputs change what the first call returned."""
        _ = self.expected
        later = [run(self.call, there, self.weights) for _ in range(LATER)]
        for (name, now), (_, before) in zip(self._kept.named(self.call), self._copied.named(self.call), strict=True):
            if not same(now, before):
                raise CheckFailed(
                    f"{self.call.name}: {name} {before.shape} of one call is overwritten by one of {len(later)} "
                    "later calls\n  a result belongs to the caller, so it cannot lie in a buffer that is used again"
                )

    def compare(self, got: CallResult, when: str, tolerance: float = TOLERANCES["float64"]) -> None:
        """Raise a CheckFailed unless a result is as expected; `when` says in words how the function was called."""
        compare(self.call, self.expected, got, when, tolerance)


def run(call: Call, arrays: Sequence[Array], weights: Sequence[Array], create_graph: bool = False) -> CallResult:
    """Call the function and walk back; no gradients if the walk cannot be recorded, as `create_graph` asks."""
    xs = leaves(arrays)
    ys = call.function(*xs)
    return CallResult([y.data for y in ys], gradients(ys, xs, weights, create_graph))


def gradients(
    ys: Sequence[Tensor], xs: Sequence[Tensor], weights: Sequence[Array], create_graph: bool = False
) -> list[Array]:
    """Gradients of existing results; none if the walk cannot be recorded, as `create_graph` asks."""
    try:
        return [g.data for g in gradients_from(ys, xs, [Tensor(v) for v in weights], create_graph)]
    except NotTwiceDifferentiable:
        return []


def names_of(call: Call) -> list[str]:
    """Names of the results, then of the inputs' gradients."""
    return [*call.outputs, *(f"g{name}" for name in call.inputs)]


def floors(call: Call) -> list[float]:
    """For each result and gradient, the size below which its rounding comes from larger numbers that cancelled."""
    return [*call.sizes, *(floor(call, x) for x in call.arrays)]


def floor(call: Call, x: Array) -> float:
    """Size below which a gradient hardly matters: its rounding comes from larger numbers that cancelled."""
    return 0.1 * call.magnitude / unit(x)


def compare(call: Call, expected: CallResult, got: CallResult, when: str, tolerance: float) -> None:
    """Raise a CheckFailed unless two results agree; `when` says in words how the function was called."""
    for (name, right), (_, array), least in zip(expected.named(call), got.named(call), floors(call), strict=False):
        if not close(array, right, tolerance, least):
            raise CheckFailed(f"{call.name}: {when} another {name} {right.shape}, {difference(array, right)}")
