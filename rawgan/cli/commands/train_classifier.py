"""rawgan train-classifier"""

import hashlib
import time
from dataclasses import dataclass
from pathlib import Path

from rawgan.cli.parsing import parse
from rawgan.cli.terminal.progress import progress_of
from rawgan.cli.terminal.text import Terminal, say
from rawgan.config.base import MOST, NATIVE_SIZES
from rawgan.data import load
from rawgan.errors import ArgumentError
from rawgan.metrics import held_out_of, train_classifier
from rawgan.metrics.classifier import EPOCHS
from rawgan.storage.atomic import write_file

HELD_OUT = 0.1
"""The share of data without test images that is kept to test with."""


@dataclass(frozen=True)
class ClassifierConfig:
    """Train the classifier that `rawgan evaluate --features` uses for your labelled images."""

    out: Path
    """The safetensors file to write."""
    data: str = "mnist"
    """Labelled images: mnist, fashion-mnist, cifar10, a folder of IDX files or with a sub-folder for each class, or an
    .npz file with labels."""
    image_size: int | None = None
    """Height and width in pixels. Unset: 28 for MNIST, 32 for CIFAR-10, 64 for your own images."""
    epochs: int = EPOCHS
    """Passes over the data."""
    seed: int = 0
    """Seed of weights and order: the same seed gives the same classifier."""


def main(options: list[str]) -> int:
    """Train it, and say how good it is and where."""
    config = parse(ClassifierConfig, "rawgan train-classifier", options)
    if not 1 <= config.epochs <= MOST["epochs"]:
        raise ArgumentError(f"epochs must be at least 1 and at most {MOST['epochs']}, but is {config.epochs}")
    console, started = Terminal(), time.monotonic()
    size = config.image_size or NATIVE_SIZES.get(config.data, 64)
    with progress_of(console, "reading images") as show:
        images = load(config.data, image_size=size, on_progress=show)
        images, test = held_out_of(config.data, images, HELD_OUT, config.seed, show)
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
