"""Super-resolution, denoising and inpainting: `rawgan enhance`."""

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from rawgan.config.translation import EnhanceConfig
from rawgan.data import ImageSet, load, load_tiles, to_unit
from rawgan.data.image_set import Progress
from rawgan.data.pairs.degradations import resampled, with_hole
from rawgan.errors import ArgumentError, DataError
from rawgan.random import make_rng
from rawgan.tasks.baselines import SIGMAS, Maker, blurred, filled, median
from rawgan.tasks.pairs import PairsTask
from rawgan.tasks.translation import Pixels, pixels_of
from rawgan.tensor import Tensor

if TYPE_CHECKING:
    from PIL import Image


class EnhanceTask(PairsTask):
    """Images out of degraded ones: the degradation is applied to each batch.

    >>> EnhanceTask(EnhanceConfig.of(width=2, batch_size=4), "cpu").held_out
    ImageSet('mnist', 10000 images of 28 × 28 × 1, labelled)
    """

    configs = (EnhanceConfig,)

    @staticmethod
    def read(config: EnhanceConfig, split: str, like: ImageSet | None, on_progress: Progress) -> ImageSet:
        data = config.data
        return load(
            data.place, image_size=data.size, channels=data.channels, split=split, skip_broken=data.skip_broken,
            enlarge=False, white=data.white if like is None else like.white, fit=data.fit, on_progress=on_progress,
        )  # fmt: skip

    @classmethod
    def parts(
        cls, config: EnhanceConfig, on_progress: Progress = lambda done, total: None
    ) -> tuple[ImageSet, ImageSet]:
        """Images to train with, and a hold-out set; of photographs that are cut into squares, a tenth of these."""
        if not config.in_squares:
            return super().parts(config, on_progress)
        data = config.data
        return load_tiles(
            data.place, image_size=data.size, channels=data.channels, skip_broken=data.skip_broken, white=data.white,
            on_progress=on_progress,
        )  # fmt: skip

    @staticmethod
    def separate(config: EnhanceConfig, images: Any, rng: np.random.Generator) -> tuple[Tensor, Tensor]:
        """Degraded images, and the images themselves."""
        return Tensor(config.task.degradation.apply(images, rng)), Tensor(images)

    @staticmethod
    def baselines(config: EnhanceConfig, source: Pixels, target: Pixels) -> dict[str, Maker]:
        if config.task.name == "super-resolution":
            return {"bicubic": lambda images: resampled(images, target.shape[1:3])}
        if config.task.name == "inpaint":
            return {"the mean of what is left": filled}
        sigma = min(SIGMAS, key=lambda each: float(((blurred(source, each) - target) ** 2).mean()))
        width = min((3, 5), key=lambda each: float(((median(source, each) - target) ** 2).mean()))
        return {
            f"Gaussian filter, σ {sigma}": partial(blurred, sigma=sigma),
            f"median filter, {width} × {width}": partial(median, width=width),
        }

    @staticmethod
    def source(config: EnhanceConfig, image: "Image.Image", path: Path) -> Pixels:
        """An image as it is; of one to be filled in, transparent pixels are the hole."""
        if config.task.name != "inpaint":
            return to_unit(pixels_of(image, config.translation.sources))
        alpha = np.asarray(image.convert("RGBA"))[None, :, :, 3:]
        if not (alpha < 128).any():
            raise DataError(f"{path}: nothing is missing; make the part that is to be filled in transparent")
        opaque = image.convert("RGBA").convert("RGB")
        return with_hole(to_unit(pixels_of(opaque, config.translation.channels)), alpha < 128)

    @staticmethod
    def source_and_target(config: EnhanceConfig, image: "Image.Image", path: Path, seed: int) -> tuple[Pixels, Pixels]:
        """A degraded image, and the image, cropped to a size that can be degraded."""
        target, factor = to_unit(pixels_of(image, config.translation.channels)), config.task.degradation.scale
        height, width = (side // factor * factor for side in target.shape[1:3])
        if not (height and width):
            raise DataError(f"{path}: {image.width} × {image.height} pixels cannot be shrunk by {factor}")
        target = target[:, :height, :width]
        try:
            return config.task.degradation.apply(target, make_rng(seed, f"apply to {path.name}")), target
        except ArgumentError as error:
            raise DataError(f"{path}: {error}") from None
