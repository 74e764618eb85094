"""Evaluators: real images, or a mixture, that samples of a run are compared with."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rawgan.config.noise import TrainConfig
from rawgan.data import ImageSet, Mixture
from rawgan.data.hold_out import with_hold_out
from rawgan.data.image_set import Progress
from rawgan.gan import GAN, Labels
from rawgan.metrics import Reference, evaluate, evaluate_points, feature_extractor, labels_like
from rawgan.metrics.extractors.choice import choose
from rawgan.metrics.figures.mixture_quality import POINTS
from rawgan.tensor import Tensor

SAMPLES = 10_000
"""Number of images to compare, unless there are fewer real ones."""

BEST = {"images": "fid", "points": "unmatched"}
"""Figure that chooses the best checkpoint, by the kind of data: the lowest value wins."""


class Evaluator:
    """Real images that generated ones are compared with: the same ones each time, so that figures compare.

    `features` is that of `rawgan.metrics.feature_extractor`: a name, a file, or None. `samples` None is 10,000, or as
    many as there are real images.

    Raises: ConfigError for a file without a feature extractor, ArgumentError for more samples than there are images, or
        for too few images

    >>> from rawgan.data import load
    >>> digits = load("mnist", image_size=28)
    >>> evaluator = Evaluator(TrainConfig.of(), digits, samples=100)
    >>> evaluator.reference.count, evaluator.measure(digits.images[:100])["modes"]
    (100, 10)
    """

    def __init__(
        self,
        config: TrainConfig,
        images: ImageSet,
        features: str | Path | None = None,
        samples: int | None = None,
        seed: int = 0,
        on_progress: Progress = lambda done, total: None,
    ) -> None:
        self.images, self.seed = images, seed
        self.training, self.held_out = with_hold_out(
            config.data.place, images, 0.5, seed, on_progress, config.data.skip_broken, config.data.fit
        )
        most = min(len(self.training), len(self.held_out))
        by_name = not isinstance(features, Path) and isinstance(choose(config.data.place, features), str)
        if by_name and self.training is images:  # the others are a test split: features are fitted to both alike
            both = np.concatenate([images.images, self.held_out.images])
            images = ImageSet(both, None, images.name)
        extractor = feature_extractor(config.data.place, features, images, most, on_progress)
        count = samples or min(SAMPLES, most)
        self.reference = Reference.of(extractor, self.training, self.held_out, count, seed, on_progress)

    def ask(self, gan: GAN) -> tuple[Tensor, Labels | None]:
        """Input of G: the same noise each time and, if conditional, classes as often as the data has them.

        Shapes: → (N, noise_size), or with classes behind the noise; labels (N,)
        """
        count = self.reference.count
        labels = labels_like(self.images, count, self.seed) if gan.classes else None
        return gan.latent(gan.noise(self.seed, "evaluate", count), labels), labels

    def measure(
        self,
        images: NDArray[Any],
        on_progress: Progress = lambda done, total: None,
        labels: Labels | None = None,
    ) -> dict[str, Any]:
        """Every figure by name; how many are of the classes of their `labels`, if there are any.

        Shapes: images (N, H, W, C), uint8 or floats in [−1, 1], N as many as were asked for; labels (N,)
        """
        return evaluate(images, self.reference, on_progress, labels)


class PointEvaluator:
    """A mixture that generated points are compared with; `samples` None is as many as published figures are from."""

    def __init__(self, mixture: Mixture, samples: int | None = None, seed: int = 0) -> None:
        self.mixture, self.count, self.seed = mixture, samples or POINTS, seed

    def ask(self, gan: GAN) -> tuple[Tensor, None]:
        """Input of G: the same noise each time. Shapes: → (N, noise_size)"""
        return gan.noise(self.seed, "evaluate", self.count), None

    def measure(self, points: NDArray[Any], labels: Labels | None = None) -> dict[str, Any]:
        """Every figure by name. Shapes: points (N, 2)"""
        return evaluate_points(points, self.mixture)
