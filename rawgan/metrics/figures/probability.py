"""Distributions over classes, and the binomial distribution of their counts."""

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rawgan.errors import ArgumentError, ShapeError, shapes


def distribution(metric: str, probabilities: ArrayLike) -> NDArray[np.float64]:
    """Probabilities of classes, checked.

    Shapes: (classes,)
    Raises: ShapeError for another shape; ArgumentError for negative numbers or a sum other than 1
    """
    p = np.asarray(probabilities, np.float64)
    if p.ndim != 1 or not p.size:
        raise ShapeError(f"{metric}: a probability for each class\n{shapes(probabilities=p)}")
    if not (p >= 0).all() or abs(p.sum() - 1) > 1e-6:
        raise ArgumentError(f"{metric}: probabilities must be 0 or more, and sum to 1, not to {p.sum():g}")
    return p


def expected_modes(samples: int, probabilities: NDArray[np.float64], least: int) -> float:
    """Expected number of classes with at least `least` of the samples."""
    values, times = np.unique(probabilities, return_counts=True)
    return float(sum(n * at_least(samples, value, least) for value, n in zip(values, times, strict=True)))


def at_least(samples: int, probability: float, least: int) -> float:
    """P(X ≥ least) for X binomial."""
    return max(0.0, 1 - float(binomial(samples, probability, least).sum()))


def binomial(samples: int, probability: float, terms: int | None = None) -> NDArray[np.float64]:
    """P(X = 0), P(X = 1), … for X binomial: all, or the first `terms`. Shapes: → (samples + 1,) or (terms,)"""
    if probability in (0, 1):
        certain = np.zeros(samples + 1)
        certain[samples * int(probability)] = 1
        return certain[:terms]
    k = np.arange(samples + 1 if terms is None else min(terms, samples + 1))
    steps = np.log(samples - k[:-1]) - np.log(k[1:])  # of the logarithm of the binomial coefficient
    log_choose = np.concatenate([[0.0], np.cumsum(steps)])
    return np.exp(log_choose + k * math.log(probability) + (samples - k) * math.log1p(-probability))
