"""What a call gives, and comparing that with what another way of calling gives."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any, NamedTuple

from rawgan.errors import CheckFailed, NotTwiceDifferentiable
from rawgan.tensor import Tensor
from rawgan.testing.calls import Call, leaves, unit, walked
from rawgan.testing.tolerances import TOLERANCES
from rawgan_kernels import array_module

Array = Any


LATER = 10
"""Calls with other inputs, after which results of an earlier one are looked at again."""


class Outcome(NamedTuple):
    """What one forward and backward pass gave."""

    results: list[Array]
    gradients: list[Array]

    def named(self, call: Call) -> list[tuple[str, Array]]:
        """Every array with its name."""
        return list(zip(names_of(call), [*self.results, *self.gradients], strict=False))  # of fewer, the results


class Subject:
    """A call with upstream gradients, and what it gives: what the checks compare with."""

    def __init__(self, call: Call, weights: Sequence[Array]) -> None:
        self.call, self.weights = call, list(weights)

    @cached_property
    def expected(self) -> Outcome:
        """What the plain walk gives."""
        self._kept = run(self.call, copies(self.call.arrays), copies(self.weights))
        self._copied = Outcome(copies(self._kept.results), copies(self._kept.gradients))
        return self._copied

    def check_kept(self, there: Sequence[Array]) -> None:
        """See that what the first call gave is still what it was after calls with other inputs. Raises: CheckFailed."""
        _ = self.expected
        later = [run(self.call, there, self.weights) for _ in range(LATER)]
        for (name, now), (_, before) in zip(self._kept.named(self.call), self._copied.named(self.call), strict=True):
            if not same(now, before):
                raise CheckFailed(
                    f"{self.call.name}: {name} {before.shape} that a call gave is overwritten by one of {len(later)} "
                    "later calls\n  a result is the caller's: it cannot lie in a buffer that is used again"
                )

    def compare(self, got: Outcome, when: str, tolerance: float = TOLERANCES["float64"]) -> None:
        """Raise a CheckFailed, with what was done in words, unless the outcome is as expected."""
        compare(self.call, self.expected, got, when, tolerance)


def run(call: Call, arrays: Sequence[Array], weights: Sequence[Array], create_graph: bool = False) -> Outcome:
    """Call the function and walk back; no gradients if the walk is to be recorded and cannot be."""
    xs = leaves(arrays)
    ys = call.function(*xs)
    return Outcome([y.data for y in ys], gradients(ys, xs, weights, create_graph))


def gradients(
    ys: Sequence[Tensor], xs: Sequence[Tensor], weights: Sequence[Array], create_graph: bool = False
) -> list[Array]:
    """Walk back from results that are there; no gradients if the walk is to be recorded and cannot be."""
    try:
        return [g.data for g in walked(ys, xs, [Tensor(v) for v in weights], create_graph)]
    except NotTwiceDifferentiable:
        return []


def copies(arrays: Sequence[Array]) -> list[Array]:
    """A copy of each."""
    return [x.copy() for x in arrays]


def names_of(call: Call) -> list[str]:
    """The names of the results, then of the inputs' gradients."""
    return [*call.outputs, *(f"g{name}" for name in call.inputs)]


def floors(call: Call) -> list[float]:
    """For each result and gradient, the size below which its rounding comes from larger numbers that cancelled."""
    return [*call.sizes, *(floor(call, x) for x in call.arrays)]


def floor(call: Call, x: Array) -> float:
    """A gradient below this size has hardly any influence: its rounding comes from larger numbers that cancelled."""
    return 0.1 * call.magnitude / unit(x)


def compare(call: Call, expected: Outcome, got: Outcome, when: str, tolerance: float) -> None:
    """Raise a CheckFailed, with what was done in words, unless two outcomes agree."""
    for (name, right), (_, array), least in zip(expected.named(call), got.named(call), floors(call), strict=False):
        if not close(array, right, tolerance, least):
            raise CheckFailed(f"{call.name}: {when} another {name} {right.shape}, {difference(array, right)}")


def difference(got: Array, expected: Array) -> str:
    """How far an array is from what it should be, in words."""
    if got.shape != expected.shape:
        return f"of shape {got.shape}"
    return f"off by {distance(got, expected):.3g} where the largest number is {largest(expected):.3g}"


def close(got: Array, expected: Array, tolerance: float, least: float) -> bool:
    """Whether two arrays agree, to a share of the largest number, or of `least` if that is larger."""
    return distance(got, expected) <= tolerance * max(least, largest(expected))


def distance(got: Array, expected: Array) -> float:
    """The largest difference of two numbers; those that are no numbers in both arrays are alike."""
    if got.shape != expected.shape:
        return float("inf")
    xp = array_module(expected)
    off = xp.where((got == expected) | (xp.isnan(got) & xp.isnan(expected)), 0, abs(got - expected))
    off = float(off.max()) if off.size else 0.0
    return off if off == off else float("inf")


def largest(array: Array) -> float:
    """The size of the largest finite number."""
    xp = array_module(array)
    return float(xp.where(xp.isfinite(array), abs(array), 0).max()) if array.size else 0.0


def same(a: Array, b: Array) -> bool:
    """Whether two arrays agree in every bit."""
    return a.dtype == b.dtype and a.shape == b.shape and a.tobytes() == b.tobytes()
