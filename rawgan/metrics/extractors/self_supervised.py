"""Features that a network learns from images without labels, in about a minute: which way up, and which image.

Each image is turned by 0°, 90°, 180° or 270°, and seen twice, each time shifted and with a square missing. The network
tells by how much it was turned, and which of the other views shows the same image. To do so it has to see shapes, and
what is special about each image. Views keep their colours and their sharpness, or the features would not see faults of
these.

A network sees no more than its task needs: this one is nearly blind to noise. So half of the features are those of a
random network, which sees noise, but knows no shapes. `python -m bench features` compares both.

Sources: Gidaris et al. 2018 (turned images); Wu et al. 2018, Chen et al. 2020 (instance discrimination)
"""

import numpy as np
from numpy.typing import NDArray

import rawgan_kernels
from rawgan import ops
from rawgan.data.batches import Batches
from rawgan.data.image_set import ImageSet, Progress
from rawgan.data.kept_results import kept
from rawgan.data.pixels import resized
from rawgan.metrics.extractors.classifier import Classifier, ClassifierSpec
from rawgan.metrics.extractors.components import Components, SideBySide, feature_count
from rawgan.metrics.extractors.extractor import THESE_IMAGES, FeatureExtractor, NamedFeatures, WithoutClasses
from rawgan.metrics.extractors.random_network import RandomFeatures
from rawgan.metrics.extractors.training import minimise, shifted
from rawgan.random import make_rng
from rawgan.tensor import Tensor

RECIPE = 1
"""Number of this recipe. Raise it with every change, so that no features of an older one are taken."""
KEPT = 50
"""Networks in the cache folder, of 0.5 MB each."""
LARGEST = 64
"""Largest height and width of the images that the network sees, in pixels."""
MOST = 20_000
"""Most images that it learns from."""
BATCH = 64
PIXELS = 100 * BATCH * 64**2
"""Pixels to learn from: the number of steps is such that this many are seen twice, in about a minute."""
TURNS = 4
TEMPERATURE = 0.2
"""Factor by which cosines of features are divided."""
SHIFTED = 8
"""Height of an image divided by the largest shift of a view."""
HOLE = 4
"""Height of an image divided by that of the square that is missing in a view."""


class SelfSupervised(WithoutClasses):
    """Features of a network that learned from images without labels.

    Shapes: features (N, 64)
    """

    title = "a network that learned from these images"
    scope = THESE_IMAGES

    def __init__(self, network: Classifier) -> None:
        self.network, self.sha256 = network, network.sha256

    def features(
        self, images: NDArray[np.uint8], on_progress: Progress = lambda done, total: None
    ) -> NDArray[np.float32]:
        """Output of the last hidden layer. Shapes: images (N, H, W, C) uint8 → (N, 64)"""
        return self.network.features(images, on_progress)


def learn(images: ImageSet, on_progress: Progress = lambda done, total: None, steps: int | None = None) -> Classifier:
    """Train a network on images, without looking at labels. The same images give the same bits.

    It computes with the CPU's own kernels, whatever backend is in use, so that the features are the same for all runs.

    >>> photos = ImageSet(np.random.default_rng(0).integers(0, 256, (8, 8, 8, 3), np.uint8), None, "photos")
    >>> learn(photos, steps=2).features(photos.images).shape
    (8, 64)
    """
    side = min(LARGEST, images.shape[0])
    seen = images.part(make_rng(0, "learn").permutation(len(images))[:MOST])
    seen = ImageSet(resized(seen.images, side, None, images.name), None, images.name)
    batches = Batches(seen, min(BATCH, len(seen)), seed=0)
    network = Classifier(ClassifierSpec(side, images.shape[2], TURNS, images.name), seed=0)

    def loss(step: int) -> Tensor:
        rng = make_rng(0, "views", step)
        turns = rng.integers(0, TURNS, batches.batch_size)
        upright = batches.batch(step)
        views = np.concatenate([view(turned(upright, turns), rng) for _ in range(2)])
        features = network.network.body(Tensor(views))
        return ops.cross_entropy(network.network.head(features), np.tile(turns, 2)) + instance_loss(features)

    steps = steps or max(1, PIXELS // (batches.batch_size * side**2))
    before = rawgan_kernels.chosen()
    rawgan_kernels.use("auto")
    try:
        minimise(loss, network.network.parameters(), steps, on_progress)
    finally:
        rawgan_kernels.use(before)
    return network


def turned(images: NDArray[np.float32], turns: NDArray[np.int64]) -> NDArray[np.float32]:
    """Each image, turned by so many quarters. Shapes: images (N, H, H, C), turns (N,) → the same"""
    made = np.empty_like(images)
    for quarters in range(TURNS):
        made[turns == quarters] = np.rot90(images[turns == quarters], quarters, axes=(1, 2))
    return made


def view(images: NDArray[np.float32], rng: np.random.Generator) -> NDArray[np.float32]:
    """Each image as seen another time: shifted, and with a grey square on it.

    Shapes: images (N, H, W, C) → the same
    """
    count, height, width, _ = images.shape
    seen = shifted(images, rng, max(1, height // SHIFTED))
    hole = max(1, height // HOLE)
    top, left = rng.integers(0, height - hole + 1, count), rng.integers(0, width - hole + 1, count)
    for image, row, column in zip(seen, top, left, strict=True):
        image[row : row + hole, column : column + hole] = 0
    return seen


def instance_loss(features: Tensor) -> Tensor:
    """Cross-entropy of the question which image of the other half shows the same as this one, by cosines of features.

    Shapes: features (2 · N, D): image n of the first half belongs to image n of the second → a number
    Source: Chen et al. 2020, with images of the other view alone
    """
    unit = features / ops.sqrt(ops.sum(features**2, axis=1, keepdims=True) + 1e-6)
    half = len(features) // 2
    cosines = unit[:half] @ ops.transpose(unit[half:]) / TEMPERATURE  # (N, D) @ (D, N) → (N, N)
    same = np.arange(half)
    return (ops.cross_entropy(cosines, same) + ops.cross_entropy(ops.transpose(cosines), same)) / 2


def features_of(images: ImageSet, most: int, on_progress: Progress) -> FeatureExtractor:
    """The features that a network learns from images, and those of a random one, in equal parts. What was learned is
    read from the cache folder, if it is there.

    Raises: ArgumentError for too few images
    """
    count = feature_count(images.name, most)
    data = kept(
        "features", f"{SELF.name}-{RECIPE}-{images.digest}", lambda: learn(images, on_progress).to_bytes(), KEPT
    )
    learned, random = SelfSupervised(Classifier.from_bytes(data, images.name)), RandomFeatures(images.shape[2])
    half = count // 2
    return SideBySide(Components(learned, images, half), Components(random, images, count - half))


SELF = NamedFeatures("self", "features that a network learns from the images themselves, in a minute", features_of)
