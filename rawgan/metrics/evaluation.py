"""All figures at once: generated images against training images, and beside them what real images reach.

Everything is computed from as many samples on each side, as most figures depend on that number.
"""

from dataclasses import dataclass
from functools import cached_property
from os import PathLike
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rawgan.data import ImageSet, has_test_split, load, to_uint8
from rawgan.data.image_set import Progress
from rawgan.data.memory_limits import machine_bytes
from rawgan.errors import ArgumentError
from rawgan.metrics.distances import fid, kid
from rawgan.metrics.feature_extractors import FeatureExtractor
from rawgan.metrics.manifold import prdc
from rawgan.metrics.modes import (
    class_histogram,
    classifier_score,
    collapsed_modes,
    least_count,
    modes_covered,
    perfect_kl,
    perfect_modes,
    reverse_kl,
)
from rawgan.random import make_rng

NEIGHBOURS = 5
"""k of precision, recall, density and coverage."""


def draw(images: ImageSet, count: int, seed: int) -> ImageSet:
    """So many images of a set, without repetition, in random order.

    Raises: ArgumentError for more than there are
    """
    if not 1 <= count <= len(images):
        raise ArgumentError(f"{count} samples of {images.name}: it has {len(images)}; ask for at most as many")
    chosen = make_rng(seed, "draw").permutation(len(images))[:count]
    return images.part(chosen)


