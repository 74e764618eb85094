"""Runs: make images with a trained generator."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
import tyro

from rawgan.cli.class_labels import labels_of
from rawgan.cli.parsing import parse
from rawgan.cli.terminal.progress import progress_of, waiting
from rawgan.cli.terminal.text import Terminal, say
from rawgan.config.options import Range, Word
from rawgan.device import resolve
from rawgan.errors import ArgumentError
from rawgan.gan import generate, truncate
from rawgan.inference.trained_networks import config_of, restore
from rawgan.metrics.figures.mixture_quality import POINTS
from rawgan.pictures import save_grid, save_images
from rawgan.pictures.scatter import save_points
from rawgan.storage import RunFolder
from rawgan.storage.atomic import make_folder
from rawgan.storage.held_folder import holding


@dataclass(frozen=True)
class SampleConfig:
    """Make images, or points, with the generator of a run."""

    run: Annotated[Path, tyro.conf.Positional, Word("RUN")]
    """The run folder."""
    count: Annotated[int | None, Range(1, 10**6)] = None
    """Number of images, or points. Unset: 64 images, or 2,500 points."""
    label: Annotated[str | None, Word("CLASS")] = None
    """Class of the images of a conditional run, by name or number. Unset: a row of images for each class."""
    seed: Annotated[int, Range(0, 2**64 - 1)] = 0
    """Seed of the noise: the same seed gives the same images or points."""
    columns: int | None = None
    """Images in a row of the grid. Unset: as many as make it nearly square; for a conditional run, a class."""
    single: bool = False
    """Write each image to a file of its own, in its own size, instead of one grid."""
    truncation: Annotated[float | None, Range(0, 1)] = None
    """Move latent vectors towards their average by this factor, mapped ones with --model style, else noise: below 1,
    such as 0.7, images are more typical and more alike; 0 makes one image."""
    best: bool = False
    """Use the best checkpoint, as --evaluate-every measured it, instead of the latest."""
    device: Literal["auto", "cpu", "cuda"] = "auto"
    """Device; auto takes a GPU if there is one."""
    out: Annotated[Path | None, Word("PATH")] = None
    """A PNG file, or with --single a folder; for points, a .png picture or an .npy or .csv file of numbers. Unset:
    files in the run folder, named after the seed."""


def main(options: list[str]) -> int:
    """Make the images, and say where they are."""
    config = parse(SampleConfig, "rawgan sample", options)
    with RunFolder.open(config.run).held() as run:
        return _sample(config, run)


def _sample(config: SampleConfig, run: RunFolder) -> int:
    """Make the images of a run."""
    console = Terminal()
    asked = config_of(run)
    count = (POINTS if asked.data.mixture else 64) if config.count is None else config.count
    if asked.data.mixture and (config.single or config.columns):
        raise ArgumentError(f"--single and --columns are for images, but {config.run} makes points; leave them out")
    gan, _ = restore(run, resolve(config.device), config.best)
    gan = truncate(gan, config.truncation)
    labels, titles = labels_of(gan, asked, config.label, count), list[str]()
    if labels is None:
        latent, labels, columns = gan.grid(config.seed, "sample", count)
        if config.columns in (None, columns):
            titles = asked.networks.titles(labels, columns)
        columns = config.columns or columns
    else:
        latent, columns = gan.latent(gan.noise(config.seed, "sample", count), labels), config.columns
    with progress_of(console, "generating") as show:
        images = generate(gan.sampler, latent, on_progress=show, extent=asked.data.extent)
    name = (
        "images" if labels is None or config.label is None else f"images-label-{asked.networks.class_called(labels[0])}"
    )
    with waiting(console, "writing"):
        if asked.data.mixture is not None:
            stem = f"points-seed-{config.seed}"
            paths = [config.out] if config.out else [config.run / f"{stem}{end}" for end in (".png", ".npy")]
            with run.results():
                written = [str(save_points(path, images, asked.data.mixture, f"seed {config.seed}")) for path in paths]
        elif config.single:
            folder = config.out or config.run / f"{name}-seed-{config.seed}"
            make_folder(folder)
            with run.results(), holding(folder):
                if labels is None:
                    save_images(folder, images, "image")
                for label in () if labels is None else np.unique(labels):
                    save_images(folder, images[labels == label], f"label-{asked.networks.class_called(label)}")
            written = [f"{len(images)} images in {folder}"]
        else:
            path = config.out or config.run / f"{name}-seed-{config.seed}.png"
            written = [str(save_grid(path, images, columns, titles=titles))]
    say(console, *written)
    return 0
