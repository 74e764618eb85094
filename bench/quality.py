"""python -m bench quality: how good the default run's images are, and when, beside the same networks in PyTorch."""

import importlib.util
import statistics
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import asdict, dataclass, replace
from itertools import pairwise
from typing import Annotated, Any

import numpy as np
import tyro
from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table

from bench import machine, store
from bench.competitors import NETWORKS, Task, TorchSteps
from bench.errors import BenchError
from bench.rounds import fastest, in_turn, measure
from bench.step import RIVALS, input_folder
from bench.terminal import make_console, print_lines
from bench.workers import Worker, limit_threads
from rawgan.cli.parsing import parse
from rawgan.cli.terminal.figures import in_words
from rawgan.config.base import DEFAULT_STEPS
from rawgan.config.noise import TrainConfig
from rawgan.data import load, to_uint8, to_unit
from rawgan.tasks.evaluators import Evaluator
from rawgan.training import Trainer

FIGURES = ("fid", "kid", "precision", "recall", "coverage", "reverse_kl")
NAMES = ("rawgan", "PyTorch")
TURN = 50
"""Steps that a side takes at a time: a machine's speed changes within minutes, so turns are shorter than that."""
PLAIN = "rawgan, G's last weights"
"""What rawgan's figures at the end would be without the average of G's weights, which PyTorch has not."""


@dataclass(frozen=True)
class QualityConfig(store.SaveConfig):
    """Train with the defaults of `rawgan train`, and train the same networks in PyTorch, and measure both as they go.

    Both sides of a seed begin with the same weights, take the same numbers of steps and images, and have their turns in
    the same minutes; batches and noise are drawn within the time, measuring is not. PyTorch's way is the fastest of
    four (two memory layouts; as in its DCGAN example, or tuned) in a few rounds before. By default, rawgan makes images
    by an average of G's weights, as that example does not: at the end, those of the last weights are measured as well.
    """

    seeds: int = 3
    """How many trainings of each."""
    steps: int = DEFAULT_STEPS
    """Steps of each."""
    every: int = 500
    """Steps from one measurement to the next."""
    samples: int = 10_000
    """Images that are measured each time."""
    width: int = 64
    """Channels of the narrowest hidden layer."""
    batch_size: int = 64
    """Images in a batch."""
    threads: Annotated[int, tyro.conf.arg(help_behavior_hint="(default: all cores)")] = 0
    """Threads that each side computes with; 0 is one for each core."""


class RawganRun:
    """What `rawgan train` does, but for the files."""

    def __init__(self, config: TrainConfig, samples: int) -> None:

        Trainer(config).step(1)  # what is compiled or imported by the first step is not training
        self.training, self.samples = Trainer(config), samples

    def state(self) -> dict[str, dict[str, np.ndarray]]:
        """Weights and running statistics of both networks."""
        return {name: getattr(self.training.gan, name).state_dict() for name in NETWORKS}

    def train(self, steps: int) -> float:
        """Take so many steps. Returns seconds."""
        started = time.perf_counter()
        for number in range(self.training.reached + 1, self.training.reached + steps + 1):
            self.training.step(number)
        return time.perf_counter() - started

    def images(self, average: bool = True) -> np.ndarray:
        """By the average of G's weights, or by G's last ones. Shapes: → (samples, 28, 28, 1) uint8"""
        from rawgan.gan import generate

        gan = self.training.gan
        z = gan.noise(self.training.config.seed, "evaluate", self.samples)
        return to_uint8(generate(gan.sampler if average else gan.generator, z))


