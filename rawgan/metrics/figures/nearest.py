"""Nearest training image: tells copies from new images."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from rawgan.data.pixels import to_unit
from rawgan.errors import ArgumentError, DTypeError, ShapeError, shapes
from rawgan.metrics.figures.metric import Figure, Metric, TrainingImages

ROWS = 2000
"""Number of training images that are compared at once."""


class Nearest(NamedTuple):
    """The nearest image of another set, for each image."""

    which: NDArray[np.int64]
    """Its number in that set. (N,)"""
    distance: NDArray[np.float64]
    """Root mean square of the differences, in levels of 0 … 255; 0 for a copy. (N,)"""


def nearest_images(images: NDArray[np.uint8], training: NDArray[np.uint8]) -> Nearest:
    """Find the training image that differs least from each image, pixel by pixel.

    Shapes: images (N, H, W, C), training (M, H, W, C), both uint8
    Raises: DTypeError unless both are uint8, ShapeError for images of other sizes, ArgumentError without images

    >>> training = np.arange(4, dtype=np.uint8).reshape(4, 1, 1, 1) * 50
    >>> found = nearest_images(np.array([98], np.uint8).reshape(1, 1, 1, 1), training)
    >>> found.which.tolist(), found.distance.tolist()
    ([2], [2.0])
    """
    if images.dtype != np.uint8 or training.dtype != np.uint8:
        raise DTypeError(f"nearest_images: images must be uint8, but are {images.dtype} and {training.dtype}")
    if images.ndim != 4 or images.shape[1:] != training.shape[1:]:
        raise ShapeError(
            f"nearest_images: images must be (N, H, W, C), all of one size\n{shapes(images=images, training=training)}"
        )
    if not images.size or not training.size:
        raise ArgumentError("nearest_images: there must be at least one image, and one to compare it with")
    x = to_unit(images).reshape(len(images), -1)
    best, which = np.full(len(x), np.inf, np.float32), np.zeros(len(x), np.int64)
    for start in range(0, len(training), ROWS):
        y = to_unit(training[start : start + ROWS]).reshape(-1, x.shape[1])
        scores = (y * y).sum(axis=1) - 2 * (x @ y.T)  # |x − y|² − |x|², (N, P) @ (P, ROWS) → (N, ROWS)
        near = scores.argmin(axis=1)
        score = scores[np.arange(len(x)), near]
        closer = score < best
        best[closer], which[closer] = score[closer], start + near[closer]
    differences = images.astype(np.float64) - training[which]  # computed again, as scores lose digits
    return Nearest(which, np.sqrt((differences**2).mean(axis=(1, 2, 3))))


NEAREST = Metric(
    name="nearest",
    summary="distance to the nearest training image",
    takes=TrainingImages,
    figures=(Figure("nearest", "nearest training image", ".1f", "far less: copies"),),
    compute=lambda sample: {"nearest": float(np.median(nearest_images(sample.images, sample.training).distance))},
)
