"""Images out of images whose targets are known: what `rawgan pix2pix` and `rawgan enhance` share."""

from abc import abstractmethod
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rawgan import device, nn
from rawgan.config.translation import PairedConfig
from rawgan.data import (
    Batches,
    ImageSet,
    has_test_split,
    to_uint8,
    to_unit,
)
from rawgan.data.hold_out import few_of, hold_out, hold_out_size
from rawgan.data.image_set import Progress
from rawgan.diagnosis.doctor import Remedies, examine
from rawgan.diagnosis.subject import DiagnosisSubject
from rawgan.diagnosis.symptom import Symptom
from rawgan.errors import ArgumentError
from rawgan.files import expanded
from rawgan.gan import PairWeights, StepMetrics, Translator, network_bytes, translation_step
from rawgan.gan.translation import FeatureMap
from rawgan.metrics import ImagePairs, compute, load_classifier
from rawgan.random import make_rng
from rawgan.tasks.baselines import Maker
from rawgan.tasks.held_out import Seen, batches_looked_at, held_out_batches, held_out_probability
from rawgan.tasks.task import task_class
from rawgan.tasks.translation import (
    Pixels,
    TranslationTask,
    at_once,
    device_of,
    translated,
    translator_of,
    translators_remedies,
)
from rawgan.tensor import Tensor

HEADS = ("before", "after", "target")
"""Words above the images that a picture shows of each pair."""
BESIDE = len(HEADS)


