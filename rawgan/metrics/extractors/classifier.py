"""A small convolutional classifier, whose features and classes generated images are measured with."""

import hashlib
import json
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rawgan import nn
from rawgan.autograd import no_grad
from rawgan.data.image_set import Progress
from rawgan.data.pixels import resized, to_unit
from rawgan.errors import ArgumentError, ConfigError, RawganError, shown
from rawgan.metrics.figures.class_counts import class_histogram, confusion_matrix
from rawgan.paper import on_paper
from rawgan.random import make_rng
from rawgan.tensor import Tensor

FEATURES = 64
SMALLEST = 8
"""Smallest height and width of images, in pixels: a smaller image has nothing left after it is halved."""
MOST_SIZE, MOST_CLASSES = 1 << 11, 1 << 16
"""Largest height and width of images, in pixels, and largest number of classes: those of all of rawgan's networks."""
AT_ONCE = 250
"""Number of images that are in memory at once, as floating-point numbers."""
HEADING = "rawgan-classifier"


@dataclass(frozen=True)
class ClassifierSpec:
    """Images that a classifier takes, and the data that it was trained on."""

    size: int
    """Height and width of its images, in pixels."""
    channels: int
    classes: int
    data: str
    """Name of the data that it was trained on."""
    accuracy: float | None = None
    """Share of hold-out images that it classifies correctly."""
    class_names: tuple[str, ...] = ()
    """Names of the classes; empty if they have none."""

    @classmethod
    def of(cls, said: Any) -> "ClassifierSpec":
        """The specification in the heading of a file. Raises: TypeError, ValueError for any other heading"""
        if not isinstance(said, dict):
            raise TypeError("its heading is not a table")
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
    """body: images → features; head: features → logits. Convolutions halve the image until at most 7 pixels are left:
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
    """A small convolutional network that extracts 64 features of an image, and classifies it.

    Images of another size are resized (bicubic), and made grey or repeated in three channels as needed.

    Raises: ArgumentError for images too small, or fewer than two classes
    """

    scope = ""

    def __init__(self, spec: ClassifierSpec, seed: int = 0) -> None:
        if spec.size < SMALLEST or spec.classes < 2:
            raise ArgumentError(
                f"a classifier needs images of {SMALLEST} pixels or more and two classes or more; "
                f"{spec.data} has {spec.size} pixels and {spec.classes} class{'' if spec.classes == 1 else 'es'}"
            )
        self.spec = spec
        self.network = _Network(spec, make_rng(seed, "classifier"))
        self.title = f"a classifier of {spec.data}"
        self._sha256 = ""

    @property
    def sha256(self) -> str:
        """SHA-256 of the file that it came from or, without one, of what `to_bytes` would write."""
        return self._sha256 or hashlib.sha256(self.to_bytes()).hexdigest()

    @property
    def data(self) -> str:
        """Name of the data that it was trained on."""
        return self.spec.data

    @property
    def class_names(self) -> tuple[str, ...]:
        """Names of the classes; empty if they have none."""
        return self.spec.class_names

    @property
    def classes(self) -> int:
        """Number of classes."""
        return self.spec.classes

    def features(
        self, images: NDArray[np.uint8], on_progress: Progress = lambda done, total: None
    ) -> NDArray[np.float32]:
        """Output of the last hidden layer.

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
        """Probability of each class.

        Shapes: features (N, 64) → (N, classes), rows that sum to 1
        """
        with no_grad():
            logits = self.network.head(Tensor(features)).numpy().astype(np.float64)
        odds = np.exp(logits - logits.max(axis=1, keepdims=True))
        return odds / odds.sum(axis=1, keepdims=True)

    def shares(self, labels: NDArray[np.int64]) -> NDArray[np.float64]:
        """Share of each class among labels. Shapes: labels (N,) → (classes,)"""
        return class_histogram(labels, self.classes) / len(labels)

    def confusion(self, features: NDArray[np.float32], labels: NDArray[np.int64]) -> NDArray[np.float64]:
        """[i, j]: share of class i that is taken for class j.

        Shapes: features (N, 64), labels (N,) → (classes, classes)
        """
        return confusion_matrix(labels, self.probabilities(features).argmax(axis=1), self.classes)

    def labels(self, images: NDArray[np.uint8]) -> NDArray[np.int64]:
        """Most probable class of each image. Shapes: images (N, H, W, C) uint8 → (N,)"""
        return self.probabilities(self.features(images)).argmax(axis=1)

    # --- files -------------------------------------------------------------------------------------------------------

    def to_bytes(self) -> bytes:
        """The content of a safetensors file with weights and specification."""
        from safetensors.numpy import save

        return save(self.network.state_dict(), {HEADING: json.dumps(asdict(self.spec))})

    @classmethod
    def from_bytes(cls, data: bytes, name: str) -> "Classifier":
        """The classifier in the content of a file called `name`. Raises: ConfigError for other files"""
        from safetensors import SafetensorError, deserialize
        from safetensors.numpy import load as arrays_in

        try:
            deserialize(data)
            heading = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])
            spec = ClassifierSpec.of(json.loads(heading["__metadata__"][HEADING]))
            arrays = arrays_in(data)
            with on_paper():  # so that a heading cannot ask for more memory than the file has
                cls(spec).network.fitting(arrays)
        except (SafetensorError, KeyError, TypeError, ValueError, AttributeError, RecursionError) as error:
            why = f"\n  {error}" if isinstance(error, RawganError) else f" ({shown(error, 80)})"
            raise ConfigError(
                f"{name} holds no classifier of rawgan{why}\n  rawgan train-classifier makes one from labelled images"
            ) from error
        made = cls(spec)
        made.network.load_state_dict(arrays)
        made.title, made._sha256 = name, hashlib.sha256(data).hexdigest()
        return made
