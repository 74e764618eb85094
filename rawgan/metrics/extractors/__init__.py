"""Feature extractors: networks that metrics compare images with.

The classifier of digits comes with rawgan; `rawgan train-classifier` makes others. Where there are no labels, a network
learns from the images themselves, or a random one has to do. Files may also hold Inception's weights, or any network as
ONNX.
"""

from pathlib import Path

from rawgan.data.image_set import ImageSet, Progress
from rawgan.errors import ArgumentError
from rawgan.metrics.extractors.choice import NAMED, choose
from rawgan.metrics.extractors.classifier import Classifier, ClassifierSpec
from rawgan.metrics.extractors.extractor import FeatureExtractor
from rawgan.metrics.extractors.inception import Inception, inception_in
from rawgan.metrics.extractors.onnx_features import OnnxFeatures
from rawgan.metrics.extractors.stacked_digits import StackedDigits
from rawgan.metrics.extractors.stored_classifier import DIGITS, load


def feature_extractor(
    data: str,
    features: str | Path | None = None,
    images: ImageSet | None = None,
    most: int | None = None,
    on_progress: Progress = lambda done, total: None,
) -> FeatureExtractor:
    """The feature extractor for images of a data set.

    `features` is "self" (a network learns from `images`, once), "random" (a random network), or a file: of a
    classifier, of Inception's weights, or ONNX; a Path is always a file. None stands for the classifier of digits with
    MNIST and stacked digits, otherwise for "self". Figures are to be computed from at most `most` images, by default
    half of `images`.

    Raises: ConfigError for a file that holds no feature extractor, and for "inception", with the recipe for its file;
        ArgumentError for "self" or "random" with too few images, or without any

    >>> feature_extractor("stacked-mnist").classes
    1000
    """
    chosen = features if isinstance(features, Path) else choose(data, features)
    if isinstance(chosen, str):
        if images is None:
            raise ArgumentError(f"{data}: features {chosen} depend on the images; give these, or the file of a network")
        return NAMED[chosen].make(images, len(images) // 2 if most is None else most, on_progress)
    if (inception := inception_in(chosen)) is not None:
        return inception
    if chosen.suffix.lower() == ".onnx":
        return OnnxFeatures(chosen)
    classifier = load(None if chosen == DIGITS else chosen)
    return StackedDigits(classifier) if data == StackedDigits.data else classifier


__all__ = [
    "Classifier",
    "ClassifierSpec",
    "FeatureExtractor",
    "Inception",
    "OnnxFeatures",
    "StackedDigits",
    "feature_extractor",
]
