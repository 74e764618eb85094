"""Application of a trained translator or enhancer to image files of any size."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from rawgan.config.translation import CycleConfig, EnhanceConfig, Pix2pixConfig, TranslateConfig
from rawgan.data import to_uint8, to_unit
from rawgan.data.files.image_files import note_deep, upright_image
from rawgan.data.files.survey import Survey
from rawgan.data.image_set import Progress
from rawgan.data.memory_limits import machine_bytes
from rawgan.data.pairs.degradations import with_hole
from rawgan.data.pairs.made_sources import MADE_SOURCES
from rawgan.data.pixels import with_channels
from rawgan.errors import ArgumentError, DataError
from rawgan.gan import Translator
from rawgan.random import make_rng
from rawgan.tasks.pairs import PIECE, at_once, device_of, translated
from rawgan.tensor import Tensor

if TYPE_CHECKING:
    from PIL import Image

Pixels = NDArray[Any]
"""Images (N, H, W, C) of floats in [−1, 1]."""

SAVED = 6
"""Approximate memory of an image while it is saved, relative to its bytes."""
AT_WORK = 40
"""Approximate memory of a pixel in G, in bytes for each channel of its widest layer: ten layers of floats."""


@dataclass(frozen=True)
class Job:
    """An image file to translate, as it was read."""

    number: int
    """Number of the file, counted from 1."""
    name: str
    """Name of the result, without a suffix."""
    file: Path
    source: Pixels
    """Input of the network. Shape (1, h, w, sources)"""
    target: Pixels | None
    """Right result, if it is known. Shape (1, H, W, channels)"""


def batched(jobs: Iterable[Job], gan: Translator) -> Iterator[list[Job]]:
    """Batches of consecutive images of one size, with no more pixels than a single large image may have.

    >>> from rawgan.gan import TranslationSpec, build_translator
    >>> gan = build_translator("unet", TranslationSpec(16, 1, 1), width=2)
    >>> jobs = [Job(n, "", Path(), np.empty((1, 8, w, 1)), None) for n, w in enumerate((8, 8, 9, 8, 8, 8))]
    >>> [[job.number for job in batch] for batch in batched(jobs, gan)]
    [[0, 1], [2], [3, 4, 5]]
    """
    batch: list[Job] = []
    for job in jobs:
        if batch:
            _, height, width, _ = batch[0].source.shape
            most = at_once(height * gan.spec.enlarged, width * gan.spec.enlarged)
            if len(batch) >= most or job.source.shape != batch[0].source.shape:
                yield batch
                batch = []
        batch.append(job)
    if batch:
        yield batch


def makes_sources(config: TranslateConfig) -> bool:
    """True if sources are made from targets, or both lie in one file, so that a file with the target is enough."""
    return isinstance(config, EnhanceConfig) or (
        isinstance(config, Pix2pixConfig) and config.targets.how in (*MADE_SOURCES, "side-by-side")
    )


def survey_of(files: Iterable[Path], config: TranslateConfig, back: bool = False) -> Survey:
    """Survey that knows white in deep images that a run is applied to: that of its training, or else that of the files.

    With `back`, the files belong to the second domain of a CycleGAN.
    """
    white = config.data.white
    if isinstance(config, CycleConfig | Pix2pixConfig) and config.targets.place is not None:
        of_targets = back if isinstance(config, CycleConfig) else config.targets.reverse
        white = config.targets.white if of_targets else white
    survey = Survey(white)
    if white is None:
        note_deep(files, survey)
        survey.settle()
    return survey


def source_of(
    path: Path, config: TranslateConfig, with_target: bool = False, seed: int = 0, survey: Survey | None = None
) -> tuple[Pixels, Pixels | None]:
    """Read the input of a network from an image file of any size, and the right result, if it is known.

    With `with_target`, for runs with `makes_sources`, the file shows the target, from which the source is made as in
    training (edges, or a degraded image), or both side by side. Otherwise, the file shows the source. For inpainting,
    its transparent pixels are the hole.

    Raises: DataError for a file that cannot be read, or that has no hole to fill in
    """
    try:
        with upright_image(path, survey=survey) as opened:
            image = opened.copy()  # decoded while the file is open
    except DataError as error:
        raise DataError(f"{path}: {error}") from None
    kind = config.translation
    if with_target and isinstance(config, Pix2pixConfig) and config.targets.how == "side-by-side":
        return _halves(image, path, config)
    if with_target:
        return _made_from(_array(image, kind.channels), path, config, seed)
    if isinstance(config, EnhanceConfig) and config.task.name == "inpaint":
        alpha = np.asarray(image.convert("RGBA"))[None, :, :, 3:]
        if not (alpha < 128).any():
            raise DataError(f"{path}: nothing is missing; make the part that is to be filled in transparent")
        return with_hole(to_unit(_array(image.convert("RGBA").convert("RGB"), kind.channels)), alpha < 128), None
    return to_unit(_array(image, kind.sources)), None


def _halves(image: "Image.Image", path: Path, config: Pix2pixConfig) -> tuple[Pixels, Pixels]:
    """Source and target from an image of both, side by side."""
    half = image.width // 2
    if not half:
        raise DataError(f"{path}: {image.width} pixels are too narrow for two images side by side")
    left, right = (image.crop((begin, 0, begin + half, image.height)) for begin in (0, half))
    source, target = (right, left) if config.targets.reverse else (left, right)
    kind = config.translation
    return to_unit(_array(source, kind.sources)), to_unit(_array(target, kind.channels))


def _made_from(pixels: NDArray[np.uint8], path: Path, config: TranslateConfig, seed: int) -> tuple[Pixels, Pixels]:
    """Source and target from an image of the target, as in training."""
    target = to_unit(pixels)
    if isinstance(config, EnhanceConfig):
        factor = config.task.degradation.scale
        height, width = (side // factor * factor for side in target.shape[1:3])
        if not (height and width):
            raise DataError(f"{path}: {pixels.shape[2]} × {pixels.shape[1]} pixels cannot be shrunk by {factor}")
        target = target[:, :height, :width]
        try:
            return config.task.degradation.apply(target, make_rng(seed, f"apply to {path.name}")), target
        except ArgumentError as error:
            raise DataError(f"{path}: {error}") from None
    assert isinstance(config, Pix2pixConfig)
    return to_unit(MADE_SOURCES[config.targets.how](pixels)), target


def apply_to(
    gan: Translator, source: Pixels, on_progress: Progress = lambda done, total: None, piece: int = PIECE
) -> NDArray[np.uint8]:
    """Translate images of any size. They are padded by mirroring their borders, and the results are cropped.

    A large image is translated in pieces of `piece` × `piece` pixels, each with all surrounding pixels that influence
    it, so that the result is the same. Only instance norm needs the whole image at once.

    Shapes: source (N, h, w, sources) → (N, H, W, channels) uint8
    Raises: MemoryError for images that are too large for this machine
    """
    stride, enlarged = gan.stride, gan.spec.enlarged
    count, height, width, _ = source.shape
    more = [max(2 * stride, -(-side // stride) * stride) - side for side in (height, width)]
    padded = np.pad(source, ((0, 0), (0, more[0]), (0, more[1]), (0, 0)), mode="symmetric")
    made = np.empty((count, height * enlarged, width * enlarged, gan.spec.channels), np.uint8)
    if gan.reach is None:
        step, reach = max(padded.shape[1:3]), 0
    else:
        step, reach = max(1, piece // enlarged // stride) * stride, -(-gan.reach // stride) * stride
    tall, wide = (min(step + 2 * reach, side) * enlarged for side in padded.shape[1:3])
    if SAVED * made.nbytes + AT_WORK * gan.width * count * tall * wide > machine_bytes():
        raise MemoryError
    corners = [(top, left) for top in range(0, height, step) for left in range(0, width, step)]
    for done, corner in enumerate(corners, 1):
        first = [max(0, side - reach) for side in corner]
        seen = padded[:, first[0] : corner[0] + step + reach, first[1] : corner[1] + step + reach]
        found = translated(gan, Tensor(seen).to(device_of(gan)))
        begin = [(side - start) * enlarged for side, start in zip(corner, first, strict=True)]
        top, left = (side * enlarged for side in corner)
        place = made[:, top : top + step * enlarged, left : left + step * enlarged]
        inner = found[:, begin[0] : begin[0] + place.shape[1], begin[1] : begin[1] + place.shape[2]]
        place[...] = to_uint8(inner)
        on_progress(done, len(corners))
    return made


def _array(image: "Image.Image", channels: int) -> NDArray[np.uint8]:
    """Pixels of a picture. Shapes: → (1, H, W, channels)"""
    return np.asarray(with_channels(image, channels)).reshape(1, image.height, image.width, channels)
