"""Measuring in turn: every round takes the time of every competitor once."""

import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Self

from bench.common.workers import Worker

WARM_UP = 2
TURN_SECONDS = 1.0
"""How long a competitor works in each round, unless doing the work once takes longer."""
PAUSE_SECONDS = 0.05
"""Between two turns: the threads of the one before keep the cores busy for a while, waiting for more."""


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
        lower, median, upper = (
            statistics.quantiles(values, n=4, method="inclusive") if len(values) > 1 else [*values] * 3
        )
        return cls(min(values), lower, median, upper)

    def as_dict(self) -> dict[str, float]:
        """For JSON."""
        return asdict(self)


def measure(
    workers: Sequence[Worker],
    rounds: int,
    on_turn: Callable[[str], None] = lambda what: None,
    turn_seconds: float = TURN_SECONDS,
    warm_up: int = WARM_UP,
) -> dict[str, list[float]]:
    """Seconds of every competitor in every round, by its name.

    The competitors must have done the work before. In each round another one begins, so that what one leaves behind
    (a hot processor, say) is not always the same one's burden.
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
    """For each round the order of the competitors: everyone's turn to begin comes."""
    starts = [number % len(competitors) for number in range(rounds)]
    return [[*competitors[first:], *competitors[:first]] for first in starts]


def ratios(ours: Sequence[float], theirs: Sequence[float]) -> list[float]:
    """Ours over theirs, round by round."""
    return [a / b for a, b in zip(ours, theirs, strict=True)]


def fastest(seconds: dict[str, list[float]]) -> str:
    """The competitor with the least median."""
    return min(seconds, key=lambda name: statistics.median(seconds[name]))