def labels_like(images: ImageSet, count: int, seed: int) -> NDArray[np.int64]:
    """So many labels, each class with the share that it has in a set, to within one, in random order.

    Raises: DataError for a set without labels

    >>> np.bincount(labels_like(ImageSet(np.zeros((4, 8, 8, 1), np.uint8), np.array([0, 1, 1, 1]), "zeros"), 8, 0))
    array([2, 6])
    """
    images.count_classes()
    ordered = np.sort(images.labels)  # type: ignore[arg-type]  # there are some: they were counted
    chosen = ordered[np.arange(count) * len(images) // count]
    return make_rng(seed, "labels").permutation(chosen)


def held_out_of(
    source: str | PathLike[str],
    images: ImageSet,
    share: float,
    seed: int = 0,
    on_progress: Progress = lambda done, total: None,
    skip_broken: bool = False,
) -> tuple[ImageSet, ImageSet]:
    """Images that were loaded from `source`, and others like them: its test images, or else a share of its own.

    Raises: DataError for test images that cannot be read; ArgumentError for too few images
    """
    if has_test_split(source):
        size, _, channels = images.shape
        return images, load(
            source, image_size=size, channels=channels, split="test", skip_broken=skip_broken, white=images.white,
            on_progress=on_progress,
        )  # fmt: skip
    return split(images, int(len(images) * share), seed)


def split(images: ImageSet, held_out: int, seed: int) -> tuple[ImageSet, ImageSet]:
    """Two parts of a set that has no test images: all but `held_out` images, and these.

    Raises: ArgumentError unless both parts have at least one

    >>> rest, held_out = split(ImageSet(np.zeros((10, 8, 8, 1), np.uint8), None, "zeros"), 3, seed=0)
    >>> len(rest), len(held_out)
    (7, 3)
    """
    if not 1 <= held_out < len(images):
        few = "1 image is" if len(images) == 1 else f"{len(images)} images are"
        least = f": at least {max(held_out + 1, 2)}" if held_out > 0 or len(images) < 2 else ""
        raise ArgumentError(f"{images.name}: {few} too few to set {max(held_out, 1)} apart; add images{least}")
    order = make_rng(seed, "split").permutation(len(images))
    return images.part(order[held_out:]), images.part(order[:held_out])


@dataclass(frozen=True, eq=False)
class Reference:
    """What generated images are measured against: training images, and other real ones, which set the floor.

    `count` images of each are drawn, by `seed`; None is as many as the smaller set has.

    Raises: ArgumentError for a count larger than a set, or not larger than the number of features

    >>> from rawgan.data import load
    >>> from rawgan.metrics import feature_extractor
    >>> digits = load("mnist", image_size=28, split="test")
    >>> reference = Reference.of(feature_extractor("mnist"), *split(digits, 300, seed=0))
    >>> reference.count, reference.floor["modes"]
    (300, 10)
    """

    extractor: FeatureExtractor
    training: NDArray[np.float32]
    """Features of training images. (count, D)"""
    held_out: NDArray[np.float32]
    """Features of other real images. (count, D)"""
    target: NDArray[np.float64] | None
    """Share of each class in the data, where the judge tells classes. (classes,)"""
    confusion: NDArray[np.float64] | None
    """[i, j]: the share of class i that the judge takes for class j; None where it does not know the data's classes."""
    accuracy: float | None = None
    """The share of the other real images that the judge names rightly; None where it does not know their classes."""

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
        """Draw images from both sets, and have them judged. `on_progress(done, total)` counts them."""
        smaller = min(training, held_out, key=len)
        count = len(smaller) if count is None else count
        if count > len(smaller):
            raise ArgumentError(
                f"{count} samples are compared with as many real images, twice, but of {smaller.name} only "
                f"{len(smaller)} are there\n  ask for {len(smaller)} or fewer"
            )
        real, other = draw(training, count, seed), draw(held_out, count, seed)
        features = extractor.features(np.concatenate([real.images, other.images]), on_progress)
        if count <= features.shape[1]:
            raise ArgumentError(
                f"{count} samples are too few for {features.shape[1]} features: FID would measure their number\n"
                f"  ask for more than {features.shape[1]}, better for several thousand"
            )
        if 4 * 8 * features.shape[1] ** 2 > machine_bytes():
            raise ArgumentError(f"the covariance of {features.shape[1]:,} features takes more memory than there is")
        target = confusion = accuracy = None
        if extractor.classes is not None:
            known = (extractor.data, extractor.class_names) == (training.name, training.class_names)
            if known and training.labels is not None:
                target = extractor.shares(training.labels)
            else:
                target = extractor.shares(extractor.probabilities(features[:count]).argmax(axis=1))
            if known and other.labels is not None:
                confusion = extractor.confusion(features[count:], other.labels)
                accuracy = _share_named(extractor, features[count:], other.labels)
        return cls(extractor, features[:count], features[count:], target, confusion, accuracy)

    @property
    def count(self) -> int:
        """How many samples each figure is from."""
        return len(self.training)

    @cached_property
    def floor(self) -> dict[str, Any]:
        """The figures that real images reach which are not those compared with: no generator should do better."""
        return _figures(self.held_out, self, lambda done, total: None)

    @cached_property
    def expected(self) -> dict[str, float]:
        """What figures about classes would be, on average, of perfect samples, and of samples that are all of one
        class: by chance, and because the judge errs."""
        if self.extractor.classes is None or self.target is None:
            return {}
        least = least_count(self.count, self.extractor.classes)
        found = {
            "least_count": least,
            "perfect_kl": perfect_kl(self.count, self.target),
            "perfect_modes": perfect_modes(self.count, self.target),
            "perfect_modes_of_least_count": perfect_modes(self.count, self.target, least),
        }
        if self.confusion is not None:
            digits = round(np.log(self.extractor.classes) / np.log(len(self.confusion)))
            found |= {
                "judge_error": 1 - float(np.diag(self.confusion).mean()) ** digits,
                "collapsed_modes": collapsed_modes(self.count, self.confusion, digits),
                "collapsed_modes_of_least_count": collapsed_modes(self.count, self.confusion, digits, least),
            }
        return found


def evaluate(
    images: NDArray[Any],
    reference: Reference,
    on_progress: Progress = lambda done, total: None,
    labels: NDArray[np.int64] | None = None,
) -> dict[str, Any]:
    """Every figure of generated images, by name; those about classes where the judge tells classes, and the share of
    `label_kept` where it knows those of `labels`, which the images were to be of.

    Images are rounded to bytes first, as real ones are and files would be.

    Shapes: images (N, H, W, C), uint8 or floats in [−1, 1], N being the reference's count; labels (N,)
    Raises: ArgumentError for NaN, or another number of images
    """
    if len(images) != reference.count:
        raise ArgumentError(
            f"evaluate: {len(images)} images, but the reference has {reference.count}, and figures compare only at "
            "equal counts; make as many"
        )
    pixels = images if images.dtype == np.uint8 else to_uint8(images)
    features = reference.extractor.features(pixels, lambda done, total: on_progress(done, 4 * total))
    figures = _figures(features, reference, on_progress)
    if labels is not None and reference.accuracy is not None:
        figures["label_kept"] = _share_named(reference.extractor, features, labels)
    return figures


def _share_named(extractor: FeatureExtractor, features: NDArray[np.float32], labels: NDArray[np.int64]) -> float:
    """The share of images that the judge takes for the class of their label."""
    return float((extractor.probabilities(features).argmax(axis=1) == labels).mean())


def _figures(features: NDArray[np.float32], reference: Reference, on_progress: Progress) -> dict[str, Any]:
    """All figures; features were a quarter of the work."""
    count, extractor, real = len(features), reference.extractor, reference.training
    figures: dict[str, Any] = {"fid": fid(real, features)}
    on_progress(2 * count, 4 * count)
    figures["kid"] = kid(real, features)
    on_progress(3 * count, 4 * count)
    figures |= prdc(real, features, NEIGHBOURS)._asdict()
    on_progress(4 * count, 4 * count)
    if extractor.classes is not None and reference.target is not None:
        probabilities = extractor.probabilities(features)
        counts = class_histogram(probabilities.argmax(axis=1), extractor.classes)
        figures |= {
            "classifier_score": classifier_score(probabilities),
            "modes": modes_covered(counts),
            "modes_of_least_count": modes_covered(counts, least_count(count, extractor.classes)),
            "reverse_kl": reverse_kl(counts, reference.target),
            "histogram": counts.tolist(),
        }
    return figures
