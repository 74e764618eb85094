"""Decoding of image files to squares: all headers first, then pixels, in several threads."""

import os
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from math import prod
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rawgan.data.files.image_files import Header, header_of, note_deep, reading_together, upright_image
from rawgan.data.files.survey import LeftOut, Survey
from rawgan.data.folders.parts import Part
from rawgan.data.image_cache import Decoded
from rawgan.data.image_set import Progress
from rawgan.data.memory_limits import refuse_too_large
from rawgan.data.pixels import CROP, has_clear_pixels, square
from rawgan.errors import DataError, one_line

Images = NDArray[np.uint8]
Place = tuple[int, int]
"""Position of an image in the result, and the number of its tuple of files."""

LISTED = 20
"""Number of files that are named in an error."""
SOON = 1 << 28
"""Pixels that are decoded in seconds. In a larger set, broken headers are reported before anything is decoded; in a
smaller one, together with images whose pixels are broken."""
ALONE = 1 << 24
"""Pixels, as decoded, of an image that is decoded while no other is, which bounds the memory."""
TOGETHER = 10
"""Files that a thread reads at a time. For few files there are few threads."""
MOST_THREADS = 16
COUNTED, SECONDS = 100, 0.5
"""Images, and seconds, after which progress is reported."""


@dataclass(frozen=True)
class ReadOptions:
    """Options of reading image files."""

    size: int
    """Height and width of the squares, in pixels."""
    channels: int | None = None
    """1 to 4; None is 3 if any image has colour, else 1, with transparency laid on white."""
    skip_broken: bool = False
    """True to leave out images that cannot be read."""
    enlarge: bool = True
    """True to take images that are smaller than a square, too."""
    white: float | None = None
    """Number that is white in deep images; see `Survey`."""
    fit: str = CROP
    """Framing: a name of `FITS`."""
    on_progress: Progress | None = None

    def survey(self, part: Part, beside: int = 1, white: float | None = None) -> Survey:
        """New survey for the images of a part."""
        return Survey(white or self.white, self.size, self.enlarge, beside, part.beyond, self.fit)


