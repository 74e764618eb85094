"""Table and picture of `bench step`."""

from dataclasses import dataclass
from typing import Any

from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table

from bench.common.pictures import BLACK, BLUE, GREEN, GREY, ORANGE, PURPLE, SKY, VERMILION, title
from bench.common.rounds import Spread, fastest, ratios
from bench.common.terminal import print_lines
from bench.competitors.steps import CHECKED_STEPS, Way, Workload, agreement_at
from rawgan_kernels import gains


@dataclass(frozen=True)
class Result:
    """Measurements of one workload: by competitor, the seconds of each round and its peak memory in bytes."""

    task: Workload
    precision: str
    """Precision of products of which rawgan is compared with PyTorch."""
    ways: dict[str, Way]
    """All competitors by label. rawgan's first one counts."""
    seconds: dict[str, list[float]]
    peaks: dict[str, int]
    agreement: dict[str, float]
    """Largest difference of losses from rawgan in float32, by precision."""
    notes: list[str]

    @property
    def ours(self) -> str:
        """Label of rawgan's first way at the precision of the comparison."""
        return next(iter(self._of("rawgan", self.precision)))

    @property
    def rival(self) -> str:
        """Label of the fastest of PyTorch's ways at the same precision."""
        return fastest(self._of("PyTorch", self.precision))

    def best(self, library: str) -> str:
        """Label of a library's fastest way at any precision."""
        return fastest(self._of(library))

    def _of(self, library: str, precision: str | None = None) -> dict[str, list[float]]:
        """Seconds of a library's ways, at one precision or at all."""
        return {
            label: self.seconds[label]
            for label, way in self.ways.items()
            if way.library == library and precision in (None, way.precision)
        }

    @property
    def libraries(self) -> list[str]:
        """Libraries that compete with rawgan."""
        return list(dict.fromkeys(way.library for way in self.ways.values() if way.library != "rawgan"))

    def ratio(self, theirs: str, ours: str | None = None) -> Spread:
        """Our time divided by that of another competitor, within a round."""
        return Spread.of(ratios(self.seconds[ours or self.ours], self.seconds[theirs]))

    @property
    def memory(self) -> float:
        """Our peak memory relative to that of float32."""
        in_float32 = next(iter(self._of("rawgan", "float32")))
        return self.peaks[self.ours] / self.peaks[in_float32]

    def as_dict(self) -> dict[str, Any]:
        """The result for JSON."""
        competitors = {
            label: {
                "library": self.ways[label].library,
                "precision": self.ways[label].precision,
                "seconds": Spread.of(seconds).as_dict(),
                "images_per_second": self.task.batch_size / Spread.of(seconds).median,
                "ratio": None if label == self.ours else self.ratio(label).as_dict(),
                "peak_bytes": self.peaks[label],
            }
            for label, seconds in self.seconds.items()
        }
        return {
            "model": self.task.model,
            "image": self.task.shape,
            "batch_size": self.task.batch_size,
            "precision": self.precision,
            "ours": self.ours,
            "rival": self.rival,
            "at_best": {
                library: {
                    "ours": self.best("rawgan"),
                    "theirs": self.best(library),
                    "ratio": self.ratio(self.best(library), self.best("rawgan")).as_dict(),
                }
                for library in self.libraries
            },
            "memory": self.memory,
            "agreement": self.agreement,
            "notes": self.notes,
            "competitors": competitors,
        }


def print_report(console: Console, result: Result) -> None:
    """Print all figures, then the ratios that count."""
    task = result.task
    heading = (
        f"{task.model}, {task.shape}, batch {task.batch_size}, {result.precision}: "
        "one training step, medians; peak memory"
    )
    console.print(_table(result, heading))
    lines = [_sentence(result, result.ours, result.rival)]
    if result.precision != "float32":
        best = result.best("rawgan")
        lines += [f"each at its best: {_sentence(result, best, result.best(library))}" for library in result.libraries]
        lines += [f"peak memory of {result.ours}: {result.memory:.2f} of float32's"]
        if not gains(result.ways[result.ours].options[0], result.precision):
            lines += [f"rawgan only rounds to {result.precision} here, and gains nothing: it has no units for it"]
    else:
        lines += [_sentence(result, result.ours, result.best(each)) for each in result.libraries if each != "PyTorch"]
    lines += [
        f"checked, {precision}: losses of the first {CHECKED_STEPS} steps are within {found:.1e} of rawgan's in "
        f"float32, where {agreement_at(precision):.1e} is allowed"
        for precision, found in result.agreement.items()
    ]
    print_lines(console, [*lines, *result.notes])


def _sentence(result: Result, ours: str, theirs: str) -> str:
    spread = result.ratio(theirs, ours)
    return (
        f"{ours} takes {spread.median:.2f} times as long as {theirs} "
        f"(least {spread.least:.2f}, quartiles {spread.lower_quartile:.2f} to {spread.upper_quartile:.2f}, "
        f"{len(result.seconds[theirs])} rounds)"
    )


def _table(result: Result, title: str) -> Table:
    table = Table(title=title, title_justify="left", caption_justify="left", box=SIMPLE, collapse_padding=True)
    table.caption = (
        f"ratio: time of {result.ours} / time of this one, within a round; *: PyTorch's fastest at this precision; "
        "MiB: peak above the interpreter with its imports"
    )
    table.add_column("", no_wrap=True)
    for heading in ("ms", "least", "quartiles", "images/s", "ratio", "quartiles", "MiB"):
        table.add_column(heading, justify="right", no_wrap=True)
    for name, seconds in result.seconds.items():
        spread, ratio = Spread.of(seconds), result.ratio(name)
        counts = name != result.ours
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
        axes.set_xlabel("time / time of the fastest form in PyTorch at the same precision")
    for name in series:
        columns[0].barh([0], [0], **_look(name, results[0]["precision"]), label=name)
    figure.legend(loc="outside lower center", ncols=3, fontsize=8.5)
    title(columns[0], report, "A training step: rawgan, PyTorch and TensorFlow",
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
            look = _look(name, result["precision"])
            axes.barh(position, median, 0.86, **look, xerr=[[median - low], [high - median]],
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
    """Legend entry of a competitor: all compiled ones of a precision share one."""
    form, precision = name.rsplit(", ", 1)
    return f"torch.compile of the fastest, {precision}" if form.endswith(", compiled") else name


def _look(name: str, precision: str) -> dict[str, Any]:
    """Colour of a competitor's bar, pale if it computes in another precision than the one that is compared."""
    form, own = name.rsplit(", ", 1)
    colours = {
        "rawgan cpu": BLUE, "rawgan reference": SKY, "torch NCHW": "#f6d38a", "torch NHWC": "#f0b89a",
        "torch NCHW, tuned": ORANGE, "torch NHWC, tuned": VERMILION, "torch NHWC, tuned, autocast": VERMILION,
        "torch NHWC, tuned, oneDNN": ORANGE, "TensorFlow": GREEN,
    }  # fmt: skip
    return {"color": colours.get(form, PURPLE), "alpha": 1 if own == precision else 0.4}
