"""python -m bench mixtures: modes that GANs find on mixtures of Gaussians, beside published figures."""

import multiprocessing
import os
import statistics
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import redirect_stdout
from dataclasses import dataclass
from typing import Any

import numpy as np
from rich.box import SIMPLE
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.table import Table

from bench.common import machine, store
from bench.common.errors import BenchError
from bench.common.experiment import Experiment
from bench.common.pictures import SECOND_LINE
from bench.common.terminal import make_console, print_lines
from bench.common.workers import limit_threads
from rawgan.cli.parsing import parse

RECIPES: dict[str, tuple[str, ...]] = {
    "rawgan": (),
    "plain": ("--objective", "non-saturating", "--penalty", "none", "--ema", "0", "--half-life", "0"),
}
"""Options of `rawgan train` besides --data and --seed: the defaults; and a plain GAN with the same networks."""
PUBLISHED = {
    "ring8": {"GAN, published": (6.3, 0.98), "PacGAN2, published": (7.9, 0.96)},
    "grid25": {"GAN, published": (17.3, 0.95), "PacGAN2, published": (23.8, 0.91)},
}
"""Modes and share of points of high quality, means of ten runs. Source: Lin et al. 2018 (PacGAN)"""


@dataclass(frozen=True)
class MixturesConfig(store.SaveConfig):
    """Run `rawgan train --data ring8` and `grid25` with several seeds, and count modes and points of high quality.

    2,500 points of each run are counted, as in published figures. Each run has one thread.
    """

    seeds: int = 5
    """Runs of each recipe on each mixture."""
    at_once: int = 2
    """Runs at a time."""
    steps: int | None = None
    """Training steps. Unset: the default of rawgan train."""


def main(options: list[str]) -> None:
    """Train, print the table, and save."""
    config = parse(MixturesConfig, "python -m bench mixtures", options)
    if config.seeds < 1 or config.at_once < 1:
        raise BenchError("--seeds and --at-once must be at least 1")
    limit_threads(1)
    console, facts = make_console(), machine.facts()
    steps = () if config.steps is None else ("--steps", str(config.steps))
    wanted = [(data, recipe, seed) for recipe in RECIPES for data in PUBLISHED for seed in range(config.seeds)]
    columns = TextColumn("training"), BarColumn(), MofNCompleteColumn()
    runs = []
    with (
        ProcessPoolExecutor(config.at_once, multiprocessing.get_context("spawn")) as pool,
        Progress(*columns, console=console, transient=True) as progress,
    ):
        task = progress.add_task("", total=len(wanted))
        waiting = [pool.submit(run, data, recipe, seed, steps) for data, recipe, seed in wanted]
        for done in as_completed(waiting):
            runs.append(done.result())
            progress.advance(task)
    runs.sort(key=lambda one: wanted.index((one["data"], one["recipe"], one["seed"])))
    for data in PUBLISHED:
        _print(console, data, [one for one in runs if one["data"] == data])
    print_lines(console, machine.lines(facts, 1))
    report = {
        "benchmark": "mixtures", "machine": facts, "published": PUBLISHED, "results": runs,
        "settings": {"seeds": config.seeds, "at_once": config.at_once, "threads": 1, "options": RECIPES},
    }  # fmt: skip
    store.save(console, config, "mixtures", report, draw_mixtures)


def run(data: str, recipe: str, seed: int, more: tuple[str, ...]) -> dict[str, Any]:
    """One run of `rawgan train`, and the modes that its points cover. `points` are kept for the first seed."""
    from rawgan.cli import main as rawgan
    from rawgan.cli.evaluation.points import measure_points
    from rawgan.data import MIXTURES
    from rawgan.inference.trained_networks import restore
    from rawgan.metrics.figures.mixture_quality import POINTS
    from rawgan.storage import RunFolder

    with tempfile.TemporaryDirectory(prefix="rawgan-bench-") as path, open(os.devnull, "w") as nowhere:
        options = ["--data", data, "--seed", str(seed), "--out", path, *RECIPES[recipe], *more]
        started, used = time.perf_counter(), time.process_time()
        with redirect_stdout(nowhere):
            if rawgan(["train", *options]):
                raise BenchError(f"rawgan train {' '.join(options)} failed")
        seconds, used = time.perf_counter() - started, time.process_time() - used
        folder = RunFolder.open(path)
        points, figures, floor = measure_points(restore(folder)[0], MIXTURES[data](), POINTS, seed)
        return {
            "data": data, "recipe": recipe, "seed": seed, "steps": len(folder.read_metrics()),
            "seconds": seconds, "processor_seconds": used, "figures": figures, "floor": floor,
            "points": to_text(points) if seed == 0 else "",
        }  # fmt: skip