@dataclass
class Decoding:
    """Decoding of tuples of files, whose channels are joined, and the findings about each tuple by its number."""

    folder: Path
    """Folder that paths in messages are relative to."""
    files: Sequence[tuple[Path, ...]]
    options: ReadOptions
    surveys: tuple[Survey, ...]
    """Survey of the first files of all tuples, and so on."""
    headers: dict[int, list[Header]] = field(default_factory=dict)
    """Headers of the tuples that can be read, as far as headers tell, and are not left out."""
    problems: dict[int, str] = field(default_factory=dict)
    """ "file: problem" of each tuple that cannot be read."""
    left_out: set[int] = field(default_factory=set)

    def run(self) -> Decoded:
        """Decode all tuples.

        The array `images` is (N, size, size, C). The facts are the numbers of the tuples that were `kept`,
        "file: problem" for each that was `skipped`, the numbers of these, `broken`, and `notes` and `whites` of the
        surveys.

        Headers are read before anything is decoded, so that the memory is known. It holds the result, and besides only
        images that are being decoded. If all are grey by their headers, no colours are.

        Raises: DataError for broken images unless they are to be skipped, or if no image is left
        """
        self._read_headers()
        if sum(header.pixels for headers in self.headers.values() for header in headers) > SOON:
            self._refuse_broken()
        images = self._decode()
        self._refuse_broken()
        gone = self.left_out | self.problems.keys()
        kept = [i for i in self.headers if i not in gone]
        if not kept:
            notes = [note for survey in self.surveys for note in survey.notes(self.folder)]
            raise DataError("\n  ".join([f"{self.folder}: no image is left", *notes]))
        images = shortened(images, [n for n, i in enumerate(self.headers) if i not in gone])
        if self.options.channels is None and not has_colour(images):
            images = first_channel(images)
        facts = {
            "kept": kept,
            "skipped": self._skipped,
            "broken": sorted(self.problems),
            "notes": [survey.notes(self.folder) for survey in self.surveys],
            "whites": [survey.white for survey in self.surveys],
        }
        return Decoded({"images": images.reshape(*images.shape[:3], -1)}, facts)

    def holds(self, found: Decoded) -> bool:
        """True if the tuples that could not be read before still cannot: the reason may have been too little memory."""
        broken = [self.files[i] for i in found.facts["broken"]]
        surveys = tuple(survey.anew() for survey in self.surveys)
        try:
            Decoding(self.folder, broken, replace(self.options, on_progress=None), surveys).run()
        except DataError:
            return True
        return False

    @property
    def _skipped(self) -> list[str]:
        return [self.problems[i] for i in sorted(self.problems)]

    def _refuse_broken(self) -> None:
        refuse_broken(self.folder, self._skipped, len(self.files), self.options.skip_broken)

    def _read_headers(self) -> None:
        for i, together in enumerate(self.files):
            found = list[Header]()
            for file, survey in zip(together, self.surveys, strict=True):
                with self._noting(i, file):
                    found.append(header_of(file, self._least(survey), survey))
            if len(found) == len(together):
                self.headers[i] = found

    def _least(self, survey: Survey) -> tuple[int, int]:
        """Width and height, in pixels, below which a JPEG is not decoded: twice those of the squares in it."""
        return 2 * self.options.size * survey.beside, 2 * self.options.size

    def _decode(self) -> Images:
        """Decode all tuples that have headers. Shapes: → (N, size, size, images side by side, C)"""
        size, channels = self.options.size, self.options.channels
        if channels is None:
            grey = all(header.is_grey for headers in self.headers.values() for header in headers)
            channels = 1 if grey else 3
        shape = len(self.headers), size, size, sum(survey.beside for survey in self.surveys), channels
        refuse_too_large(str(self.folder), prod(shape))
        images = np.empty(shape, np.uint8)
        places = list(enumerate(self.headers))
        self._read_each(places, images, self.options.on_progress)
        for survey in self.surveys:
            survey.total = len(places)
            if survey.white is None and survey.peaks:
                note_deep(survey.beyond, survey)
        deep = {path for survey in self.surveys if survey.settle() for path in survey.peaks}
        again = [(n, i) for n, i in places if deep.intersection(self.files[i]) and i not in self.problems]
        self._read_each(again, images, None)
        return images

    def _read_each(self, places: Sequence[Place], images: Images, on_progress: Progress | None) -> None:
        """Read the files of some places into `images`, most of them in threads."""
        several, alone = list[Place](), list[Place]()
        for place in places:
            large = any(header.pixels >= ALONE or header.is_nested for header in self.headers[place[1]])
            (alone if large else several).append(place)
        held = [header.held for _, i in several for header in self.headers[i]]
        done, said, at = 0, 0, time.monotonic()

        def read(place: Place) -> None:
            self._read(place[1], images[place[0]])

        for each, in_threads in ((several, True), (alone, False)):
            with closing(_by_threads(read, each, held) if in_threads else _by_turns(read, each)) as counts:
                for count in counts:
                    done += count
                    now = time.monotonic()
                    if done // COUNTED > said // COUNTED or done == len(places) or now > at + SECONDS:
                        said, at = done, now
                        if on_progress:
                            on_progress(done, len(places))

    def _read(self, i: int, pixels: Images) -> None:
        """Read a tuple of files. Shapes: pixels (size, size, images side by side, C)"""
        sides, begin = list[tuple[int, int]](), 0
        for file, survey in zip(self.files[i], self.surveys, strict=True):
            with self._noting(i, file):
                into = pixels[:, :, begin : begin + survey.beside]
                sides.append(_read_into(into, file, survey, self.options.fit, self._least(survey)))
                if self.options.fit != "stretch":
                    _refuse_other_proportions(*sides)
            begin += survey.beside

    @contextmanager
    def _noting(self, i: int, file: Path) -> Iterator[None]:
        """Inside, note a file that is left out or cannot be read."""
        try:
            yield
        except LeftOut:
            self.left_out.add(i)
        except DataError as error:
            named = file.relative_to(self.folder) if file.is_relative_to(self.folder) else file
            self.problems[i] = one_line(f"{named}: {error}")


def _by_turns(read: Callable[[Place], None], places: Sequence[Place]) -> Generator[int]:
    """Read one place after the other; yield 1 for each."""
    for place in places:
        read(place)
        yield 1


