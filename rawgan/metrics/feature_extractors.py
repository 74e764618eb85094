"""What looks at images: the classifier of digits, another one, one for three digits, or a network from elsewhere."""

import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from threading import Thread
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from rawgan.data import to_unit
from rawgan.data.image_set import Progress
from rawgan.data.memory_limits import limited_extra_memory, machine_bytes, refuse_too_large
from rawgan.data.pixels import resized
from rawgan.errors import ArgumentError, ConfigError, DataError, ShapeError, one_line, shapes, shown
from rawgan.files import open_file
from rawgan.metrics.classifier import AT_ONCE, Classifier, load

FIRST_SECONDS = 30.0
"""Time that a network from elsewhere may take for the first images."""


class FeatureExtractor(Protocol):
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


class StackedDigits:
    """Judges three digits that are the colours of one image, with a classifier of one digit: 1000 classes.

    >>> StackedDigits(load()).classes
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
    resized and made grey or colour as that shape asks. Where N is a number there, it gets as many at a time.

    Raises: ConfigError if onnxruntime is missing, or the file is no such network, or one that takes FIRST_SECONDS for
        the first images, and later 10 times as long for each
    """

    data = ""
    classes = None
    class_names = ()

    def __init__(self, path: Path) -> None:
        try:
            import onnxruntime  # type: ignore[import-not-found,import-untyped,unused-ignore]
        except ImportError:
            raise ConfigError(f"{path}: an ONNX file is run by onnxruntime: pip install onnxruntime") from None
        try:
            open_file(path).close()
        except OSError as error:
            raise ConfigError(f"{path} could not be read: {error.strerror or error}") from None
        with suppress(AttributeError):  # an older one; what is wrong, it raises, besides printing names of the file
            onnxruntime.set_default_logger_severity(4)
        self.path, self._options = path, getattr(onnxruntime, "RunOptions", None)
        make = partial(onnxruntime.InferenceSession, str(path), providers=["CPUExecutionProvider"])
        self.session = self._done(make, FIRST_SECONDS, "is no network that onnxruntime can run")
        inputs = [(each.name, list(each.shape)) for each in self.session.get_inputs()]
        if len(inputs) != 1 or len(inputs[0][1]) != 4 or not {1, 3} & {inputs[0][1][1], inputs[0][1][3]}:
            found = "; ".join(f"{one_line(str(name))} is {shown(shape)}" for name, shape in inputs[:4]) or "it has none"
            raise ConfigError(f"{path}: expected one input (N, C, H, W) or (N, H, W, C), C being 1 or 3; {found}")
        self.input, shape = inputs[0]
        self.channels_first = shape[1] in (1, 3)
        self.channels = shape[1] if self.channels_first else shape[3]
        count, side = shape[0], shape[2]
        self.count = count if isinstance(count, int) and count > 0 else None  # a name stands for any number
        self.size = side if isinstance(side, int) and side > 0 else None

    def features(
        self, images: NDArray[np.uint8], on_progress: Progress = lambda done, total: None
    ) -> NDArray[np.float32]:
        """Shapes: images (N, H, W, C) uint8 → (N, D)"""
        images = resized(images, self.size or images.shape[1], self.channels, "images")
        first = self._of_batch(images[: self.count or 1], FIRST_SECONDS)
        started = time.monotonic()
        self._of_batch(images[: self.count or 1], FIRST_SECONDS)
        each = time.monotonic() - started
        if 2 * first[0].nbytes * len(images) > machine_bytes():
            raise ConfigError(
                f"{self.path}: {len(images):,} times {first.shape[1]:,} features take more memory than there is"
            )
        found = np.empty((len(images), first.shape[1]), np.float32)
        at_once = self.count or AT_ONCE
        for start in range(0, len(images), at_once):
            batch = images[start : start + at_once]
            made = self._of_batch(batch, FIRST_SECONDS + 10 * each * len(batch))
            if made.shape[1] != found.shape[1]:
                raise ConfigError(f"{self.path}: images have {found.shape[1]} features, others {made.shape[1]}")
            found[start : start + at_once] = made
            on_progress(start + len(batch), len(images))
        return found

    def _of_batch(self, images: NDArray[np.uint8], seconds: float) -> NDArray[np.float32]:
        """Shapes: images (n, H, W, C) → (n, D)"""
        missing = max(0, (self.count or 0) - len(images))
        refuse_too_large(str(self.path), 12 * (len(images) + missing) * images[0].size)  # as floats, in another order
        batch = to_unit(np.concatenate([images, images[:1].repeat(missing, axis=0)]) if missing else images)
        x = np.ascontiguousarray(batch.transpose(0, 3, 1, 2)) if self.channels_first else batch
        options = self._options() if self._options else None
        run = partial(self.session.run, None, {self.input: x}, options)
        output = next(iter(self._done(run, seconds, "could not be run", options)), None)
        if not isinstance(output, np.ndarray) or output.dtype.kind not in "fiu" or output.shape[:1] != (len(batch),):
            what = f"{output.dtype} {output.shape}" if isinstance(output, np.ndarray) else type(output).__name__
            raise ConfigError(f"{self.path}: {len(batch)} images gave an output {what}; expected (N, …) of numbers")
        made = output.reshape(len(batch), -1)[: len(images)].astype(np.float32)
        if not made.size or not np.isfinite(made).all():
            raise ConfigError(
                f"{self.path}: {len(batch)} images gave an output {output.shape} without features, or of "
                "numbers that are not finite"
            )
        return made

    def _done(self, work: Callable[[], Any], seconds: float, words: str, options: Any = None) -> Any:
        """What the work returns, unless it takes longer than that, or more memory than there is.

        Raises: ConfigError
        """
        outcome: list[tuple[Any, Exception | None]] = []

        def work_on() -> None:
            try:
                outcome.append((work(), None))
            except Exception as error:  # onnxruntime's own errors derive from nothing narrower
                outcome.append((None, error))

        thread = Thread(target=work_on, daemon=True)
        with limited_extra_memory(machine_bytes()):
            thread.start()
            thread.join(seconds)
        if not outcome:
            if options is not None:
                options.terminate = True
            raise ConfigError(f"{self.path} {words} within {seconds:.0f} seconds; take a faster network")
        made, error = outcome[0]
        if error is not None:
            raise ConfigError(f"{self.path} {words}: {str(error)[:1000]}") from error
        return made

    def _no_classes(self, *arguments: Any) -> NDArray[np.float64]:
        """Raises: ArgumentError"""
        raise ArgumentError(f"{self.path}: features alone tell no classes")

    probabilities = shares = confusion = _no_classes


def feature_extractor(data: str, path: Path | None = None) -> FeatureExtractor:
    """What judges images like those of a data set: `path`, a classifier or an ONNX file; the digits' own for MNIST.

    Raises: DataError for data that nothing here can judge; ConfigError for a file that cannot

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
