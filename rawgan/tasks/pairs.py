"""Training that makes images out of images, by pairs: translators and enhancers."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rawgan import device, nn
from rawgan.autograd import no_grad
from rawgan.config.translation import EnhanceConfig, PairedConfig, Pix2pixConfig, TranslateConfig
from rawgan.data import (
    Batches,
    ImageSet,
    PairSet,
    has_test_split,
    load,
    load_pairs,
    load_tiles,
    made_pairs,
    to_uint8,
    to_unit,
)
from rawgan.data.hold_out import hold_out, hold_out_size
from rawgan.data.image_set import Progress
from rawgan.diagnosis.doctor import Remedies, examine
from rawgan.diagnosis.symptom import Symptom
from rawgan.errors import ArgumentError
from rawgan.files import expanded
from rawgan.gan import PairWeights, StepMetrics, Translator, build_translator, network_bytes, translation_step
from rawgan.gan.translation import FeatureMap
from rawgan.metrics import ImagePairs, compute, load_classifier
from rawgan.random import make_rng
from rawgan.tasks.task import Task
from rawgan.tensor import Tensor

HEADS = ("before", "after", "target")
"""Words above the images that a picture shows of each pair."""
BESIDE = len(HEADS)
AT_ONCE, PIECE = 256, 1024
"""Images that are made at a time, outside of training, at most; and no more pixels than a square of that side has."""


class PairsTask(Task):
    """Images out of images, by pairs: `rawgan pix2pix` and `rawgan enhance`.

    >>> PairsTask(EnhanceConfig.of(width=2, batch_size=4), "cpu").held_out
    ImageSet('mnist', 10000 images of 28 × 28 × 1, labelled)
    """

    configs = (PairedConfig,)
    config: PairedConfig
    data: ImageSet
    batches: Batches
    gan: Translator
    best_figure = "l1"
    held_out: ImageSet
    """Images, or pairs, that are not trained with."""

    heads = HEADS

    def _load(self, on_progress: Progress) -> None:
        config = self.config
        self.data, self.held_out = parts_of(config, on_progress)
        self.images = self.data, self.held_out
        self.config = with_data(config, self.data)
        self.batches = Batches(self.data, config.data.batch_size, config.seed, self.device)
        look = feature_map_of(self.config, self.device) if config.fidelity.feature_weight else None
        self._weights = PairWeights(
            config.fidelity.pixel_weight, config.fidelity.feature_weight, look, config.fidelity.adversarial_weight
        )
        count = min(max(1, config.output.samples // BESIDE), len(self.held_out))
        self.columns = BESIDE * max(1, round((count / BESIDE) ** 0.5))
        self._shown = next(batches_of(self.config, self.held_out.part(slice(count)), self.device))

    def build(self) -> Translator:
        return translator_of(self.config, self.device)

    def pair(self, index: int) -> tuple[Tensor, Tensor]:
        """The source and target images of step `index`, counted from 0.

        Shapes: → (batch_size, h, w, sources), (batch_size, H, W, channels)
        """
        return apart(self.config, self.batches.batch(index), make_rng(self.config.seed, "degrade", index))

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

    def examine(self, step: int, records: list[dict[str, Any]]) -> list[Symptom]:
        source, target = self.pair(step - 1)
        given = source if self.gan.paired else None
        return examine(self.gan, target, source, self.loss_config, records, given, self.remedies(self.config))


def translators_remedies(faithful: str) -> dict[str, str | None]:
    """Remedies of all translators, which have no other networks to choose, and no packs, but an option that keeps
    images what they are."""
    return {
        "mode collapse": f"more --{faithful}; a lower --learning-rate",
        "D is winning": "--d-learning-rate, a quarter of G's; --instance-noise 0.2; --penalty r1",
    }


def parts_of(config: PairedConfig, show: Progress = lambda done, total: None) -> tuple[ImageSet, ImageSet]:
    """What a run is trained with, and images like it that it never sees: the test images, or a tenth of one's own.

    Raises: DataError for data that cannot be read, ArgumentError for a single image
    """

    data = config.data

    def read(part: str, white: float | None, targets_white: float | None = None) -> ImageSet:
        if isinstance(config, Pix2pixConfig) and not config.targets.are_made:
            return load_pairs(
                data.place, config.targets.place, image_size=data.size, channels=data.channels, split=part,
                reverse=config.targets.reverse, skip_broken=data.skip_broken, white=white, targets_white=targets_white,
                on_progress=show,
            )  # fmt: skip
        images = load(
            data.place, image_size=data.size, channels=data.channels, split=part, skip_broken=data.skip_broken,
            enlarge=not isinstance(config, EnhanceConfig), white=white, on_progress=show,
        )  # fmt: skip
        return made_pairs(images, config.targets.how) if isinstance(config, Pix2pixConfig) else images

    if isinstance(config, EnhanceConfig) and config.in_squares:
        return load_tiles(
            data.place, image_size=data.size, channels=data.channels, skip_broken=data.skip_broken, white=data.white,
            on_progress=show,
        )  # fmt: skip
    images = read("train", config.data.white, config.targets.white if isinstance(config, Pix2pixConfig) else None)
    if has_test_split(config.data.place):
        return images, read("test", images.white, images.targets_white if isinstance(images, PairSet) else None)
    return hold_out(images, hold_out_size(len(images)), config.seed)


def with_data(config: PairedConfig, images: ImageSet) -> PairedConfig:
    """The configuration, with what the data says where options were unset."""
    size, _, channels = images.shape
    if isinstance(config, Pix2pixConfig) and isinstance(images, PairSet):
        if config.targets.source_channels not in (None, images.sources):
            raise ArgumentError(
                f"source_channels is {config.targets.source_channels}, but sources have {images.sources}"
            )
        return config.replace(
            image_size=size, channels=channels - images.sources, source_channels=images.sources,
            white=images.white, targets_white=images.targets_white,
        )  # fmt: skip
    return config.replace(image_size=size, channels=channels, white=images.white)


def translator_of(
    config: TranslateConfig, device_name: str, paired: bool = True, purpose: str = "translator"
) -> Translator:
    """Networks of a run, as they are before its first step. Those of another purpose begin with other weights."""
    return build_translator(
        config.model,
        config.translation,
        paired=paired,
        width=config.networks.width,
        d_width=config.networks.d_width,
        patch=config.networks.patch,
        learning_rate=config.optimiser.learning_rate,
        d_learning_rate=config.optimiser.d_learning_rate,
        average_decay=config.networks.ema,
        spectral_norm=config.networks.spectral_norm,
        purpose=purpose,
        seed=config.seed,
        device=device_name,
    )


def feature_map_of(config: PairedConfig, device_name: str) -> FeatureMap:
    """What the classifier of a run sees in images, of which it differentiates.

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


