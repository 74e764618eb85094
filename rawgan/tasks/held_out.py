"""Held-out images of a run: D is looked at with them, beside its training images, and never trained with them."""

from collections.abc import Callable, Iterable, Iterator
from functools import cache
from typing import Any

import numpy as np

from rawgan.config.noise import TrainConfig
from rawgan.data import Batches, ImageSet, has_test_split
from rawgan.data.hold_out import few_of, hold_out_few, load_test_images
from rawgan.data.image_set import Progress
from rawgan.data.known_sets import PACKAGED
from rawgan.diagnosis.held_out import LogitsOfD, logits_of_d
from rawgan.gan import GAN, GANState, LossConfig
from rawgan.tensor import Tensor

MOST_BATCHES = 4
"""Most batches of each kind of image that a look at D takes: it then costs about as much as a step."""

Seen = tuple[Tensor, Any]
"""Images as D takes them, and what it is told of them: labels, source images, or None."""


def split_for_d(
    config: TrainConfig, images: ImageSet, on_progress: Progress
) -> tuple[ImageSet, Callable[[], ImageSet | None]]:
    """The images to train with, and a function that gives a few others like them; None where there are too few.

    The others are test images of the data, or of data without any a share of the images. They are read at once, unless
    they come with rawgan: then when they are needed.

    Raises: DataError for test images that cannot be read
    """
    place, seed = config.data.place, config.seed
    if not has_test_split(place):
        rest, few = hold_out_few(images, config.data.batch_size, seed)
        return rest, lambda: few

    @cache
    def read() -> ImageSet | None:
        return few_of(load_test_images(place, images, on_progress, config.data.skip_broken, config.data.fit), seed)

    if place not in PACKAGED:
        read()
    return images, read


def held_out_batches(
    images: ImageSet | None, batch_size: int, seed: int, device: str, pack: int = 1
) -> Batches | None:  # fmt: skip
    """Batches of held-out images to look at D with; None without any.

    Their size is that of the training's batches, or less if fewer images are held out.
    """
    if images is None or len(images) < pack:
        return None
    return Batches(images, min(batch_size, len(images)) // pack * pack, seed, device, "held out")


def batches_looked_at(batches: Batches) -> range:
    """Numbers of the batches that a look takes: always the same ones."""
    return range(min(batches.per_epoch, MOST_BATCHES))


def held_out_probability(gan: GANState, seen: Iterable[Seen], loss_config: LossConfig, step: int) -> float:
    """D's mean probability, after `step` steps, that held-out images are real."""
    logits = logits_of_d(gan, seen, loss_config, step - 1).astype(np.float64)
    return float(np.mean(0.5 * (1 + np.tanh(0.5 * logits))))  # σ, which never overflows


class LookAtD:
    """Looks at the D of a run that makes images from noise, with held-out images, training images and generated ones.

    All batches have the size of the held-out ones.
    """

    def __init__(self, config: TrainConfig, training: Batches, held_out: Batches) -> None:
        self._config, self._training, self._held_out = config, training, held_out
        self._loss_config = config.loss_config()

    @classmethod
    def of(cls, config: TrainConfig, training: Batches, images: ImageSet | None) -> "LookAtD | None":
        """Looks with held-out images; None of too few, or where D could not be told their classes."""
        pack, classes = config.networks.pack, config.networks.classes
        held_out = held_out_batches(images, config.data.batch_size, config.seed, training.device, pack)
        if held_out is None:
            return None
        labels = held_out.images.labels
        if classes is not None and (labels is None or not 0 <= labels.min() <= labels.max() < classes):
            return None
        return cls(config, training, held_out)

    def probability(self, gan: GAN, step: int) -> float:
        """D's mean probability, after `step` steps, that held-out images are real."""
        return held_out_probability(gan, self._of_held_out(), self._loss_config, step)

    def logits(self, gan: GAN, step: int) -> LogitsOfD | None:
        """D's logits after `step` steps of images that it trained with in the last epoch, of held-out ones, and of as
        many generated ones; None before the first step."""
        if step < 1:
            return None
        kinds = self._of_training(step), self._of_held_out(), self._generated(gan, step)
        return LogitsOfD(*(logits_of_d(gan, seen, self._loss_config, step - 1) for seen in kinds))

    def _of_held_out(self) -> Iterator[Seen]:
        for number in batches_looked_at(self._held_out):
            yield Tensor(self._held_out.batch(number)), self._labels(self._held_out, number)

    def _of_training(self, step: int) -> Iterator[Seen]:
        """Batches evenly spread over the last epoch: D knows the latest batch better than others."""
        end, size = step * self._config.optimiser.d_steps, self._held_out.batch_size
        count = len(batches_looked_at(self._held_out))
        spread = np.linspace(max(0, end - self._training.per_epoch), end, count, endpoint=False)
        for number in np.unique(spread.astype(int)).tolist():
            labels = self._labels(self._training, number)
            yield Tensor(self._training.batch(number)[:size]), None if labels is None else labels[:size]

    def _generated(self, gan: GAN, step: int) -> Iterator[Seen]:
        """Images of the classes of the held-out ones."""
        for number, (images, labels) in enumerate(self._of_held_out()):
            z = gan.noise(self._config.seed, f"a look at D, {number}", len(images), step)
            yield gan.generator(gan.latent(z, labels)), labels

    def _labels(self, batches: Batches, number: int) -> Any:
        return None if self._config.networks.classes is None else batches.labels(number)
