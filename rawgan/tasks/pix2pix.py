"""Translation of images by pairs: `rawgan pix2pix`."""

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from rawgan.config.translation import Pix2pixConfig
from rawgan.data import ImageSet, PairSet, load, load_pairs, made_pairs, to_unit
from rawgan.data.image_set import Progress
from rawgan.data.pairs.made_sources import MADE_SOURCES
from rawgan.errors import ArgumentError, DataError
from rawgan.tasks.baselines import Maker, as_it_is
from rawgan.tasks.pairs import PairsTask
from rawgan.tasks.translation import Pixels, pixels_of
from rawgan.tensor import Tensor

if TYPE_CHECKING:
    from PIL import Image


class Pix2pixTask(PairsTask):
    """Images out of images, by pairs from files, or of a target and a source that is made of it.

    >>> Pix2pixTask(Pix2pixConfig.of(width=2, batch_size=4), "cpu").held_out.sources
    1
    """

    configs = (Pix2pixConfig,)

    @staticmethod
    def read(config: Pix2pixConfig, split: str, like: ImageSet | None, on_progress: Progress) -> ImageSet:
        data, targets = config.data, config.targets
        white = data.white if like is None else like.white
        if targets.are_made:
            images = load(
                data.place, image_size=data.size, channels=data.channels, split=split, skip_broken=data.skip_broken,
                white=white, fit=data.fit, on_progress=on_progress,
            )  # fmt: skip
            return made_pairs(images, targets.how)
        return load_pairs(
            data.place, targets.place, image_size=data.size, channels=data.channels, split=split,
            reverse=targets.reverse, skip_broken=data.skip_broken, white=white,
            targets_white=getattr(like, "targets_white", targets.white), fit=data.fit, on_progress=on_progress,
        )  # fmt: skip

    @staticmethod
    def separate(config: Pix2pixConfig, images: Any, rng: np.random.Generator) -> tuple[Tensor, Tensor]:
        """Sources and targets: the channels of a batch."""
        sources = config.translation.sources
        return Tensor(images[..., :sources].copy()), Tensor(images[..., sources:].copy())

    @staticmethod
    def complete(config: Pix2pixConfig, images: ImageSet) -> Pix2pixConfig:
        assert isinstance(images, PairSet)
        size, _, channels = images.shape
        if config.targets.source_channels not in (None, images.sources):
            raise ArgumentError(
                f"source_channels is {config.targets.source_channels}, but sources have {images.sources}"
            )
        return config.replace(
            image_size=size, channels=channels - images.sources, source_channels=images.sources, white=images.white,
            targets_white=images.targets_white,
        )  # fmt: skip

    @staticmethod
    def baselines(config: Pix2pixConfig, source: Pixels, target: Pixels) -> dict[str, Maker]:
        average = target.mean(axis=0)
        return {
            "the source as it is": partial(as_it_is, channels=target.shape[3]),
            "the mean target": lambda images: np.broadcast_to(average, (len(images), *average.shape)),
        }

    @staticmethod
    def source_and_target(config: Pix2pixConfig, image: "Image.Image", path: Path, seed: int) -> tuple[Pixels, Pixels]:
        """Both halves of an image, or a target and the source that is made of it, as in training."""
        if config.targets.are_made:
            pixels = pixels_of(image, config.translation.channels)
            return to_unit(MADE_SOURCES[config.targets.how](pixels)), to_unit(pixels)
        half = image.width // 2
        if not half:
            raise DataError(f"{path}: {image.width} pixels are too narrow for two images side by side")
        left, right = (image.crop((begin, 0, begin + half, image.height)) for begin in (0, half))
        source, target = (right, left) if config.targets.reverse else (left, right)
        spec = config.translation
        return to_unit(pixels_of(source, spec.sources)), to_unit(pixels_of(target, spec.channels))