def apart(config: PairedConfig, images: Any, rng: np.random.Generator) -> tuple[Tensor, Tensor]:
    """Sources and targets of a batch: its channels, or what is left of it and the batch itself.

    Shapes: images (N, H, W, C) in [−1, 1] → (N, h, w, sources), (N, H, W, channels)
    """
    if isinstance(config, EnhanceConfig):
        return Tensor(config.task.degradation.apply(images, rng)), Tensor(images)
    sources = config.translation.sources
    return Tensor(images[..., :sources].copy()), Tensor(images[..., sources:].copy())


def batches_of(
    config: PairedConfig, images: ImageSet, device_name: str, purpose: str = "held out"
) -> Iterator[tuple[Tensor, Tensor]]:
    """Sources and targets of images, always the same; those of another purpose have other noise and other holes."""
    count = at_once(config.data.size, config.data.size)
    for start in range(0, len(images), count):
        pixels = device.to_device(to_unit(images.images[start : start + count]), device_name)
        yield apart(config, pixels, make_rng(config.seed, f"degrade {purpose}", start))


def at_once(height: int, width: int) -> int:
    """How many images of that size are made at a time, outside of training.

    >>> at_once(28, 28), at_once(256, 256), at_once(4000, 3000)
    (256, 16, 1)
    """
    return max(1, min(AT_ONCE, PIECE**2 // (height * width)))


def translated(gan: Translator, source: Tensor) -> NDArray[Any]:
    """What the translator makes of images; of images with a hole nothing but what is missing.

    Shapes: (N, h, w, sources) → (N, H, W, channels)
    """
    with no_grad(), gan.sampler.evaluating():
        made = gan.sampler(source).numpy()
    if not gan.spec.masked:
        return made
    there = source.numpy()
    return np.where(there[..., -1:] > 0, made, there[..., :-1])


def pixel_figures(config: PairedConfig, gan: Translator, images: ImageSet) -> dict[str, float]:
    """How near images are, on average, to what they should be; of squares, on average over their photographs."""
    parts = [
        compute(ImagePairs(to_uint8(translated(gan, source)), to_uint8(target.numpy())))
        for source, target in batches_of(config, images, device_of(gan))
    ]
    each = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    return {name: float(values.mean()) for name, values in of_images(each, images.names_or_numbers)[0].items()}


def of_images(
    each: dict[str, NDArray[np.float64]], names: NDArray[Any]
) -> tuple[dict[str, NDArray[np.float64]], NDArray[Any]]:
    """Figures of images, and their names, from those of squares that have the names of the images that they are from:
    means. What have names of their own are images.

    Shapes: figures each (N,), names (N,) → each (images,), (images,)

    >>> of_images({"l1": np.array([0.1, 0.5, 0.3])}, np.array(["a", "b", "a"]))
    ({'l1': array([0.2, 0.5])}, array(['a', 'b'], dtype='<U1'))
    """
    _, first, which, counts = np.unique(names, return_index=True, return_inverse=True, return_counts=True)
    order = np.argsort(first)  # as they come
    means = {name: (np.bincount(which, values) / counts)[order] for name, values in each.items()}
    return means, names[first[order]]


def device_of(gan: Translator) -> str:
    """Where its networks are."""
    return gan.g_optimizer.parameters[0].device


def sheet(before: NDArray[Any], after: NDArray[Any], target: NDArray[Any]) -> NDArray[Any]:
    """Images beside each other, those before as large and as colourful as the others; where they are is left out.

    Shapes: before (N, h, w, sources), after and target (N, H, W, C) → (3 · N, H, W, C)
    """
    height, width, channels = target.shape[1:]
    factor = height // before.shape[1]
    shown = before[..., :channels].repeat(factor, axis=1).repeat(factor, axis=2)
    shown = np.broadcast_to(shown, target.shape)
    return np.stack([shown, after, target], axis=1).reshape(-1, height, width, channels)
