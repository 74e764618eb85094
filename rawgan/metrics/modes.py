"""Modes: which classes samples fall into, and what a classifier that errs, or chance, makes of perfect ones.

A classifier that errs finds modes that are not there: samples that all show one digit are counted as several. And even
samples of the very distribution of the data leave modes out, and have a divergence above 0, when they are few. Both
floors are computed here, exactly, from the number of samples.
"""

import math
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rawgan.data.memory_limits import machine_bytes
from rawgan.errors import ArgumentError, ShapeError, shapes
from rawgan.metrics._checks import checked, checked_labels


def class_histogram(labels: ArrayLike, classes: int) -> NDArray[np.int64]:
    """How many samples there are of each class.

    Shapes: labels (N,) integers → (classes,)
    Raises: ShapeError, ArgumentError for labels that are none

    >>> class_histogram([0, 2, 2], 3).tolist()
    [1, 0, 2]
    """
    return np.bincount(checked_labels("class_histogram", labels, classes), minlength=classes)


def confusion_matrix(labels: ArrayLike, named: ArrayLike, classes: int) -> NDArray[np.float64]:
    """[i, j]: the share of class i that was taken for class j; a class of which there is no sample is taken for itself.

    Shapes: labels, named (N,) integers → (classes, classes), rows that sum to 1
    Raises: ShapeError, ArgumentError for labels that are none

    >>> confusion_matrix([0, 0, 1], [0, 1, 1], 2).tolist()
    [[0.5, 0.5], [0.0, 1.0]]
    """
    true, named = (checked_labels("confusion_matrix", each, classes) for each in (labels, named))
    if true.shape != named.shape:
        raise ShapeError(f"confusion_matrix: one name for each label\n{shapes(labels=true, named=named)}")
    if 3 * 8 * classes**2 > machine_bytes():  # counts, what is added to them, shares
        raise ArgumentError(f"confusion_matrix: {classes:,} × {classes:,} classes take more memory than there is")
    counts = np.bincount(true * classes + named, minlength=classes * classes).reshape(classes, classes)
    counts += np.diag(counts.sum(axis=1) == 0).astype(counts.dtype)
    return counts / counts.sum(axis=1, keepdims=True)


def classifier_score(probabilities: ArrayLike) -> float:
    """exp of the mean of KL(p(class | image) ‖ p(class)): 1 for one class or for doubt, at most the number of classes.

    With Inception's probabilities this is the Inception score.

    Shapes: probabilities (N, classes), rows that sum to 1
    Raises: ShapeError, ArgumentError for what are no probabilities
    Source: Salimans et al. 2016

    >>> classifier_score([[1.0, 0.0], [0.0, 1.0]]), classifier_score([[0.5, 0.5], [0.5, 0.5]])
    (2.0, 1.0)
    """
    (p,) = checked("classifier_score", 1, probabilities=probabilities)
    if (p < 0).any() or not np.allclose(p.sum(axis=1), 1, atol=1e-4):
        raise ArgumentError("classifier_score: each row must hold probabilities: none below 0, and a sum of 1")
    mean = p.mean(axis=0)
    ratios = np.divide(p, mean, out=np.ones_like(p), where=p > 0)  # 0 · log 0 = 0
    return math.exp((p * np.log(ratios)).sum(axis=1).mean())


def reverse_kl(counts: ArrayLike, target: ArrayLike) -> float:
    """KL(p ‖ target) in nats, p being the shares that the counts make: 0 where they agree, infinite for a class that
    the target does not have.

    Shapes: counts, target (classes,)
    Raises: ShapeError, ArgumentError for what are no counts or probabilities

    >>> reverse_kl([5, 5], [0.5, 0.5]), round(reverse_kl([10, 0], [0.5, 0.5]), 3)
    (0.0, 0.693)
    """
    n, q = np.asarray(counts), _distribution("reverse_kl", target)
    if n.shape != q.shape:
        raise ShapeError(f"reverse_kl: one count and one probability for each class\n{shapes(counts=n, target=q)}")
    if (n < 0).any() or not n.sum():
        raise ArgumentError("reverse_kl: counts must be 0 or more, and not all 0")
    p = n / n.sum()
    seen = p > 0
    if (q[seen] == 0).any():
        return math.inf
    return float((p[seen] * np.log(p[seen] / q[seen])).sum())


