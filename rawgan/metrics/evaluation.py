"""All figures at once: generated images compared with training images, beside the figures of other real images.

Both sides have the same number of samples, as most figures depend on that number.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rawgan.data.image_set import ImageSet, Progress
from rawgan.data.memory_limits import machine_bytes
from rawgan.data.pixels import to_uint8
from rawgan.errors import ArgumentError
from rawgan.metrics.extractors import FeatureExtractor
from rawgan.metrics.figures import compute, metrics_of
from rawgan.metrics.figures.label_kept import label_share
from rawgan.metrics.figures.metric import Classes, ClassReference, Features, Labelled
from rawgan.random import make_rng


def draw(images: ImageSet, count: int, seed: int) -> ImageSet:
    """Draw `count` images of a set without repetition, in random order.

    Raises: ArgumentError for more than there are
    """
    if not 1 <= count <= len(images):
        raise ArgumentError(f"{count} samples of {images.name}: it has {len(images)}; ask for at most as many")
    chosen = make_rng(seed, "draw").permutation(len(images))[:count]
    return images.part(chosen)


def labels_like(images: ImageSet, count: int, seed: int) -> NDArray[np.int64]:
    """`count` labels in random order. Each class has the same share as in a set, to within one label.

    Raises: DataError for a set without labels

    >>> np.bincount(labels_like(ImageSet(np.zeros((4, 8, 8, 1), np.uint8), np.array([0, 1, 1, 1]), "zeros"), 8, 0))
    array([2, 6])
    """
    images.count_classes()
    ordered = np.sort(images.labels)  # type: ignore[arg-type]  # there are some: they were counted
    chosen = ordered[np.arange(count) * len(images) // count]
    return make_rng(seed, "labels").permutation(chosen)


@dataclass(frozen=True, eq=False)
class Reference:
    """Real images that generated images are compared with: training images, and a hold-out set, which gives the floor.

    `count` images of each are drawn, by `seed`; None is the size of the smaller set.

    Raises: ArgumentError for a count larger than a set, or not larger than the number of features

    >>> from rawgan.data import load
    >>> from rawgan.data.hold_out import hold_out
    >>> from rawgan.metrics import feature_extractor
    >>> digits = load("mnist", image_size=28, split="test")
    >>> reference = Reference.of(feature_extractor("mnist"), *hold_out(digits, 300, seed=0))
    >>> reference.count, reference.floor["modes"]
    (300, 10)
    """

    extractor: FeatureExtractor
    training: NDArray[np.float32]
    """Features of training images. (count, D)"""
    held_out: NDArray[np.float32]
    """Features of hold-out images. (count, D)"""
    classes: ClassReference | None = None
    """Classes of the data; None if the feature extractor knows no classes."""
    accuracy: float | None = None
    """Share of hold-out images that the feature extractor classifies correctly; None if it does not know their
    classes."""

    @classmethod
    def of(
        cls,
        extractor: FeatureExtractor,
        training: ImageSet,
        held_out: ImageSet,
        count: int | None = None,
        seed: int = 0,
        on_progress: Progress = lambda done, total: None,
    ) -> "Reference":
        """Draw images from both sets, and extract their features. `on_progress(done, total)` counts them."""
        smaller = min(training, held_out, key=len)
        count = len(smaller) if count is None else count
        if count > len(smaller):
            raise ArgumentError(
                f"{count} samples are compared with as many real images, twice, but of {smaller.name} only "
                f"{len(smaller)} are there\n  ask for {len(smaller)} or fewer"
            )
        real, other = draw(training, count, seed), draw(held_out, count, seed)
        _check_features(extractor.features(real.images[:1]).shape[1], count, len(smaller))
        features = extractor.features(np.concatenate([real.images, other.images]), on_progress)
        classes = accuracy = None
        if extractor.classes is not None:
            target = confusion = None
            known = (extractor.data, extractor.class_names) == (training.name, training.class_names)
            if known and training.labels is not None:
                target = extractor.shares(training.labels)
            else:
                target = extractor.shares(extractor.probabilities(features[:count]).argmax(axis=1))
            if known and other.labels is not None:
                confusion = extractor.confusion(features[count:], other.labels)
                accuracy = label_share(extractor.probabilities(features[count:]), other.labels)
            classes = ClassReference(count, target, confusion)
        return cls(extractor, features[:count], features[count:], classes, accuracy)

    @property
    def count(self) -> int:
        """Number of samples that each figure is computed from."""
        return len(self.training)

    @cached_property
    def floor(self) -> dict[str, Any]:
        """Figures of the hold-out images: no generator should do better."""
        return _figures(self.held_out, self, lambda done, total: None)

    @cached_property
    def expected(self) -> dict[str, float]:
        """Average figures of perfect samples, and of samples that are all of one class: the effect of chance and of the
        classifier's errors."""
        if self.classes is None:
            return {}
        found: dict[str, float] = {}
        for metric in metrics_of(Classes):
            if metric.expected is not None:
                found |= metric.expected(self.classes)
        if self.classes.confusion is not None:
            right = float(np.diag(self.classes.confusion).mean())
            found["classifier_error"] = 1 - right**self.classes.digits
        return found


def _check_features(number: int, count: int, available: int) -> None:
    """Raise an ArgumentError for more features than samples, or than there is memory for."""
    if count <= number:
        way = (
            f"ask for more than {number}, better for several thousand"
            if available > number
            else f"there are {available} real images to compare with; take fewer features: --features self, or random"
        )
        raise ArgumentError(
            f"{count} samples are too few for {number} features: FID would measure their number\n  {way}"
        )
    if 4 * 8 * number**2 > machine_bytes():
        raise ArgumentError(f"the covariance of {number:,} features takes more memory than there is")


def evaluate(
    images: NDArray[Any],
    reference: Reference,
    on_progress: Progress = lambda done, total: None,
    labels: NDArray[np.int64] | None = None,
) -> dict[str, Any]:
    """Every figure of generated images, by name: those of classes if the feature extractor knows classes, and those of
    `labels`, the classes that G was given, if it knows the classes of the data.

    Images are rounded to bytes first, as real ones are, and as files would be.

    Shapes: images (N, H, W, C), uint8 or floats in [−1, 1], where N is the reference's count; labels (N,)
    Raises: ArgumentError for NaN, or another number of images
    """
    if len(images) != reference.count:
        raise ArgumentError(
            f"evaluate: {len(images)} images, but the reference has {reference.count}, and figures compare only at "
            "equal counts; make as many"
        )
    pixels = images if images.dtype == np.uint8 else to_uint8(images)
    parts = 1 + len(metrics_of(Features))
    features = reference.extractor.features(pixels, lambda done, total: on_progress(done, parts * total))
    figures = _figures(features, reference, on_progress)
    if labels is not None and reference.accuracy is not None:
        figures |= compute(Labelled(reference.extractor.probabilities(features), labels))
    return figures


def _figures(features: NDArray[np.float32], reference: Reference, on_progress: Progress) -> dict[str, Any]:
    """All figures of features and classes. To extract the features was the first part of the work."""
    count, metrics = len(features), metrics_of(Features)
    figures: dict[str, Any] = {}
    for done, metric in enumerate(metrics, 2):
        figures |= metric.compute(Features(reference.training, features))
        on_progress(done * count, (1 + len(metrics)) * count)
    if reference.classes is not None:
        figures |= compute(Classes(reference.extractor.probabilities(features), reference.classes))
    return figures
