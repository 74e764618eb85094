"""rawgan sample"""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
import tyro
from rich.console import Console

from rawgan.cli._labels import labels_of
from rawgan.cli._progress import progress_of
from rawgan.cli._text import say
from rawgan.device import resolve
from rawgan.runs import RunFolder, save_grid, save_images
from rawgan.runs._files import naming, refuse_link
from rawgan.runs.config import check_range
from rawgan.runs.training import generate, restore


@dataclass(frozen=True)
class SampleConfig:
    """Make images with the generator of a run."""

    run: Annotated[Path, tyro.conf.Positional]
    """The run folder."""
    count: int = 64
    """How many images."""
    label: int | None = None
    """The class to make images of, if the run is conditional. Unset: a row of images for each class."""
    seed: int = 0
    """Same seed, same images."""
    columns: int | None = None
    """Images in a row of the grid. Unset: as near to a square as can be; as many as there are of each class."""
    single: bool = False
    """Write each image into a file of its own, unenlarged, instead of one grid."""
    best: bool = False
    """Take the best checkpoint, of those that --evaluate-every measured, instead of the latest."""
    device: Literal["auto", "cpu", "cuda"] = "auto"
    """Where to compute; auto takes a GPU when there is one."""
    out: Path | None = None
    """Where to: a PNG file, or with --single a folder. Unset: into the run folder, named after the seed."""


def main(options: list[str]) -> int:
    """Make the images, and say where they are."""
    config = tyro.cli(SampleConfig, prog="rawgan sample", args=options)
    check_range("count", config.count, 1, 10**6)
    check_range("seed", config.seed, 0, 2**64 - 1)
    gan, _ = restore(RunFolder.open(config.run), resolve(config.device), config.best)
    labels = labels_of(gan, config.label, config.count)
    if labels is None:
        latent, labels, columns = gan.grid(config.seed, "sample", config.count)
        columns = config.columns or columns
    else:
        latent, columns = gan.asked(gan.noise(config.seed, "sample", config.count), labels), config.columns
    console = Console()
    with progress_of(console, "generating") as show:
        images = generate(gan.sampler, latent, on_progress=show)
    name = "images" if config.label is None else f"images-label-{config.label}"
    if config.single:
        folder = config.out or config.run / f"{name}-seed-{config.seed}"
        if config.out is None:
            refuse_link(folder)
        with naming(folder, "made"):
            folder.mkdir(parents=True, exist_ok=True)
        if labels is None:
            save_images(folder, images, "image")
        for label in () if labels is None else np.unique(labels):
            save_images(folder, images[labels == label], f"label-{label}")
        written = f"{len(images)} images in {folder}"
    else:
        path = config.out or config.run / f"{name}-seed-{config.seed}.png"
        written = str(save_grid(path, images, columns))
    say(console, written)
    return 0