def perfect_kl(samples: int, target: ArrayLike) -> float:
    """What `reverse_kl` is on average for so many samples of the target itself: about (classes − 1) / (2 · samples).

    >>> round(perfect_kl(26_000, np.full(1000, 1e-3)), 4)
    0.0193
    """
    q = _distribution("perfect_kl", target)
    shares = np.arange(1, samples + 1) / samples
    total = 0.0
    for value, classes in zip(*np.unique(q[q > 0], return_counts=True), strict=True):
        chances = _binomial(samples, value)[1:]
        total += classes * float((chances * shares * np.log(shares / value)).sum())
    return float(total)


def least_count(samples: int, classes: int) -> int:
    """How many samples a class needs to count as a mode: a tenth of an equal share, at least 2.

    >>> least_count(10_000, 10), least_count(26_000, 1000)
    (100, 3)
    """
    return max(2, math.ceil(samples / classes / 10))


def modes_covered(counts: ArrayLike, least: int = 1) -> int:
    """How many classes have at least so many samples.

    >>> modes_covered([3, 0, 1]), modes_covered([3, 0, 1], least=2)
    (2, 1)
    """
    return int((np.asarray(counts) >= least).sum())


def perfect_modes(samples: int, target: ArrayLike, least: int = 1) -> float:
    """How many modes so many samples of the target itself cover on average.

    >>> round(perfect_modes(10_000, np.full(1000, 1e-3)), 2)
    999.95
    """
    q = _distribution("perfect_modes", target)
    return _expected_modes(samples, q, least)


def collapsed_modes(samples: int, confusion: ArrayLike, digits: int = 1, least: int = 1) -> float:
    """How many modes a classifier sees on average in samples that are all of one: the floor of `modes_covered`.

    The mean over which mode that is. `confusion[i, j]` is the share of images of class i that the classifier takes
    for class j; a mode of several `digits` is one class for each of them, classified one by one.

    Shapes: confusion (classes, classes), rows that sum to 1
    Raises: ShapeError for another shape; ArgumentError for rows that are no probabilities

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
        _distribution("collapsed_modes: confusion", row)
    whole: NDArray[Any] = np.ones((1, 1))
    for _ in range(digits):
        whole = np.kron(whole, c)  # in the end (classes^digits, classes^digits)
    return _expected_modes(samples, whole.ravel(), least) / len(whole)


def _distribution(metric: str, probabilities: ArrayLike) -> NDArray[np.float64]:
    p = np.asarray(probabilities, np.float64)
    if p.ndim != 1 or not p.size:
        raise ShapeError(f"{metric}: a probability for each class\n{shapes(probabilities=p)}")
    if not (p >= 0).all() or abs(p.sum() - 1) > 1e-6:
        raise ArgumentError(f"{metric}: probabilities must be 0 or more, and sum to 1, not to {p.sum():g}")
    return p


def _expected_modes(samples: int, probabilities: NDArray[np.float64], least: int) -> float:
    """Σ P(a class of that probability has at least so many of the samples)."""
    values, times = np.unique(probabilities, return_counts=True)
    return float(sum(n * _at_least(samples, value, least) for value, n in zip(values, times, strict=True)))


def _at_least(samples: int, probability: float, least: int) -> float:
    """P(X ≥ least) for X binomial."""
    return max(0.0, 1 - float(_binomial(samples, probability, least).sum()))


def _binomial(samples: int, probability: float, terms: int | None = None) -> NDArray[np.float64]:
    """P(X = 0), P(X = 1), … for X binomial: all, or the first `terms`. Shapes: → (samples + 1,) or (terms,)"""
    if probability in (0, 1):
        certain = np.zeros(samples + 1)
        certain[samples * int(probability)] = 1
        return certain[:terms]
    k = np.arange(samples + 1 if terms is None else min(terms, samples + 1))
    steps = np.log(samples - k[:-1]) - np.log(k[1:])  # of the logarithm of the binomial coefficient
    log_choose = np.concatenate([[0.0], np.cumsum(steps)])
    return np.exp(log_choose + k * math.log(probability) + (samples - k) * math.log1p(-probability))
