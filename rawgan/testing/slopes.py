"""Slopes by finite differences: along directions, at single elements, and on the two sides of a kink."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from rawgan.testing.calls import Call, leaves
from rawgan_kernels import array_module

Array = Any

STEPS = (3e-4, 1e-5, 3e-7, 1e-9)
"""Steps of the central differences, in units of the input. The first loses least to curvature and rounding; the others
are for functions that bend, or end, within the first."""

SIDES = (4e-7, 1e-7)
"""Steps of the one-sided differences."""

STEEP = 1e-3
"""Where a function seems to jump, it is looked at again with steps smaller by this: it may only be steep."""

RESOLUTION = 1e-5
"""Influences on the result below this share of its size are compared with that share: rounding hides them."""


class Bend(NamedTuple):
    """The slopes on the two sides of a point without a derivative."""

    behind: float
    ahead: float
    jumps: bool
    """The function itself jumps there; otherwise only its slope does."""


class Functional:
    """φ = Σ v · f(x₀, x₁, …): the number whose slopes the gradients of f, with upstream gradients v, claim to be."""

    def __init__(self, call: Call, weights: Sequence[Array], rtol: float) -> None:
        self.call, self.weights, self.rtol = call, list(weights), rtol
        self.evaluations = 0
        weighted = [v * y for v, y in zip(self.weights, call.results, strict=True)]
        size = sum(float((part * part).sum()) for part in weighted) ** 0.5  # of φ, were its terms of random signs
        size = max(call.magnitude, size)
        self.floor = size * max(RESOLUTION, 10 * call.noise / (STEPS[0] * rtol))

    def error(self, index: int, u: Array, gx: Array, smallest: float = 1.0) -> tuple[float, float]:
        """How far gx is from the slope along u, relative to its size, and that slope: the first that fits.

        `smallest` is the share of u within which the function may bend: another step is taken inside it.
        """
        terms = array_module(u).where(u == 0, 0, gx * u)  # an infinite gradient counts where u moves
        claimed, size = float(terms.sum()), float((terms * terms).sum()) ** 0.5
        best = float("inf"), float("nan")
        for slope in self._estimates(index, u, smallest):
            error = abs(claimed - slope) / max(abs(slope), size, self.floor)
            if error < best[0] or best[1] != best[1]:
                best = (error if error == error else float("inf")), slope
            if error <= self.rtol:
                break
        return best

    def bend(self, index: int, u: Array, smallest: float = 1.0) -> Bend | None:
        """Whether the slopes behind and ahead differ, or grow without end, however small the step."""
        bend = self._bend(index, u, smallest)
        return self._bend(index, u, STEEP * smallest) if bend and bend.jumps else bend

    def _bend(self, index: int, u: Array, smallest: float) -> Bend | None:
        (behind, ahead), (behind_near, ahead_near) = (self._sides(index, u, smallest * step) for step in SIDES)
        gap, gap_near = abs(ahead - behind), abs(ahead_near - behind_near)
        size = max(abs(behind_near), abs(ahead_near))
        jumps = size > max(2 * abs(behind), 2 * abs(ahead), 10 * self.floor / smallest)
        differ = gap_near > max(0.5 * gap, 1e-5 * size, 0.01 * self.floor / smallest)
        return Bend(behind_near, ahead_near, jumps) if jumps or differ else None

    def _estimates(self, index: int, u: Array, smallest: float) -> Iterator[float]:
        """Derivatives of φ as input `index` moves along u. Of two steps each: what grows with the step cancels."""
        for step in STEPS if smallest == 1 else (*STEPS, STEPS[0] * smallest):
            wide, narrow = (
                self._difference(self._moved(index, h * u), self._moved(index, -h * u)) / (2 * h)
                for h in (step, step / 2)
            )
            yield (4 * narrow - wide) / 3  # the error of a central difference is quadratic
        wide, narrow = (sum(self._sides(index, u, step)) / 2 for step in SIDES)
        yield (SIDES[0] * narrow - SIDES[1] * wide) / (SIDES[0] - SIDES[1])  # that of a one-sided one linear

    def _sides(self, index: int, u: Array, step: float) -> tuple[float, float]:
        """The slopes behind and ahead of the point, along u."""
        behind = self._difference(self.call.results, self._moved(index, -step * u)) / step
        ahead = self._difference(self._moved(index, step * u), self.call.results) / step
        return behind, ahead

    def _difference(self, ahead: list[Array], behind: list[Array]) -> float:
        # Differences first, sums second: what the results have in common leaves no rounding behind.
        return sum(float((v * (a - b)).sum()) for v, a, b in zip(self.weights, ahead, behind, strict=True))

    def _moved(self, index: int, displacement: Array) -> list[Array]:
        """The results with one input moved. Where that leaves the domain of f they are no numbers, and no estimate."""
        self.evaluations += 1
        arrays = list(self.call.arrays)
        arrays[index] = arrays[index] + displacement
        return [y.data for y in self.call.function(*leaves(arrays))]
