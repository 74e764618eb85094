"""Distances between images, pixel by pixel."""

from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]


def distances_within(images: Array) -> tuple[float, float]:
    """The mean distance of all pairs, and the median distance from an image to its nearest neighbour.

    Shapes: images (N, …), N > 1

    >>> distances_within(np.array([[0.0], [1.0], [3.0]]))
    (2.0, 1.0)
    """
    apart = distances(images, images)
    others = apart[~np.eye(len(apart), dtype=bool)].reshape(len(apart), -1)
    return float(others.mean()), float(np.median(others.min(1)))


def distances(a: Array, b: Array) -> Array:
    """Distances from each image of one set to each of another. Shapes: a (N, …), b (M, …) → (N, M)

    >>> distances(np.array([[0.0], [1.0]]), np.array([[3.0]]))
    array([[3.],
           [2.]])
    """
    x, y = (images.reshape(len(images), -1).astype(np.float64) for images in (a, b))
    x, y = x - x.mean(0), y - x.mean(0)  # or rounding would hide the differences of images that are nearly alike
    squares = (x * x).sum(1)[:, None] + (y * y).sum(1)
    return np.sqrt(np.maximum(squares - 2 * x @ y.T, 0))  # (N, P) @ (P, M) → (N, M)
