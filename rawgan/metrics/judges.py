"""What looks at images: the classifier of digits, another one, one for three digits, or a network from elsewhere."""

from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from rawgan.data import to_unit
from rawgan.data.imageset import Progress
from rawgan.data.pixels import resized
from rawgan.errors import ArgumentError, ConfigError, DataError, ShapeError, shapes
from rawgan.metrics.classifier import AT_ONCE, Classifier, load


class Judge(Protocol):
    """Turns images into features, and perhaps features into classes."""

    @property
    def data(self) -> str:
        """The data whose classes it knows."""

    @property
    def classes(self) -> int | None:
        """How many classes it tells apart; None if it tells none."""

    @property
    def class_names(self) -> tuple[str, ...]:
        """What they are called; nothing where they have no names."""

    def features(self, images: NDArray[np.uint8], on_progress: Progress = ...) -> NDArray[np.float32]:
        """Shapes: images (N, H, W, C) uint8 → (N, D)"""

    def probabilities(self, features: NDArray[np.float32]) -> NDArray[np.float64]:
        """Shapes: features (N, D) → (N, classes), rows that sum to 1"""

    def shares(self, labels: NDArray[np.int64]) -> NDArray[np.float64]:
        """The share of each class that a perfect generator would reach. Shapes: labels of the data (N,) → (classes,)"""

    def confusion(self, features: NDArray[np.float32], labels: NDArray[np.int64]) -> NDArray[np.float64]:
        """[i, j]: the share of class i that is taken for class j. Shapes: features (N, D), labels (N,)"""


class Stacked:
    """Judges three digits that are the colours of one image, with a classifier of one digit: 1000 classes.

    >>> Stacked(load()).classes
    1000
    """

    data = "stacked-mnist"
    class_names = ()

    def __init__(self, digits: Classifier) -> None:
        self.digits = digits

    @property
    def classes(self) -> int:
        """As many as there are triples: hundreds, tens and ones."""
        return self.digits.classes**3

    def features(
        self, images: NDArray[np.uint8], on_progress: Progress = lambda done, total: None
    ) -> NDArray[np.float32]:
        """The features of red, green and blue, side by side. Shapes: images (N, H, W, 3) uint8 → (N, 3 · 64)"""
        if images.shape[-1] != 3:
            raise ShapeError(f"stacked digits are images of three channels\n{shapes(images=images)}")
        colours = np.ascontiguousarray(images.transpose(3, 0, 1, 2))[..., None]  # (3, N, H, W, 1)
        found = self.digits.features(colours.reshape(-1, *colours.shape[2:]), on_progress)
        return np.concatenate(np.split(found, 3), axis=1)

    def probabilities(self, features: NDArray[np.float32]) -> NDArray[np.float64]:
        """The products of the three digits' probabilities. Shapes: features (N, 3 · 64) → (N, 1000)"""
        hundreds, tens, ones = map(self.digits.probabilities, map(np.ascontiguousarray, np.split(features, 3, axis=1)))
        return np.einsum("na,nb,nc->nabc", hundreds, tens, ones).reshape(len(features), -1)

    def shares(self, labels: NDArray[np.int64]) -> NDArray[np.float64]:
        """All classes alike, as in published figures, whatever the labels. Shapes: labels (N,) → (1000,)"""
        return np.full(self.classes, 1 / self.classes)

    def confusion(self, features: NDArray[np.float32], labels: NDArray[np.int64]) -> NDArray[np.float64]:
        """That of one digit. Shapes: features (N, 3 · 64), labels (N,) → (10, 10)"""
        digits = np.ascontiguousarray(features.reshape(3 * len(features), -1))
        n = self.digits.classes
        return self.digits.confusion(digits, np.stack([labels // n**2, labels // n % n, labels % n], axis=1).ravel())


class OnnxFeatures:
    """Features by a network from elsewhere, an ONNX file: its first output, flattened. It tells no classes.

    It is given float32 in [−1, 1], as (N, C, H, W) or (N, H, W, C), whichever its input's shape says; images are
    resized and made grey or colour as that shape asks.

    Raises: ConfigError if onnxruntime is missing, or the file is no such network
    """

    data = ""
    classes = None
    class_names = ()

    def __init__(self, path: Path) -> None:
        try:
            import onnxruntime  # type: ignore[import-not-found,unused-ignore]
        except ImportError:
            raise ConfigError(f"{path}: an ONNX file is run by onnxruntime: pip install onnxruntime") from None
        try:
            self.session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
        except Exception as error:  # onnxruntime's own errors derive from nothing narrower
            raise ConfigError(f"{path} is no network that onnxruntime can run: {error}") from error
        first, *more = self.session.get_inputs()
        shape = list(first.shape)
        if more or len(shape) != 4 or not {1, 3} & {shape[1], shape[3]}:
            raise ConfigError(
                f"{path}: expected one input (N, C, H, W) or (N, H, W, C), C being 1 or 3; {first.name} is {shape}"
            )
        self.path, self.input, self.channels_first = path, first.name, shape[1] in (1, 3)
        self.channels = shape[1] if self.channels_first else shape[3]
        side = shape[2]
        self.size = side if isinstance(side, int) else None  # a name stands for any size

    def features(
        self, images: NDArray[np.uint8], on_progress: Progress = lambda done, total: None
    ) -> NDArray[np.float32]:
        """Shapes: images (N, H, W, C) uint8 → (N, D)"""
        images = resized(images, self.size or images.shape[1], self.channels, "images")
        found = []
        for start in range(0, len(images), AT_ONCE):
            batch = to_unit(images[start : start + AT_ONCE])
            x = np.ascontiguousarray(batch.transpose(0, 3, 1, 2)) if self.channels_first else batch
            output: Any = self.session.run(None, {self.input: x})[0]
            if len(output) != len(batch):
                raise ConfigError(f"{self.path}: {len(batch)} images gave an output {output.shape}; expected (N, …)")
            found.append(output.reshape(len(batch), -1).astype(np.float32))
            on_progress(start + len(batch), len(images))
        return np.concatenate(found)

    def _no_classes(self, *arguments: Any) -> NDArray[np.float64]:
        """Raises: ArgumentError"""
        raise ArgumentError(f"{self.path}: features alone tell no classes")

    probabilities = shares = confusion = _no_classes


def judge_of(data: str, path: Path | None = None) -> Judge:
    """What judges images like those of a data set: `path`, a classifier or an ONNX file; the digits' own for MNIST.

    Raises: DataError for data that nothing here can judge; ConfigError for a file that cannot

    >>> judge_of("stacked-mnist").classes
    1000
    """
    if path is not None and path.suffix.lower() == ".onnx":
        return OnnxFeatures(path)
    if data == Stacked.data:
        return Stacked(load(path))
    if path is None and data != "mnist":
        raise DataError(
            f"{data}: rawgan comes with a classifier of digits, which knows nothing of these images\n"
            "  train one on them, if they have labels: rawgan train-classifier --data DATA --out FILE; or take any\n"
            "  network's features, as an ONNX file; then: rawgan evaluate RUN --features FILE"
        )
    return load(path)
