"""Finite differences: slopes along directions, at single elements, and on the two sides of a kink."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain
from typing import Any, NamedTuple

from rawgan.autograd import Observer, observing
from rawgan.tensor import Node
from rawgan.testing.functions.backward import leaves
from rawgan.testing.functions.call import EPS, Call
from rawgan_kernels import array_module

Array = Any
Move = Mapping[int, Array]
"""Distance by which each input is moved, by the input's position; others stay where they are."""

STEPS = (3e-4, 1e-5, 3e-7, 1e-9)
"""Steps of the central differences, in units of the input. The first loses least to curvature and rounding; the others
serve functions that bend, or end, within the first."""

SIDES = (4e-7, 1e-7)
"""Steps of the one-sided differences."""

STEEP = 1e-3
"""Factor of the steps with which an apparent jump is looked at again: the function may only be steep."""

BESIDE = (1e-5, 1e-7, 1e-9)
"""Steps of the differences on one side of a jump."""

RESOLUTION = 1e-5
"""Share of a result's size below which rounding hides an influence on it: errors are then relative to that share."""

AGREEMENT = 0.1
"""Share of an error by which slopes of two steps may differ for the error to be believed."""

SEEN = 10
"""Multiple of their rounding by which slopes of two steps must differ to count as different."""


class Bend(NamedTuple):
    """Slopes on the two sides of a point without a derivative."""

    behind: float
    ahead: float
    jumps: bool
    """The function itself jumps there; otherwise only its slope does."""


class Slope(NamedTuple):
    """A slope by finite differences."""

    slope: float
    floor: float
    """Size below which the rounding of the numbers that the move changes hides a slope."""
    step: float


