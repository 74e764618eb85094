"""The table of `bench step`."""

from dataclasses import dataclass
from typing import Any

from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table

from bench.competitors import CHECKED_STEPS, Task
from bench.rounds import Spread, fastest, ratios
from bench.terminal import print_lines


@dataclass(frozen=True)
class Result:
    """What was measured: by competitor, the seconds of each round and the peak of its memory in bytes."""

    task: Task
    ours: list[str]
    """rawgan's backends, the one that counts first."""
    seconds: dict[str, list[float]]
    peaks: dict[str, int]
    agreement: float
    notes: list[str]

    @property
    def rival(self) -> str:
        """The fastest of the others."""
        return fastest({name: seconds for name, seconds in self.seconds.items() if name not in self.ours})

    def ratio(self, name: str) -> Spread:
        """The time of ours over that of another, within a round."""
        return Spread.of(ratios(self.seconds[self.ours[0]], self.seconds[name]))

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        competitors = {
            name: {
                "seconds": Spread.of(seconds).as_dict(),
                "images_per_second": self.task.batch_size / Spread.of(seconds).median,
                "ratio": None if name == self.ours[0] else self.ratio(name).as_dict(),
                "peak_bytes": self.peaks[name],
            }
            for name, seconds in self.seconds.items()
        }
        return {
            "model": self.task.model,
            "image": self.task.shape,
            "batch_size": self.task.batch_size,
            "ours": self.ours[0],
            "rival": self.rival,
            "agreement": self.agreement,
            "notes": self.notes,
            "competitors": competitors,
        }


def print_report(console: Console, result: Result) -> None:
    """The figures, and the one that counts."""
    task = result.task
    title = f"{task.model}, {task.shape}, batch {task.batch_size}, float32: one training step, medians; peak memory"
    console.print(_table(result, title))
    spread = result.ratio(result.rival)
    lines = (
        f"{result.ours[0]} takes {spread.median:.2f} times as long as {result.rival} "
        f"(least {spread.least:.2f}, quartiles {spread.lower_quartile:.2f} to {spread.upper_quartile:.2f}, "
        f"{len(result.seconds[result.rival])} rounds)",
        f"checked: the losses of the first {CHECKED_STEPS} steps differ by at most {result.agreement:.1e}",
        *result.notes,
    )
    print_lines(console, lines)


def _table(result: Result, title: str) -> Table:
    table = Table(title=title, title_justify="left", caption_justify="left", box=SIMPLE, collapse_padding=True)
    table.caption = (
        f"ratio: time of {result.ours[0]} / time of this one, within a round; *: fastest rival; "
        "MiB: above the interpreter with its imports"
    )
    table.add_column("", no_wrap=True)
    for heading in ("ms", "least", "quartiles", "images/s", "ratio", "quartiles", "MiB"):
        table.add_column(heading, justify="right", no_wrap=True)
    for name, seconds in result.seconds.items():
        spread, ratio = Spread.of(seconds), result.ratio(name)
        counts = name != result.ours[0]
        table.add_row(
            f"{name} *" if name == result.rival else name,
            f"{1e3 * spread.median:.0f}",
            f"{1e3 * spread.least:.0f}",
            f"{1e3 * spread.lower_quartile:.0f}–{1e3 * spread.upper_quartile:.0f}",
            f"{result.task.batch_size / spread.median:.0f}",
            f"{ratio.median:.2f}" if counts else "",
            f"{ratio.lower_quartile:.2f}–{ratio.upper_quartile:.2f}" if counts else "",
            f"{result.peaks[name] / 2**20:.0f}",
        )
    return table
