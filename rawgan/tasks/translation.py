"""Common parts of tasks that make images out of images: networks, their use, and the reading of image files."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from rawgan.autograd import no_grad
from rawgan.config.translation import TranslateConfig
from rawgan.data import to_unit
from rawgan.data.pixels import with_channels
from rawgan.gan import Translator, build_translator
from rawgan.tasks.task import Task
from rawgan.tensor import Tensor

if TYPE_CHECKING:
    from PIL import Image

Pixels = NDArray[Any]
"""Images (N, H, W, C) of floats in [−1, 1]."""

AT_ONCE, PIECE = 256, 1024
"""Most images that are translated at a time outside of training; together they have no more pixels than a square of
PIECE × PIECE."""


class TranslationTask(Task):
    """A task whose networks take images. Its static methods say how image files become inputs of the networks."""

    @staticmethod
    def source(config: Any, image: "Image.Image", path: Path) -> Pixels:
        """Input of the network from an image of the source.

        Shapes: → (1, h, w, sources)
        Raises: DataError for an image that the network cannot take
        """
        return to_unit(pixels_of(image, config.translation.sources))

    @staticmethod
    def source_and_target(config: Any, image: "Image.Image", path: Path, seed: int) -> tuple[Pixels, Pixels]:
        """Input of the network and right result from an image of the target, where the configuration `makes_sources`.

        Shapes: → (1, h, w, sources), (1, H, W, channels)
        Raises: DataError for an image that is too small
        """
        raise NotImplementedError


def pixels_of(image: "Image.Image", channels: int) -> NDArray[np.uint8]:
    """Bytes of an image with that many channels. Shapes: → (1, H, W, channels)"""
    return np.asarray(with_channels(image, channels)).reshape(1, image.height, image.width, channels)


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


def at_once(height: int, width: int) -> int:
    """Number of images of that size to translate at a time, outside of training.

    >>> at_once(28, 28), at_once(256, 256), at_once(4000, 3000)
    (256, 16, 1)
    """
    return max(1, min(AT_ONCE, PIECE**2 // (height * width)))


def translated(gan: Translator, source: Tensor) -> NDArray[Any]:
    """Translate images; of images with a hole, only the hole is filled in.

    Shapes: (N, h, w, sources) → (N, H, W, channels)
    """
    with no_grad(), gan.sampler.evaluating():
        made = gan.sampler(source).numpy()
    if not gan.spec.masked:
        return made
    there = source.numpy()
    return np.where(there[..., -1:] > 0, made, there[..., :-1])


def device_of(gan: Translator) -> str:
    """Device of the networks."""
    return gan.g_optimizer.parameters[0].device


def translators_remedies(faithful: str) -> dict[str, str | None]:
    """Remedies of all translators, which have no other networks to choose, and no packs, but an option that keeps
    images what they are."""
    return {
        "mode collapse": f"more --{faithful}; a lower --learning-rate",
        "D is winning": "--d-learning-rate, a quarter of G's; --instance-noise 0.2; --penalty r1",
    }
