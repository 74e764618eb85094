"""python -m bench quality: image quality over time of the default run, beside DCGAN in PyTorch or rawgan in float32."""

import importlib.util
import statistics
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from itertools import pairwise
from typing import Annotated, Any, Literal

import numpy as np
import tyro
from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table

from bench.common import machine, store
from bench.common.errors import BenchError
from bench.common.experiment import Experiment
from bench.common.pictures import BLUE, GREY, VERMILION, title
from bench.common.rounds import fastest, in_turn, measure
from bench.common.terminal import make_console, print_lines
from bench.common.workers import Worker, limit_threads
from bench.competitors.steps import NETWORKS, Workload, input_folder
from bench.competitors.torch_steps import FORMS, TorchSteps
from rawgan.cli.parsing import parse
from rawgan.config.noise import TrainConfig
from rawgan.config.optimiser import DEFAULT_STEPS
from rawgan.config.options import OneOf
from rawgan.data import load, to_uint8, to_unit
from rawgan.gan import ImageSpec, models_for
from rawgan.metrics import in_words
from rawgan.tasks.evaluators import Evaluator
from rawgan.tasks.noise import build_gan
from rawgan.training import Trainer
from rawgan_kernels import FLOAT32

FIGURES = ("fid", "kid", "precision", "recall", "coverage", "reverse_kl")
TURN = 50
"""Steps in a turn: turns are shorter than the minutes within which a machine's speed changes."""
PLAIN = "rawgan, G's last weights"
"""Name of rawgan's figures without the average of G's weights, which PyTorch's side does not have."""


@dataclass(frozen=True)
class QualityConfig(store.SaveConfig):
    """Train with the defaults of `rawgan train`, train DCGAN in PyTorch for as many steps, and measure both during
    training.

    With `--model dcgan`, both sides have the same networks, which begin with the same weights. With a reduced precision
    of products, the other side is rawgan in float32 instead of PyTorch, and the question is whether FID lies within the
    spread of float32's seeds. The file of results names a model or a precision that is not the default.

    Both sides take turns within the same minutes. Drawing batches and noise counts as training time, measuring does
    not. The form of PyTorch is the fastest of four (two memory layouts; as in its DCGAN example, or tuned) in a few
    rounds before. rawgan's images are made by an average of G's weights, which that example does not have; at the end,
    the last weights are measured, too.
    """

    model: Annotated[str, OneOf(models_for(ImageSpec))] = TrainConfig.networks.model
    """Model of rawgan."""
    precision: Literal["float32", "bf16", "tf32"] = "float32"
    """Precision of rawgan's products."""
    seeds: int = 3
    """Trainings of each side."""
    steps: int = DEFAULT_STEPS
    """Steps of each training."""
    every: int = 500
    """Measure every N steps, and after the last."""
    samples: int = 10_000
    """Images in a measurement."""
    width: Annotated[int | None, tyro.conf.arg(help_behavior_hint="(default: the model's own)")] = None
    """Channels of the narrowest hidden layer, on both sides."""
    batch_size: int = 64
    """Images in a batch."""
    threads: Annotated[int, tyro.conf.arg(help_behavior_hint="(default: all cores)")] = 0
    """Threads of each side; 0 is one for each core."""


class RawganRun:
    """The training of `rawgan train`, without the files."""

    def __init__(self, config: TrainConfig, samples: int) -> None:
        Trainer(config).step(1)  # compilation and imports do not count as training
        self.training, self.samples = Trainer(config), samples

    def train(self, steps: int) -> float:
        """Take steps. Returns seconds."""
        started = time.perf_counter()
        for number in range(self.training.reached + 1, self.training.reached + steps + 1):
            self.training.step(number)
        return time.perf_counter() - started

    def images(self, average: bool = True) -> np.ndarray:
        """Images made with the average of G's weights, or with G's last ones. Shapes: → (samples, 28, 28, 1) uint8"""
        from rawgan.gan import generate

        gan = self.training.gan
        z = gan.noise(self.training.config.seed, "evaluate", self.samples)
        return to_uint8(generate(gan.sampler if average else gan.generator, z))


