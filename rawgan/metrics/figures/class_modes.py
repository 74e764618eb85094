"""Modes: number of classes among samples, beside what perfect and collapsed samples would show.

A classifier that errs finds modes that are not there: samples that all show one digit are counted as several. And a few
samples miss modes, and have a divergence above 0, even if they come from the distribution of the data itself. Both
floors are computed here, exactly, from the number of samples.
"""

import math
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rawgan.errors import ShapeError, shapes
from rawgan.metrics.figures.metric import Classes, ClassReference, Figure, Metric
from rawgan.metrics.figures.probability import distribution, expected_modes


def least_count(samples: int, classes: int) -> int:
    """Number of samples that a class needs to count as a mode: a tenth of an equal share, at least 2.

    >>> least_count(10_000, 10), least_count(26_000, 1000)
    (100, 3)
    """
    return max(2, math.ceil(samples / classes / 10))


def modes_covered(counts: ArrayLike, least: int = 1) -> int:
    """Number of classes with at least `least` samples.

    >>> modes_covered([3, 0, 1]), modes_covered([3, 0, 1], least=2)
    (2, 1)
    """
    return int((np.asarray(counts) >= least).sum())


def perfect_modes(samples: int, target: ArrayLike, least: int = 1) -> float:
    """Expected number of modes that samples from the target itself cover.

    >>> round(perfect_modes(10_000, np.full(1000, 1e-3)), 2)
    999.95
    """
    q = distribution("perfect_modes", target)
    return expected_modes(samples, q, least)


def collapsed_modes(samples: int, confusion: ArrayLike, digits: int = 1, least: int = 1) -> float:
    """Expected number of modes that a classifier sees in samples of a single mode, averaged over that mode: the floor
    of `modes_covered`.

    `confusion[i, j]` is the share of class i that the classifier takes for class j. A mode of several `digits` is one
    class for each of them, and they are classified one by one.

    Shapes: confusion (classes, classes), rows that sum to 1
    Raises: ShapeError for another shape; ArgumentError for rows that are not probabilities

    >>> collapsed_modes(10_000, np.eye(10))
    1.0
    >>> errs = 0.995 * np.eye(10) + 0.005 / 9 * (1 - np.eye(10))
    >>> round(collapsed_modes(26_000, errs, digits=3), 1)
    29.9
    """
    c = np.asarray(confusion, np.float64)
    if c.ndim != 2 or c.shape[0] != c.shape[1]:
        raise ShapeError(f"collapsed_modes: confusion must be (classes, classes)\n{shapes(confusion=c)}")
    for row in c:
        distribution("collapsed_modes: confusion", row)
    whole: NDArray[Any] = np.ones((1, 1))
    for _ in range(digits):
        whole = np.kron(whole, c)  # in the end (classes^digits, classes^digits)
    return expected_modes(samples, whole.ravel(), least) / len(whole)


def _computed(sample: Classes) -> dict[str, int]:
    least = least_count(sample.reference.count, sample.reference.classes)
    return {"modes": modes_covered(sample.counts), "modes_of_least_count": modes_covered(sample.counts, least)}


def _expected(reference: ClassReference) -> dict[str, float]:
    count, target, confusion = reference.count, reference.target, reference.confusion
    least = least_count(count, reference.classes)
    found: dict[str, float] = {
        "least_count": least,
        "perfect_modes": perfect_modes(count, target),
        "perfect_modes_of_least_count": perfect_modes(count, target, least),
    }
    if confusion is not None:
        found["collapsed_modes"] = collapsed_modes(count, confusion, reference.digits)
        found["collapsed_modes_of_least_count"] = collapsed_modes(count, confusion, reference.digits, least)
    return found


MODES = Metric(
    name="modes",
    summary="number of classes that appear",
    takes=Classes,
    figures=(
        Figure("modes", "modes of {classes}", ",", "stuck on one: {collapsed_modes:.1f}", "modes"),
        Figure(
            "modes_of_least_count", "modes with {least_count} samples or more", ",",
            "stuck on one: {collapsed_modes_of_least_count:.1f}",
        ),
    ),
    compute=_computed,
    expected=_expected,
)  # fmt: skip
