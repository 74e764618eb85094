"""python -m bench scaling: cost of training on an image, by batch, image size, width and threads."""

import math
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import Any

from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table

from bench.common import machine, store
from bench.common.errors import BenchError
from bench.common.experiment import Experiment
from bench.common.pictures import BLUE, GREEN, PURPLE, VERMILION, title
from bench.common.rounds import Spread, measure
from bench.common.terminal import make_console, print_lines
from bench.common.workers import Worker, limit_threads
from bench.competitors.steps import RawganSteps, Workload, input_folder, ours
from rawgan.cli.parsing import parse
from rawgan.gan import split_size


@dataclass(frozen=True)
class ScalingConfig(store.SaveConfig):
    """Time training steps of dcgan while one thing changes: the batch, the image size, or the width of the networks.

    Each is measured with one thread and with all. The rest is as in `bench step`: 28x28x1, batch 128, width 64.
    """

    batch_size: tuple[int, ...] = (16, 32, 64, 128, 256, 512)
    """Images in a batch."""
    image_size: tuple[int, ...] = (16, 20, 28, 32, 40, 56, 64)
    """Height and width of the images, in pixels."""
    width: tuple[int, ...] = (16, 32, 64, 128)
    """Channels of the narrowest hidden layer."""
    threads: tuple[int, ...] = ()
    """Numbers of threads. Unset: 1, and one for each core."""
    rounds: int = 5
    """Turns of each."""
    turn: float = 0.5
    """Seconds of a turn, unless a step takes longer."""


USUAL = Workload("dcgan", image_size=28, channels=1, batch_size=128, threads=1)
AXES = {"batch_size": "images in a batch", "image_size": "pixels", "width": "channels of the narrowest layer"}


def main(options: list[str]) -> None:
    """Measure, report.

    Raises: BenchError for options without a meaning, or if a training fails
    """
    config = parse(ScalingConfig, "python -m bench scaling", options)
    if config.rounds < 1 or config.turn <= 0:
        raise BenchError("--rounds must be at least 1, and --turn more than 0")
    for size in config.image_size:
        split_size(size)  # raises for a size that the model cannot have
    threads = config.threads or tuple(sorted({1, machine.usable_cores()}))
    console, facts, (backend, *_) = make_console(), machine.facts(), ours()
    series = []
    for axis in AXES:
        for count in threads:
            with console.status("") as status:
                series.append(_series(config, axis, limit_threads(count), backend, status.update))
    report = {
        "benchmark": "scaling",
        "machine": facts,
        "settings": {
            "rounds": config.rounds, "turn_seconds": config.turn, "model": USUAL.model, "backend": backend,
            "image_size": USUAL.image_size, "channels": USUAL.channels, "batch_size": USUAL.batch_size,
            "width": USUAL.width, "precision": "float32",
        },
        "results": series,
    }  # fmt: skip
    for axis in AXES:
        _print(console, axis, [one for one in series if one["axis"] == axis])
    print_lines(console, machine.lines(facts))
    store.save(console, config, "scaling", report, draw_scaling)


def _series(config: ScalingConfig, axis: str, threads: int, backend: str, say: Any) -> dict[str, Any]:
    """Measure all points of one axis in turn. Returns its part of the report."""
    tasks = [replace(USUAL, threads=threads, **{axis: value}) for value in sorted({*getattr(config, axis)})]
    with ExitStack() as stack:
        workers = []
        for task in tasks:
            name = f"{axis.replace('_', ' ')} {getattr(task, axis)}, {threads} thread{'s' if threads > 1 else ''}"
            say(f"making the input: {name}")
            folder = stack.enter_context(input_folder(task))
            workers.append(stack.enter_context(Worker(name, RawganSteps, task, folder, backend)))
        seconds = measure(workers, config.rounds, say, config.turn)
    points = [
        {
            axis: getattr(task, axis),
            "x": task.image_size**2 if axis == "image_size" else getattr(task, axis),
            "seconds_per_image": Spread.of([value / task.batch_size for value in values]).as_dict(),
        }
        for task, values in zip(tasks, seconds.values(), strict=True)
    ]
    medians = [point["seconds_per_image"]["median"] for point in points]
    return {
        "axis": axis,
        "threads": threads,
        "points": points,
        "exponent": exponent([point["x"] for point in points], medians),
    }