class TorchRun:
    """A training of DCGAN in PyTorch, from rawgan's weights. Images lie in memory as floats, reshuffled each epoch."""

    def __init__(self, config: TrainConfig, samples: int, threads: int, channels_last: bool, tuned: bool) -> None:
        import torch

        from bench.competitors import torch_networks

        torch.set_num_threads(threads)
        torch.manual_seed(config.seed)
        self.config, self.samples, self.tuned = config, samples, tuned
        layout = torch.channels_last if channels_last else torch.contiguous_format
        self.real = torch_networks.images_from_rawgan(to_unit(load("mnist", image_size=28).images), layout)
        self.batches: Iterator[Any] = iter(())
        start = build_gan(config, "cpu")

        def begin() -> None:
            width = config.networks.width
            self.gan = torch_networks.build("dcgan", 28, 1, width=width, memory_format=layout, fused_adam=tuned)
            for name in NETWORKS:
                torch_networks.load_rawgan(getattr(self.gan, name), getattr(start, name).state_dict())

        begin()
        self.train(1)
        begin()

    def train(self, steps: int) -> float:
        """Take steps. Returns seconds."""
        import torch

        from bench.competitors.torch_networks import train_step

        started = time.perf_counter()
        for _ in range(steps):
            chosen = next(self.batches, None)
            if chosen is None:
                order = torch.randperm(len(self.real)).split(self.config.data.batch_size)
                self.batches = iter(order[: len(self.real) // self.config.data.batch_size])
                chosen = next(self.batches)
            z = torch.randn(self.config.data.batch_size, self.config.networks.noise_size)
            metrics = train_step(self.gan, self.real[chosen], z, freeze=self.tuned)
            [value.item() for value in metrics]  # rawgan reads those of each step, too
        return time.perf_counter() - started

    def images(self) -> np.ndarray:
        """Images made with G's last weights. Shapes: → (samples, 28, 28, 1) uint8"""
        import torch

        self.gan.generator.eval()
        with torch.no_grad():
            z = torch.randn(self.samples, self.config.networks.noise_size)
            images = torch.cat([self.gan.generator(part) for part in z.split(256)])
        self.gan.generator.train()
        return to_uint8(images.permute(0, 2, 3, 1).numpy())


def main(options: list[str]) -> None:
    """Train, measure, report.

    Raises: BenchError if PyTorch is missing, a side fails, or the options make no sense
    """
    config = parse(QualityConfig, "python -m bench quality", options)
    beside_torch = config.precision == FLOAT32
    if beside_torch and importlib.util.find_spec("torch") is None:
        raise BenchError("PyTorch, the rival, is not installed\n  pip install -e '.[torch]'")
    if min(config.seeds, config.every, config.steps) < 1:
        raise BenchError("--seeds, --steps and --every must be at least 1")
    threads, console, facts = limit_threads(config.threads), make_console(), machine.facts()
    with console.status("looking at real images"):
        evaluator = Evaluator(TrainConfig.of(), load("mnist", image_size=28), samples=config.samples)
    rival = _rival(console, config, threads) if beside_torch else "rawgan"
    runs = [run for seed in range(config.seeds) for run in _compete(console, config, seed, evaluator, threads, rival)]
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
    print_lines(console, [*([] if beside_torch else [verdict(summary)]), *machine.lines(facts, threads)])
    store.save(console, config, name_of(config), report, draw_quality)


def name_of(config: QualityConfig) -> str:
    """Name of the file of results.

    >>> name_of(QualityConfig()), name_of(QualityConfig(model="dcgan", precision="bf16"))
    ('quality', 'quality-dcgan-bf16')
    """
    parts = (config.model, QualityConfig.model), (config.precision, QualityConfig.precision)
    return "-".join(["quality", *(part for part, default in parts if part != default)])


def _asked(config: QualityConfig, **options: Any) -> TrainConfig:
    """Configuration of a training."""
    widths = {} if config.width is None else {"width": config.width}
    return TrainConfig.of(batch_size=config.batch_size, **widths, **options)


def _rival(console: Console, config: QualityConfig, threads: int) -> str:
    """The form of the step in PyTorch that is fastest in a few short rounds."""
    task = Workload("dcgan", 28, 1, config.batch_size, threads, config.width or 64)
    with (
        console.status("looking for the fastest form in PyTorch") as status,
        input_folder(task) as folder,
        ExitStack() as stack,
    ):
        workers = [
            stack.enter_context(Worker(name, TorchSteps, task, folder, *options)) for name, options in FORMS.items()
        ]
        return fastest(measure(workers, 3, status.update, 0.5, warm_up=2))


def _compete(
    console: Console, config: QualityConfig, seed: int, evaluator: Evaluator, threads: int, rival: str
) -> list[dict[str, Any]]:
    """Train each side once, taking turns of a few steps."""

    def rawgan(precision: str) -> Worker:
        asked = _asked(config, model=config.model, steps=config.steps, seed=seed, precision=precision)
        return Worker(f"rawgan {config.model}, {precision}", RawganRun, asked, config.samples)

    with ExitStack() as stack:
        ours = stack.enter_context(rawgan(config.precision))
        if rival in FORMS:
            asked = _asked(config, model="dcgan", steps=config.steps, seed=seed)
            theirs = Worker("PyTorch dcgan, float32", TorchRun, asked, config.samples, threads, *FORMS[rival])
        else:
            theirs = rawgan(FLOAT32)
        stack.enter_context(theirs)
        status = stack.enter_context(console.status(""))
        runs = {worker.name: {"name": worker.name, "seed": seed, "points": []} for worker in (ours, theirs)}
        seconds = dict.fromkeys(runs, 0.0)
        marks = [*range(config.every, config.steps, config.every), config.steps]
        for before, step, turns in zip([0, *marks], marks, in_turn([ours, theirs], len(marks)), strict=False):
            status.update(f"seed {seed}, to step {step:,}")
            for start in range(before, step, TURN):
                for worker in turns:
                    seconds[worker.name] += worker.ask("train", min(TURN, step - start))
            for worker in turns:
                figures = evaluator.measure(worker.ask("images"))
                point = {"step": step, "seconds": seconds[worker.name]}
                runs[worker.name]["points"].append(
                    point | {name: float(figures[name]) for name in FIGURES} | {"histogram": figures["histogram"]}
                )
                line = f"seed {seed}  step {step:,}  {worker.name:<22} {point['seconds']:6.1f} s"
                print_lines(console, [f"{line}  {in_words(figures)}"])
        figures = evaluator.measure(ours.ask("images", False))
        runs[ours.name]["last weights"] = {name: float(figures[name]) for name in FIGURES}
    return list(runs.values())


def summarize(runs: list[dict[str, Any]]) -> dict[str, Any]:
    """Means over the seeds at the end, and our mean time to the FID at which the other side ends."""
    ours, theirs = sides(runs)
    found: dict[str, Any] = {"ours": ours, "theirs": theirs}
    for name in (ours, theirs):
        last = [run["points"][-1] for run in runs if run["name"] == name]
        found[name] = {figure: _spread([point[figure] for point in last]) for figure in ("seconds", *FIGURES)}
        shares = np.array([point["histogram"] for point in last]) / np.sum(last[0]["histogram"])
        found[name]["digit share"] = {"mean": 0.1, "least": shares.min(), "most": shares.max()}
    plain = [run["last weights"] for run in runs if run["name"] == ours]
    found[PLAIN] = {figure: _spread([one[figure] for one in plain]) for figure in FIGURES}
    target = found[theirs]["fid"]["mean"]
    took = seconds_to(target, curve(runs, ours))
    found["seconds to their FID"] = took
    found["of their time"] = None if took is None else took / found[theirs]["seconds"]["mean"]
    return found


def sides(runs: list[dict[str, Any]]) -> list[str]:
    """Names of both sides, ours first."""
    return list(dict.fromkeys(run["name"] for run in runs))


def verdict(summary: dict[str, Any]) -> str:
    """Our mean FID, and its place beside the spread of the other side's seeds."""
    ours, theirs = summary["ours"], summary["theirs"]
    found, spread = summary[ours]["fid"]["mean"], summary[theirs]["fid"]
    least, most = spread["least"], spread["most"]
    where = "below" if found < least else "above" if found > most else "within"
    return f"FID of {ours}, {found:.4g}, lies {where} the spread of {theirs}, {least:.4g} to {most:.4g}"


def _spread(values: list[float]) -> dict[str, float]:
    return {"mean": statistics.mean(values), "least": min(values), "most": max(values)}


def curve(runs: list[dict[str, Any]], name: str) -> list[tuple[float, float]]:
    """Mean seconds and mean FID of the seeds at each measurement."""
    points = zip(*(run["points"] for run in runs if run["name"] == name), strict=True)
    return [tuple(statistics.mean(each[what] for each in at) for what in ("seconds", "fid")) for at in points]


def seconds_to(target: float, points: list[tuple[float, float]]) -> float | None:
    """Time at which a curve first reaches the target, with straight lines between measurements; None if never.

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
    """Table of means, and of the least and greatest value of the seeds."""
    settings, summary = report["settings"], report["summary"]
    shown = Table(
        title=f"after {settings['steps']:,} steps, {settings['samples']:,} samples, mean of {settings['seeds']} seeds "
        "(least … most)",
        title_justify="left",
        box=SIMPLE,
        pad_edge=False,
    )
    columns = (summary["ours"], PLAIN, summary["theirs"])
    for heading in ("", *columns, "real images"):
        shown.add_column(heading, justify="right" if heading else "left")
    for figure in ("seconds", *FIGURES, "digit share"):
        cells = [
            f"{one['mean']:.4g} ({one['least']:.4g} … {one['most']:.4g})" if one else ""
            for one in (summary[name].get(figure) for name in columns)
        ]
        floor = report["floor"].get(figure)
        shown.add_row(figure, *cells, "" if floor is None else f"{floor:.4g}")
    ratio = summary["of their time"]
    shown.add_row(
        f"time to the last FID of {summary['theirs']}", "never" if ratio is None else f"{ratio:.2f}", "", "1", ""
    )
    return shown


def draw_quality(figure: Any, report: dict[str, Any]) -> None:
    """Draw FID over the seconds of training: a thin line for each seed, a thick one for their mean."""
    figure.set_size_inches(8, 4.6)
    axes = figure.subplots()
    for name, colour, marker in zip(sides(report["runs"]), (BLUE, VERMILION), "os", strict=True):
        for run in (run for run in report["runs"] if run["name"] == name):
            points = [(point["seconds"], point["fid"]) for point in run["points"]]
            axes.plot(*zip(*points, strict=True), color=colour, linewidth=0.8, alpha=0.45)
        axes.plot(*zip(*curve(report["runs"], name), strict=True), color=colour, marker=marker, label=name)
    axes.axhline(report["floor"]["fid"], color=GREY, linestyle=(0, (4, 3)), linewidth=1, label="real images")
    axes.set(yscale="log", xlabel="seconds of training", ylabel="FID in features of the classifier of digits")
    axes.set_xlim(left=0)
    axes.grid(which="both", linewidth=0.6)
    axes.legend(fontsize=8.5)
    settings = report["settings"]
    title(axes, report, f"Image quality during training: {' and '.join(sides(report['runs']))}",
           f"{settings['samples']:,} samples; thick: mean of {settings['seeds']} seeds")  # fmt: skip


EXPERIMENT = Experiment(
    "image quality of the default run over time, beside PyTorch", minutes=45, main=main, draw=draw_quality
)
