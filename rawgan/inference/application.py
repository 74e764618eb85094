"""Application of a trained translator or enhancer to image files of any size."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from rawgan.config.noise import TrainConfig
from rawgan.config.translation import TranslateConfig
from rawgan.data import to_uint8, to_unit
from rawgan.data.files.image_files import note_deep, upright_image
from rawgan.data.files.survey import Survey
from rawgan.data.image_set import Progress
from rawgan.data.memory_limits import machine_bytes
from rawgan.data.pixels import square
from rawgan.errors import DataError
from rawgan.gan import Translator
from rawgan.tasks import task_class
from rawgan.tasks.translation import PIECE, Pixels, at_once, device_of, translated
from rawgan.tensor import Tensor

if TYPE_CHECKING:
    from PIL import Image

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


def survey_of(files: Iterable[Path], white: float | None) -> Survey:
    """Survey that knows white in deep images that a run is applied to: as in its training, or else as in the files."""
    survey = Survey(white)
    if white is None:
        note_deep(files, survey)
        survey.settle()
    return survey


def source_of(
    path: Path, config: TranslateConfig, with_target: bool = False, seed: int = 0, survey: Survey | None = None
) -> tuple[Pixels, Pixels | None]:
    """Read the input of a network from an image file of any size, and the right result, if it is known.

    With `with_target`, if the configuration `makes_sources`, the file shows the target, from which the source is made
    as in training (edges, or a degraded image), or both side by side. Otherwise, the file shows the source. For
    inpainting, its transparent pixels are the hole.

    Raises: DataError for a file that cannot be read, or that has no hole to fill in
    """
    image, task = _decoded(path, survey), task_class(config)
    if with_target:
        return task.source_and_target(config, image, path, seed)
    return task.source(config, image, path), None


def framed(path: Path, config: TrainConfig, survey: Survey | None = None) -> Pixels:
    """Read an image file of any size as the images were that a run of `rawgan train` was trained with.

    Shapes: → (H, W, C), in [−1, 1]
    Raises: DataError for a file that cannot be read
    """
    data = config.data
    return to_unit(square(_decoded(path, survey), data.size, data.channels or 1, data.fit))


def _decoded(path: Path, survey: Survey | None) -> "Image.Image":
    """Decoded image of a file. Raises: DataError for a file that cannot be read"""
    try:
        with upright_image(path, survey=survey) as opened:
            return opened.copy()  # decoded while the file is open
    except DataError as error:
        raise DataError(f"{path}: {error}") from None


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
