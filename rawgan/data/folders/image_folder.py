"""Folders of image files, read as squares: any format that Pillow reads, any size and mode, with or without classes."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rawgan.data.files.formats import without_suffix
from rawgan.data.files.image_files import note_deep, upright_image
from rawgan.data.files.survey import LeftOut, Survey
from rawgan.data.folders.parts import Part
from rawgan.data.image_set import ImageSet, Progress
from rawgan.data.memory_limits import refuse_too_large
from rawgan.data.pixels import has_clear_pixels, square
from rawgan.errors import DataError, one_line

LISTED = 20
"""Number of files that are named in an error."""


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
    on_progress: Progress | None = None

    def survey(self, part: Part, beside: int = 1, white: float | None = None) -> Survey:
        """New survey for the images of a part."""
        return Survey(white or self.white, self.size, self.enlarge, beside, part.beyond)


def load_image_folder(folder: Path, name: str, split: str, options: ReadOptions, halves: bool = False) -> ImageSet:
    """Load the images of a split of a folder as a set called `name`, with labels if sub-folders are classes.

    With `halves`, each file holds two images side by side, as in `read_image_folder`.

    Raises: DataError as `read_image_folder`
    """
    part = Part.of(folder, split)
    survey = options.survey(part, beside=2 if halves else 1)
    images, names, skipped = read_image_folder(
        folder, options.size, options.channels, options.skip_broken, options.on_progress, part, survey
    )
    labels = part.classes.labels_of(part.root, [folder / each for each in names])
    why = part.classes.why_none or "no image of some classes can be read"
    return ImageSet(
        images,
        labels,
        name,
        skipped,
        names,
        class_names=part.classes.names if labels is not None else (),
        no_labels="" if labels is not None else why,
        notes=part.notes + survey.notes(folder),
        white=survey.white,
    )


def read_image_folder(
    folder: Path,
    size: int,
    channels: int | None,
    skip_broken: bool,
    on_progress: Progress | None = None,
    part: Part | None = None,
    survey: Survey | None = None,
) -> tuple[NDArray[np.uint8], NDArray[np.str_], tuple[str, ...]]:
    """Read every image of a folder, or of a part of it, cut to a square and resized.

    Returns the images in the order of their paths, their names, and "file: problem" for each image that was skipped.
    With `channels` None there are 3 if any image has colour, else 1. If the survey says that images lie `beside` each
    other in a file, the channels of the left one come first, then those of the right one.

    Shapes: → (N, size, size, beside · channels) uint8; names (N,)
    Raises: DataError for a folder that cannot be read or without images, for broken images unless `skip_broken`, or if
            all images are broken

    >>> import tempfile
    >>> from PIL import Image
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     Image.new("P", (40, 30)).save(folder + "/a.png")
    ...     images, names, skipped = read_image_folder(Path(folder), 16, None, skip_broken=False)
    >>> images.shape, names.tolist(), skipped
    ((1, 16, 16, 1), ['a.png'], ())
    """
    part = part or Part.of(folder, "train")
    files = [(file,) for file in part.listing.images]
    options = ReadOptions(size, channels, skip_broken, on_progress=on_progress)
    images, kept, skipped = _read_all(folder, files, options, (survey or Survey(),))
    return images, names_of(folder, kept), skipped


def read_twin_folders(
    folder: Path, twin: Path, name: str, split: str, options: ReadOptions, twin_white: float | None = None
) -> tuple[ImageSet, float | None]:
    """Read pairs of images from two folders, by equal names without suffixes; return also white in the twin folder.

    Shapes: images (N, size, size, 2 · channels) uint8, the channels of `folder` first, then those of `twin`
    Raises: as `read_image_folder`; DataError for a name that is in one folder only, or twice in one
    """
    parts = [Part.of(place, split) for place in (folder, twin)]
    if (parts[0].root == folder) != (parts[1].root == twin):
        raise DataError(
            f"{folder} and {twin}: only one of them has sub-folders to train and to test with\n"
            "  divide both alike, or give the sub-folders that belong together"
        )
    first, second = (
        {without_suffix(file.relative_to(part.root)): file for file in part.listing.images} for part in parts
    )
    for place, part, found in zip((folder, twin), parts, (first, second), strict=True):
        if twice := len(part.listing.images) - len(found):
            raise DataError(f"{place}: {twice} files differ from another only in their suffix; keep one of each")
    if alone := sorted(first.keys() ^ second.keys()):
        listed = ", ".join(str(each) for each in alone[:LISTED])
        raise DataError(
            f"{folder} and {twin}: images are paired by their names, but {len(alone)} are in one folder only\n"
            f"  {one_line(listed)}{', …' if len(alone) > LISTED else ''}"
        )
    surveys = options.survey(parts[0]), options.survey(parts[1], white=twin_white)
    files = [(file, second[each]) for each, file in first.items()]
    images, kept, skipped = _read_all(folder, files, options, surveys)
    notes = dict.fromkeys(
        note
        for place, part, survey in zip((folder, twin), parts, surveys, strict=True)
        for note in part.notes + survey.notes(place)
    )
    pairs = ImageSet(
        images, None, name, skipped, names_of(folder, kept), notes=tuple(notes), white=surveys[0].white,
        no_labels="images with targets have no classes",
    )  # fmt: skip
    return pairs, surveys[1].white


def _read_all(
    folder: Path, files: Sequence[tuple[Path, ...]], options: ReadOptions, surveys: tuple[Survey, ...]
) -> tuple[NDArray[np.uint8], list[Path], tuple[str, ...]]:
    """Read tuples of files, whose channels are joined.

    Returns the images, the first file of each tuple, and "file: problem" for each tuple that was skipped.
    """
    size, each = options.size, options.channels or 3
    parts = sum(survey.beside for survey in surveys)
    refuse_too_large(str(folder), len(files) * size * size * parts * each)
    images = np.empty((len(files), size, size, parts, each), np.uint8)
    problems, left_out = dict[int, str](), set[int]()

    def read(i: int) -> None:
        sides = list[tuple[int, int]]()
        for part, (file, survey) in enumerate(zip(files[i], surveys, strict=True)):
            try:
                place = images[i, :, :, part : part + parts // len(files[i])]
                sides.append(_read_into(place, file, survey))
                _refuse_other_proportions(*sides)
            except LeftOut:
                left_out.add(i)
            except DataError as error:
                named = file.relative_to(folder) if file.is_relative_to(folder) else file
                problems[i] = one_line(f"{named}: {error}")

    for i in range(len(files)):
        read(i)
        if options.on_progress and (i % 100 == 99 or i + 1 == len(files)):
            options.on_progress(i + 1, len(files))
    for survey in surveys:
        if survey.white is None and survey.peaks:
            note_deep(survey.beyond, survey)
    deep = {path for survey in surveys if survey.settle() for path in survey.peaks}
    for i, together in enumerate(files):
        if deep.intersection(together) and i not in problems:
            read(i)

    broken = tuple(problems.values())
    refuse_broken(folder, broken, len(files), options.skip_broken)
    gone = left_out | problems.keys()
    if len(gone) == len(files):
        raise DataError("\n  ".join([f"{folder}: no image is left", *(n for s in surveys for n in s.notes(folder))]))
    if gone:
        images = np.delete(images, sorted(gone), axis=0)
    kept = [together[0] for i, together in enumerate(files) if i not in gone]
    if options.channels is None:
        images = without_idle_colour(images)
    return images.reshape(len(images), size, size, -1), kept, broken


def names_of(folder: Path, files: Sequence[Path]) -> NDArray[np.str_]:
    """Paths of files below a folder, with the same separator on every system. Shapes: → (N,)"""
    return np.array([file.relative_to(folder).as_posix() for file in files])


def without_idle_colour(images: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """First channel alone, if the others equal it in all images.

    Shapes: (N, …, 3) → (N, …, 3) or (N, …, 1)
    """
    if all((image == image[..., :1]).all() for image in images):
        return np.ascontiguousarray(images[..., :1])
    return images


def _read_into(pixels: NDArray[np.uint8], file: Path, survey: Survey) -> tuple[int, int]:
    """Read one file of images side by side into `pixels`. Returns the width and height of one of them, as decoded.

    Shapes: pixels (size, size, images, C)
    Raises: DataError for a file that cannot be read
    """
    size, _, parts, channels = pixels.shape
    with upright_image(file, (2 * size * parts, 2 * size), survey) as image:
        width = image.width // parts
        if not width:
            raise DataError(f"{image.width} pixels are too narrow for {parts} images side by side")
        if channels in (1, 3) and has_clear_pixels(image):
            survey.clear.add(file)
        for part in range(parts):
            piece = image.crop((part * width, 0, (part + 1) * width, image.height)) if parts > 1 else image
            pixels[:, :, part] = square(piece, size, channels)
        return image.width, image.height


def _refuse_other_proportions(first: tuple[int, int], *others: tuple[int, int]) -> None:
    """Raise a DataError for sizes (width, height) of other proportions than the first, up to rounding: cut to squares,
    such images would not match pixel by pixel."""
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
