"""rawgan evaluate"""

import hashlib
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
import tyro
from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table

from rawgan import __version__
from rawgan.cli.parsing import parse
from rawgan.cli.points import measured, print_figures
from rawgan.cli.terminal.progress import progress_of, waiting
from rawgan.cli.terminal.text import Terminal, say, telling
from rawgan.cli.translated import measured_images
from rawgan.config.options import Range, Word
from rawgan.config.translation import TranslateConfig
from rawgan.data import Mixture, to_uint8
from rawgan.device import resolve
from rawgan.errors import ArgumentError, one_line
from rawgan.gan import GAN, Translator, generate
from rawgan.inference.moved_data import check_same_data, hinting_at_moved_data, with_moved_data
from rawgan.inference.trained_networks import (
    checkpoint_of,
    config_of,
    restore,
    restore_comparable,
    restore_networks,
    translation_config_of,
)
from rawgan.metrics import FIGURES, Reference, draw, nearest_images
from rawgan.metrics.extractors.stored_classifier import DIGITS
from rawgan.metrics.figures.mixture_quality import POINTS
from rawgan.pictures import save_grid
from rawgan.pictures.scatter import save_scatter
from rawgan.storage import RunFolder
from rawgan.storage.json_file import write_json
from rawgan.storage.provenance import digest_of
from rawgan.tasks.evaluators import Evaluator
from rawgan.tasks.noise import images_of

LOOKED_AT = 500
"""Samples whose nearest training image is searched for."""
UNKNOWN = {"collapsed_modes": math.nan, "collapsed_modes_of_least_count": math.nan}
"""Values of `Reference.expected` if the classifier's errors are unknown."""
NEAREST = ("sample", "nearest")
"""Words above the columns of nearest.png."""
SHOWN = 32
"""Of these, as many as the picture shows: the nearest."""


@dataclass(frozen=True)
class EvaluateConfig:
    """Measure the generator of a run against real images, with the figures that other real images reach beside them.

    Writes evaluation.json into the run folder; of what is made of noise also nearest.png, samples beside the training
    images nearest to them.
    """

    run: Annotated[Path, tyro.conf.Positional, Word("RUN")]
    """The run folder."""
    samples: Annotated[int | None, Range(1, 10**6)] = None
    """Number of images to make, and to compare with; figures compare only at equal counts. Unset: 10,000, or as many as
    there are real images; of points, 2,500; of images made out of images, all that were not trained with."""
    best: bool = False
    """Take the best checkpoint, of those that --evaluate-every measured, instead of the latest."""
    device: Literal["auto", "cpu", "cuda"] = "auto"
    """Where to make the images; auto takes a GPU when there is one."""
    seed: int | None = None
    """Seed of the noise: the same seed gives the same figures. Unset: 0."""
    features: Annotated[Path | None, Word("FILE")] = None
    """Network that extracts the features to compare: a file of rawgan train-classifier, or an ONNX file. Unset: the
    classifier of digits that comes with rawgan, for mnist and, of what is made of noise, stacked-mnist."""
    beside: Annotated[tuple[Path, ...], Word("RUN...")] = ()
    """Other runs that make the same of the same images, to be measured, too: one with --adversarial-weight 0, for
    example. Of rawgan pix2pix and enhance."""
    data: Annotated[str | None, Word("DATA")] = None
    """Where the images of the run are, if they are elsewhere than when it was trained."""
    targets: Annotated[str | None, Word("DATA")] = None
    """The same of those of --targets."""


def main(options: list[str]) -> int:
    """Measure, print the table, and write the files."""
    config = parse(EvaluateConfig, "rawgan evaluate", options)
    with RunFolder.open(config.run).held() as folder:
        return _evaluate(config, folder)


