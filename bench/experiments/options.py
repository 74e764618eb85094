"""python -m bench options: effect of each option of training on the images, and its cost."""

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Annotated, Any

import numpy as np
import tyro
from rich.box import SIMPLE
from rich.table import Table

from bench.common import machine, store
from bench.common.errors import BenchError
from bench.common.experiment import Experiment
from bench.common.rounds import Spread, ratios
from bench.common.terminal import make_console, print_lines
from bench.common.workers import limit_threads
from rawgan.cli.parsing import parse
from rawgan.config.noise import TrainConfig
from rawgan.data import load
from rawgan.gan import generate
from rawgan.pictures import save_grid
from rawgan.tasks.evaluators import Evaluator
from rawgan.training import Trainer

ROWS, COLUMNS = 4, 8
"""Images on each side of a picture."""


@dataclass(frozen=True)
class Option:
    """An option of training: its flags, the settings they stand for, and the settings on both sides."""

    flags: str
    asked: dict[str, Any]
    base: dict[str, Any]

    @property
    def name(self) -> str:
        """Name of its picture."""
        return self.flags.replace("--", "").replace("+", "-").replace(" ", "-")


DCGAN: dict[str, Any] = {}
RESIDUAL: dict[str, Any] = {"model": "residual"}
OPTIONS = (
    Option("--objective minimax", {"objective": "minimax"}, DCGAN),
    Option("--objective least-squares", {"objective": "least-squares"}, DCGAN),
    Option("--objective hinge", {"objective": "hinge"}, DCGAN),
    Option("--objective relativistic", {"objective": "relativistic"}, DCGAN),
    Option("--objective wasserstein", {"objective": "wasserstein"}, RESIDUAL | {"penalty": "wgan-gp"}),
    Option("--penalty wgan-gp", {"penalty": "wgan-gp"}, RESIDUAL | {"objective": "wasserstein"}),
    Option("--penalty r1", {"penalty": "r1"}, RESIDUAL),
    Option("--penalty r2", {"penalty": "r2"}, RESIDUAL),
    Option("--penalty r1+r2", {"penalty": "r1+r2"}, RESIDUAL | {"objective": "relativistic"}),
    Option("--penalty dragan", {"penalty": "dragan"}, RESIDUAL),
    Option("--penalty-every 4", {"penalty_every": 4}, RESIDUAL | {"penalty": "r1"}),
    Option("--conditional projection", {"conditional": "projection"}, DCGAN),
    Option("--conditional auxiliary", {"conditional": "auxiliary"}, DCGAN),
    Option("--spectral-norm", {"spectral_norm": True}, {"objective": "hinge"}),
    Option("--pack 2", {"pack": 2}, DCGAN),
    Option("--ema 0.998", {"ema": 0.998}, {"ema": 0.0}),
    Option("--smooth-real 0.1", {"smooth_real": 0.1}, DCGAN),
    Option("--instance-noise 0.5", {"instance_noise": 0.5}, DCGAN),
    Option("--d-steps 2", {"d_steps": 2}, DCGAN),
    Option("--g-steps 2", {"g_steps": 2}, DCGAN),
    Option("--half-life 250", {"half_life": 250}, DCGAN),
    Option("--d-learning-rate 0.002", {"d_learning_rate": 2e-3}, DCGAN),
)


@dataclass(frozen=True)
class OptionsConfig(store.SaveConfig):
    """Train with and without each option of the objective and the networks, from the same seed, and compare images.

    Networks are small and trainings on MNIST short: they show the effect of an option, not how good images can get.
    The cost is the time of a step with the option relative to one without, taken in turn. Pictures, without the option
    on the left and with it on the right, go into the folder options, beside the figures.
    """

    only: tuple[str, ...] = ()
    """Options to compare, by parts of their names, such as penalty. Unset: all."""
    steps: int = 1000
    """Steps of each training; half as many for the residual networks."""
    width: int = 16
    """Channels of the narrowest hidden layer; half as many for the residual networks."""
    samples: int = 2000
    """Images that FID is computed from."""
    rounds: int = 5
    """Turns of steps with and without an option."""
    seed: int = 0
    """Seed of all trainings."""
    threads: Annotated[int, tyro.conf.arg(help_behavior_hint="(default: all cores)")] = 0
    """Threads to compute with; 0 is one for each core."""


def main(options: list[str]) -> None:
    """Train, measure, draw, report.

    Raises: BenchError for a name that no option has
    """
    config = parse(OptionsConfig, "python -m bench options", options)
    chosen = [option for option in OPTIONS if not config.only or any(part in option.flags for part in config.only)]
    if not chosen:
        raise BenchError(f"there is no such option; they are: {', '.join(option.flags for option in OPTIONS)}")
    threads, console, facts = limit_threads(config.threads), make_console(), machine.facts()
    results = []
    with console.status("looking at real images") as status:
        evaluator = Evaluator(TrainConfig.of(), load("mnist", image_size=28), samples=config.samples)
        trained: dict[str, Trained] = {}
        for option in chosen:
            without, with_it = asked(config, option)
            results.append(compare(config, option, [without, with_it], evaluator, trained, status.update))
    report = {
        "benchmark": "options",
        "machine": facts,
        "settings": {**asdict(config), "results": None, "threads": threads},
        "floor": {"fid": evaluator.reference.floor["fid"]},
        "results": results,
    }
    console.print(table(report))
    print_lines(console, machine.lines(facts, threads))
    store.save(console, config, "options", report)


