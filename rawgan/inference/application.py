"""A trained translator or enhancer, and images of any size, one by one."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from rawgan.config.commands import kind_of
from rawgan.config.targets import SIDE_BY_SIDE
from rawgan.config.translation import CycleConfig, PairedConfig, TranslateConfig
from rawgan.data import to_uint8, to_unit
from rawgan.data.files.image_files import note_deep, upright_image
from rawgan.data.files.survey import Survey
from rawgan.data.image_set import Progress
from rawgan.data.memory_limits import machine_bytes
from rawgan.data.pairs.degradations import with_hole
from rawgan.data.pairs.made_sources import MADE_SOURCES
from rawgan.data.pixels import with_channels
from rawgan.errors import ArgumentError, ConfigError, DataError
from rawgan.gan import Cycle, TranslationSpec, Translator
from rawgan.inference.restoration import checkpoint_of
from rawgan.random import make_rng
from rawgan.storage.checkpoint import About
from rawgan.storage.run_folder import RunFolder
from rawgan.tasks.cycle import cycle_of
from rawgan.tasks.pairs import PIECE, at_once, device_of, translated, translator_of
from rawgan.tensor import Tensor
from rawgan.training.state import check_on_paper, restore_gan

if TYPE_CHECKING:
    from PIL import Image

Pixels = NDArray[Any]
"""(N, H, W, C), of floats in [−1, 1]."""

SAVED = 6
"""Bytes that a byte of an image takes while it is saved, about."""
AT_WORK = 40
"""Bytes that a pixel takes while it is made, for each channel of G next to the image, about: ten layers of floats."""


def translate_config_of(folder: RunFolder) -> TranslateConfig | None:
    """The configuration of a run that makes images out of images; None for a run of another kind.

    Raises: ConfigError if it is missing or damaged
    """
    values = folder.read_config()
    kind = kind_of(values)
    return kind.from_dict(values, str(folder.config_file)) if issubclass(kind, TranslateConfig) else None


def restore_networks(
    folder: RunFolder, config: TranslateConfig, device_name: str = "cpu", best: bool = False
) -> tuple[Translator | Cycle, About]:
    """The networks of a run, as its latest checkpoint has them, or its best one; and what that says besides.

    Raises: ConfigError as `restoring.restore`
    """
    if config.data.channels is None:
        raise ConfigError(f"{folder.config_file}: a run's configuration must say channels, as rawgan writes it")
    checkpoint = checkpoint_of(folder, best)
    build: Callable[[], Translator | Cycle]
    if isinstance(config, CycleConfig):
        build = partial(cycle_of, config, device_name)
    else:
        assert isinstance(config, PairedConfig)
        build = partial(translator_of, config, device_name)
    check_on_paper(build, checkpoint, device_name)
    gan = build()
    restore_gan(gan, checkpoint)
    return gan, checkpoint.about


def restore_other(
    folder: RunFolder, config: TranslateConfig, about: About, device_name: str = "cpu", best: bool = False
) -> tuple[Translator, About]:
    """The network of another run that makes the same of the same images as one of that configuration, of which a
    checkpoint says that; as above.

    Raises: ConfigError as `restoring.restore`; ArgumentError for a run that makes something else
    """
    other = translate_config_of(folder)
    if not (isinstance(config, PairedConfig) and isinstance(other, PairedConfig)):
        raise ArgumentError(f"{folder.path} and this run are not both of rawgan pix2pix or enhance; leave it out")
    network, its_own = restore_networks(folder, other, device_name, best)
    wanted, found = config.facts, other.facts
    if its_own.made_by.get("images") == about.made_by.get("images"):  # wherever these were
        found |= {name: wanted[name] for name in ("data", "targets") if name in wanted}
    others = [f"{name} {found[name]}, not {wanted.get(name)}" for name in found if found[name] != wanted.get(name)]
    if others:
        raise ArgumentError(
            f"{folder.path} does not make the same of the same images; leave it out\n  it has {', '.join(others)}"
        )
    assert isinstance(network, Translator)
    return network, its_own


@dataclass(frozen=True)
class Work:
    """An image file, read."""

    number: int
    """Counted from 1."""
    name: str
    """What it will be called, without a suffix."""
    file: Path
    source: Pixels
    """Shape (1, h, w, sources)."""
    target: Pixels | None
    """What should come out, if that is known: (1, H, W, channels)."""


def together(works: Iterable[Work], gan: Translator) -> Iterator[list[Work]]:
    """Images that can be made at once: of the same size, one after the other, no more pixels than of a large one.

    >>> from rawgan.gan import TranslationSpec, build_translator
    >>> gan = build_translator("unet", TranslationSpec(16, 1, 1), width=2)
    >>> works = [Work(n, "", Path(), np.empty((1, 8, w, 1)), None) for n, w in enumerate((8, 8, 9, 8, 8, 8))]
    >>> [[work.number for work in batch] for batch in together(works, gan)]
    [[0, 1], [2], [3, 4, 5]]
    """
    batch: list[Work] = []
    for work in works:
        if batch:
            _, height, width, _ = batch[0].source.shape
            most = at_once(height * gan.spec.enlarged, width * gan.spec.enlarged)
            if len(batch) >= most or work.source.shape != batch[0].source.shape:
                yield batch
                batch = []
        batch.append(work)
    if batch:
        yield batch


def survey_of(files: Iterable[Path], config: TranslateConfig, back: bool = False) -> Survey:
    """Survey of images that a run is applied to: white is as in training, or else as these images have it."""
    white = config.white_of_sources(back)
    survey = Survey(white)
    if white is None:
        note_deep(files, survey)
        survey.settle()
    return survey


def source_of(
    path: Path, config: TranslateConfig, with_target: bool = False, seed: int = 0, survey: Survey | None = None
) -> tuple[Pixels, Pixels | None]:
    """What a network takes, from an image file of any size; and what it should make of it, if that is known.

    With `with_target`, for runs whose `sources_known` is true, the file shows the target, and the source is made of it
    as in training; or it shows both, side by side. Otherwise it shows the source. Its transparent pixels are the hole
    of an image to be filled in.

    Raises: DataError for a file that cannot be read, or has nothing missing where something should be
    """
    try:
        with upright_image(path, survey=survey) as opened:
            image = opened.copy()  # decoded, for good
    except DataError as error:
        raise DataError(f"{path}: {error}") from None
    kind, pairs = config.translation, config.pairs
    if with_target and pairs is not None and pairs.how == SIDE_BY_SIDE:
        return _halves(image, path, kind, pairs.reverse)
    if with_target:
        return _made_of(_array(image, kind.channels), path, config, seed)
    if kind.masked:
        alpha = np.asarray(image.convert("RGBA"))[None, :, :, 3:]
        if not (alpha < 128).any():
            raise DataError(f"{path}: nothing is missing; make transparent what is to be filled in")
        return with_hole(to_unit(_array(image.convert("RGBA").convert("RGB"), kind.channels)), alpha < 128), None
    return to_unit(_array(image, kind.sources)), None


def _halves(image: "Image.Image", path: Path, spec: TranslationSpec, reverse: bool) -> tuple[Pixels, Pixels]:
    """Source and target that lie side by side, the source on the left unless reversed."""
    half = image.width // 2
    if not half:
        raise DataError(f"{path}: {image.width} pixels are too narrow for two images side by side")
    left, right = (image.crop((begin, 0, begin + half, image.height)) for begin in (0, half))
    source, target = (right, left) if reverse else (left, right)
    return to_unit(_array(source, spec.sources)), to_unit(_array(target, spec.channels))


def _made_of(pixels: NDArray[np.uint8], path: Path, config: TranslateConfig, seed: int) -> tuple[Pixels, Pixels]:
    """Source and target, as in training."""
    target, pairs, degradation = to_unit(pixels), config.pairs, config.degradation
    if pairs is not None:
        return to_unit(MADE_SOURCES[pairs.how](pixels)), target
    assert degradation is not None
    factor = degradation.scale
    height, width = (side // factor * factor for side in target.shape[1:3])
    if not (height and width):
        raise DataError(f"{path}: {pixels.shape[2]} × {pixels.shape[1]} pixels cannot be shrunk by {factor}")
    target = target[:, :height, :width]
    try:
        return degradation.apply(target, make_rng(seed, f"apply to {path.name}")), target
    except ArgumentError as error:
        raise DataError(f"{path}: {error}") from None


def applied(
    gan: Translator, source: Pixels, on_progress: Progress = lambda done, total: None, piece: int = PIECE
) -> NDArray[np.uint8]:
    """What the network makes of images of any size: they are padded by what is at their borders, and cut back.

    A large image is made piece by piece, of `piece` × `piece` pixels, each of as much around it as has a say in it: the
    outcome is the same. Only instance norm has to see all of an image at once.

    Shapes: (N, h, w, sources) → (N, H, W, channels), bytes
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
    return np.asarray(with_channels(image, channels)).reshape(1, image.height, image.width, channels)