def exponent(x: Sequence[float], cost: Sequence[float]) -> float | None:
    """The p of the best fit cost ∝ x^p: the slope of log cost over log x, by least squares.

    >>> round(exponent([1, 2, 4], [3, 12, 48]), 6)
    2.0
    """
    if len(x) < 2:
        return None
    logs = [(math.log(a), math.log(b)) for a, b in zip(x, cost, strict=True)]
    mean_x, mean_y = (sum(values) / len(logs) for values in zip(*logs, strict=True))
    return sum((a - mean_x) * (b - mean_y) for a, b in logs) / sum((a - mean_x) ** 2 for a, _ in logs)


def _print(console: Console, axis: str, series: list[dict[str, Any]]) -> None:
    table = Table(title=f"dcgan: ms/image over {AXES[axis]}", title_justify="left", caption_justify="left", box=SIMPLE)
    table.add_column(axis.replace("_", " "), justify="right")
    if axis == "image_size":
        table.add_column("pixels", justify="right")
    for one in series:
        table.add_column(f"{one['threads']} thread{'s' if one['threads'] > 1 else ''}", justify="right")
        table.add_column("quartiles", justify="right")
    for points in zip(*(one["points"] for one in series), strict=True):
        cells = [str(points[0][axis])] + ([str(points[0]["x"])] if axis == "image_size" else [])
        for point in points:
            spread = point["seconds_per_image"]
            cells += [
                f"{1e3 * spread['median']:.3f}",
                f"{1e3 * spread['lower_quartile']:.3f}–{1e3 * spread['upper_quartile']:.3f}",
            ]
        table.add_row(*cells)
    fitted = [f"{one['exponent']:.2f}" for one in series if one["exponent"] is not None]
    if fitted:
        table.caption = f"cost of an image ∝ {AXES[axis]} to the power of {', '.join(fitted)}"
    console.print(table)


def draw_scaling(figure: Any, report: dict[str, Any]) -> None:
    """Draw the cost of an image over batch, pixels and width, with one line for each number of threads."""
    series = report["results"]
    panels = list(dict.fromkeys(one["axis"] for one in series))
    figure.set_size_inches(4.1 * len(panels), 4.3)
    titles = {"batch_size": "images in a batch", "image_size": "pixels of an image", "width": "width (channels)"}
    looks = [(BLUE, "o", "-"), (VERMILION, "s", "--"), (GREEN, "^", "-."), (PURPLE, "D", ":")]
    threads = list(dict.fromkeys(one["threads"] for one in series))
    all_axes = figure.subplots(1, len(panels), sharey=True, squeeze=False)[0]
    for axes, panel in zip(all_axes, panels, strict=True):
        for one in (one for one in series if one["axis"] == panel):
            colour, marker, line = looks[threads.index(one["threads"]) % len(looks)]
            x = [point["x"] for point in one["points"]]
            middle, low, high = (
                [1e3 * point["seconds_per_image"][part] for point in one["points"]]
                for part in ("median", "lower_quartile", "upper_quartile")
            )
            power = f": ∝ x^{one['exponent']:.2f}".replace("-", "−") if one["exponent"] is not None else ""
            axes.fill_between(x, low, high, color=colour, alpha=0.18, linewidth=0)
            axes.plot(x, middle, line, color=colour, marker=marker, markersize=5, linewidth=1.6,
                      label=f"{one['threads']} thread{'s' if one['threads'] > 1 else ''}{power}")  # fmt: skip
            ticks = x if panel != "image_size" else x[:: max(1, -(-len(x) // 4))]
        axes.set(xscale="log", yscale="log", xlabel=titles.get(panel, panel))
        sizes = {point["x"]: point.get("image_size") for one in series for point in one["points"]}
        axes.set_xticks(ticks, [f"{sizes[t]}²" if panel == "image_size" else str(t) for t in ticks])
        axes.minorticks_off()
        axes.grid(linewidth=0.6)
        axes.legend(fontsize=8.5)
    values = [1e3 * point["seconds_per_image"]["median"] for one in series for point in one["points"]]
    ticks = [tick for power in range(-4, 6) for tick in (10.0**power, 2 * 10.0**power, 5 * 10.0**power)
             if min(values) / 1.5 < tick < max(values) * 1.5]  # fmt: skip
    all_axes[0].set_yticks(ticks, [f"{tick:g}" for tick in ticks])
    all_axes[0].set_ylabel("ms per image")
    settings = report["settings"]
    side, batch, width = settings["image_size"], settings["batch_size"], settings["width"]
    title(all_axes[0], report, f"Cost of training {settings['model']} on an image",
           f"else {side}×{side}×{settings['channels']}, batch {batch}, width {width}; bands: quartiles")  # fmt: skip


EXPERIMENT = Experiment(
    "cost of an image, by batch, image size, width and threads", minutes=5, main=main, draw=draw_scaling
)
