"""The declaration of a metric, and of the figures that it gives."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rawgan.data.mixtures import Mixture


@dataclass(frozen=True)
class Figure:
    """One number of a metric, as tables and logs show it."""

    name: str
    """Key in evaluation.json and metrics.jsonl."""
    label: str
    """Words in a table. Names in braces are values of `Reference.expected`, or {classes}, the number of classes."""
    format: str
    remark: str
    """Remark on how to read it, with names in braces as in `label`."""
    word: str = ""
    """Short label in logs of training; "" if they do not show it."""


@dataclass(frozen=True)
class Features:
    """Input of a metric: features of real and of generated images, as many of each."""

    real: NDArray[np.float32]
    """(N, D)"""
    generated: NDArray[np.float32]
    """(N, D)"""


@dataclass(frozen=True)
class ClassReference:
    """Classes of the data, and the errors of the classifier that names them."""

    count: int
    """Number of generated images."""
    target: NDArray[np.float64]
    """Share of each class in the data. (classes,)"""
    confusion: NDArray[np.float64] | None
    """[i, j]: share of class i that the classifier takes for class j; None if that is unknown. Of stacked digits, for
    single digits."""

    @property
    def classes(self) -> int:
        """Number of classes."""
        return len(self.target)

    @property
    def digits(self) -> int:
        """Number of classifications that make up a class: 3 for stacked digits, otherwise 1."""
        return 1 if self.confusion is None else round(np.log(self.classes) / np.log(len(self.confusion)))


@dataclass(frozen=True)
class Classes:
    """Input of a metric: probabilities of classes for generated images."""

    probabilities: NDArray[np.float64]
    """(N, classes), rows that sum to 1"""
    reference: ClassReference

    @cached_property
    def counts(self) -> NDArray[np.int64]:
        """Number of images of each class, each image counting for its most probable class. (classes,)"""
        return np.bincount(self.probabilities.argmax(axis=1), minlength=self.reference.classes)


@dataclass(frozen=True)
class Labelled:
    """Input of a metric: probabilities of classes, and the classes that images should be of."""

    probabilities: NDArray[np.float64]
    """(N, classes), rows that sum to 1"""
    labels: NDArray[np.int64]
    """(N,)"""


@dataclass(frozen=True)
class Points:
    """Input of a metric: generated points, and the mixture that they should come from."""

    points: NDArray[Any]
    """(N, 2)"""
    mixture: Mixture


@dataclass(frozen=True)
class ImagePairs:
    """Input of a metric: generated images, and their targets."""

    images: NDArray[np.uint8]
    """(N, H, W, C)"""
    targets: NDArray[np.uint8]
    """(N, H, W, C)"""


@dataclass(frozen=True)
class TrainingImages:
    """Input of a metric: generated images, and those that the generator was trained with."""

    images: NDArray[np.uint8]
    """(N, H, W, C)"""
    training: NDArray[np.uint8]
    """(M, H, W, C)"""


INPUTS = (Features, Classes, Labelled, Points, ImagePairs, TrainingImages)
"""Inputs that a metric can ask for, in the order in which tables show their figures."""


@dataclass(frozen=True)
class Metric:
    """A computation that gives one or more figures."""

    name: str
    summary: str
    takes: type
    """Its input: one of `INPUTS`. A metric is computed whenever there is such input."""
    figures: tuple[Figure, ...]
    """Figures that tables show."""
    compute: Callable[[Any], Mapping[str, Any]]
    """Input → values by name. There may be others than those of `figures`, such as histograms."""
    expected: Callable[[ClassReference], Mapping[str, float]] | None = None
    """Values that chance and the classifier's errors alone would give, for labels and remarks of figures."""
    position: int = 0
    """Position in tables among the metrics of the same input; equal ones are in alphabetical order."""
