"""Reverse KL divergence: shares of classes among samples, compared with those of the data."""

import math

import numpy as np
from numpy.typing import ArrayLike

from rawgan.errors import ArgumentError, ShapeError, shapes
from rawgan.metrics.figures.metric import Classes, Figure, Metric
from rawgan.metrics.figures.probability import binomial, distribution


def reverse_kl(counts: ArrayLike, target: ArrayLike) -> float:
    """KL(p ‖ target) in nats, where p are the shares of the counts. It is 0 if both agree, and infinite if there is a
    sample of a class that the target does not have.

    Shapes: counts, target (classes,)
    Raises: ShapeError, ArgumentError for negative counts, no samples, or a target that is no distribution

    >>> reverse_kl([5, 5], [0.5, 0.5]), round(reverse_kl([10, 0], [0.5, 0.5]), 3)
    (0.0, 0.693)
    """
    n, q = np.asarray(counts), distribution("reverse_kl", target)
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
    """Expected `reverse_kl` of `samples` samples from the target itself: about (classes − 1) / (2 · samples).

    >>> round(perfect_kl(26_000, np.full(1000, 1e-3)), 4)
    0.0193
    """
    q = distribution("perfect_kl", target)
    shares = np.arange(1, samples + 1) / samples
    total = 0.0
    for value, classes in zip(*np.unique(q[q > 0], return_counts=True), strict=True):
        chances = binomial(samples, value)[1:]
        total += classes * float((chances * shares * np.log(shares / value)).sum())
    return float(total)


REVERSE_KL = Metric(
    name="reverse_kl",
    summary="KL divergence from the data's shares of classes",
    takes=Classes,
    figures=(Figure("reverse_kl", "reverse KL", ".4f", "perfect: {perfect_kl:.4f}", "reverse KL"),),
    compute=lambda sample: {
        "reverse_kl": reverse_kl(sample.counts, sample.reference.target),
        "histogram": sample.counts.tolist(),
    },
    expected=lambda reference: {"perfect_kl": perfect_kl(reference.count, reference.target)},
)
