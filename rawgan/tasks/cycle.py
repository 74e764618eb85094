"""Training that makes images of one kind out of images of another, without pairs."""

import dataclasses
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rawgan import nn
from rawgan.config.translation import CycleConfig
from rawgan.data import Batches, ImageSet, has_test_split, load, to_uint8, to_unit
from rawgan.data.image_set import Progress
from rawgan.data.pairs.styles import styled
from rawgan.device import to_device
from rawgan.diagnosis.doctor import Finding, examine
from rawgan.gan import Cycle, CycleWeights, History, Outcome, Translator, cycle_step, network_bytes
from rawgan.metrics import split
from rawgan.tasks.pairs import at_once, device_of, kept_apart, of_pixels, translated, translator_of
from rawgan.tensor import Tensor
from rawgan.training.trainer import Loop


class CycleTraining(Loop):
    """A run of `rawgan cyclegan`.

    >>> training = CycleTraining(CycleConfig(width=2, batch_size=2))
    >>> training.data, training.others
    (ImageSet('mnist', 30000 images of 28 × 28 × 1, labelled), ImageSet('mnist', 30000 images of 28 × 28 × 1, labelled))
    >>> training.step(1).step
    1
    """

    config: CycleConfig
    data: ImageSet
    batches: Batches
    gan: Cycle
    others: ImageSet
    """Images of the other kind."""

    def _load(self, show: Progress) -> None:
        """See the base class."""
        config = self.config
        (self.data, self.held_out), (self.others, self.others_held_out) = kinds_of(config, show)
        size, _, channels = self.data.shape
        self.config = dataclasses.replace(
            config, image_size=size, channels=channels, white=self.data.white,
            targets_white=None if config.targets is None else self.others.white,
        )  # fmt: skip
        self.batches = Batches(self.data, config.batch_size, config.seed, self.device)
        self._others = Batches(self.others, config.batch_size, config.seed, self.device, "shuffle the others")
        self._beside = 3 if config.styles is None else 4
        count = max(1, config.samples // (2 * self._beside))
        self.columns = self._beside * max(1, round((2 * count / self._beside) ** 0.5))
        self._shown = [self._tensor(images.part(slice(count))) for images in (self.held_out, self.others_held_out)]

    @property
    def images(self) -> tuple[ImageSet, ...]:
        """See the base class."""
        return self.data, self.held_out, self.others, self.others_held_out

    def _tensor(self, images: ImageSet) -> Tensor:
        return Tensor(to_device(to_unit(images.images), self.device))

    def _build(self) -> Cycle:
        """See the base class."""
        return cycle_of(self.config, self.device)

    def pair(self, index: int) -> tuple[Tensor, Tensor]:
        """Images of both kinds of step `index`, counted from 0. Shapes: → (batch_size, H, W, C), twice"""
        return Tensor(self.batches.batch(index)), Tensor(self._others.batch(index))

    def _by_kernels(self, index: int) -> Outcome:
        """See the base class."""
        weights = CycleWeights(self.config.cycle_weight, self.config.identity_weight)
        return cycle_step(self.gan, *self.pair(index), self._recipe, weights, index)

    # --- looking -----------------------------------------------------------------------------------------------------

    def sample(self) -> NDArray[Any]:
        """Images that are not trained with, of both kinds: as they are, translated, what they should be, if that is
        known, as it is of a style, and back again.

        Shapes: → (N · beside, H, W, C) in [−1, 1]
        """
        found = []
        for images, target, there, back in zip(self._shown, self._shown[::-1], *self._ways(), strict=True):
            after = translated(there, images)
            known = [] if self.config.styles is None else [target.numpy()]
            again = translated(back, Tensor(after).to(self.device))
            found.append(np.stack([images.numpy(), after, *known, again], axis=1))
        beside = np.concatenate(found)
        return beside.reshape(-1, *beside.shape[2:])

    def _ways(self) -> tuple[tuple[Translator, Translator], tuple[Translator, Translator]]:
        """What translates each kind, and what translates it back."""
        return (self.gan.forth, self.gan.back), (self.gan.back, self.gan.forth)

    def shown(self, samples: NDArray[Any]) -> tuple[NDArray[Any], int]:
        """See the base class: before, after, what should come out where it is known, and back again."""
        return samples, self._beside

    def measure(self) -> dict[str, Any]:
        """How far images that are not trained with are from what comes back, both ways; of a style also PSNR, SSIM and
        L1, as it is known what should come out.
        """
        held_out = [images.part(slice(self.config.measured)) for images in (self.held_out, self.others_held_out)]
        each = dict[str, list[NDArray[np.float64]]]()
        for images, target, ways in zip(held_out, held_out[::-1], self._ways(), strict=True):
            made, home = there_and_back(*ways, images)
            known = {} if self.config.styles is None else of_pixels(made, target.images)
            for name, values in {**known, "back": home}.items():
                each.setdefault(name, []).append(values)
        return {name: float(np.concatenate(parts).mean()) for name, parts in each.items()}

    @property
    def best(self) -> str:
        """See the base class. What should come out is known of styles alone; and what comes back is best where nothing
        is done.
        """
        return "l1"

    def at_work(self) -> list[tuple[str, nn.Sequential, Tensor]]:
        """See the base class: one way, as the other is alike."""
        a, b = self.pair(0)
        return [("generator", self.gan.forth.generator, a), ("discriminator", self.gan.forth.discriminator, b)]

    def account(self) -> dict[str, int]:
        """See the base class: both ways, and each generator three times."""
        (_, _, a), (_, _, b) = self.at_work()
        one = network_bytes(self.gan.forth, a[:1], b[:1], self.config.batch_size)
        return {name: size * (6 if name == "activations" else 2) for name, size in one.items()}

    def examine(self, records: list[dict[str, Any]]) -> list[Finding]:
        """See the base class: both ways. D's loss is known of both together."""
        a, b = self.pair(self.reached - 1)
        forth, back = (
            examine(side, real, latent, self._recipe, records, remedies=self.config.remedies)
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
                source, image_size=config.size, channels=channels, split=name, skip_broken=config.skip_broken,
                white=white, on_progress=show,
            )  # fmt: skip

        images = part("train", white)
        return (images, part("test", images.white)) if has_test_split(source) else kept_apart(images, config.seed)

    first = read(config.data, config.channels, config.white)
    if config.targets is None:
        assert config.styles is not None
        one, other = split(first[0], len(first[0]) // 2, config.seed)
        drawn = [dataclasses.replace(each, images=styled(each.images, config.styles)) for each in (other, first[1])]
        return (one, first[1]), (drawn[0], drawn[1])
    others = read(config.targets, config.channels, config.targets_white)
    has, needs = first[0].shape[2], others[0].shape[2]
    if has < needs:  # grey images are made coloured ones, which have grey among them
        first = read(config.data, needs, first[0].white)
    elif needs < has:
        others = read(config.targets, has, others[0].white)
    return first, others


def cycle_of(config: CycleConfig, device_name: str) -> Cycle:
    """The networks of a run, as they are before its first step."""
    forth, back = (translator_of(config, device_name, False, purpose) for purpose in ("forth", "back"))
    size, channels = config.size, config.translation.channels
    made = History(config.history, (size, size, channels)), History(config.history, (size, size, channels))
    return Cycle(forth, back, made)
