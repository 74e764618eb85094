"""The interface of networks that extract features from images."""

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from rawgan.data.image_set import Progress


class FeatureExtractor(Protocol):
    """A network that turns images into features, and perhaps features into classes."""

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