def to_text(points: np.ndarray[Any, Any]) -> str:
    """Points as short text for JSON.

    >>> to_text(np.array([[1, -0.5], [0, 2]]))
    '1,-0.5 0,2'
    """
    return " ".join(f"{round(x, 3):g},{round(y, 3):g}" for x, y in points.tolist())


def from_text(text: str) -> np.ndarray[Any, Any]:
    """Points from such text. Shapes: → (N, 2)"""
    return np.array([[float(number) for number in pair.split(",")] for pair in text.split()], np.float32).reshape(-1, 2)


def _print(console: Console, data: str, runs: list[dict[str, Any]]) -> None:
    """Print a row for each recipe, and the published figures below."""
    all_modes = len(runs[0]["floor"]["histogram"])
    table = Table(title=f"{data}, 2,500 points of each run", title_justify="left", box=SIMPLE)
    for heading in ("", f"modes of {all_modes}", "high quality", "rarest mode", "seconds", "of processor"):
        table.add_column(heading, justify="right" if heading else "left")
    for recipe in RECIPES:
        mine = [one for one in runs if one["recipe"] == recipe]
        figures = [one["figures"] for one in mine]
        table.add_row(
            f"rawgan train --data {data}" if recipe == "rawgan" else "a plain GAN, the same networks and steps",
            mean_and_range([each["modes"] for each in figures], ".1f"),
            mean_and_range([each["high_quality"] for each in figures], ".3f"),
            mean_and_range([min(each["histogram"]) for each in figures], ".0f"),
            mean_and_range([one["seconds"] for one in mine], ".0f"),
            mean_and_range([one["processor_seconds"] for one in mine], ".0f"),
        )
    floor = [one["floor"] for one in runs]
    own = [
        statistics.mean(each["high_quality"] for each in floor),
        statistics.mean(min(each["histogram"]) for each in floor),
    ]
    table.add_row("the mixture's own points", str(all_modes), f"{own[0]:.3f}", f"{own[1]:.0f}")
    for name, (modes, high_quality) in PUBLISHED[data].items():
        table.add_row(name, f"{modes:.1f}", f"{high_quality:.2f}")
    console.print(table)


def mean_and_range(values: list[float], form: str) -> str:
    """Mean, least and greatest value as text.

    >>> mean_and_range([1, 2, 3], ".1f")
    '2.0 (1.0–3.0)'
    """
    return f"{statistics.mean(values):{form}} ({min(values):{form}}–{max(values):{form}})"


def draw_mixtures(figure: Any, report: dict[str, Any]) -> None:
    """Draw real points, and those of the first run of each recipe over them."""
    from rawgan.data import MIXTURES
    from rawgan.pictures.scatter import draw_points

    names = {"rawgan": "rawgan train --data {}", "plain": "a plain GAN, the same networks"}
    shown = [one for one in report["results"] if one["points"]]
    sets, recipes = (list(dict.fromkeys(one[key] for one in shown)) for key in ("data", "recipe"))
    figure.set_size_inches(4.4 * len(sets), 4.9 * len(recipes) + 0.3)
    all_axes = figure.subplots(len(recipes), len(sets), squeeze=False)
    for one in shown:
        axes = all_axes[recipes.index(one["recipe"])][sets.index(one["data"])]
        draw_points(axes, from_text(one["points"]), MIXTURES[one["data"]]())
        axes.set_title(names[one["recipe"]].format(one["data"]), pad=20)
        good, of = one["figures"]["high_quality"], len(one["figures"]["histogram"])
        axes.annotate(f"{one['figures']['modes']} of {of} modes, {100 * good:.1f} % of high quality", (0, 1), (0, 5),
                      xycoords="axes fraction", textcoords="offset points", **SECOND_LINE)  # fmt: skip
    handles, labels = all_axes[0][0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=3, markerscale=2)


EXPERIMENT = Experiment(
    "modes that GANs find, and lose, on points in the plane", minutes=30, main=main, draw=draw_mixtures
)