class PairsTask(TranslationTask):
    """A task that knows the target of each image. Its static methods say where pairs come from."""

    config: PairedConfig
    data: ImageSet
    batches: Batches
    gan: Translator
    best_figure = "l1"
    held_out: ImageSet
    """Images, or pairs, that are not trained with."""

    heads = HEADS

    @staticmethod
    @abstractmethod
    def read(config: Any, split: str, like: ImageSet | None, on_progress: Progress) -> ImageSet:
        """Images, or pairs, of a split of the data; white has the value that it has in `like`, if given."""

    @staticmethod
    @abstractmethod
    def separate(config: Any, images: Any, rng: np.random.Generator) -> tuple[Tensor, Tensor]:
        """Sources and targets of a batch.

        Shapes: images (N, H, W, C) in [−1, 1] → (N, h, w, sources), (N, H, W, channels)
        """

    @staticmethod
    def complete(config: Any, images: ImageSet) -> Any:
        """The configuration, completed with what the images say where options were unset."""
        size, _, channels = images.shape
        return config.replace(image_size=size, channels=channels, white=images.white)

    @staticmethod
    @abstractmethod
    def baselines(config: Any, source: Pixels, target: Pixels) -> dict[str, Maker]:
        """Makers of images without a network, by name. Their parameters are the best ones for these images.

        Shapes: source (N, h, w, sources), target (N, H, W, channels): a few that the network was trained with
        """

    @classmethod
    def parts(cls, config: Any, on_progress: Progress = lambda done, total: None) -> tuple[ImageSet, ImageSet]:
        """Images to train with, and a hold-out set: the test images, or a tenth of the data.

        Raises: DataError for data that cannot be read, ArgumentError for a single image
        """
        images = cls.read(config, "train", None, on_progress)
        if has_test_split(config.data.place):
            return images, cls.read(config, "test", images, on_progress)
        return hold_out(images, hold_out_size(len(images)), config.seed)

    @staticmethod
    def networks(config: PairedConfig, device: str) -> Translator:
        return translator_of(config, device)

    def _load(self, on_progress: Progress) -> None:
        config = self.config
        self.data, self.held_out = self.parts(config, on_progress)
        self.images = self.data, self.held_out
        self.config = self.complete(config, self.data)
        self.batches = Batches(self.data, config.data.batch_size, config.seed, self.device)
        look = feature_map_of(self.config, self.device) if config.fidelity.feature_weight else None
        self._weights = PairWeights(
            config.fidelity.pixel_weight, config.fidelity.feature_weight, look, config.fidelity.adversarial_weight
        )
        few = few_of(self.held_out, config.seed)
        self._beside_training = held_out_batches(few, config.data.batch_size, config.seed, self.device)
        count = min(max(1, config.output.samples // BESIDE), len(self.held_out))
        self.columns = BESIDE * max(1, round((count / BESIDE) ** 0.5))
        self._shown = next(batches_of(self.config, self.held_out.part(slice(count)), self.device))

    def pair(self, index: int) -> tuple[Tensor, Tensor]:
        """The source and target images of step `index`, counted from 0.

        Shapes: → (batch_size, h, w, sources), (batch_size, H, W, channels)
        """
        return self.separate(self.config, self.batches.batch(index), make_rng(self.config.seed, "degrade", index))

    def step(self, index: int) -> StepMetrics:
        source, target = self.pair(index)
        return translation_step(self.gan, source, target, self.loss_config, self._weights, index)

    # --- looking -----------------------------------------------------------------------------------------------------

    def sample(self) -> NDArray[Any]:
        """Images that are not trained with: before, after and target, beside each other.

        Shapes: → (N · 3, H, W, C) in [−1, 1]
        """
        source, target = self._shown
        return sheet(source.numpy(), translated(self.gan, source), target.numpy())

    def measure(self) -> dict[str, Any]:
        """PSNR, SSIM and L1 of images that are not trained with."""
        return pixel_figures(self.config, self.gan, self.held_out.part(slice(self.config.measured)))

    def look_at_d(self, step: int) -> dict[str, float]:
        if self._beside_training is None:
            return {}
        seen = self._held_out_pairs(self._beside_training)
        return {"d_held_out": held_out_probability(self.gan, seen, self.loss_config, step)}

    def _held_out_pairs(self, batches: Batches) -> Iterator[Seen]:
        """Held-out targets, beside their sources if D sees these."""
        for number in batches_looked_at(batches):
            rng = make_rng(self.config.seed, "degrade beside training", number)
            source, target = self.separate(self.config, batches.batch(number), rng)
            yield target, source if self.gan.paired else None

    def networks_with_inputs(self) -> list[tuple[str, nn.Sequential, Tensor]]:
        source, target = self.pair(0)
        seen = self.gan.discriminator_input(target, source if self.gan.paired else None)
        return [("generator", self.gan.generator, source), ("discriminator", self.gan.discriminator, seen)]

    def shown(self, samples: NDArray[Any]) -> tuple[NDArray[Any], int]:
        """Samples as they are: before, after and target belong together."""
        return samples, BESIDE

    def memory(self) -> dict[str, int]:
        (_, _, source), (_, _, seen) = self.networks_with_inputs()
        return network_bytes(self.gan, source[:1], seen[:1], self.config.data.batch_size)

    @staticmethod
    def remedies(config: PairedConfig) -> Remedies:
        """Remedies of translators. D may win where G does not listen to it."""
        usual = translators_remedies("pixel-weight")
        return usual if config.fidelity.adversarial_weight else {**usual, "D is winning": None}

    def subjects(self, seed: int) -> list[DiagnosisSubject]:
        source, target = self.separate(
            self.config, self._batch(self.data, seed), make_rng(seed, "degrade for the doctor")
        )
        return [DiagnosisSubject("", self.gan, target, source, source if self.gan.paired else None)]

    def examine(self, step: int, records: list[dict[str, Any]]) -> list[Symptom]:
        source, target = self.pair(step - 1)
        given = source if self.gan.paired else None
        return examine(self.gan, target, source, self.loss_config, records, given, self.remedies(self.config))


def paired_task(config: PairedConfig) -> type[PairsTask]:
    """The class of the task that a configuration asks for."""
    return task_class(config)


def feature_map_of(config: PairedConfig, device_name: str) -> FeatureMap:
    """Differentiable features of images, from the classifier that a run names.

    Raises: ConfigError for a file that holds no classifier; ArgumentError for one of other images
    """
    extractor = load_classifier(None if config.fidelity.features is None else expanded(config.fidelity.features))
    kind, fits = (
        extractor.spec,
        (extractor.spec.size, extractor.spec.channels) == (config.data.size, config.data.channels),
    )
    if not fits or (config.fidelity.features is None and config.data.place != kind.data):
        raise ArgumentError(
            f"feature_weight: the classifier is of {kind.data}, images of {kind.size} pixels and {kind.channels} "
            f"channel{'' if kind.channels == 1 else 's'}, not of {config.data.place}\n"
            "  give --features a file of rawgan train-classifier, by images like these that have labels"
        )
    return extractor.network.body.to(device_name).eval()


def batches_of(
    config: PairedConfig, images: ImageSet, device_name: str, purpose: str = "held out"
) -> Iterator[tuple[Tensor, Tensor]]:
    """Sources and targets of images, always the same; those of another purpose have other noise and other holes."""
    count = at_once(config.data.size, config.data.size)
    for start in range(0, len(images), count):
        pixels = device.to_device(to_unit(images.images[start : start + count]), device_name)
        yield paired_task(config).separate(config, pixels, make_rng(config.seed, f"degrade {purpose}", start))


def pixel_figures(config: PairedConfig, gan: Translator, images: ImageSet) -> dict[str, float]:
    """Mean differences between translated images and their targets; of squares, averaged over their photographs."""
    parts = [
        compute(ImagePairs(to_uint8(translated(gan, source)), to_uint8(target.numpy())))
        for source, target in batches_of(config, images, device_of(gan))
    ]
    each = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    return {name: float(values.mean()) for name, values in of_images(each, images.names_or_numbers)[0].items()}


def of_images(
    each: dict[str, NDArray[np.float64]], names: NDArray[Any]
) -> tuple[dict[str, NDArray[np.float64]], NDArray[Any]]:
    """Means of figures over the squares of each image, and the images' names. Squares of one image have one name.

    Shapes: figures each (N,), names (N,) → each (images,), (images,)

    >>> of_images({"l1": np.array([0.1, 0.5, 0.3])}, np.array(["a", "b", "a"]))
    ({'l1': array([0.2, 0.5])}, array(['a', 'b'], dtype='<U1'))
    """
    _, first, which, counts = np.unique(names, return_index=True, return_inverse=True, return_counts=True)
    order = np.argsort(first)  # as they come
    means = {name: (np.bincount(which, values) / counts)[order] for name, values in each.items()}
    return means, names[first[order]]


def sheet(before: NDArray[Any], after: NDArray[Any], target: NDArray[Any]) -> NDArray[Any]:
    """Source, result and target beside each other. Sources are enlarged and get all channels; a mask is left out.

    Shapes: before (N, h, w, sources), after and target (N, H, W, C) → (3 · N, H, W, C)
    """
    height, width, channels = target.shape[1:]
    factor = height // before.shape[1]
    shown = before[..., :channels].repeat(factor, axis=1).repeat(factor, axis=2)
    shown = np.broadcast_to(shown, target.shape)
    return np.stack([shown, after, target], axis=1).reshape(-1, height, width, channels)
