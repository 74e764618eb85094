"""python -m bench modes: number of the 1000 modes of stacked digits that GANs find, beside published figures."""

import os
import shlex
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, redirect_stdout
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table

from bench.common import machine, store
from bench.common.errors import BenchError
from bench.common.experiment import Experiment
from bench.common.pictures import BLUE, GREY, VERMILION, title
from bench.common.terminal import make_console, print_lines
from bench.common.workers import limit_threads
from rawgan.cli.parsing import parse

RECIPE = ("--model", "dcgan", "--width", "32", "--ema", "0.999", "--half-life", "10000", "--steps", "30000",
          "--checkpoint-every", "2000", "--keep", "100", "--sample-every", "5000")  # fmt: skip
"""Options of `rawgan train --data stacked-mnist`."""
PLAIN_WIDTH, PLAIN_RATE = 8, 2e-4
"""Plain GAN: channels next to the image in D, a quarter of G's; Adam's learning rate. Source: Lin et al. 2018"""
SAMPLES = 26_000
"""Number of images behind published figures."""
PUBLISHED = {
    "DCGAN (Srivastava et al. 2017)": (99, 3.40),
    "DCGAN (Lin et al. 2018)": (78.9, 4.50),
    "PacDCGAN2 (Lin et al. 2018)": (1000, 0.06),
    "WGAN-GP": (959, 0.73),
    "R3GAN's pairs, R1 and R2, a small ResNet (Huang et al. 2024)": (1000, 0.078),
    "R3GAN, its last network (Huang et al. 2024)": (1000, 0.029),
}
"""Modes, and KL divergence from equal shares."""


@dataclass(frozen=True)
class ModesConfig(store.SaveConfig):
    """Train a plain DCGAN and rawgan's recipe on stacked digits, and count modes during training.

    The plain one has a D of convolutions and one linear layer, without rawgan's hidden layer, and DCGAN's learning
    rate. 26,000 images are classified each time, as in published figures.
    """

    plain_steps: int = 2000
    """Steps of the plain DCGAN."""
    plain_every: int = 500
    """Measure the plain DCGAN every N steps."""
    run: Path | None = None
    """Folder of a finished run of the recipe. Unset: train it."""
    samples: int = SAMPLES
    """Images in a measurement."""
    more: str = ""
    """Further options of rawgan train for the recipe, such as --more="--seed 1"."""


def main(options: list[str]) -> None:
    """Train, count and report.

    Raises: BenchError if the recipe cannot be trained
    """
    from rawgan.metrics import feature_extractor, perfect_kl

    config = parse(ModesConfig, "python -m bench modes", options)
    if config.plain_steps < 1 or config.plain_every < 1:
        raise BenchError("--plain-steps and --plain-every must be at least 1")
    threads, console, facts = limit_threads(0), make_console(), machine.facts()
    extractor, runs = feature_extractor("stacked-mnist"), dict[str, list[dict[str, Any]]]()
    with ExitStack() as stack:
        path = config.run or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="rawgan-bench-"))) / "run"
        for name, points in (("plain", _plain(console, config)), ("recipe", _recipe(console, config, path))):
            runs[name] = []
            for step, seconds, images in points:
                found = {"step": step, "seconds": seconds, **measured(extractor, images)}
                runs[name].append(found)
                line = f"{name:<7} step {step:6,}  {found['modes']:4} modes  KL {found['kl']:.3f}"
                print_lines(console, [line])
    report = {
        "benchmark": "modes", "machine": facts, "published": PUBLISHED, "results": runs,
        "perfect": perfect_kl(config.samples, np.full(1000, 1e-3)),
        "settings": {"threads": threads, "samples": config.samples, "recipe": [*RECIPE, *shlex.split(config.more)]},
    }  # fmt: skip
    console.print(table(report))
    print_lines(console, machine.lines(facts, threads))
    store.save(console, config, "modes", report, draw_modes)


def measured(extractor: Any, images: np.ndarray[Any, Any]) -> dict[str, float]:
    """Modes with at least one image, modes with more images than chance explains, and KL divergence from equal shares.

    Shapes: images (N, 28, 28, 3) uint8
    """
    from rawgan.metrics import class_histogram, least_count, modes_covered, reverse_kl

    counts = class_histogram(extractor.probabilities(extractor.features(images)).argmax(axis=1), extractor.classes)
    least = least_count(len(images), extractor.classes)
    return {
        "modes": int(modes_covered(counts)),
        "modes_of_least_count": int(modes_covered(counts, least)),
        "kl": float(reverse_kl(counts, np.full(extractor.classes, 1 / extractor.classes))),
    }


Point = tuple[int, float | None, np.ndarray[Any, Any]]
"""Step, seconds of training until then (None if unknown), images."""


