"""Report on generated images: figures beside those of real images, and the nearest training images."""

import math
from pathlib import Path
from typing import Any

import numpy as np
from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table

from rawgan.cli.evaluation.report import write_report
from rawgan.cli.terminal.progress import progress_of, waiting
from rawgan.cli.terminal.text import say
from rawgan.config.noise import TrainConfig
from rawgan.data import ImageSet, to_uint8
from rawgan.errors import one_line
from rawgan.gan import GAN, generate
from rawgan.metrics import FIGURES, Reference, draw, nearest_images
from rawgan.pictures import save_grid
from rawgan.storage import RunFolder
from rawgan.storage.provenance import short_digest
from rawgan.tasks.evaluators import Evaluator

SEARCHED = 500
"""Number of samples whose nearest training images are searched."""
UNKNOWN = {"collapsed_modes": math.nan, "collapsed_modes_of_least_count": math.nan}
"""Values of `Reference.expected` if the classifier's errors are unknown."""
NEAREST = ("sample", "nearest")
"""Words above the columns of nearest.png."""
SHOWN = 32
"""Number of samples that nearest.png shows: those nearest to a training image."""
LISTED = 20
"""Number of classes up to which the share of each is printed."""


def report_on_images(
    console: Console, folder: RunFolder, asked: TrainConfig, real: ImageSet, gan: GAN, step: int,
    samples: int | None, features: str | Path | None, seed: int, best_by: str | None = None,
) -> None:  # fmt: skip
    """Measure images of the generator, print the table, and write evaluation.json and nearest.png.

    `best_by` is the short digest of the network by whose features the best checkpoint was chosen, if it is that one.

    Raises: ArgumentError for more samples than there are real images
    """
    with progress_of(console, "features of real images") as show:
        evaluator = Evaluator(asked, real, features, samples, seed, show)
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
    with waiting(console, "searching the nearest training images"):
        near = nearest_images(images[:SEARCHED], real.images)
        generated["nearest"] = float(np.median(near.distance))
        others = draw(evaluator.held_out, min(count, SEARCHED), seed).images
        floor["nearest"] = float(np.median(nearest_images(others, evaluator.training.images).distance))

    extractor, dimensions = reference.extractor, reference.training.shape[1]
    title = f"{count:,} samples of step {step:,} and as many training images, by {dimensions:,} features of "
    console.print(_table(title + extractor.title, generated, floor, reference))
    if extractor.scope:
        say(console, extractor.scope)
    if best_by not in (None, short_digest(extractor.sha256)):
        say(console, "the best checkpoint was chosen by FID of other features, which does not compare with this one")
    if 0 < len(generated.get("histogram", ())) <= LISTED:
        _print_shares(console, generated["histogram"], reference, count)
    first = np.argsort(near.distance, kind="stable")[:SHOWN]
    with folder.results():
        write_report(
            console, folder, step, samples=count, seed=seed, features=extractor.title,
            features_sha256=extractor.sha256, scope=extractor.scope, best_by=best_by,
            generated=generated, floor=floor, expected=reference.expected,
        )  # fmt: skip
        _write_pairs(console, folder, np.stack([images[first], real.images[near.which[first]]], axis=1))


def _print_shares(console: Console, histogram: list[int], reference: Reference, count: int) -> None:
    """Print the share of each class."""
    names = reference.extractor.class_names or range(len(histogram))
    shares = (f"{one_line(str(name))}: {100 * n / count:.1f}" for name, n in zip(names, histogram, strict=False))
    console.print(f"per cent of each class  {'  '.join(shares)}", soft_wrap=True)


def _write_pairs(console: Console, folder: RunFolder, pairs: np.ndarray[Any, Any]) -> None:
    """Write the picture, and say where it is. Shapes: pairs (N, 2, H, W, C)"""
    picture = save_grid(folder.path / "nearest.png", pairs.reshape(-1, *pairs.shape[2:]), columns=8, heads=NEAREST)
    say(console, f"samples, each with the training image nearest to it on its right: {picture}")


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
