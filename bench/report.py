"""The table of `bench step`."""

import platform
import statistics
from dataclasses import dataclass

from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table

from bench.competitors import CHECKED_STEPS, Task
from bench.machine import cpu_name, load, usable_cores
from bench.rounds import Spread, ratios


@dataclass(frozen=True)
class Result:
    """What was measured: by competitor, the seconds of each round and the peak of its memory in bytes."""

    task: Task
    ours: str
    seconds: dict[str, list[float]]
    peaks: dict[str, int]
    versions: dict[str, str]
    agreement: float

    @property
    def rival(self) -> str:
        """The fastest of the others."""
        return min(self.seconds.keys() - {self.ours}, key=lambda name: statistics.median(self.seconds[name]))


def print_report(console: Console, result: Result) -> None:
    """Everything that is needed to make sense of the figures, the figures, and the one that counts."""
    task = result.task
    shape = f"{task.image_size}×{task.image_size}×{task.channels}"
    versions = {"Python": platform.python_version(), **result.versions}
    title = f"{task.model}, {shape}, batch {task.batch_size}, float32: one training step, medians; peak memory"
    console.print(_table(result, title))
    rival = result.rival
    spread = Spread.of(ratios(result.seconds[result.ours], result.seconds[rival]))
    for line in (
        f"{result.ours} takes {spread.median:.2f} times as long as {rival} "
        f"(least {spread.least:.2f}, quartiles {spread.lower_quartile:.2f} to {spread.upper_quartile:.2f}, "
        f"{len(result.seconds[rival])} rounds)",
        f"checked: the losses of the first {CHECKED_STEPS} steps differ by at most {result.agreement:.1e}",
        f"on: cpu, {cpu_name()}, {task.threads} of {usable_cores()} cores used, load {load()}, "
        f"{platform.system()} {platform.machine()}",
        f"with: {', '.join(f'{name} {version}' for name, version in versions.items())}",
    ):
        console.print(line, highlight=False, soft_wrap=True)


def _table(result: Result, title: str) -> Table:
    table = Table(title=title, title_justify="left", caption_justify="left", box=SIMPLE, collapse_padding=True)
    table.caption = f"ratio: time of {result.ours} / time of this one, within a round; *: fastest rival"
    table.add_column("", no_wrap=True)
    for heading in ("ms", "least", "quartiles", "images/s", "ratio", "quartiles", "MiB"):
        table.add_column(heading, justify="right", no_wrap=True)
    for name, seconds in result.seconds.items():
        spread, ratio = Spread.of(seconds), Spread.of(ratios(result.seconds[result.ours], seconds))
        table.add_row(
            f"{name} *" if name == result.rival else name,
            f"{1e3 * spread.median:.0f}",
            f"{1e3 * spread.least:.0f}",
            f"{1e3 * spread.lower_quartile:.0f}–{1e3 * spread.upper_quartile:.0f}",
            f"{result.task.batch_size / spread.median:.0f}",
            "" if name == result.ours else f"{ratio.median:.2f}",
            "" if name == result.ours else f"{ratio.lower_quartile:.2f}–{ratio.upper_quartile:.2f}",
            f"{result.peaks[name] / 2**20:.0f}",
        )
    return table