def _plain(console: Console, config: ModesConfig) -> Iterator[Point]:
    """Train the plain DCGAN, and yield its images at each measurement."""
    from rawgan import Tensor, nn, optim
    from rawgan.data import Batches, load, to_uint8
    from rawgan.gan import ImageSpec, build, generate, train_step

    rng, init = np.random.default_rng(0), nn.init.normal(0.02)
    wide = 2 * PLAIN_WIDTH
    discriminator = nn.Sequential(
        nn.Conv2d(3, PLAIN_WIDTH, 4, stride=2, padding=1, rng=rng, init=init), nn.LeakyReLU(0.2),
        nn.Conv2d(PLAIN_WIDTH, wide, 4, stride=2, padding=1, bias=False, rng=rng, init=init), nn.BatchNorm(wide),
        nn.LeakyReLU(0.2), nn.Flatten(), nn.Linear(7 * 7 * wide, 1, rng=rng, init=init),
    )  # fmt: skip
    gan = build("dcgan", ImageSpec(28, 3), width=4 * PLAIN_WIDTH, learning_rate=PLAIN_RATE)
    optimizer = optim.Adam(discriminator.parameters(), PLAIN_RATE, (0.5, 0.999))
    gan = replace(gan, discriminator=discriminator, d_optimizer=optimizer)
    batches = Batches(load("stacked-mnist", image_size=28), 64, seed=0)
    seconds = 0.0
    with console.status("") as status:
        for index in range(config.plain_steps):
            started = time.perf_counter()
            train_step(gan, Tensor(batches.batch(index)), gan.noise(0, "train", 64, index), index=index)
            seconds += time.perf_counter() - started
            step = index + 1
            status.update(f"plain DCGAN, step {step:,} of {config.plain_steps:,}")
            if step % config.plain_every == 0 or step == config.plain_steps:
                yield step, seconds, to_uint8(generate(gan.generator, gan.noise(0, "evaluate", config.samples)))


def _recipe(console: Console, config: ModesConfig, path: Path) -> Iterator[Point]:
    """Run `rawgan train`, unless there is a run, and yield images of each of its checkpoints."""
    from rawgan.cli import main as rawgan
    from rawgan.data import to_uint8
    from rawgan.gan import generate
    from rawgan.inference.trained_networks import config_of
    from rawgan.storage import RunFolder
    from rawgan.storage.checkpoint import read
    from rawgan.tasks.noise import build_gan
    from rawgan.training.state import restore_gan

    seconds: float | None = None
    if config.run is None:
        options = ["train", "--data", "stacked-mnist", *RECIPE, *shlex.split(config.more), "--out", str(path)]
        print_lines(console, [f"rawgan {' '.join(options)}"])
        started = time.perf_counter()
        with open(os.devnull, "w") as nowhere, redirect_stdout(nowhere), console.status("training, up to an hour"):
            if rawgan(options):
                raise BenchError(f"rawgan {' '.join(options)} failed")
        seconds = time.perf_counter() - started
    folder = RunFolder.open(path)
    asked, files = config_of(folder), folder.checkpoints()
    for file in files:
        checkpoint = read(file)
        gan = build_gan(asked, "cpu")
        restore_gan(gan, checkpoint)
        step = checkpoint.about.step
        until = None if seconds is None else seconds * step / max(1, read(files[-1]).about.step)
        yield step, until, to_uint8(generate(gan.sampler, gan.noise(0, "evaluate", config.samples)))


def table(report: dict[str, Any]) -> Table:
    """Table of the first and the last measurement of both, with the published figures below."""
    shown = Table(title=f"{report['settings']['samples']:,} images each", title_justify="left", box=SIMPLE)
    for heading in ("", "modes of 1000", "KL"):
        shown.add_column(heading, justify="right" if heading else "left")
    for name, words in (("plain", "a plain DCGAN"), ("recipe", "rawgan's recipe")):
        points = report["results"][name]
        for point in dict.fromkeys((0, len(points) - 1)):
            found = points[point]
            shown.add_row(f"{words}, step {found['step']:,}", str(found["modes"]), f"{found['kl']:.3f}")
    for name, (modes, kl) in report["published"].items():
        shown.add_row(f"published: {name}", f"{modes:g}", f"{kl:g}")
    shown.add_row("perfect samples", "1000", f"{report['perfect']:.3f}")
    return shown


def draw_modes(figure: Any, report: dict[str, Any]) -> None:
    """Draw KL over the steps, and modes below it."""
    figure.set_size_inches(8, 6.4)
    above, below = figure.subplots(2, 1, sharex=True)
    for name, words, colour in (("plain", "a plain DCGAN", VERMILION), ("recipe", "rawgan's recipe", BLUE)):
        steps, kl, found = zip(*((p["step"], p["kl"], p["modes"]) for p in report["results"][name]), strict=True)
        above.plot(steps, kl, color=colour, marker="o", markersize=4, label=words)
        below.plot(steps, found, color=colour, marker="o", markersize=4)
    above.axhline(report["perfect"], color=GREY, linestyle=(0, (4, 3)), linewidth=1, label="perfect samples")
    above.set(yscale="log", ylabel="KL divergence from equal shares")
    below.set(ylabel="modes of 1000", xlabel="training steps", ylim=(0, 1050))
    below.set_xlim(left=0)
    for axes in (above, below):
        axes.grid(linewidth=0.6)
    above.legend(fontsize=8.5)
    title(above, report, "Modes of stacked digits", f"{report['settings']['samples']:,} samples each time")


EXPERIMENT = Experiment(
    "modes of stacked digits that GANs find, and lose, during training", minutes=60, main=main, draw=draw_modes
)
