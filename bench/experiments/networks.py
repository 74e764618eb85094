"""python -m bench networks: images of each model, after as much time as the default run takes."""

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Annotated, Any

import tyro
from rich.box import SIMPLE
from rich.table import Table

from bench.common import machine, store
from bench.common.errors import BenchError
from bench.common.experiment import Experiment
from bench.common.terminal import make_console, print_lines
from bench.common.workers import limit_threads
from bench.experiments.modes import SAMPLES, measured
from rawgan.cli.parsing import parse
from rawgan.config.noise import TrainConfig
from rawgan.data import load, to_uint8
from rawgan.gan import ImageSpec, generate
from rawgan.gan.networks import models_for
from rawgan.metrics import feature_extractor
from rawgan.tasks.evaluators import Evaluator
from rawgan.training import Trainer

CYCLE = 16
"""Steps in a round of timing: one cycle of the longest lazy penalty."""


@dataclass(frozen=True)
class NetworksConfig(store.SaveConfig):
    """Train every model of images on MNIST and on stacked MNIST, each as long as the first takes for its steps.

    Steps of all models are timed in turn before anything is trained, and the number of steps of each follows from that.
    What else the machine does then concerns all of them, and what it does later concerns none. DCGAN comes first.
    """

    models: tuple[str, ...] = ("dcgan", *(name for name in models_for(ImageSpec) if name != "dcgan"))
    """Models to train."""
    steps: int = 3000
    """Steps of the first model."""
    samples: int = 10_000
    """Digits that FID is computed from."""
    stacked_samples: int = SAMPLES
    """Stacked digits that modes are counted in."""
    rounds: int = 3
    """Turns of timing."""
    seed: int = 0
    """Seed of all trainings."""
    threads: Annotated[int, tyro.conf.arg(help_behavior_hint="(default: all cores)")] = 0
    """Threads to compute with; 0 is one for each core."""


def main(options: list[str]) -> None:
    """Time, train, measure, report.

    Raises: BenchError for a model that there is not
    """
    config = parse(NetworksConfig, "python -m bench networks", options)
    if unknown := [name for name in config.models if name not in models_for(ImageSpec)]:
        raise BenchError(f"no model is called {unknown[0]}; they are: {', '.join(models_for(ImageSpec))}")
    threads, console, facts = limit_threads(config.threads), make_console(), machine.facts()
    results: dict[str, dict[str, Any]] = {name: {"parameters": parameters(config, name)} for name in config.models}
    measures = {"mnist": _fid, "stacked-mnist": _modes}
    costs: dict[str, dict[str, float]] = {}
    with console.status("") as status:
        say: Callable[[str], None] = status.update
        for data in measures:
            say(f"{data}: steps of each model, in turn")
            costs[data] = step_costs(config, data)
        for data, measure in measures.items():
            look, first = measure(config), costs[data][config.models[0]]
            for name in config.models:
                cost = costs[data][name] / first
                steps = max(1, round(config.steps / cost))
                trainer = train(config, data, name, steps, say)
                say(f"{data}, {name}: measuring")
                found = look(trainer)
                results[name][data] = {"steps": steps, "relative_cost": cost} | found
                figures = ", ".join(f"{figure} {value:.3f}" for figure, value in found.items())
                console.print(f"{data}, {name}: {steps:,} steps, each × {cost:.2f}: {figures}")
    report = {
        "benchmark": "networks", "machine": facts, "results": results,
        "settings": {**asdict(config), "results": None, "threads": threads},
    }  # fmt: skip
    console.print(table(report))
    print_lines(console, machine.lines(facts, threads))
    store.save(console, config, "networks", report)


def asked(config: NetworksConfig, data: str, model: str, steps: int) -> TrainConfig:
    """Configuration of a training: the model's defaults."""
    return TrainConfig.of(data=data, model=model, steps=steps, noise_steps=steps, seed=config.seed)


def parameters(config: NetworksConfig, model: str) -> dict[str, int]:
    """Number of parameters of G and D."""
    gan = Trainer(asked(config, "mnist", model, 1)).gan
    return {
        side: sum(p.size for p in network.parameters())
        for side, network in (("generator", gan.generator), ("discriminator", gan.discriminator))
    }


def step_costs(config: NetworksConfig, data: str) -> dict[str, float]:
    """Seconds of a step of each model, timed in turn: the least of the rounds."""
    trainers = {name: Trainer(asked(config, data, name, config.steps)) for name in config.models}
    least = dict.fromkeys(trainers, float("inf"))
    for turn in range(config.rounds + 1):
        for name, trainer in trainers.items():
            started = time.perf_counter()
            for _ in range(CYCLE):
                trainer.step(trainer.reached + 1)
            if turn:  # the first compiles
                least[name] = min(least[name], (time.perf_counter() - started) / CYCLE)
    return least


def train(config: NetworksConfig, data: str, model: str, steps: int, say: Callable[[str], None]) -> Trainer:
    """Train a model to the end."""
    trainer = Trainer(asked(config, data, model, steps))
    for number in range(1, steps + 1):
        if number % 20 == 1:
            say(f"{data}, {model}: step {number:,} of {steps:,}")
        trainer.step(number)
    return trainer


Look = Callable[[Trainer], dict[str, float]]
"""Figures of a trained model."""


def _fid(config: NetworksConfig) -> Look:
    evaluator = Evaluator(TrainConfig.of(), load("mnist", image_size=28), samples=config.samples)

    def look(trainer: Trainer) -> dict[str, float]:
        latent, labels = evaluator.ask(trainer.gan)
        found = evaluator.measure(generate(trainer.gan.sampler, latent), labels=labels)
        return {name: float(found[name]) for name in ("fid", "precision", "recall")}

    return look


def _modes(config: NetworksConfig) -> Look:
    extractor = feature_extractor("stacked-mnist")

    def look(trainer: Trainer) -> dict[str, float]:
        noise = trainer.gan.noise(config.seed, "evaluate", config.stacked_samples)
        return measured(extractor, to_uint8(generate(trainer.gan.sampler, trainer.gan.latent(noise, labels=None))))

    return look


def table(report: dict[str, Any]) -> Table:
    """Table of the models: cost, FID, modes."""
    shown = Table(
        title=f"each as long as {report['settings']['steps']:,} steps of {report['settings']['models'][0]}",
        title_justify="left",
        box=SIMPLE,
        pad_edge=False,
    )
    for heading in ("model", "parameters of G", "of D", "time of a step", "steps", "FID", "modes of 1000", "KL"):
        shown.add_column(heading, justify="left" if heading == "model" else "right")
    for name, row in report["results"].items():
        digits, stacked = row["mnist"], row["stacked-mnist"]
        shown.add_row(
            name, f"{row['parameters']['generator']:,}", f"{row['parameters']['discriminator']:,}",
            f"× {digits['relative_cost']:.2f}", f"{digits['steps']:,}", f"{digits['fid']:.2f}",
            f"{stacked['modes']:.0f}", f"{stacked['kl']:.3f}",
        )  # fmt: skip
    return shown


EXPERIMENT = Experiment("images of each model, after as much time as the default run takes", minutes=45, main=main)