def _evaluate(config: EvaluateConfig, folder: RunFolder) -> int:
    """Measure a run."""
    console, seed = Terminal(), config.seed or 0
    if (translating := translation_config_of(folder)) is not None:
        return _of_images(console, config, folder, translating)
    if config.beside:
        raise ArgumentError(
            f"--beside is for runs that make images out of images, and {config.run} is not; leave it out"
        )
    asked = with_moved_data(config_of(folder), folder, config.data, config.targets)
    gan, step = restore(folder, resolve(config.device), config.best)
    if asked.data.mixture is not None:
        return _of_points(console, config, folder, asked.data.mixture, gan, step)
    with progress_of(console, "reading images") as show, hinting_at_moved_data(asked, folder):
        seen = images_of(asked, show)
    if config.data is not None:
        check_same_data(asked, checkpoint_of(folder, config.best).about, digest_of(seen))
    with progress_of(console, "looking at real images") as show:
        evaluator = Evaluator(asked, seen, config.features, config.samples, seed, show)
    reference, count = evaluator.reference, evaluator.reference.count
    latent, labels = evaluator.ask(gan)
    with progress_of(console, "generating") as show:
        images = to_uint8(generate(gan.sampler, latent, on_progress=show))
    with progress_of(console, "measuring") as show:
        generated = evaluator.measure(images, show, labels)
    with waiting(console, "measuring real images"):
        floor = dict(reference.floor)
        if "label_kept" in generated:
            floor["label_kept"] = reference.accuracy
    with waiting(console, "looking for the nearest training images"):
        near = nearest_images(images[:LOOKED_AT], seen.images)
        generated["nearest"] = float(np.median(near.distance))
        others = draw(evaluator.held_out, min(count, LOOKED_AT), seed).images
        floor["nearest"] = float(np.median(nearest_images(others, evaluator.training.images).distance))

    by = str(config.features) if config.features else "the classifier of digits"
    title = f"{count:,} samples of step {step:,} and as many training images, by {reference.training.shape[1]} features"
    console.print(_table(f"{title} of {by}", generated, floor, reference))
    if len(generated.get("histogram", ())) in range(1, 21):
        names = reference.extractor.class_names or range(len(generated["histogram"]))
        shares = "  ".join(
            f"{one_line(str(name))}: {100 * n / count:.1f}"
            for name, n in zip(names, generated["histogram"], strict=False)
        )
        console.print(f"per cent of each class  {shares}", soft_wrap=True)
    said = {
        "rawgan": __version__, "step": step, "samples": count, "seed": seed, "features": by,
        "features_sha256": hashlib.sha256((config.features or DIGITS).read_bytes()).hexdigest(),
        "generated": generated, "floor": floor, "expected": reference.expected,
    }  # fmt: skip
    first = np.argsort(near.distance, kind="stable")[:SHOWN]
    with folder.results():
        _write(console, folder, said)
        _write_pairs(console, folder, np.stack([images[first], seen.images[near.which[first]]], axis=1))
    return 0


def _of_points(
    console: Console, config: EvaluateConfig, folder: RunFolder, mixture: Mixture, gan: GAN, step: int
) -> int:
    """The same for points: modes and high quality, beside what the mixture's own points reach."""
    if config.features is not None:
        raise ArgumentError(f"--features is about images, but {config.run} makes points; leave it out")
    count, seed = config.samples or POINTS, config.seed or 0
    points, generated, floor = measured(gan, mixture, count, seed)
    print_figures(console, f"{count:,} points of step {step:,}", generated, floor)
    said = {
        "rawgan": __version__, "step": step, "samples": count, "seed": seed,
        "generated": generated, "floor": floor,
    }  # fmt: skip
    with folder.results():
        _write(console, folder, said)
        with telling(console):
            say(console, f"points: {save_scatter(folder.path / 'points.png', points, mixture, f'step {step:,}')}")
    return 0


def _of_images(console: Console, config: EvaluateConfig, folder: RunFolder, asked: TranslateConfig) -> int:
    """The same for images that are made out of images: how near they are to what they should be."""
    if config.seed is not None:
        raise ArgumentError(f"--seed is of noise, but {config.run} makes images out of images; leave it out")
    device = resolve(config.device)
    asked = with_moved_data(asked, folder, config.data, config.targets)
    networks, about = restore_networks(folder, asked, device, config.best)
    trained_by, others = {str(config.run): about}, dict[str, Translator]()
    for run in map(str, config.beside):
        others[run], trained_by[run] = restore_comparable(RunFolder.open(run), asked, about, device, config.best)
    with hinting_at_moved_data(asked, folder):
        measured = measured_images(console, asked, networks, others, config.samples, config.features, trained_by)
    _write(console, folder, {"rawgan": __version__, "step": about.step, **measured})
    return 0


def _write_pairs(console: Console, folder: RunFolder, pairs: np.ndarray[Any, Any]) -> None:
    """Write the picture, and say where it is. Shapes: pairs (N, 2, H, W, C)"""
    picture = save_grid(folder.path / "nearest.png", pairs.reshape(-1, *pairs.shape[2:]), columns=8, heads=NEAREST)
    say(console, f"samples, each with the training image nearest to it on its right: {picture}")


def _write(console: Console, folder: RunFolder, said: dict[str, Any]) -> None:
    """Write the figures, and say where they are."""
    figures = folder.path / "evaluation.json"
    write_json(figures, said)
    say(console, f"figures: {figures}")


def _table(title: str, generated: dict[str, Any], floor: dict[str, Any], reference: Reference) -> Table:
    known: dict[str, Any] = {"classes": reference.extractor.classes, **UNKNOWN, **reference.expected}
    if "classifier_error" in reference.expected:
        title += f", which errs on {100 * known['classifier_error']:.2f} %"
    table = Table(title=title, title_justify="left", box=SIMPLE, pad_edge=False)
    for heading in ("", "generated", "real images", ""):
        table.add_column(heading, justify="right" if heading else "left")
    for figure in FIGURES.values():
        if figure.name in generated:
            values = (format(figures[figure.name], figure.format) for figures in (generated, floor))
            table.add_row(figure.label.format(**known), *values, figure.remark.format(**known))
    return table
