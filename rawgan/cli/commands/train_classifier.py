"""Training: train the classifier that evaluate uses for your labelled images."""

import hashlib
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from rawgan.cli.parsing import parse
from rawgan.cli.terminal.progress import progress_of
from rawgan.cli.terminal.text import Terminal, say
from rawgan.config.data import native_size
from rawgan.config.options import OneOf, Range, Word
from rawgan.data import load
from rawgan.data.hold_out import SHARE, with_hold_out
from rawgan.data.pixels import CROP, FITS
from rawgan.metrics import train_classifier
from rawgan.metrics.extractors.training import EPOCHS
from rawgan.storage.atomic import write_file


@dataclass(frozen=True)
class ClassifierConfig:
    """Train the classifier that `rawgan evaluate --features` uses for your labelled images."""

    out: Annotated[Path, Word("FILE")]
    """The safetensors file to write."""
    data: Annotated[str, Word("DATA")] = "mnist"
    """Labelled images: mnist, fashion-mnist, cifar10, a folder of IDX files or with a sub-folder for each class, or an
    .npz file with labels."""
    image_size: int | None = None
    """Height and width of the images, in pixels. Unset: 28 for MNIST, 32 for CIFAR-10, 64 for your own images."""
    fit: Annotated[str, OneOf(FITS)] = CROP
    """Framing of images that are not square."""
    epochs: Annotated[int, Range(1, 10**6)] = EPOCHS
    """Passes over the data."""
    seed: int = 0
    """Seed of weights and order: the same seed gives the same classifier."""


def main(options: list[str]) -> int:
    """Train it, and print its accuracy and its file."""
    config = parse(ClassifierConfig, "rawgan train-classifier", options)
    console, started = Terminal(), time.monotonic()
    size = config.image_size or native_size(config.data)
    with progress_of(console, "reading images") as show:
        images = load(config.data, image_size=size, fit=config.fit, on_progress=show)
        images, test = with_hold_out(config.data, images, SHARE, config.seed, show, fit=config.fit)
    say(console, *dict.fromkeys(images.notes + test.notes))
    with progress_of(console, "training") as show:
        classifier = train_classifier(images, test, config.seed, config.epochs, show)
    data = classifier.to_bytes()
    write_file(config.out, data)
    console.print(
        f"{100 * (classifier.spec.accuracy or 0):.2f} % of {len(test):,} images that it was not trained on, "
        f"after {time.monotonic() - started:.0f} s\n{config.out}  SHA-256 {hashlib.sha256(data).hexdigest()}",
        soft_wrap=True,
    )
    return 0
