"""FID: Fréchet distance between two sets of features, 0 for sets of one distribution.

It is biased upwards, the more the fewer samples there are. So a figure says little without its floor: the distance
between two sets of real images of that size.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rawgan.errors import ShapeError, shapes
from rawgan.metrics.figures.checks import checked
from rawgan.metrics.figures.metric import Features, Figure, Metric


class Moments(NamedTuple):
    """Mean and covariance of a set of features."""

    mean: NDArray[np.float64]
    """(D,)"""
    covariance: NDArray[np.float64]
    """(D, D), unbiased"""


def moments(points: ArrayLike) -> Moments:
    """Mean and covariance.

    Shapes: points (N, D), N ≥ 2 → (D,) and (D, D)
    Raises: ShapeError, ArgumentError for fewer than 2 points or for NaN

    >>> moments([[0.0, 0.0], [2.0, 0.0]]).covariance.tolist()
    [[2.0, 0.0], [0.0, 0.0]]
    """
    (x,) = checked("moments", 2, points=points)
    mean = x.mean(axis=0)
    centred = x - mean
    return Moments(mean, centred.T @ centred / (len(x) - 1))  # (D, N) @ (N, D) → (D, D)


def frechet_distance(a: Moments, b: Moments) -> float:
    """The squared Fréchet distance of two Gaussians: ‖m₁ − m₂‖² + tr(S₁ + S₂ − 2 (S₁S₂)^½).

    The trace of (S₁S₂)^½ equals that of (h S₂ h)^½ with h = S₁^½. That matrix is symmetric, so its eigenvalues are real
    and, in exact arithmetic, not negative; singular covariances need no special case.

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
    """Fréchet distance of two sets of features, each treated as a Gaussian.

    Shapes: x (N, D), y (M, D), N, M ≥ 2
    Raises: ShapeError for sets that do not fit; ArgumentError for too few samples or for NaN
    Source: Heusel et al. 2017

    >>> rng = np.random.default_rng(0)
    >>> round(fid(rng.normal(0, 1, (10_000, 2)), rng.normal(1, 1, (10_000, 2))), 1)
    2.0
    """
    x, y = checked("fid", 2, x=x, y=y)
    return frechet_distance(moments(x), moments(y))


FID = Metric(
    name="fid",
    summary="Fréchet distance of features",
    takes=Features,
    figures=(Figure("fid", "FID", ".3f", "0 is best", "FID"),),
    compute=lambda sample: {"fid": fid(sample.real, sample.generated)},
)
