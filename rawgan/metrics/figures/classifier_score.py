"""Classifier score: the Inception score, by any classifier."""

import math

import numpy as np
from numpy.typing import ArrayLike

from rawgan.errors import ArgumentError
from rawgan.metrics.figures.checks import checked
from rawgan.metrics.figures.metric import Classes, Figure, Metric


def classifier_score(probabilities: ArrayLike) -> float:
    """exp of the mean of KL(p(class | image) ‖ p(class)): 1 if all images are of one class, or none is clear; at most
    the number of classes.

    With Inception's probabilities this is the Inception score.

    Shapes: probabilities (N, classes), rows that sum to 1
    Raises: ShapeError, ArgumentError for rows that are not probabilities
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


CLASSIFIER_SCORE = Metric(
    name="classifier_score",
    summary="variety and clarity of classes",
    takes=Classes,
    figures=(Figure("classifier_score", "classifier score", ".3f", "at most {classes}"),),
    compute=lambda sample: {"classifier_score": classifier_score(sample.probabilities)},
)
