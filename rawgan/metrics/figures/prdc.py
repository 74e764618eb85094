"""Precision, recall, density and coverage: overlap of two sets of features.

Each set is treated as the union of balls around its samples; a ball reaches to the k-th nearest sample of the same set.
If more than k samples of a set coincide, their balls have radius 0 and contain nothing, as in the publications.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rawgan.errors import ArgumentError
from rawgan.metrics.figures.checks import checked
from rawgan.metrics.figures.metric import Features, Figure, Metric

ROWS = 250
"""Rows of a matrix of distances that are in memory at once."""
SAME = 1e-13
"""Largest squared distance that can be a rounding error, relative to the largest squared distance from the centre."""

NEIGHBOURS = 5
"""k for `rawgan evaluate`."""


class PRDC(NamedTuple):
    """Overlap of two sets of samples."""

    precision: float
    """Share of generated samples inside a ball of a real one: 1 if all are realistic."""
    recall: float
    """Share of real samples inside a ball of a generated one: 1 if nothing is missing. Generous to outliers."""
    density: float
    """Mean number of balls of real samples that contain a generated one, divided by k: about 1 for real images, or
    more."""
    coverage: float
    """Share of real samples whose ball contains a generated one."""


def prdc(real: ArrayLike, generated: ArrayLike, k: int = 5) -> PRDC:
    """Precision, recall, density and coverage.

    Distances are Euclidean, in float64. All N · M are computed, a strip at a time, so memory holds few of them.

    Shapes: real (N, D), generated (M, D), N, M > k
    Raises: ShapeError for sets that do not fit; ArgumentError for too few samples, for NaN, or a k below 1
    Source: Kynkäänniemi et al. 2019 (precision, recall); Naeem et al. 2020 (density, coverage)

    >>> rng = np.random.default_rng(0)
    >>> real = rng.normal(size=(1000, 2))
    >>> collapsed = prdc(real, np.full((1000, 2), 0.1) + 0.01 * rng.normal(size=(1000, 2)))
    >>> collapsed.precision, round(collapsed.coverage, 1)
    (1.0, 0.0)
    """
    if k < 1:
        raise ArgumentError(f"prdc: k must be at least 1, but is {k}")
    x, y = checked("prdc", k + 1, real=real, generated=generated)
    centre = x.mean(axis=0)  # distances do not change, and lose fewer digits
    x, y = x - centre, y - centre
    same = SAME * max(float((z * z).sum(axis=1).max()) for z in (x, y))
    x_radii, y_radii = (np.where(radii > same, radii, 0.0) for radii in (_radii(x, k), _radii(y, k)))

    balls = np.zeros(len(y), np.int64)  # of real samples, that each generated one is in
    recalled = covered = 0
    for start, squares in _strips(x, y):
        own = x_radii[start : start + ROWS]
        balls += (squares < own[:, None]).sum(axis=0)
        covered += int((squares.min(axis=1) < own).sum())
        recalled += int((squares < y_radii).any(axis=1).sum())
    return PRDC(float((balls > 0).mean()), recalled / len(x), float(balls.mean() / k), covered / len(x))


def _radii(x: NDArray[np.float64], k: int) -> NDArray[np.float64]:
    """The squared distance of each point to the k-th nearest other one. Shapes: x (N, D) → (N,)"""
    radii = np.empty(len(x))
    for start, squares in _strips(x, x):
        rows = np.arange(len(squares))
        squares[rows, start + rows] = np.inf  # not to itself
        radii[start : start + ROWS] = np.partition(squares, k - 1, axis=1)[:, k - 1]
    return radii


def _strips(x: NDArray[np.float64], y: NDArray[np.float64]) -> Iterator[tuple[int, NDArray[np.float64]]]:
    """Squared distances of all x to all y, a strip of rows at a time, each with the number of its first row.

    The next strip is written over the last one.
    """
    y_squares, strip = (y * y).sum(axis=1), np.empty((min(ROWS, len(x)), len(y)))
    for start in range(0, len(x), ROWS):
        rows = x[start : start + ROWS]
        squares = np.matmul(rows, y.T, out=strip[: len(rows)])  # (ROWS, D) @ (D, M) → (ROWS, M)
        squares *= -2
        squares += (rows * rows).sum(axis=1)[:, None]
        squares += y_squares
        yield start, np.maximum(squares, 0, out=squares)


PRDC_METRIC = Metric(
    name="prdc",
    summary="precision, recall, density and coverage of features",
    takes=Features,
    figures=(
        Figure("precision", "precision", ".3f", "1 if all are realistic", "precision"),
        Figure("density", "density", ".3f", "about 1 is ideal"),
        Figure("recall", "recall", ".3f", "1 if nothing is missing", "recall"),
        Figure("coverage", "coverage", ".3f", "stricter than recall"),
    ),
    compute=lambda sample: prdc(sample.real, sample.generated, NEIGHBOURS)._asdict(),
)
