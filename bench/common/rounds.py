"""Measurements in turn: every round times every competitor once."""

import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Self

from bench.common.workers import Worker

WARM_UP = 2
TURN_SECONDS = 1.0
"""Length of a competitor's turn in each round, unless doing the work once takes longer."""
PAUSE_SECONDS = 0.05
"""Pause between two turns: the threads of the last competitor keep the cores busy for a while, waiting for more."""


@dataclass(frozen=True)
class Spread:
    """Distribution of a number over the rounds."""

    least: float
    lower_quartile: float
    median: float
    upper_quartile: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Self:
        """Compute the spread of at least one value."""
        lower, median, upper = (
            statistics.quantiles(values, n=4, method="inclusive") if len(values) > 1 else [*values] * 3
        )
        return cls(min(values), lower, median, upper)

    def as_dict(self) -> dict[str, float]:
        """The fields by name, for JSON."""
        return asdict(self)


def measure(
    workers: Sequence[Worker],
    rounds: int,
    on_turn: Callable[[str], None] = lambda what: None,
    turn_seconds: float = TURN_SECONDS,
    warm_up: int = WARM_UP,
) -> dict[str, list[float]]:
    """Time every competitor in every round. Returns seconds by the competitor's name.

    The competitors must have done the work once before. Each round begins with another one, so that the after-effects
    of a competitor, such as a hot processor, do not always burden the same one.
    """
    times: dict[str, int] = {}
    for worker in workers:
        on_turn(f"warming up {worker.name}")
        time.sleep(PAUSE_SECONDS)
        times[worker.name] = max(1, round(turn_seconds / worker.seconds(warm_up)))
    seconds: dict[str, list[float]] = {worker.name: [] for worker in workers}
    for number, turns in enumerate(in_turn(workers, rounds)):
        for worker in turns:
            on_turn(f"round {number + 1} of {rounds}: {worker.name}")
            time.sleep(PAUSE_SECONDS)
            seconds[worker.name].append(worker.seconds(times[worker.name]))
    return seconds


def in_turn(competitors: Sequence[Any], rounds: int) -> list[list[Any]]:
    """The order of the competitors in each round: they take turns to begin.

    >>> in_turn("ab", rounds=3)
    [['a', 'b'], ['b', 'a'], ['a', 'b']]
    """
    starts = [number % len(competitors) for number in range(rounds)]
    return [[*competitors[first:], *competitors[:first]] for first in starts]


def ratios(ours: Sequence[float], theirs: Sequence[float]) -> list[float]:
    """Our times divided by theirs, round by round."""
    return [a / b for a, b in zip(ours, theirs, strict=True)]


def fastest(seconds: dict[str, list[float]]) -> str:
    """Name of the competitor with the lowest median."""
    return min(seconds, key=lambda name: statistics.median(seconds[name]))
