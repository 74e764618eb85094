"""Features of stacked digits: images with a digit in each colour."""

import numpy as np
from numpy.typing import NDArray

from rawgan.data.image_set import Progress
from rawgan.errors import ShapeError, shapes
from rawgan.metrics.extractors.classifier import Classifier


class StackedDigits:
    """Feature extractor for images whose colours are three digits, with a classifier of single digits: 1000 classes.

    >>> from rawgan.metrics import load_classifier
    >>> StackedDigits(load_classifier()).classes
    1000
    """

    data = "stacked-mnist"
    class_names = ()
    scope = ""

    def __init__(self, digits: Classifier) -> None:
        self.digits, self.title, self.sha256 = digits, digits.title, digits.sha256

    @property
    def classes(self) -> int:
        """Number of triples of hundreds, tens and ones."""
        return self.digits.classes**3

    def features(
        self, images: NDArray[np.uint8], on_progress: Progress = lambda done, total: None
    ) -> NDArray[np.float32]:
        """Features of red, green and blue, side by side. Shapes: images (N, H, W, 3) uint8 → (N, 3 · 64)"""
        if images.shape[-1] != 3:
            raise ShapeError(f"stacked digits are images of three channels\n{shapes(images=images)}")
        colours = np.ascontiguousarray(images.transpose(3, 0, 1, 2))[..., None]  # (3, N, H, W, 1)
        found = self.digits.features(colours.reshape(-1, *colours.shape[2:]), on_progress)
        return np.concatenate(np.split(found, 3), axis=1)

    def probabilities(self, features: NDArray[np.float32]) -> NDArray[np.float64]:
        """Products of the probabilities of the three digits. Shapes: features (N, 3 · 64) → (N, 1000)"""
        hundreds, tens, ones = map(self.digits.probabilities, map(np.ascontiguousarray, np.split(features, 3, axis=1)))
        return np.einsum("na,nb,nc->nabc", hundreds, tens, ones).reshape(len(features), -1)

    def shares(self, labels: NDArray[np.int64]) -> NDArray[np.float64]:
        """Equal shares, as in published figures, whatever the labels. Shapes: labels (N,) → (1000,)"""
        return np.full(self.classes, 1 / self.classes)

    def confusion(self, features: NDArray[np.float32], labels: NDArray[np.int64]) -> NDArray[np.float64]:
        """Confusion of single digits. Shapes: features (N, 3 · 64), labels (N,) → (10, 10)"""
        digits = np.ascontiguousarray(features.reshape(3 * len(features), -1))
        n = self.digits.classes
        return self.digits.confusion(digits, np.stack([labels // n**2, labels // n % n, labels % n], axis=1).ravel())
