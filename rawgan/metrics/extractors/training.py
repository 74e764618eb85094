"""Training of a classifier."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rawgan import ops
from rawgan.autograd import grad
from rawgan.data.batches import Batches
from rawgan.data.image_set import ImageSet
from rawgan.errors import DataError
from rawgan.metrics.extractors.classifier import MOST_CLASSES, Classifier, ClassifierSpec
from rawgan.optim import Adam
from rawgan.random import make_rng
from rawgan.tensor import Tensor

EPOCHS = 8
BATCH = 128
RATE = 2e-3
"""Learning rate at the first step. It falls linearly to 0 after the last step."""
SHIFT = 2
"""Largest shift of a training image in each direction, in pixels."""


def train(
    images: ImageSet,
    held_out: ImageSet,
    seed: int = 0,
    epochs: int = EPOCHS,
    on_step: Callable[[int, int], None] = lambda step, steps: None,
) -> Classifier:
    """Train a classifier, and measure its accuracy on a hold-out set. The same seed and kernels give the same bits.

    It minimises cross-entropy with Adam. Each time, every image is shifted by up to 2 pixels.

    Raises: DataError for images without labels or too few, ArgumentError for images too small or a single class
    """
    for part in (images, held_out):
        if part.labels is None:
            raise DataError(f"{part.name}: a classifier needs labels, and these images have none\n  {part.no_labels}")
        if part.labels.min() < 0 or part.labels.max() >= MOST_CLASSES:
            raise DataError(
                f"{part.name}: labels must number classes from 0 to {MOST_CLASSES - 1:,}, but go from "
                f"{part.labels.min()} to {part.labels.max()}\n"
                "  number them anew: numpy.unique(labels, return_inverse=True)[1]"
            )
    if len(images) < 2:  # for batch norm, and for two classes
        raise DataError(f"{images.name}: a classifier learns from two images or more, but there is {len(images)}")
    classes = int(max(part.labels.max() for part in (images, held_out))) + 1  # type: ignore[union-attr]
    size, _, channels = images.shape
    classifier = Classifier(ClassifierSpec(size, channels, classes, images.name, class_names=images.class_names), seed)
    batches = Batches(images, min(BATCH, len(images)), seed)

    def loss(step: int) -> Tensor:
        x = shifted(batches.batch(step), make_rng(seed, "shift", step))
        return ops.cross_entropy(classifier.network(Tensor(x)), batches.labels(step))

    minimise(loss, classifier.network.parameters(), epochs * batches.per_epoch, on_step)
    accuracy = float((classifier.labels(held_out.images) == held_out.labels).mean())
    classifier.spec = replace(classifier.spec, accuracy=accuracy)
    return classifier


def minimise(
    loss: Callable[[int], Tensor],
    parameters: list[Tensor],
    steps: int,
    on_step: Callable[[int, int], None] = lambda step, steps: None,
) -> None:
    """Minimise the loss of each step, counted from 0, with Adam, whose learning rate falls linearly to 0."""
    adam = Adam(parameters, RATE)
    for step in range(steps):
        adam.lr = RATE * (1 - step / steps)
        adam.step(grad(loss(step), adam.parameters))
        on_step(step + 1, steps)


def shifted(images: NDArray[Any], rng: np.random.Generator, most: int = SHIFT) -> NDArray[Any]:
    """Each image, shifted by up to `most` whole pixels in each direction. Its edge is repeated.

    Shapes: images (N, H, W, C) → the same

    >>> x = np.arange(25.0).reshape(1, 5, 5, 1)
    >>> bool(np.isin(shifted(x, np.random.default_rng(0)), x).all())
    True
    """
    count, height, width, _ = images.shape
    padded = np.pad(images, [(0, 0), (most, most), (most, most), (0, 0)], mode="edge")
    windows = np.lib.stride_tricks.sliding_window_view(padded, (height, width), axis=(1, 2))  # (N, 5, 5, C, H, W)
    down, right = rng.integers(0, 2 * most + 1, (2, count))
    return np.ascontiguousarray(windows[np.arange(count), down, right].transpose(0, 2, 3, 1))
