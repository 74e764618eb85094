"""A small convolutional classifier: its features and its labels are what generated images are measured with.

The one that comes with rawgan, `digits.safetensors`, was made from MNIST by `rawgan train-classifier`, which makes
another from any labelled images. MNIST is under CC BY-SA 3.0, and so are these weights.
"""

import hashlib
import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rawgan import nn, ops
from rawgan.autograd import grad, no_grad
from rawgan.data import Batches, ImageSet, to_unit
from rawgan.data.image_set import Progress
from rawgan.data.memory_limits import read_whole
from rawgan.data.pixels import resized
from rawgan.errors import ArgumentError, ConfigError, DataError, RawganError, shown
from rawgan.files import open_file
from rawgan.metrics.modes import class_histogram, confusion_matrix
from rawgan.optim import Adam
from rawgan.paper import on_paper
from rawgan.random import make_rng
from rawgan.tensor import Tensor

DIGITS = Path(__file__).parent / "digits.safetensors"
DIGITS_SHA256 = "940e421d3e85500dce4f47bf8679779f128603666a5aecf3be6dd18a129bdda4"

FEATURES = 64
SMALLEST = 8
"""Pixels: a smaller image leaves nothing to look at after it was halved."""
MOST_SIZE, MOST_CLASSES = 1 << 11, 1 << 16
"""The largest images, and the most classes, that there are classifiers for: as of all of rawgan's networks."""
AT_ONCE = 250
"""Images in memory at once, as floating-point numbers."""

EPOCHS = 8
BATCH = 128
RATE = 2e-3
"""The learning rate at the first step; it falls along a straight line to 0 after the last."""
SHIFT = 2
"""Pixels by which each training image is shifted, at most, down, up, left or right."""

HEADING = "rawgan-classifier"


@dataclass(frozen=True)
class ClassifierSpec:
    """What a classifier takes, and what it was made from."""

    size: int
    """Height and width of its images, in pixels."""
    channels: int
    classes: int
    data: str
    """The data that it was trained on."""
    accuracy: float | None = None
    """Share of the images kept for testing that it names rightly."""
    class_names: tuple[str, ...] = ()
    """What the classes are called, where they have names."""

    @classmethod
    def of(cls, said: Any) -> "ClassifierSpec":
        """The heading of a file, checked. Raises: TypeError, ValueError if that makes no sense"""
        if not isinstance(said, dict):
            raise TypeError("its heading is no table")
        names = said.get("class_names", ())
        spec = cls(**said | {"class_names": tuple(names) if isinstance(names, list) else names})
        counts = ("size", spec.size, MOST_SIZE), ("channels", spec.channels, 4), ("classes", spec.classes, MOST_CLASSES)
        for name, count, most in counts:
            if type(count) is not int or not 1 <= count <= most:
                raise ValueError(f"{name} must be a whole number from 1 to {most:,}, but is {shown(count)}")
        right = type(spec.accuracy) in (int, float, type(None)) and isinstance(spec.class_names, tuple)
        texts = (spec.data, *spec.class_names) if right else (None,)
        if not all(isinstance(text, str) for text in texts) or len(spec.class_names) not in (0, spec.classes):
            raise ValueError("data and class_names must be text, a name for each class, and accuracy a number")
        return spec


class _Network(nn.Module):
    """body: images → features; head: features → logits. Convolutions halve the image until 7 pixels or fewer are left:
    28 → 14 → 7."""

    def __init__(self, spec: ClassifierSpec, rng: np.random.Generator) -> None:
        def block(inputs: int, outputs: int, kernel: int, stride: int) -> list[nn.Module]:
            init = nn.init.he_normal
            conv = nn.Conv2d(inputs, outputs, kernel, stride=stride, padding=1, bias=False, rng=rng, init=init)
            return [conv, nn.BatchNorm(outputs), nn.LeakyReLU(0.1)]

        layers, side = [*block(spec.channels, 32, 4, 2), *block(32, 64, 3, 1)], spec.size // 2
        while side > 7:
            layers += block(64, 64, 4, 2)
            side //= 2
        layers += [nn.Flatten(), nn.Linear(side * side * 64, FEATURES, rng=rng)]
        self.body = nn.Sequential(*layers, nn.BatchNorm(FEATURES), nn.LeakyReLU(0.1))
        self.head = nn.Sequential(nn.Linear(FEATURES, spec.classes, rng=rng))

    def forward(self, x: Tensor) -> Tensor:
        """Images in [−1, 1] → logits."""
        return self.head(self.body(x))