def _by_threads(read: Callable[[Place], None], places: Sequence[Place], held: Sequence[int]) -> Generator[int]:
    """Read places in threads, as many as there are cores; yield counts of those that are done.

    Pillow decodes and resizes without Python's lock. `held` has the sizes of all files in bytes.
    """
    pieces = [places[start : start + TOGETHER] for start in range(0, len(places), TOGETHER)]
    threads = min(_cores(), MOST_THREADS, len(pieces) // 2)
    if threads < 2:
        yield from _by_turns(read, places)
        return

    def read_piece(piece: Sequence[Place]) -> int:
        for place in piece:
            read(place)
        return len(piece)

    with reading_together(sorted(held)[-threads:]), ThreadPoolExecutor(threads, "rawgan-decode") as pool:
        yield from pool.map(read_piece, pieces)


def _cores() -> int:
    """Number of cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _read_into(pixels: Images, file: Path, survey: Survey, fit: str, least: tuple[int, int]) -> tuple[int, int]:
    """Read one file of images side by side into `pixels`. Returns the width and height of one of them, as decoded.

    Shapes: pixels (size, size, images, C)
    Raises: DataError for a file that cannot be read
    """
    size, _, parts, channels = pixels.shape
    with upright_image(file, least, survey) as image:
        width = image.width // parts
        if not width:
            raise DataError(f"{image.width} pixels are too narrow for {parts} images side by side")
        if channels in (1, 3) and has_clear_pixels(image):
            survey.clear.add(file)
        for part in range(parts):
            piece = image.crop((part * width, 0, (part + 1) * width, image.height)) if parts > 1 else image
            pixels[:, :, part] = square(piece, size, channels, fit)
        return width, image.height


def _refuse_other_proportions(first: tuple[int, int], *others: tuple[int, int]) -> None:
    """Raise a DataError for sizes (width, height) of other proportions than the first, up to rounding: framed as they
    are, such images would not match pixel by pixel."""
    for other in others:
        if abs(first[0] * other[1] - first[1] * other[0]) > max(*first, *other):
            raise DataError(
                f"{other[0]} × {other[1]} pixels have other proportions than the {first[0]} × {first[1]} of its partner"
            )


def refuse_broken(folder: Path, broken: Sequence[str], total: int, skip_broken: bool) -> None:
    """Raise one DataError about all broken images, unless they are to be skipped and others are left."""
    if not broken or (skip_broken and len(broken) < total):
        return
    lines = [f"{folder}: {len(broken)} of {total} images cannot be read"]
    lines += [f"  {line}" for line in broken[:LISTED]]
    if len(broken) > LISTED:
        lines.append(f"  … and {len(broken) - LISTED} more")
    if len(broken) < total:
        lines.append("Repair or remove them, or go on without them: skip_broken=True, --skip-broken")
    raise DataError("\n".join(lines))


# --- arrays that are made smaller where they are, as a copy would take as much memory again --------------------------


def shortened(images: Images, kept: Sequence[int]) -> Images:
    """The images of the given numbers, which ascend, in the memory of all. Shapes: (N, …) → (kept, …)

    >>> shortened(np.array([[1], [2], [3]], np.uint8), [0, 2]).tolist()
    [[1], [3]]
    """
    if len(kept) < len(images):
        for n, k in enumerate(kept):
            images[n] = images[k]
        images.resize((len(kept), *images.shape[1:]), refcheck=False)
    return images


def has_colour(images: Images) -> bool:
    """True if the channels of any image differ. Shapes: (N, …, C)"""
    return not all((image == image[..., :1]).all() for image in images)


def first_channel(images: Images) -> Images:
    """The first channel, in the memory of all. Shapes: (N, …, C) → (N, …, 1)

    >>> first_channel(np.array([[[0, 1, 2]], [[3, 4, 5]]], np.uint8)).tolist()
    [[[0]], [[3]]]
    """
    if images.shape[-1] > 1:
        each, memory = prod(images.shape[1:-1]), images.reshape(-1)
        for n, image in enumerate(images):
            memory[n * each : (n + 1) * each] = image[..., 0].reshape(-1)
        images.resize((*images.shape[:-1], 1), refcheck=False)
    return images
