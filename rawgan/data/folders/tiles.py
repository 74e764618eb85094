"""Tiles: squares cut from photographs at full resolution, from which an enhancer learns."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from os import PathLike
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rawgan.data.files.image_files import upright_image
from rawgan.data.files.survey import LeftOut, Survey, counted
from rawgan.data.folders.decoding import ReadOptions, first_channel, has_colour, refuse_broken
from rawgan.data.folders.detail import detail
from rawgan.data.folders.image_folder import FROM_CACHE, names_of
from rawgan.data.folders.parts import Part, split_of
from rawgan.data.hold_out import evenly_spread
from rawgan.data.image_cache import Decoded, cached
from rawgan.data.image_set import ImageSet, Progress
from rawgan.data.memory_limits import refuse_too_large
from rawgan.data.pixels import has_clear_pixels, with_channels
from rawgan.errors import ArgumentError, DataError, one_line
from rawgan.files import expanded
from rawgan.random import make_rng

Images = NDArray[np.uint8]
Cut = tuple[Images, NDArray[np.float32]]
"""Tiles of a photograph, (N, size, size, C), and their detail (N,)."""

MOST_TILES = 256
"""Most tiles of one photograph."""
PLAIN = 0.1
"""Share of the detail of the fullest tiles below which a tile is plain: sky, walls, background out of focus."""
FULLEST = 0.99
"""Quantile of the detail in a photograph that stands for its fullest tiles."""


def load_tiles(
    folder: str | PathLike[str],
    *,
    image_size: int,
    channels: int | None = None,
    skip_broken: bool = False,
    white: float | None = None,
    on_progress: Progress | None = None,
) -> tuple[ImageSet, ImageSet]:
    """Cut tiles from the photographs of a folder, at full resolution: a set to train with and a hold-out set.

    Each tile has the name of its photograph. At most MOST_TILES tiles of a photograph are drawn, with probabilities
    weighted by detail, and always the same ones. Plain tiles are left out, unless a photograph has no other: then its
    fullest is kept. Whole photographs are held out: those of a sub-folder to test with, or a tenth. Tiles of all
    photographs alternate, so that the first few come from many. Photographs smaller than a tile are left out.
    `channels`, `skip_broken`, `white` and `on_progress` are those of `load`.

    Raises: DataError as `load`; ArgumentError for a single photograph, whose tiles would resemble each other

    >>> import tempfile
    >>> from PIL import Image
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     for name in "ab":
    ...         Image.radial_gradient("L").crop((0, 0, 70, 40)).save(f"{folder}/{name}.png")
    ...     Image.new("RGB", (20, 10)).save(folder + "/small.png")
    ...     parts = load_tiles(folder, image_size=32)
    >>> [part.names.tolist() for part in parts]
    [['a.png', 'a.png'], ['b.png', 'b.png']]
    """
    place = expanded(folder)
    options = ReadOptions(image_size, channels, skip_broken, enlarge=False, white=white, on_progress=on_progress)
    parts = [Part.of(place, split) for split in (("train", "test") if split_of(place) else ("train",))]
    files = [part.listing.images for part in parts]
    how = "tiles", str(place), list(map(len, files)), image_size, channels, skip_broken, white

    def holds(found: Decoded) -> bool:
        """True if the photographs that could not be read before still cannot."""
        broken = [place / name for name in found.facts["broken"]]
        try:
            _read(place, broken, replace(options, on_progress=None), Survey(white, image_size, enlarge=False))
        except DataError:
            return True
        return False

    everything = [file for part in files for file in part]
    found, known = cached(everything, how, lambda: _cut(place, parts, options), holds)
    notes = dict.fromkeys([note for part in parts for note in part.notes] + found.facts["notes"] + [FROM_CACHE] * known)
    train, test = (
        ImageSet(
            found.arrays[each], None, place.resolve().name, tuple(found.facts["skipped"]),
            np.array(found.facts[each]), no_labels="squares have no classes",
            notes=tuple(notes), white=found.facts["white"],
        )
        for each in ("train", "test")
    )  # fmt: skip
    return train, test


def _cut(place: Path, parts: Sequence[Part], options: ReadOptions) -> Decoded:
    """Cut the tiles of a folder, to train with and to hold out, in the order in which they are used.

    Arrays and names of tiles are called `train` and `test`; other facts are what was `skipped`, the names of these,
    `broken`, and `notes` and `white`.
    """
    image_size, channels = options.size, options.channels
    survey = Survey(options.white, image_size, enlarge=False)
    cut, problems = _read(place, [file for part in parts for file in part.listing.images], options, survey)
    apart = [[file for file in part.listing.images if file in cut] for part in parts]
    if len(apart) == 1:
        apart = _held_apart(place, apart[0])
    for part, files in zip(parts, apart, strict=False):
        if not files:
            raise DataError(f"{part.root}: no photograph of {image_size} × {image_size} pixels or more is left there")

    chosen = _without_plain(cut)
    counts = [sum(len(chosen[file]) for file in files) for files in apart]
    words = [f"{counted(n, 'square')} of {counted(len(f), 'photograph')}" for n, f in zip(counts, apart, strict=True)]
    note = f"{words[0]} to train with, {words[1]} held out; squares of {image_size} × {image_size} pixels"
    squares = [np.concatenate([cut[file][0][chosen[file]] for file in files]) for files in apart]
    if channels is None:
        squares = _alike(squares)
    names = [names_of(place, files).repeat([len(chosen[file]) for file in files]) for files in apart]
    turns = [_by_turns(each) for each in names]
    return Decoded(
        {part: images[turn] for part, images, turn in zip(("train", "test"), squares, turns, strict=True)},
        {
            "skipped": list(problems.values()),
            "broken": [file.relative_to(place).as_posix() for file in problems],
            "notes": [note, *survey.notes(place)],
            "white": survey.white,
            **{part: each[turn].tolist() for part, each, turn in zip(("train", "test"), names, turns, strict=True)},
        },
    )


def tiles(image: Images, size: int, rng: np.random.Generator) -> Cut:
    """Draw tiles from a grid centred in an image, at most MOST_TILES, weighted by detail and without plain ones.

    Shapes: image (H, W) or (H, W, C), at least size × size → tiles (N, size, size, C), their detail (N,)

    >>> squares, held = tiles(np.arange(100 * 64).reshape(100, 64).astype(np.uint8), 32, np.random.default_rng(0))
    >>> squares.shape, held.shape
    ((6, 32, 32, 1), (6,))
    """
    pixels = image if image.ndim == 3 else image[..., None]
    top, left = (side % size // 2 for side in pixels.shape[:2])
    within = pixels[top:, left:]
    held = detail(within, size)
    full = (held >= PLAIN * np.quantile(held, FULLEST)) & (held > 0)
    rows, columns = np.nonzero(full if full.any() else np.indices(held.shape).sum(axis=0) == 0)
    weights = held[rows, columns]
    with np.errstate(divide="ignore"):
        soon = np.log(rng.random(len(weights))) / weights  # weighted, without replacement: Efraimidis, Spirakis 2006
    first = np.argsort(-soon, kind="stable")[:MOST_TILES]
    corners = zip(rows[first] * size, columns[first] * size, strict=True)
    squares = np.stack([within[row : row + size, column : column + size] for row, column in corners])
    return squares, weights[first]


def _read(
    place: Path, files: Sequence[Path], options: ReadOptions, survey: Survey
) -> tuple[dict[Path, Cut], dict[Path, str]]:
    """Tiles of each file that is large enough, and "file: problem" for each that cannot be read."""
    found, problems, held = dict[Path, Cut](), dict[Path, str](), 0

    def read(file: Path) -> int:
        try:
            with upright_image(file, survey=survey) as image:
                channels = options.channels or 3
                if channels in (1, 3) and has_clear_pixels(image):
                    survey.clear.add(file)
                name = file.relative_to(place).as_posix()
                pixels = np.asarray(with_channels(image, channels))
                found[file] = tiles(pixels, options.size, make_rng(0, f"squares of {name}"))
        except LeftOut:
            return 0
        except DataError as error:
            problems[file] = one_line(f"{file.relative_to(place)}: {error}")
            return 0
        return found[file][0].nbytes

    survey.total = len(files)
    for done, file in enumerate(files, 1):
        held += read(file)
        refuse_too_large(str(place), 2 * held)  # twice: as pieces, and then concatenated
        if options.on_progress:
            options.on_progress(done, len(files))
    if survey.settle():
        for file in [file for file in files if file in survey.peaks]:
            found.pop(file, None)
            read(file)
    refuse_broken(place, list(problems.values()), len(files), options.skip_broken)
    if not found:
        raise DataError("\n  ".join([f"{place}: no photograph is left", *survey.notes(place)]))
    return {file: found[file] for file in files if file in found}, problems


def _held_apart(place: Path, files: list[Path]) -> list[list[Path]]:
    """Photographs to train with, and a tenth to hold out, spread over all, as neighbours are often alike."""
    if len(files) == 1:
        raise ArgumentError(
            f"{place}: a single photograph, {files[0].relative_to(place)}; squares to measure with would resemble "
            "those trained with\n  add photographs"
        )
    out = evenly_spread(len(files))
    return [[file for n, file in enumerate(files) if (n in out) == held] for held in (False, True)]


def _without_plain(cut: Mapping[Path, Cut]) -> dict[Path, NDArray[np.int64]]:
    """Indices of the tiles to keep of each photograph: all that are not plain compared with the median of all
    photographs, or else its fullest."""
    usual = float(np.median([held.max() for _, held in cut.values()]))
    return {
        file: kept if len(kept := np.flatnonzero(held >= PLAIN * usual)) else np.array([held.argmax()])
        for file, (_, held) in cut.items()
    }


def _alike(squares: list[Images]) -> list[Images]:
    """Tiles of both parts with one channel, if none of them has colour."""
    return squares if any(map(has_colour, squares)) else [first_channel(images) for images in squares]


def _by_turns(names: NDArray[np.str_]) -> NDArray[np.int64]:
    """Order in which the first tile of each photograph comes first, then the second ones, and so on."""
    _, which, counts = np.unique(names, return_inverse=True, return_counts=True)
    begins = np.append(0, counts.cumsum()[:-1])
    nth = np.empty(len(names), np.int64)
    nth[np.argsort(which, kind="stable")] = np.arange(len(names)) - begins.repeat(counts)
    return np.lexsort((which, nth))