class Classifier:
    """Names the class of an image, by 64 features of it.

    Images of another size are resized (bicubic), and made grey or repeated in three channels where it takes those.

    Raises: ArgumentError for images too small, or fewer than two classes
    """

    def __init__(self, spec: ClassifierSpec, seed: int = 0) -> None:
        if spec.size < SMALLEST or spec.classes < 2:
            raise ArgumentError(
                f"a classifier needs images of {SMALLEST} pixels or more and two classes or more; "
                f"{spec.data} has {spec.size} pixels and {spec.classes} class{'' if spec.classes == 1 else 'es'}"
            )
        self.spec = spec
        self.network = _Network(spec, make_rng(seed, "classifier"))

    @property
    def data(self) -> str:
        """The data that it was trained on."""
        return self.spec.data

    @property
    def class_names(self) -> tuple[str, ...]:
        """What they are called; nothing where they have no names."""
        return self.spec.class_names

    @property
    def classes(self) -> int:
        """How many classes it tells apart."""
        return self.spec.classes

    def features(
        self, images: NDArray[np.uint8], on_progress: Progress = lambda done, total: None
    ) -> NDArray[np.float32]:
        """What the last hidden layer says of images.

        Shapes: images (N, H, W, C) uint8 → (N, 64)
        """
        images = resized(images, self.spec.size, self.spec.channels, "images")
        found = np.empty((len(images), FEATURES), np.float32)
        with no_grad(), self.network.evaluating():
            for start in range(0, len(images), AT_ONCE):
                batch = to_unit(images[start : start + AT_ONCE])
                found[start : start + AT_ONCE] = self.network.body(Tensor(batch)).numpy()
                on_progress(start + len(batch), len(images))
        return found

    def probabilities(self, features: NDArray[np.float32]) -> NDArray[np.float64]:
        """How probable each class is, by features.

        Shapes: features (N, 64) → (N, classes), rows that sum to 1
        """
        with no_grad():
            logits = self.network.head(Tensor(features)).numpy().astype(np.float64)
        odds = np.exp(logits - logits.max(axis=1, keepdims=True))
        return odds / odds.sum(axis=1, keepdims=True)

    def shares(self, labels: NDArray[np.int64]) -> NDArray[np.float64]:
        """The share of each class among labels. Shapes: labels (N,) → (classes,)"""
        return class_histogram(labels, self.classes) / len(labels)

    def confusion(self, features: NDArray[np.float32], labels: NDArray[np.int64]) -> NDArray[np.float64]:
        """[i, j]: the share of class i that is taken for class j.

        Shapes: features (N, 64), labels (N,) → (classes, classes)
        """
        return confusion_matrix(labels, self.probabilities(features).argmax(axis=1), self.classes)

    def labels(self, images: NDArray[np.uint8]) -> NDArray[np.int64]:
        """The class of each image. Shapes: images (N, H, W, C) uint8 → (N,)"""
        return self.probabilities(self.features(images)).argmax(axis=1)

    # --- files -------------------------------------------------------------------------------------------------------

    def to_bytes(self) -> bytes:
        """Everything, as a safetensors file has it: read it with :func:`load`."""
        from safetensors.numpy import save

        return save(self.network.state_dict(), {HEADING: json.dumps(asdict(self.spec))})

    @classmethod
    def from_bytes(cls, data: bytes, name: str) -> "Classifier":
        """The classifier in a file called `name`. Raises: ConfigError for a file that holds none"""
        from safetensors import SafetensorError, deserialize
        from safetensors.numpy import load as arrays_in

        try:
            deserialize(data)
            heading = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])
            spec = ClassifierSpec.of(json.loads(heading["__metadata__"][HEADING]))
            arrays = arrays_in(data)
            with on_paper():  # so that what the heading promises takes no memory that the file does not hold
                cls(spec).network.fitting(arrays)
        except (SafetensorError, KeyError, TypeError, ValueError, AttributeError, RecursionError) as error:
            why = f"\n  {error}" if isinstance(error, RawganError) else f" ({shown(error, 80)})"
            raise ConfigError(
                f"{name} holds no classifier of rawgan{why}\n  rawgan train-classifier makes one from labelled images"
            ) from error
        made = cls(spec)
        made.network.load_state_dict(arrays)
        return made