class TorchRun:
    """The same in PyTorch, from the same weights. Images wait in memory as floats; each epoch has its own order."""

    def __init__(
        self, config: TrainConfig, samples: int, state: dict[str, Any], threads: int, channels_last: bool, tuned: bool
    ) -> None:
        import torch

        from bench import torch_networks

        torch.set_num_threads(threads)
        torch.manual_seed(config.seed)
        self.config, self.samples, self.tuned = config, samples, tuned
        layout = torch.channels_last if channels_last else torch.contiguous_format
        self.real = torch_networks.images_from_rawgan(to_unit(load("mnist", image_size=28).images), layout)
        self.batches: Iterator[Any] = iter(())

        def begin() -> None:
            self.gan = torch_networks.build("dcgan", 28, 1, width=config.width, memory_format=layout, fused_adam=tuned)
            for name in NETWORKS:
                torch_networks.load_rawgan(getattr(self.gan, name), state[name])

        begin()
        self.train(1)
        begin()

    def train(self, steps: int) -> float:
        """Take so many steps. Returns seconds."""
        import torch

        from bench.torch_networks import train_step

        started = time.perf_counter()
        for _ in range(steps):
            chosen = next(self.batches, None)
            if chosen is None:
                order = torch.randperm(len(self.real)).split(self.config.batch_size)
                self.batches = iter(order[: len(self.real) // self.config.batch_size])
                chosen = next(self.batches)
            z = torch.randn(self.config.batch_size, self.config.noise_size)
            outcome = train_step(self.gan, self.real[chosen], z, freeze=self.tuned)
            [value.item() for value in outcome]  # rawgan looks at each step's, too
        return time.perf_counter() - started

    def images(self) -> np.ndarray:
        """Shapes: → (samples, 28, 28, 1) uint8"""
        import torch

        self.gan.generator.eval()
        with torch.no_grad():
            z = torch.randn(self.samples, self.config.noise_size)
            images = torch.cat([self.gan.generator(part) for part in z.split(256)])
        self.gan.generator.train()
        return to_uint8(images.permute(0, 2, 3, 1).numpy())


def main(options: list[str]) -> None:
    """Train, measure, report.

    Raises: BenchError if PyTorch is missing, a side fails, or the options make no sense
    """
    config = parse(QualityConfig, "python -m bench quality", options)
    if importlib.util.find_spec("torch") is None:
        raise BenchError("PyTorch, the rival, is not installed\n  pip install -e '.[torch]'")
    if config.seeds < 1 or config.every < 1 or config.steps < config.every or config.steps % config.every:
        raise BenchError("--seeds must be at least 1, and --steps a multiple of --every")
    threads, console, facts = limit_threads(config.threads), make_console(), machine.facts()
    asked = TrainConfig(steps=config.steps, width=config.width, batch_size=config.batch_size)
    with console.status("looking at real images"):
        evaluator = Evaluator(asked, load("mnist", image_size=28), samples=config.samples)
    rival = _rival(console, Task("dcgan", 28, 1, config.batch_size, threads, config.width))
    runs = [
        run
        for seed in range(config.seeds)
        for run in _compete(console, config, replace(asked, seed=seed), evaluator, threads, rival)
    ]
    summary = summarize(runs)
    report = {
        "benchmark": "quality",
        "machine": facts,
        "settings": {**asdict(config), "results": None, "threads": threads, "rival": rival},
        "floor": {name: evaluator.reference.floor[name] for name in FIGURES},
        "runs": runs,
        "summary": summary,
    }
    console.print(table(report))
    print_lines(console, machine.in_words(facts, threads))
    store.save(console, config, "quality", report)


def _rival(console: Console, task: Task) -> str:
    """The way to write the step in PyTorch that is fastest in a few short rounds."""
    with (
        console.status("looking for the fastest way in PyTorch") as status,
        input_folder(task) as folder,
        ExitStack() as stack,
    ):
        workers = [
            stack.enter_context(Worker(name, TorchSteps, task, folder, *options)) for name, options in RIVALS.items()
        ]
        return fastest(measure(workers, 3, status.update, 0.5, warm_up=2))


def _compete(
    console: Console, config: QualityConfig, asked: TrainConfig, evaluator: Evaluator, threads: int, rival: str
) -> list[dict[str, Any]]:
    """One training of each side, in turn, a few steps at a time."""
    with ExitStack() as stack:
        ours = stack.enter_context(Worker("rawgan", RawganRun, asked, config.samples))
        theirs = stack.enter_context(
            Worker("PyTorch", TorchRun, asked, config.samples, ours.ask("state"), threads, *RIVALS[rival])
        )
        status = stack.enter_context(console.status(""))
        runs = {worker.name: {"name": worker.name, "seed": asked.seed, "points": []} for worker in (ours, theirs)}
        seconds = dict.fromkeys(runs, 0.0)
        for number, turns in enumerate(in_turn([ours, theirs], config.steps // config.every)):
            step = (number + 1) * config.every
            status.update(f"seed {asked.seed}, to step {step:,}")
            for start in range(0, config.every, TURN):
                for worker in turns:
                    seconds[worker.name] += worker.ask("train", min(TURN, config.every - start))
            for worker in turns:
                figures = evaluator.measure(worker.ask("images"))
                point = {"step": step, "seconds": seconds[worker.name]}
                runs[worker.name]["points"].append(
                    point | {name: float(figures[name]) for name in FIGURES} | {"histogram": figures["histogram"]}
                )
                line = (
                    f"seed {asked.seed}  step {step:,}  {worker.name:<8} {point['seconds']:6.1f} s  {in_words(figures)}"
                )
                print_lines(console, [line])
        figures = evaluator.measure(ours.ask("images", False))
        runs["rawgan"]["last weights"] = {name: float(figures[name]) for name in FIGURES}
    return list(runs.values())


def summarize(runs: list[dict[str, Any]]) -> dict[str, Any]:
    """Means over the seeds at the end; and how long rawgan takes, on average, to the FID where PyTorch ends."""
    found: dict[str, Any] = {}
    for name in NAMES:
        last = [run["points"][-1] for run in runs if run["name"] == name]
        found[name] = {figure: _spread([point[figure] for point in last]) for figure in ("seconds", *FIGURES)}
        shares = np.array([point["histogram"] for point in last]) / np.sum(last[0]["histogram"])
        found[name]["digit share"] = {"mean": 0.1, "least": shares.min(), "most": shares.max()}
    plain = [run["last weights"] for run in runs if run["name"] == "rawgan"]
    found[PLAIN] = {figure: _spread([one[figure] for one in plain]) for figure in FIGURES}
    target = found["PyTorch"]["fid"]["mean"]
    took = seconds_to(target, curve(runs, "rawgan"))
    found["seconds to PyTorch's FID"] = took
    found["of PyTorch's time"] = None if took is None else took / found["PyTorch"]["seconds"]["mean"]
    return found


def _spread(values: list[float]) -> dict[str, float]:
    return {"mean": statistics.mean(values), "least": min(values), "most": max(values)}


def curve(runs: list[dict[str, Any]], name: str) -> list[tuple[float, float]]:
    """Mean seconds and mean FID of the seeds, at each measurement."""
    points = zip(*(run["points"] for run in runs if run["name"] == name), strict=True)
    return [tuple(statistics.mean(each[what] for each in at) for what in ("seconds", "fid")) for at in points]


def seconds_to(target: float, points: list[tuple[float, float]]) -> float | None:
    """When a curve is first at the target or below, between measurements along a straight line; None if never.

    >>> seconds_to(3.0, [(10.0, 5.0), (20.0, 1.0)])
    15.0
    """
    if points[0][1] <= target:
        return points[0][0]
    for (t0, y0), (t1, y1) in pairwise(points):
        if y1 <= target < y0:
            return t0 + (y0 - target) / (y0 - y1) * (t1 - t0)
    return None


def table(report: dict[str, Any]) -> Table:
    """Means, and the least and the most of the seeds."""
    settings, summary = report["settings"], report["summary"]
    shown = Table(
        title=f"after {settings['steps']:,} steps, {settings['samples']:,} samples, mean of {settings['seeds']} seeds "
        "(least … most)",
        title_justify="left",
        box=SIMPLE,
        pad_edge=False,
    )
    columns = ("rawgan", PLAIN, "PyTorch")
    for heading in ("", *columns, "real images"):
        shown.add_column(heading, justify="right" if heading else "left")
    for figure in ("seconds", *FIGURES, "digit share"):
        cells = [
            f"{one['mean']:.4g} ({one['least']:.4g} … {one['most']:.4g})" if one else ""
            for one in (summary[name].get(figure) for name in columns)
        ]
        floor = report["floor"].get(figure)
        shown.add_row(figure, *cells, "" if floor is None else f"{floor:.4g}")
    ratio = summary["of PyTorch's time"]
    shown.add_row("time to PyTorch's last FID", "never" if ratio is None else f"{ratio:.2f}", "", "1", "")
    return shown
