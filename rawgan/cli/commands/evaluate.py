"""Runs: measure a trained generator against real images."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import tyro

from rawgan.cli.evaluation.images import report_on_images
from rawgan.cli.evaluation.points import report_on_points
from rawgan.cli.evaluation.report import write_report
from rawgan.cli.evaluation.translations import measured_images
from rawgan.cli.parsing import parse
from rawgan.cli.terminal.progress import progress_of
from rawgan.cli.terminal.text import Terminal
from rawgan.config.options import Range, Word
from rawgan.config.translation import TranslateConfig
from rawgan.device import resolve
from rawgan.errors import ArgumentError
from rawgan.gan import Translator
from rawgan.inference.moved_data import check_same_data, hinting_at_moved_data, with_moved_data
from rawgan.inference.trained_networks import (
    config_of,
    restore_comparable,
    restore_networks,
    translation_config_of,
)
from rawgan.metrics.extractors.choice import choose
from rawgan.metrics.figures.mixture_quality import POINTS
from rawgan.storage import RunFolder
from rawgan.storage.provenance import digest_of
from rawgan.tasks.noise import images_of


@dataclass(frozen=True)
class EvaluateConfig:
    """Measure the generator of a run against real images. Beside its figures stand those of other real images.

    Writes evaluation.json into the run folder and, for images from noise, nearest.png: samples beside training images
    nearest to them.
    """

    run: Annotated[Path, tyro.conf.Positional, Word("RUN")]
    """The run folder."""
    samples: Annotated[int | None, Range(1, 10**6)] = None
    """Number of images to make, and to compare with. Only figures of equal numbers compare. Unset: 10,000, or as
    many as there are real images; 2,500 points; for translated images, the whole hold-out set."""
    best: bool = False
    """Use the best checkpoint, as --evaluate-every measured it, instead of the latest."""
    device: Literal["auto", "cpu", "cuda"] = "auto"
    """Device; auto takes a GPU if there is one."""
    seed: int | None = None
    """Seed of the noise: the same seed gives the same figures. Unset: 0."""
    features: Annotated[str | None, Word("FILE")] = None
    """Feature extractor: self, learned from the images in a minute; random, a random network; or a file of rawgan
    train-classifier, of Inception's weights (inception says how to make it), or ONNX. Unset: the classifier of digits
    that comes with rawgan, for mnist and, for images from noise, stacked-mnist; self for other images from noise."""
    beside: Annotated[tuple[Path, ...], Word("RUN...")] = ()
    """Other runs of rawgan pix2pix or enhance to measure on the same hold-out set: one with --adversarial-weight 0, for
    example. Data and task must be the same."""
    data: Annotated[str | None, Word("DATA")] = None
    """New place of the run's images, if they have moved."""
    targets: Annotated[str | None, Word("DATA")] = None
    """New place of the run's --targets, if they have moved."""


def main(options: list[str]) -> int:
    """Measure, print the table, and write the files."""
    config = parse(EvaluateConfig, "rawgan evaluate", options)
    with RunFolder.open(config.run).held() as folder:
        return _evaluate(config, folder)


def _evaluate(config: EvaluateConfig, folder: RunFolder) -> int:
    """Measure a run."""
    console = Terminal()
    if (translating := translation_config_of(folder)) is not None:
        return _evaluate_translations(console, config, folder, translating)
    if config.beside:
        raise ArgumentError(f"--beside is for runs that translate images, and {config.run} is not; leave it out")
    trained = config_of(folder)
    asked = with_moved_data(trained, folder, config.data, config.targets)
    gan, about = restore_networks(folder, trained, resolve(config.device), config.best)
    seed = config.seed or 0
    if asked.data.mixture is not None:
        if config.features is not None:
            raise ArgumentError(f"--features is for images, but {config.run} makes points; leave it out")
        report_on_points(console, folder, asked.data.mixture, gan, about.step, config.samples or POINTS, seed)
        return 0
    features = None if config.features is None else choose(asked.data.place, config.features)
    with progress_of(console, "reading images") as show, hinting_at_moved_data(asked, folder):
        real = images_of(asked, show)
    if config.data is not None:
        check_same_data(asked, about, digest_of(real))
    best_by = about.made_by.get("evaluate_features") if config.best else None
    report_on_images(console, folder, asked, real, gan, about.step, config.samples, features, seed, best_by)
    return 0


def _evaluate_translations(console: Terminal, config: EvaluateConfig, folder: RunFolder, asked: TranslateConfig) -> int:
    """Measure a run that translates images, and others beside it."""
    if config.seed is not None:
        raise ArgumentError(f"--seed is for noise, but {config.run} translates images; leave it out")
    features = None if config.features is None else choose(asked.data.place, config.features)
    if isinstance(features, str):
        raise ArgumentError(
            f"--features {features} is for images from noise, but {config.run} translates images; give the file of a "
            "network"
        )
    device = resolve(config.device)
    asked = with_moved_data(asked, folder, config.data, config.targets)
    networks, about = restore_networks(folder, asked, device, config.best)
    trained_by, others = {str(config.run): about}, dict[str, Translator]()
    for run in map(str, config.beside):
        others[run], trained_by[run] = restore_comparable(RunFolder.open(run), asked, about, device, config.best)
    with hinting_at_moved_data(asked, folder):
        measured = measured_images(console, asked, networks, others, config.samples, features, trained_by)
    write_report(console, folder, about.step, **measured)
    return 0
