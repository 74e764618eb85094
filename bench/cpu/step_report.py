"""Table and picture of `bench step`."""

from dataclasses import dataclass
from typing import Any

from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table

from bench.common.pictures import BLACK, BLUE, GREY, ORANGE, PURPLE, SKY, VERMILION, title
from bench.common.rounds import Spread, fastest, ratios
from bench.common.terminal import print_lines
from bench.competitors.steps import CHECKED_STEPS, Workload


@dataclass(frozen=True)
class Result:
    """Measurements of one workload: by competitor, the seconds of each round and its peak memory in bytes."""

    task: Workload
    ours: list[str]
    """Names of rawgan's backends; the first one counts."""
    seconds: dict[str, list[float]]
    peaks: dict[str, int]
    agreement: float
    notes: list[str]

    @property
    def rival(self) -> str:
        """Name of the fastest of the others."""
        return fastest({name: seconds for name, seconds in self.seconds.items() if name not in self.ours})

    def ratio(self, name: str) -> Spread:
        """Our time divided by that of another competitor, within a round."""
        return Spread.of(ratios(self.seconds[self.ours[0]], self.seconds[name]))

    def as_dict(self) -> dict[str, Any]:
        """The result for JSON."""
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
    """Print all figures, then the ratio that counts."""
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
        "MiB: peak above the interpreter with its imports"
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


def draw_steps(figure: Any, report: dict[str, Any]) -> None:
    """Draw the time of a step relative to the fastest rival: a column for each model, bars for each workload."""
    results = report["results"]
    models = list(dict.fromkeys(result["model"] for result in results))
    series = list(dict.fromkeys(_series(name) for result in results for name in result["competitors"]))
    rows = max(sum(result["model"] == model for result in results) for model in models)
    figure.set_size_inches(2.2 + 5.3 * len(models), 2.1 + rows * (0.19 * len(series) + 0.2))
    columns = figure.subplots(1, len(models), sharex=True, squeeze=False)[0]
    for axes, model in zip(columns, models, strict=True):
        _step_bars(axes, [result for result in results if result["model"] == model], series)
        axes.set_xlabel("time / time of the fastest form in PyTorch")
    for name in series:
        columns[0].barh([0], [0], color=_bar_colour(name), label=name)
    figure.legend(loc="outside lower center", ncols=3, fontsize=8.5)
    title(columns[0], report, "A training step: rawgan and PyTorch",
           "shorter is better; bars: medians; whiskers: quartiles")  # fmt: skip


def _step_bars(axes: Any, results: list[dict[str, Any]], series: list[str]) -> None:
    position, ticks, labels = 0.0, [], []
    for result in results:
        rival = result["competitors"][result["rival"]]["seconds"]["median"]
        first = position
        for name in sorted(result["competitors"], key=lambda name: series.index(_series(name))):
            low, median, high = (
                result["competitors"][name]["seconds"][part] / rival
                for part in ("lower_quartile", "median", "upper_quartile")
            )
            axes.barh(position, median, 0.86, color=_bar_colour(name), xerr=[[median - low], [high - median]],
                      error_kw={"elinewidth": 0.8, "ecolor": GREY, "capsize": 1.5})  # fmt: skip
            axes.annotate(f"{1e3 * median * rival:.0f} ms", (high, position), (4, 0), textcoords="offset points",
                          va="center", fontsize=7.5, weight="bold" if name == result["ours"] else "normal")  # fmt: skip
            position += 1
        ticks.append((first + position - 1) / 2)
        labels.append(f"{result['model']}\n{result['image']}\nbatch {result['batch_size']}")
        position += 1.1
    axes.axvline(1, color=BLACK, linewidth=0.9, linestyle=(0, (4, 3)), zorder=0)
    axes.set_yticks(ticks, labels, fontsize=8.5)
    axes.set_ylim(position - 1.4, -0.8)
    axes.tick_params(axis="y", length=0)
    axes.grid(axis="x", linewidth=0.6)
    axes.margins(x=0.14)


def _series(name: str) -> str:
    """Legend entry of a competitor: all compiled ones share one."""
    return "torch.compile of the fastest" if name.endswith(", compiled") else name


def _bar_colour(name: str) -> str:
    colours = {
        "rawgan cpu": BLUE, "rawgan reference": SKY, "torch NCHW": "#f6d38a", "torch NHWC": "#f0b89a",
        "torch NCHW, tuned": ORANGE, "torch NHWC, tuned": VERMILION,
    }  # fmt: skip
    return colours.get(name, PURPLE)
