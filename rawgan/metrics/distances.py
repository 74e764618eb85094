"""Distances between two sets of features: FID and KID, both 0 for sets of one distribution.

Both depend on the number of samples: FID is biased upwards, the more the fewer there are; KID is not biased, but
scatters. So a figure says little without its floor: the same distance between two sets of real images of that size.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rawgan.errors import ShapeError, shapes
from rawgan.metrics._checks import checked

ROWS = 250
"""Rows of a kernel matrix that are in memory at once."""


class Moments(NamedTuple):
    """What FID knows of a set of features."""

    mean: NDArray[np.float64]
    """(D,)"""
    covariance: NDArray[np.float64]
    """(D, D), unbiased"""


def moments(points: ArrayLike) -> Moments:
    """Mean and covariance.

    Shapes: points (N, D), N ≥ 2 → (D,) and (D, D)
    Raises: ShapeError, ArgumentError for points that have none

    >>> moments([[0.0, 0.0], [2.0, 0.0]]).covariance.tolist()
    [[2.0, 0.0], [0.0, 0.0]]
    """
    (x,) = checked("moments", 2, points=points)
    mean = x.mean(axis=0)
    centred = x - mean
    return Moments(mean, centred.T @ centred / (len(x) - 1))  # (D, N) @ (N, D) → (D, D)


def frechet_distance(a: Moments, b: Moments) -> float:
    """The squared Fréchet distance of two Gaussians: ‖m₁ − m₂‖² + tr(S₁ + S₂ − 2 (S₁S₂)^½).

    The trace of (S₁S₂)^½ is that of (h S₂ h)^½ with h = S₁^½, a symmetric matrix: all eigenvalues are real, in exact
    arithmetic not negative, and singular covariances are nothing special.

    Source: Dowson, Landau 1982

    >>> frechet_distance(Moments(np.zeros(2), np.eye(2)), Moments(np.array([3.0, 0.0]), 4 * np.eye(2)))
    11.0
    """
    if a.mean.shape != b.mean.shape:
        raise ShapeError(f"frechet_distance: two Gaussians of one space\n{shapes(a=a.mean, b=b.mean)}")
    values, vectors = np.linalg.eigh(a.covariance)
    h = (vectors * np.sqrt(values.clip(0))) @ vectors.T
    product = h @ b.covariance @ h
    roots = np.sqrt(np.linalg.eigvalsh((product + product.T) / 2).clip(0))
    difference = a.mean - b.mean
    distance = difference @ difference + np.trace(a.covariance) + np.trace(b.covariance) - 2 * roots.sum()
    return max(0.0, float(distance))  # below 0 by rounding alone


def fid(x: ArrayLike, y: ArrayLike) -> float:
    """Fréchet distance of two sets of features, each taken for a Gaussian.

    Shapes: x (N, D), y (M, D), N, M ≥ 2
    Raises: ShapeError for sets that do not fit; ArgumentError for too few samples or for NaN
    Source: Heusel et al. 2017

    >>> rng = np.random.default_rng(0)
    >>> round(fid(rng.normal(0, 1, (10_000, 2)), rng.normal(1, 1, (10_000, 2))), 1)
    2.0
    """
    x, y = checked("fid", 2, x=x, y=y)
    return frechet_distance(moments(x), moments(y))


def kid(x: ArrayLike, y: ArrayLike) -> float:
    """Squared maximum mean discrepancy with the kernel (x·y / D + 1)³, estimated without bias: it can be below 0.

    From all pairs at once, in float64; the customary mean over random subsets estimates the same with more scatter.

    Shapes: x (N, D), y (M, D), N, M ≥ 2
    Raises: ShapeError for sets that do not fit; ArgumentError for too few samples or for NaN
    Source: Bińkowski et al. 2018

    >>> x = np.array([[0.0], [1.0]])
    >>> kid(x, x)  # k(0, 1) twice, less k's mean over all four pairs twice
    -3.5
    """
    x, y = checked("kid", 2, x=x, y=y)
    n, m = len(x), len(y)
    within_x = (_kernel_sum(x, x) - _kernel_trace(x)) / (n * (n - 1))
    within_y = (_kernel_sum(y, y) - _kernel_trace(y)) / (m * (m - 1))
    return float(within_x + within_y - 2 * _kernel_sum(x, y) / (n * m))


def _kernel_sum(x: NDArray[np.float64], y: NDArray[np.float64]) -> float:
    """Σ k(x_i, y_j) over all pairs, a strip of the matrix at a time."""
    scaled, strip, total = x / x.shape[1], np.empty((min(ROWS, len(x)), len(y))), 0.0
    for start in range(0, len(x), ROWS):
        rows = scaled[start : start + ROWS]
        values = np.matmul(rows, y.T, out=strip[: len(rows)])  # (ROWS, D) @ (D, M) → (ROWS, M)
        values += 1
        total += _sum_of_cubes(values)
    return total


def _kernel_trace(x: NDArray[np.float64]) -> float:
    """Σ k(x_i, x_i)."""
    return _sum_of_cubes((x * x).sum(axis=1) / x.shape[1] + 1)


def _sum_of_cubes(x: NDArray[np.float64]) -> float:
    return float(np.vdot(x * x, x))  # NumPy's power is many times slower
