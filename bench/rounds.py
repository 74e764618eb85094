"""Measuring in turn: every round takes the time of every competitor once."""

import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Self

from bench.workers import Worker

WARM_UP = 2
TURN_SECONDS = 1.0
"""How long a competitor works in each round, unless doing the work once takes longer."""


@dataclass(frozen=True)
class Spread:
    """What a number did over the rounds."""

    least: float
    lower_quartile: float
    median: float
    upper_quartile: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Self:
        """The spread of at least one value."""
        lower, median, upper = statistics.quantiles(values, n=4, method="inclusive") if len(values) > 1 else values * 3
        return cls(min(values), lower, median, upper)


def measure(
    workers: Sequence[Worker], rounds: int, on_turn: Callable[[str], None] = lambda what: None
) -> dict[str, list[float]]:
    """Seconds of every competitor in every round, by its name.

    The competitors must have done the work before. In each round another one begins, so that what one leaves behind
    (a hot processor, say) is not always the same one's burden.
    """
    times: dict[str, int] = {}
    for worker in workers:
        on_turn(f"warming up {worker.name}")
        times[worker.name] = max(1, round(TURN_SECONDS / worker.seconds(WARM_UP)))
    seconds: dict[str, list[float]] = {worker.name: [] for worker in workers}
    for number in range(rounds):
        first = number % len(workers)
        for worker in (*workers[first:], *workers[:first]):
            on_turn(f"round {number + 1} of {rounds}: {worker.name}")
            seconds[worker.name].append(worker.seconds(times[worker.name]))
    return seconds


def ratios(ours: Sequence[float], theirs: Sequence[float]) -> list[float]:
    """Ours over theirs, round by round."""
    return [a / b for a, b in zip(ours, theirs, strict=True)]
