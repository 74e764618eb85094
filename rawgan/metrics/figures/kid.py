"""KID: squared maximum mean discrepancy of two sets of features, 0 on average for sets of one distribution.

It has no bias, but scatters, so it can be below 0.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rawgan.metrics.figures.checks import checked
from rawgan.metrics.figures.metric import Features, Figure, Metric

ROWS = 250
"""Rows of a kernel matrix that are in memory at once."""


def kid(x: ArrayLike, y: ArrayLike) -> float:
    """Squared maximum mean discrepancy with the kernel (x·y / D + 1)³, estimated without bias: it can be below 0.

    It uses all pairs at once, in float64. The customary mean over random subsets estimates the same with more scatter.

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


KID = Metric(
    name="kid",
    summary="squared maximum mean discrepancy of features",
    takes=Features,
    figures=(Figure("kid", "KID", ".5f", "0 is best (noise may make it negative)"),),
    compute=lambda sample: {"kid": kid(sample.real, sample.generated)},
)
