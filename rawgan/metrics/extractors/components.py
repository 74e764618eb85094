"""Principal components of features: fewer of them, where there are few images to compute figures from."""

import hashlib

import numpy as np
from numpy.typing import NDArray

from rawgan.data.image_set import ImageSet, Progress
from rawgan.errors import ArgumentError
from rawgan.metrics.extractors.classifier import FEATURES
from rawgan.metrics.extractors.extractor import FeatureExtractor, WithoutClasses
from rawgan.random import make_rng

PER_FEATURE = 3
"""Fewest images for each feature: FID of fewer measures mainly their number."""
FEWEST = 4
"""Smallest number of features."""
SEEN = 5000
"""Most images that components are computed from."""


def feature_count(name: str, most: int) -> int:
    """Number of features for figures of at most `most` images: 64, or a third of the images if that is less.

    Raises: ArgumentError for fewer than 12 images

    >>> feature_count("photos", 200), feature_count("photos", 50)
    (64, 16)
    """
    if most < FEWEST * PER_FEATURE:
        raise ArgumentError(
            f"{name}: figures of quality compare two sets of {FEWEST * PER_FEATURE} real images or more, but there are "
            f"{most} for each\n  add images: {2 * FEWEST * PER_FEATURE} or more, or as many of both where a folder has "
            "test images"
        )
    return min(FEATURES, most // PER_FEATURE)


class Components(WithoutClasses):
    """The first principal components of another extractor's features, each of which is scaled to variance 1 first.

    Scale and components are those of `images`, so figures compare on these images alone. The result is scaled so that
    the variances of all components, those left out included, add up to the number of those that are kept.

    Shapes: features (N, D) → (N, count)
    """

    def __init__(
        self, whole: FeatureExtractor, images: ImageSet, count: int, on_progress: Progress = lambda done, total: None
    ) -> None:
        self.whole, self.title, self.scope = whole, whole.title, whole.scope
        seen = images.part(make_rng(0, "components").permutation(len(images))[:SEEN])
        found = whole.features(seen.images, on_progress).astype(np.float64)
        spread = found.std(axis=0)
        scale = np.divide(1, spread, out=np.zeros_like(spread), where=spread > 1e-6 * spread.max())
        found = (found - found.mean(axis=0)) * scale
        _, vectors = np.linalg.eigh(found.T @ found)  # (D, N) @ (N, D) → (D, D), the least first
        scale *= np.sqrt(count / max(1, int(np.count_nonzero(scale))))
        self.matrix = (scale[:, None] * vectors[:, : -count - 1 : -1]).astype(np.float32)
        self.sha256 = hashlib.sha256(whole.sha256.encode() + self.matrix.tobytes()).hexdigest()

    def features(
        self, images: NDArray[np.uint8], on_progress: Progress = lambda done, total: None
    ) -> NDArray[np.float32]:
        """Components of images. Shapes: images (N, H, W, C) uint8 → (N, count)"""
        return self.whole.features(images, on_progress) @ self.matrix  # (N, D) @ (D, count) → (N, count)


class SideBySide(WithoutClasses):
    """Features of two extractors beside each other.

    Shapes: features (N, D), the features of both
    """

    def __init__(self, first: FeatureExtractor, second: FeatureExtractor) -> None:
        self.parts = first, second
        self.title, self.scope = f"{first.title}, and of {second.title}", first.scope
        self.sha256 = hashlib.sha256((first.sha256 + second.sha256).encode()).hexdigest()

    def features(
        self, images: NDArray[np.uint8], on_progress: Progress = lambda done, total: None
    ) -> NDArray[np.float32]:
        """Features of both. Shapes: images (N, H, W, C) uint8 → (N, D)"""
        first, second = self.parts
        return np.concatenate([first.features(images, on_progress), second.features(images)], axis=1)
