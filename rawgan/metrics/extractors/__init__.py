"""Feature extractors: networks that metrics compare images with.

The classifier of digits comes with rawgan; `rawgan train-classifier` makes others; any network in an ONNX file will do.
"""

from pathlib import Path

from rawgan.errors import DataError
from rawgan.metrics.extractors.classifier import Classifier, ClassifierSpec
from rawgan.metrics.extractors.extractor import FeatureExtractor
from rawgan.metrics.extractors.onnx_features import OnnxFeatures
from rawgan.metrics.extractors.stacked_digits import StackedDigits
from rawgan.metrics.extractors.stored_classifier import load


def feature_extractor(data: str, path: Path | None = None) -> FeatureExtractor:
    """The feature extractor for images of a data set: that in the file `path`, a classifier or an ONNX file. None: the
    classifier of digits that comes with rawgan, for MNIST.

    Raises: DataError for data that needs a file; ConfigError for a file that holds no feature extractor

    >>> feature_extractor("stacked-mnist").classes
    1000
    """
    if path is not None and path.suffix.lower() == ".onnx":
        return OnnxFeatures(path)
    if data == StackedDigits.data:
        return StackedDigits(load(path))
    if path is None and data != "mnist":
        raise DataError(
            f"{data}: rawgan comes with a classifier of digits, which knows nothing of these images\n"
            "  train one on them, if they have labels: rawgan train-classifier --data DATA --out FILE; or take any\n"
            "  network's features, as an ONNX file; then: rawgan evaluate RUN --features FILE"
        )
    return load(path)


__all__ = ["Classifier", "ClassifierSpec", "FeatureExtractor", "OnnxFeatures", "StackedDigits", "feature_extractor"]
