"""Training that makes images of one kind out of images of another, without pairs."""

import dataclasses
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rawgan import nn
from rawgan.config.translation import CycleConfig
from rawgan.data import Batches, ImageSet, has_test_split, load, to_uint8, to_unit
from rawgan.data.hold_out import few_of, hold_out, hold_out_size
from rawgan.data.image_set import Progress
from rawgan.data.pairs.styles import styled
from rawgan.device import to_device
from rawgan.diagnosis.doctor import Remedies, examine
from rawgan.diagnosis.subject import DiagnosisSubject
from rawgan.diagnosis.symptom import Symptom
from rawgan.gan import Cycle, CycleWeights, History, StepMetrics, Translator, cycle_step, network_bytes
from rawgan.metrics import ImagePairs, compute
from rawgan.tasks.held_out import batches_looked_at, held_out_batches, held_out_probability
from rawgan.tasks.translation import (
    TranslationTask,
    at_once,
    device_of,
    translated,
    translator_of,
    translators_remedies,
)
from rawgan.tensor import Tensor


class CycleTask(TranslationTask):
    """Images of two kinds, each translated into the other without pairs: `rawgan cyclegan`.

    >>> task = CycleTask(CycleConfig.of(width=2, batch_size=2), "cpu")
    >>> task.data, task.others
    (ImageSet('mnist', 30000 images of 28 × 28 × 1, labelled), ImageSet('mnist', 30000 images of 28 × 28 × 1, labelled))
    """

    configs = (CycleConfig,)
    config: CycleConfig
    data: ImageSet
    batches: Batches
    gan: Cycle
    best_figure = "l1"  # measured of styles alone; the difference after a cycle is lowest if nothing is translated
    others: ImageSet
    """Images of the other kind."""

    def _load(self, on_progress: Progress) -> None:
        config = self.config
        (self.data, self.held_out), (self.others, self.others_held_out) = kinds_of(config, on_progress)
        self.images = self.data, self.held_out, self.others, self.others_held_out
        size, _, channels = self.data.shape
        self.config = config.replace(
            image_size=size, channels=channels, white=self.data.white,
            targets_white=None if config.targets.place is None else self.others.white,
        )  # fmt: skip
        self.batches = Batches(self.data, config.data.batch_size, config.seed, self.device)
        self._others = Batches(self.others, config.data.batch_size, config.seed, self.device, "shuffle the others")
        self._beside_training = [
            held_out_batches(few_of(each, config.seed), config.data.batch_size, config.seed, self.device)
            for each in (self.others_held_out, self.held_out)
        ]
        self.heads = ("before", "after", *([] if config.targets.styles is None else ["target"]), "back")
        self._beside = len(self.heads)
        count = max(1, config.output.samples // (2 * self._beside))
        self.columns = self._beside * max(1, round((2 * count / self._beside) ** 0.5))
        self._shown = [self._tensor(images.part(slice(count))) for images in (self.held_out, self.others_held_out)]

    def _tensor(self, images: ImageSet) -> Tensor:
        return Tensor(to_device(to_unit(images.images), self.device))

    @staticmethod
    def networks(config: CycleConfig, device: str) -> Cycle:
        return cycle_of(config, device)

    def pair(self, index: int) -> tuple[Tensor, Tensor]:
        """Images of both kinds of step `index`, counted from 0. Shapes: → (batch_size, H, W, C), twice"""
        return Tensor.wrap(self.batches.batch(index)), Tensor.wrap(self._others.batch(index))

    def step(self, index: int) -> StepMetrics:
        weights = CycleWeights(self.config.cycle.weight, self.config.cycle.identity_weight)
        return cycle_step(self.gan, *self.pair(index), self.loss_config, weights, index)

    # --- looking -----------------------------------------------------------------------------------------------------

    def sample(self) -> NDArray[Any]:
        """Hold-out images of both kinds: before, after, the target if it is known (of a style), and back again.

        Shapes: → (N · beside, H, W, C) in [−1, 1]
        """
        found = []
        for images, target, there, back in zip(self._shown, self._shown[::-1], *self._ways(), strict=True):
            after = translated(there, images)
            known = [] if self.config.targets.styles is None else [target.numpy()]
            again = translated(back, Tensor(after).to(self.device))
            found.append(np.stack([images.numpy(), after, *known, again], axis=1))
        beside = np.concatenate(found)
        return beside.reshape(-1, *beside.shape[2:])

    def _ways(self) -> tuple[tuple[Translator, Translator], tuple[Translator, Translator]]:
        """Translators of each kind: there, and back."""
        return (self.gan.forth, self.gan.back), (self.gan.back, self.gan.forth)

    def shown(self, samples: NDArray[Any]) -> tuple[NDArray[Any], int]:
        """Samples as they are: before, after, the target if it is known, and back again belong together."""
        return samples, self._beside

    def measure(self) -> dict[str, Any]:
        """L1 between hold-out images and their round trips, in both directions; of a style, whose targets are known,
        also PSNR, SSIM and L1 to these.
        """
        held_out = [images.part(slice(self.config.measured)) for images in (self.held_out, self.others_held_out)]
        each = dict[str, list[NDArray[np.float64]]]()
        for images, target, ways in zip(held_out, held_out[::-1], self._ways(), strict=True):
            made, home = there_and_back(*ways, images)
            known = {} if self.config.targets.styles is None else compute(ImagePairs(made, target.images))
            for name, values in {**known, "back": home}.items():
                each.setdefault(name, []).append(values)
        return {name: float(np.concatenate(parts).mean()) for name, parts in each.items()}

    def look_at_d(self, step: int) -> dict[str, float]:
        """The mean of both D, each with held-out images of the kind that its generator makes."""
        found = []
        for side, batches in zip((self.gan.forth, self.gan.back), self._beside_training, strict=True):
            if batches is None:
                return {}
            seen = [(Tensor(batches.batch(number)), None) for number in batches_looked_at(batches)]
            found.append(held_out_probability(side, seen, self.loss_config, step))
        return {"d_held_out": sum(found) / len(found)}

    def networks_with_inputs(self) -> list[tuple[str, nn.Sequential, Tensor]]:
        """The networks of one direction; those of the other have the same layers."""
        a, b = self.pair(0)
        return [("generator", self.gan.forth.generator, a), ("discriminator", self.gan.forth.discriminator, b)]

    def memory(self) -> dict[str, int]:
        """Memory that a step takes: both directions, and each generator's activations three times."""
        (_, _, a), (_, _, b) = self.networks_with_inputs()
        one = network_bytes(self.gan.forth, a[:1], b[:1], self.config.data.batch_size)
        return {name: size * (6 if name == "activations" else 2) for name, size in one.items()}

    @staticmethod
    def remedies(config: CycleConfig) -> Remedies:
        return translators_remedies("cycle-weight")

    def subjects(self, seed: int) -> list[DiagnosisSubject]:
        """Both directions."""
        a, b = (Tensor(self._batch(images, seed)) for images in (self.data, self.others))
        return [
            DiagnosisSubject(", from A to B", self.gan.forth, b, a, None),
            DiagnosisSubject(", from B to A", self.gan.back, a, b, None),
        ]

    def examine(self, step: int, records: list[dict[str, Any]]) -> list[Symptom]:
        """Symptoms of both directions. The loss of D is known for both together only."""
        a, b = self.pair(step - 1)
        forth, back = (
            examine(side, real, latent, self.loss_config, records, remedies=self.remedies(self.config))
            for side, real, latent in ((self.gan.forth, b, a), (self.gan.back, a, b))
        )
        return forth + [dataclasses.replace(each, place=f"{each.place}, on the way back") for each in back]


def there_and_back(
    there: Translator, back: Translator, images: ImageSet, on_progress: Progress = lambda done, total: None
) -> tuple[NDArray[np.uint8], NDArray[np.float64]]:
    """Translated images, and L1 of what is translated back to what they were. Shapes: → (N, H, W, C), (N,)"""
    made, home, count = [], [], at_once(*images.shape[:2])
    for start in range(0, len(images), count):
        pixels = to_unit(images.images[start : start + count])
        after = translated(there, Tensor(pixels).to(device_of(there)))
        again = translated(back, Tensor(after).to(device_of(back)))
        made.append(to_uint8(after))
        home.append(np.abs(again - pixels).mean(axis=(1, 2, 3)) / 2)
        on_progress(start + len(pixels), len(images))
    return np.concatenate(made), np.concatenate(home)


Kind = tuple[ImageSet, ImageSet]
"""Images to train with, and others like them."""


def kinds_of(config: CycleConfig, show: Progress = lambda done, total: None) -> tuple[Kind, Kind]:
    """Images of both kinds.

    Raises: DataError for data that cannot be read, ArgumentError for a single image
    """

    def read(source: str, channels: int | None, white: float | None) -> Kind:
        def part(name: str, white: float | None) -> ImageSet:
            return load(
                source, image_size=config.data.size, channels=channels, split=name, skip_broken=config.data.skip_broken,
                white=white, fit=config.data.fit, on_progress=show,
            )  # fmt: skip

        images = part("train", white)
        if has_test_split(source):
            return images, part("test", images.white)
        return hold_out(images, hold_out_size(len(images)), config.seed)

    first = read(config.data.place, config.data.channels, config.data.white)
    if config.targets.place is None:
        styles = config.targets.styles
        assert styles is not None
        one, other = hold_out(first[0], len(first[0]) // 2, config.seed)
        drawn = [dataclasses.replace(each, images=styled(each.images, styles)) for each in (other, first[1])]
        return (one, first[1]), (drawn[0], drawn[1])
    others = read(config.targets.place, config.data.channels, config.targets.white)
    has, needs = first[0].shape[2], others[0].shape[2]
    if has < needs:  # grey images are made coloured ones, which have grey among them
        first = read(config.data.place, needs, first[0].white)
    elif needs < has:
        others = read(config.targets.place, has, others[0].white)
    return first, others


def cycle_of(config: CycleConfig, device_name: str) -> Cycle:
    """The networks of a run, as they are before its first step."""
    forth, back = (translator_of(config, device_name, False, purpose) for purpose in ("forth", "back"))
    size, channels = config.data.size, config.translation.channels
    made = History(config.cycle.history, (size, size, channels)), History(config.cycle.history, (size, size, channels))
    return Cycle(forth, back, made)
