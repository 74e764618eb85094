"""Schedules: factors of the learning rate, as functions of the step.

    rate = WarmUp(100) * Cosine(3000)
    for step in range(adam.steps, 3000):  # from where a resumed run is
        with adam.slowed(rate(step)):
            adam.step(gradients)

A schedule has no state, so a run that is resumed goes on exactly. `adam.lr = 1e-3 * rate(step)` does the same for an
optimiser without groups.
"""

from __future__ import annotations

import bisect
import math
from collections.abc import Sequence
from dataclasses import dataclass

from rawgan.errors import ArgumentError, described
from rawgan.ops.arguments import is_number, is_whole
from rawgan.optim.groups import check_range


@dataclass(frozen=True)
class Schedule:
    """A factor of the learning rate for each step, counted from 0. `a * b` multiplies two; `a.then(steps, b)` joins.

    To write one, derive a class, and write `factor`.
    """

    def factor(self, step: int) -> float:
        """The factor in a step, counted from 0."""
        raise NotImplementedError(f"{type(self).__name__} has no factor")

    def __call__(self, step: int) -> float:
        """The factor in a step, counted from 0.

        Raises: ArgumentError for a step below 0
        """
        if not is_number(step) or not step >= 0:
            raise ArgumentError(f"{type(self).__name__}: steps are counted from 0, but this is {described(step)}")
        return self.factor(step)

    def __mul__(self, other: Schedule) -> Schedule:
        return _Product(self, other) if isinstance(other, Schedule) else NotImplemented

    def then(self, steps: int, other: Schedule) -> Schedule:
        """This schedule for so many steps, then the other one, whose steps are counted from there.

        >>> two = WarmUp(2).then(2, Linear(4))
        >>> [two(step) for step in range(7)]
        [0.5, 1.0, 1.0, 0.75, 0.5, 0.25, 0.0]
        """
        return _Sequence(self, steps, other)


@dataclass(frozen=True)
class Linear(Schedule):
    """start + (end − start) · step / steps, then `end`.

    >>> [Linear(4)(step) for step in range(6)]
    [1.0, 0.75, 0.5, 0.25, 0.0, 0.0]
    """

    steps: int
    start: float = 1.0
    end: float = 0.0

    def __post_init__(self) -> None:
        _check(self, steps=self.steps, start=self.start, end=self.end)

    def factor(self, step: int) -> float:
        return self.end if step >= self.steps else self.start + (self.end - self.start) * (step / self.steps)


@dataclass(frozen=True)
class Cosine(Schedule):
    """end + (1 − end) · (1 + cos(π · step / steps)) / 2, then `end`.

    Source: Loshchilov and Hutter 2017

    >>> [round(Cosine(4)(step), 3) for step in range(6)]
    [1.0, 0.854, 0.5, 0.146, 0.0, 0.0]
    """

    steps: int
    end: float = 0.0

    def __post_init__(self) -> None:
        _check(self, steps=self.steps, end=self.end)

    def factor(self, step: int) -> float:
        if step >= self.steps:
            return self.end
        return self.end + (1 - self.end) * (1 + math.cos(math.pi * step / self.steps)) / 2


@dataclass(frozen=True)
class Exponential(Schedule):
    """gamma ^ (step / steps): `Exponential(0.5, 1000)` falls to half in 1000 steps, again and again, smoothly.

    >>> [Exponential(0.25, 2)(step) for step in range(5)]
    [1.0, 0.5, 0.25, 0.125, 0.0625]
    """

    gamma: float
    steps: int = 1

    def __post_init__(self) -> None:
        _check(self, steps=self.steps, gamma=self.gamma)

    def factor(self, step: int) -> float:
        return _power(self.gamma, step / self.steps)


@dataclass(frozen=True)
class Step(Schedule):
    """gamma ^ ⌊step / steps⌋: multiplied by gamma every `steps` steps.

    >>> [Step(2, gamma=0.5)(step) for step in range(6)]
    [1.0, 1.0, 0.5, 0.5, 0.25, 0.25]
    """

    steps: int
    gamma: float = 0.1

    def __post_init__(self) -> None:
        _check(self, steps=self.steps, gamma=self.gamma)

    def factor(self, step: int) -> float:
        return _power(self.gamma, step // self.steps)


@dataclass(frozen=True)
class MultiStep(Schedule):
    """gamma ^ (number of milestones ≤ step): multiplied by gamma at each of the steps in `milestones`.

    >>> [MultiStep([2, 5], gamma=0.5)(step) for step in range(6)]
    [1.0, 1.0, 0.5, 0.5, 0.5, 0.25]
    """

    milestones: Sequence[int]
    gamma: float = 0.1

    def __post_init__(self) -> None:
        if not isinstance(self.milestones, list | tuple) or not self.milestones:
            raise ArgumentError(f"MultiStep: milestones must be a list of steps, but is {described(self.milestones)}")
        for step in self.milestones:
            _check(self, steps=step, gamma=self.gamma)
        object.__setattr__(self, "milestones", tuple(sorted(self.milestones)))  # a copy that nobody changes

    def factor(self, step: int) -> float:
        return _power(self.gamma, bisect.bisect_right(self.milestones, step))


@dataclass(frozen=True)
class WarmUp(Schedule):
    """(step + 1) / steps, then 1: a linear rise, whose first step is not 0.

    >>> [WarmUp(4)(step) for step in range(6)]
    [0.25, 0.5, 0.75, 1.0, 1.0, 1.0]
    """

    steps: int

    def __post_init__(self) -> None:
        _check(self, steps=self.steps)

    def factor(self, step: int) -> float:
        return min(1.0, (step + 1) / self.steps)


@dataclass(frozen=True)
class _Product(Schedule):
    first: Schedule
    second: Schedule

    def factor(self, step: int) -> float:
        return self.first(step) * self.second(step)

    def __repr__(self) -> str:
        return f"{self.first!r} * {self.second!r}"


@dataclass(frozen=True)
class _Sequence(Schedule):
    first: Schedule
    steps: int
    second: Schedule

    def __post_init__(self) -> None:
        _check(self.first, steps=self.steps)
        if not isinstance(self.second, Schedule):
            raise ArgumentError(f"then: {self.second!r} is no schedule; give one, such as Cosine(1000)")

    def factor(self, step: int) -> float:
        return self.first(step) if step < self.steps else self.second(step - self.steps)

    def __repr__(self) -> str:
        return f"({self.first!r}).then({self.steps}, {self.second!r})"


def _power(gamma: float, exponent: float) -> float:
    try:
        return float(gamma**exponent)
    except OverflowError:  # of Python's numbers; NumPy's are infinite
        return math.inf


def _check(schedule: Schedule, steps: int, **factors: float) -> None:
    """Raise an ArgumentError for a number of steps below 1, or a factor below 0."""
    name = type(schedule).__name__
    if not is_whole(steps) or steps < 1:
        raise ArgumentError(f"{name}: steps must be a whole number of at least 1, but is {described(steps)}")
    for option, value in factors.items():
        check_range(name, option, value, 0, float("inf"))