class Functional:
    """φ = Σ v · f(x₀, x₁, …): the number of which f's gradients, with upstream gradients v, are the slopes."""

    def __init__(self, call: Call, weights: Sequence[Array], rtol: float) -> None:
        self.call, self.weights, self.rtol = call, list(weights), rtol
        self.evaluations = 0
        # Squares of the change that rounding can hide in each number of the results. They add up over the numbers that
        # a move changes: one number, however large or noisy, hides nothing of the others.
        self._hidden = []
        for v, y, noise in zip(self.weights, call.results, call.noises, strict=True):
            self._hidden.append((v * (RESOLUTION * abs(y) + 10 * noise / (STEPS[0] * rtol))) ** 2)
        self.whole = max(RESOLUTION * call.magnitude, sum(float(part.sum()) for part in self._hidden) ** 0.5)

    def error(self, move: Move, walks: Iterable[Mapping[int, Array]], smallest: float = 1.0) -> tuple[float, float]:
        """Error of the worst walk's gradients along a move, relative to the slope's size; and the slope.

        Several steps give several slopes: the first that fits counts. `smallest` is the share of the move within which
        the function may bend: another step is taken inside it.
        """
        slopes: list[Slope] = []
        estimates = self._estimates(move, smallest)
        return max(self._error(*self.claimed(move, gradients), slopes, estimates) for gradients in walks)

    def _error(
        self, claimed: float, size: float, slopes: list[Slope], estimates: Iterator[Slope]
    ) -> tuple[float, float]:
        """Error of one walk, and the slope. `slopes` holds those estimated for other walks; new ones are added."""
        best = float("inf"), float("nan")
        for estimate in chain(list(slopes), _added(estimates, slopes)):
            slope, floor, step = estimate
            first = slopes[0]
            # With a smaller step, the difference may be nothing but rounding, a slope of 0 say. Such a step is ignored.
            if step < first.step and abs(slope - first.slope) < SEEN * first.floor * EPS / RESOLUTION / step:
                continue
            error = abs(claimed - slope) / max(abs(slope), size, floor)
            if error < best[0] or best[1] != best[1]:
                best = (error if error == error else float("inf")), slope
            if error <= self.rtol:
                return best
        # Numbers that are small because larger ones cancelled have the rounding of the larger: then two steps disagree.
        off = abs(claimed - best[1])
        if abs(slopes[0].slope - slopes[1].slope) > AGREEMENT * off:
            return off / max(abs(best[1]), size, self.whole), best[1]
        return best

    def claimed(self, move: Move, gradients: Mapping[int, Array]) -> tuple[float, float]:
        """Slope along a move according to the gradients, and the size of the terms that it sums."""
        total = squares = 0.0
        for index, u in move.items():
            terms = array_module(u).where(u == 0, 0, gradients[index] * u)  # an infinite one counts where u moves
            total += float(terms.sum())
            squares += float((terms * terms).sum())
        return total, squares**0.5

    def bend(self, move: Move, smallest: float = 1.0) -> Bend | None:
        """Slopes behind and ahead if they differ, or grow without end, however small the step; None if they agree."""
        bend = self._bend(move, smallest)
        return self._bend(move, STEEP * smallest) if bend and bend.jumps else bend

    def beside(self, move: Move, smallest: float = 1.0) -> Iterator[tuple[float, float, float]]:
        """Slopes (behind, ahead) on the two sides of a jump, and their precision.

        They are those of parabolas through three points on one side. Several steps are tried, because there may be
        another jump nearby.
        """
        for step in BESIDE:
            h = smallest * step
            slopes = []
            for side in (-1, 1):
                one, two, three = (self.moved(move, side * k * h) for k in (1, 2, 3))
                near, far = self._difference(two, one), self._difference(three, two)
                slopes.append(side * (5 * near - 3 * far) / (2 * h))
            yield slopes[0], slopes[1], self.whole * self.rtol * STEPS[0] / h

    def sources(self, move: Move) -> int:
        """Number of ops that bend along a move although their inputs do not.

        With one, the gradient must lie between the slopes on both sides. With several, each op gives one of its own
        slopes, and their combination need not be a slope of the whole: relu(x) − relu(−x) has slope 1, and gradient 0
        at 0.
        """
        points = [0.0, *(side * step for step in SIDES for side in (-1, 1))]
        traces = [self._traced(move, share) for share in points]
        here, others = traces[0], traces[1:]
        if any(len(other) != len(here) for other in others):
            return 1
        bent: set[int] = set()
        sources = 0
        for position, (inputs, y) in enumerate(here):
            wide, near = (
                _largest(others[2 * k][position][1] - 2 * y + others[2 * k + 1][position][1]) / step
                for k, step in enumerate(SIDES)
            )
            if near > max(0.5 * wide, 1e-5 * _largest(y)):
                bent.add(position)
                sources += not bent.intersection(inputs)
        return sources

    def _traced(self, move: Move, share: float) -> list[tuple[list[int], Array]]:
        """Result of every recorded op at a point, with the positions of the ops that made its inputs."""
        tracer = _Tracer()
        with observing(tracer):
            self.moved(move, share)
        return tracer.trace

    def _bend(self, move: Move, smallest: float) -> Bend | None:
        (behind, ahead, _), (behind_near, ahead_near, floor) = (self._sides(move, smallest * step) for step in SIDES)
        gap, gap_near = abs(ahead - behind), abs(ahead_near - behind_near)
        size = max(abs(behind_near), abs(ahead_near))
        jumps = size > max(2 * abs(behind), 2 * abs(ahead), 10 * floor / smallest)
        differ = gap_near > max(0.5 * gap, 1e-5 * size, 0.01 * floor / smallest)
        return Bend(behind_near, ahead_near, jumps) if jumps or differ else None

    def _estimates(self, move: Move, smallest: float) -> Iterator[Slope]:
        """Derivatives of φ along a move, with their floors. Each combines two steps, whose leading errors cancel."""
        for step in STEPS if smallest == 1 else (*STEPS, STEPS[0] * smallest):
            pair = []
            for h in (step, step / 2):
                ahead, behind = self.moved(move, h), self.moved(move, -h)
                pair.append(self._difference(ahead, behind) / (2 * h))
            wide, narrow = pair
            yield Slope(
                (4 * narrow - wide) / 3, self._floor(ahead, behind), step
            )  # the error of a central one is quadratic
        (wide_behind, wide_ahead, _), (near_behind, near_ahead, floor) = (self._sides(move, step) for step in SIDES)
        wide, narrow = (wide_behind + wide_ahead) / 2, (near_behind + near_ahead) / 2
        slope = (SIDES[0] * narrow - SIDES[1] * wide) / (SIDES[0] - SIDES[1])  # that of a one-sided one is linear
        yield Slope(slope, floor, SIDES[1])

    def _sides(self, move: Move, step: float) -> tuple[float, float, float]:
        """Slopes behind and ahead of the point, and their floor."""
        behind, ahead = self.moved(move, -step), self.moved(move, step)
        here = self.call.results
        return self._difference(here, behind) / step, self._difference(ahead, here) / step, self._floor(ahead, behind)

    def _floor(self, ahead: list[Array], behind: list[Array]) -> float:
        """Size below which the rounding of the numbers that the move changes hides a slope."""
        hidden = sum(float((h * (a != b)).sum()) for h, a, b in zip(self._hidden, ahead, behind, strict=True))
        return max(hidden**0.5, 0.1 * RESOLUTION * self.call.magnitude)

    def _difference(self, ahead: list[Array], behind: list[Array]) -> float:
        # Subtract first, sum second: what the results have in common then leaves no rounding behind.
        return sum(float((v * (a - b)).sum()) for v, a, b in zip(self.weights, ahead, behind, strict=True))

    def moved(self, move: Move, share: float) -> list[Array]:
        """Results with the inputs moved; NaN where that leaves the domain of f."""
        self.evaluations += 1
        arrays = list(self.call.arrays)
        for index, u in move.items():
            arrays[index] = arrays[index] + share * u
        return [y.data for y in self.call.function(*leaves(arrays))]


class _Tracer(Observer):
    """Keeps the result of every recorded op, with the positions of the ops that made its inputs."""

    def __init__(self) -> None:
        self.trace: list[tuple[list[int], Array]] = []
        self._positions: dict[Node, int] = {}

    def after_forward(self, op: Node, array: Array) -> None:
        self._positions[op] = len(self.trace)
        inputs = [self._positions[x.op] for x in op.recorded_inputs if x.op in self._positions]
        self.trace.append((inputs, array.copy()))


def _largest(array: Array) -> float:
    return float(abs(array).max()) if array.size else 0.0


def _added(estimates: Iterator[Slope], slopes: list[Slope]) -> Iterator[Slope]:
    for estimate in estimates:
        slopes.append(estimate)
        yield estimate