def load(path: Path | None = None) -> Classifier:
    """The classifier in a file, or the one of digits that comes with rawgan.

    Raises: ConfigError for a file that cannot be read or holds no classifier, or an installation that is damaged

    >>> digits = load()
    >>> digits.spec.size, digits.classes, digits.data
    (28, 10, 'mnist')
    """
    file = path or DIGITS
    try:
        with open_file(file) as opened:
            data = read_whole(opened, str(file))
    except (OSError, DataError) as error:
        why = error.strerror or error if isinstance(error, OSError) else error
        raise ConfigError(f"{file} could not be read: {why}") from error
    if path is None and (came := hashlib.sha256(data).hexdigest()) != DIGITS_SHA256:
        raise ConfigError(
            f"{file}: expected a file of SHA-256 {DIGITS_SHA256}, came {came}\n"
            "  rawgan's installation is damaged: pip install --force-reinstall --no-deps . in its folder"
        )
    return Classifier.from_bytes(data, str(file))


def train(
    images: ImageSet,
    held_out: ImageSet,
    seed: int = 0,
    epochs: int = EPOCHS,
    on_step: Callable[[int, int], None] = lambda step, steps: None,
) -> Classifier:
    """Train a classifier, and measure it with images that it was not trained on. Same seed and kernels, same bits.

    Cross-entropy, Adam, every image shifted by up to 2 pixels each time.

    Raises: DataError for images without labels or too few, ArgumentError for images too small or a single class
    """
    for part in (images, held_out):
        if part.labels is None:
            raise DataError(f"{part.name}: a classifier needs labels, and these images have none\n  {part.no_labels}")
        if part.labels.min() < 0 or part.labels.max() >= MOST_CLASSES:
            raise DataError(
                f"{part.name}: labels must number classes from 0 to {MOST_CLASSES - 1:,}, but go from "
                f"{part.labels.min()} to {part.labels.max()}\n"
                "  number them anew: numpy.unique(labels, return_inverse=True)[1]"
            )
    if len(images) < 2:  # batch norm, and what two classes differ in
        raise DataError(f"{images.name}: a classifier learns from two images or more, but there is {len(images)}")
    classes = int(max(part.labels.max() for part in (images, held_out))) + 1  # type: ignore[union-attr]
    size, _, channels = images.shape
    classifier = Classifier(ClassifierSpec(size, channels, classes, images.name, class_names=images.class_names), seed)
    adam = Adam(classifier.network.parameters(), RATE)
    batches = Batches(images, min(BATCH, len(images)), seed)
    steps = epochs * batches.per_epoch
    for step in range(steps):
        adam.lr = RATE * (1 - step / steps)
        x = shifted(batches.batch(step), make_rng(seed, "shift", step))
        loss = ops.softmax_cross_entropy(classifier.network(Tensor(x)), batches.labels(step))
        adam.step(grad(loss, adam.parameters))
        on_step(step + 1, steps)
    accuracy = float((classifier.labels(held_out.images) == held_out.labels).mean())
    classifier.spec = replace(classifier.spec, accuracy=accuracy)
    return classifier


def shifted(images: NDArray[Any], rng: np.random.Generator) -> NDArray[Any]:
    """Each image moved by whole pixels, up to 2 each way; its edge is repeated where there was none of it.

    Shapes: images (N, H, W, C) → the same

    >>> x = np.arange(25.0).reshape(1, 5, 5, 1)
    >>> bool(np.isin(shifted(x, np.random.default_rng(0)), x).all())
    True
    """
    count, height, width, _ = images.shape
    padded = np.pad(images, [(0, 0), (SHIFT, SHIFT), (SHIFT, SHIFT), (0, 0)], mode="edge")
    windows = np.lib.stride_tricks.sliding_window_view(padded, (height, width), axis=(1, 2))  # (N, 5, 5, C, H, W)
    down, right = rng.integers(0, 2 * SHIFT + 1, (2, count))
    return np.ascontiguousarray(windows[np.arange(count), down, right].transpose(0, 2, 3, 1))
