"""Features of a network with random weights, the same ones each time: no training, and nothing to download.

A random convolution with an activation finds edges and colours, if no objects. Its means over the quarters of an image,
at three scales, tell what there is and roughly where.
"""

import hashlib

import numpy as np
from numpy.typing import NDArray

from rawgan import nn, ops
from rawgan.autograd import no_grad
from rawgan.data.image_set import ImageSet, Progress
from rawgan.data.pixels import to_unit
from rawgan.metrics.extractors.classifier import AT_ONCE
from rawgan.metrics.extractors.components import Components, feature_count
from rawgan.metrics.extractors.extractor import THESE_IMAGES, FeatureExtractor, NamedFeatures, WithoutClasses
from rawgan.random import make_rng
from rawgan.tensor import Tensor

WIDTHS = 16, 32, 64
"""Channels at each scale, which halves the one before."""


class RandomFeatures(WithoutClasses):
    """Means of the channels of a random network over the quarters of an image, at three scales.

    Its weights follow from the number of channels of an image alone.

    >>> RandomFeatures(3).features(np.zeros((2, 32, 32, 3), np.uint8)).shape
    (2, 448)
    """

    title = "a random network"
    scope = THESE_IMAGES

    def __init__(self, channels: int) -> None:
        rng, init = make_rng(0, "random features"), nn.init.he_normal
        self.levels = [
            nn.Sequential(
                nn.Conv2d(inputs, outputs, 4, stride=2, padding=1, rng=rng, init=init),
                nn.LeakyReLU(0.1),
            )
            for inputs, outputs in zip((channels, *WIDTHS), WIDTHS, strict=False)
        ]
        weights = (weight.numpy().tobytes() for level in self.levels for weight in level.parameters())
        self.sha256 = hashlib.sha256(b"".join(weights)).hexdigest()

    def features(
        self, images: NDArray[np.uint8], on_progress: Progress = lambda done, total: None
    ) -> NDArray[np.float32]:
        """Features of images of 8 pixels or more. Shapes: images (N, H, W, C) uint8 → (N, 448)"""
        found = np.empty((len(images), 4 * sum(WIDTHS)), np.float32)
        with no_grad():
            for start in range(0, len(images), AT_ONCE):
                batch = images[start : start + AT_ONCE]
                found[start : start + AT_ONCE] = self._of_batch(Tensor(to_unit(batch)))
                on_progress(start + len(batch), len(images))
        return found

    def _of_batch(self, x: Tensor) -> NDArray[np.float32]:
        """Features of one batch. Shapes: x (n, H, W, C) → (n, 448)"""
        means = []
        for level in self.levels:
            x = level(x)
            half = (x.shape[1] + 1) // 2  # of an odd number of pixels, the middle ones belong to both halves
            halves = slice(half), slice(-half, None)
            means += [ops.mean(x[:, rows, columns], (1, 2)).numpy() for rows in halves for columns in halves]
        return np.concatenate(means, axis=1)


def features_of(images: ImageSet, most: int, on_progress: Progress) -> FeatureExtractor:
    """The principal components of a random network's features.

    Raises: ArgumentError for too few images
    """
    count = feature_count(images.name, most)
    return Components(RandomFeatures(images.shape[2]), images, count, on_progress)


RANDOM = NamedFeatures("random", "features of a random network, without training", features_of)
