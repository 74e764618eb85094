"""The interface of networks that extract features from images, and of features that have a name."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NoReturn, Protocol

import numpy as np
from numpy.typing import NDArray

from rawgan.data.image_set import ImageSet, Progress
from rawgan.errors import ArgumentError

THESE_IMAGES = "these figures compare runs on these images alone, at this size: the features depend on them"
"""Scope of features that were learned from images, or fitted to them."""


class FeatureExtractor(Protocol):
    """A network that turns images into features, and perhaps features into classes."""

    @property
    def title(self) -> str:
        """Words for tables and logs, which follow "features of"."""

    @property
    def sha256(self) -> str:
        """SHA-256 of its file or its weights: figures compare where it is the same."""

    @property
    def scope(self) -> str:
        """Sentence on what its figures can be compared with; "" if there is nothing to say."""

    @property
    def data(self) -> str:
        """Name of the data whose classes it knows."""

    @property
    def classes(self) -> int | None:
        """Number of classes; None if it knows none."""

    @property
    def class_names(self) -> tuple[str, ...]:
        """Names of the classes; empty if they have none."""

    def features(self, images: NDArray[np.uint8], on_progress: Progress = ...) -> NDArray[np.float32]:
        """Features of images. Shapes: images (N, H, W, C) uint8 → (N, D)"""

    def probabilities(self, features: NDArray[np.float32]) -> NDArray[np.float64]:
        """Probability of each class. Shapes: features (N, D) → (N, classes), rows that sum to 1"""

    def shares(self, labels: NDArray[np.int64]) -> NDArray[np.float64]:
        """Share of each class that a perfect generator would reach. Shapes: labels of the data (N,) → (classes,)"""

    def confusion(self, features: NDArray[np.float32], labels: NDArray[np.int64]) -> NDArray[np.float64]:
        """[i, j]: share of class i that is taken for class j. Shapes: features (N, D), labels (N,)"""


class WithoutClasses:
    """Base of feature extractors that know no classes."""

    data = ""
    classes: int | None = None
    class_names: tuple[str, ...] = ()
    scope = ""
    title: str
    sha256: str

    def _refuse(self, *arguments: Any) -> NoReturn:
        """Refuse to name classes. Raises: ArgumentError"""
        raise ArgumentError(f"{self.title}: it has features alone, and knows no classes")

    probabilities = shares = confusion = _refuse


@dataclass(frozen=True)
class NamedFeatures:
    """Features that need no file: `--features NAME`."""

    name: str
    summary: str
    """One line for help texts."""
    make: Callable[[ImageSet, int, Progress], FeatureExtractor]
    """(images, most, on_progress) → extractor for such images, of which figures are computed from at most `most`."""