def asked(config: OptionsConfig, option: Option) -> tuple[TrainConfig, TrainConfig]:
    """Configurations of the training without the option and of the one with it."""
    part = 2 if option.base.get("model") == "residual" else 1
    steps, width = max(1, config.steps // part), max(1, config.width // part)
    base = TrainConfig.of(model="dcgan", steps=steps, width=width, seed=config.seed, noise_steps=steps)
    without = base.replace(**option.base)
    return without, without.replace(**option.asked)


@dataclass(frozen=True)
class Trained:
    """A finished training, its images and their FID."""

    training: Trainer
    images: np.ndarray[Any, Any]
    fid: float


def compare(
    config: OptionsConfig,
    option: Option,
    sides: list[TrainConfig],
    evaluator: Evaluator,
    trained: dict[str, Trained],
    say: Callable[[str], None],
) -> dict[str, Any]:
    """Train both sides, unless another option did so already, draw their images, and time their steps in turn."""
    found = []
    for which, side in zip(("without", "with"), sides, strict=True):
        key = repr(side)
        if key not in trained:
            trained[key] = train(side, evaluator, lambda what, which=which: say(f"{which} {option.flags}: {what}"))
        found.append(trained[key])
    say(f"steps with and without {option.flags}, in turn")
    seconds = take_turns([one.training for one in found], config.rounds)
    picture = config.results / "options" / f"{option.name}.png"
    if config.save:
        picture.parent.mkdir(parents=True, exist_ok=True)
        save_grid(picture, beside(found[0].images, found[1].images), columns=2 * COLUMNS + 1, scale=1)
    return {
        "option": option.flags,
        "base": option.base,
        "steps": sides[0].optimiser.steps,
        "width": sides[0].networks.width,
        "fid": {"without": found[0].fid, "with": found[1].fid},
        "cost": Spread.of(ratios(seconds[1], seconds[0])).as_dict(),
        "picture": picture.name,
    }


def train(config: TrainConfig, evaluator: Evaluator, say: Callable[[str], None]) -> Trained:
    """Train to the end, and measure the images."""
    training = Trainer(config)
    for number in range(1, training.steps + 1):
        if number % 50 == 1:
            say(f"step {number} of {training.steps}")
        training.step(number)
    gan = training.gan
    latent, labels = evaluator.ask(gan)
    fid = evaluator.measure(generate(gan.sampler, latent), labels=labels)["fid"]
    shown = ROWS * COLUMNS
    asked_for = np.arange(shown) // 4 if gan.classes else None  # two classes in a row, 0 and 1 in the first
    latent = gan.latent(gan.noise(config.seed, "samples", shown), asked_for)
    return Trained(training, generate(gan.sampler, latent), float(fid))


def take_turns(trainings: list[Trainer], rounds: int, steps: int = 12) -> list[list[float]]:
    """Time some steps of each training in every round. Returns seconds."""
    seconds: list[list[float]] = [[] for _ in trainings]
    for _ in range(rounds):
        for training, found in zip(trainings, seconds, strict=True):
            training.step(training.reached + 1)
            started = time.perf_counter()
            for _ in range(steps):
                training.step(training.reached + 1)
            found.append(time.perf_counter() - started)
    return seconds


def beside(left: np.ndarray[Any, Any], right: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Join two grids, with an empty column between them. Shapes: (32, H, W, C) each → (4 · 17, H, W, C)"""
    shape = left.shape[1:]
    gap = np.full((ROWS, 1, *shape), -0.5, left.dtype)
    halves = [side.reshape(ROWS, COLUMNS, *shape) for side in (left, right)]
    return np.concatenate([halves[0], gap, halves[1]], axis=1).reshape(-1, *shape)


def table(report: dict[str, Any]) -> Table:
    """Table of the cost and FID of every option."""
    shown = Table(
        title=f"FID of {report['settings']['samples']:,} samples; real images: {report['floor']['fid']:.2f}",
        title_justify="left",
        box=SIMPLE,
        pad_edge=False,
    )
    for heading in ("option", "on both sides", "time of a step", "FID without", "with"):
        shown.add_column(heading, justify="left" if heading in ("option", "on both sides") else "right")
    for row in report["results"]:
        shown.add_row(
            row["option"],
            " ".join(map(str, row["base"].values())),
            f"× {row['cost']['median']:.2f}",
            f"{row['fid']['without']:.1f}",
            f"{row['fid']['with']:.1f}",
        )
    return shown


EXPERIMENT = Experiment("effect and cost of each option of training", minutes=40, main=main)
