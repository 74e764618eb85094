"""A folder of image files of any format that Pillow reads, of any size and mode, in sub-folders or not."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rawgan.data.bounded import refuse_too_large
from rawgan.data.imageset import ImageSet, Progress
from rawgan.data.listing import Part
from rawgan.data.opening import note_deep, upright_image, without_suffix
from rawgan.data.pixels import has_clear_pixels, square
from rawgan.data.survey import LeftOut, Survey
from rawgan.errors import DataError, one_line

LISTED = 20
"""So many broken images are named in an error; of the rest only the number."""


@dataclass(frozen=True)
class Reading:
    """How image files are read."""

    size: int
    """Height and width of the squares, in pixels."""
    channels: int | None = None
    """1 to 4; None is 3 if any image has colour, else 1, and transparency laid on white."""
    skip_broken: bool = False
    enlarge: bool = True
    """Take images, too, that are smaller than a square."""
    white: float | None = None
    """See `Survey`."""
    on_progress: Progress | None = None

    def survey(self, part: Part, beside: int = 1, white: float | None = None) -> Survey:
        """What notes what is remarkable about those of a part."""
        return Survey(white or self.white, self.size, self.enlarge, beside, part.beyond)


def load_image_folder(folder: Path, name: str, split: str, reading: Reading, halves: bool = False) -> ImageSet:
    """The images of a folder, or of its part that is this split, as a set of that name, with labels if sub-folders are
    classes.

    Raises: DataError as `read_image_folder`
    """
    part = Part.of(folder, split)
    survey = reading.survey(part, beside=2 if halves else 1)
    images, names, skipped = read_image_folder(
        folder, reading.size, reading.channels, reading.skip_broken, reading.on_progress, part, survey
    )
    labels = part.classes.labels_of(part.root, [folder / each for each in names])
    why = part.classes.why_none or "of some classes, no image can be read"
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
    """Every image of a folder, or of a part of it, cut to a square and resized, all names, and "file: what is wrong"
    for each one skipped.

    The order is that of the paths below the folder. With `channels` None there are 3 if any image has colour, else 1.
    If the survey is of images `beside` each other, the channels of the left one come first, then those of the right
    one.

    Shapes: → (N, size, size, beside · channels) uint8; names (N,)
    Raises: DataError for a folder without images or that cannot be read, broken images unless `skip_broken`, or nothing
            but broken images

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
    reading = Reading(size, channels, skip_broken, on_progress=on_progress)
    images, kept, skipped = _read_all(folder, files, reading, (survey or Survey(),))
    return images, names_of(folder, kept), skipped


def read_twin_folders(
    folder: Path, twin: Path, name: str, split: str, reading: Reading, twin_white: float | None = None
) -> tuple[ImageSet, float | None]:
    """Images of two folders that have the same names, whatever their suffixes: channels of the first, then of the twin;
    and what is white in the twin.

    Shapes: images (N, size, size, 2 · channels) uint8
    Raises: as `read_image_folder`; DataError for names that only one of the folders has, or one has twice
    """
    parts = [Part.of(place, split) for place in (folder, twin)]
    if (parts[0].root == folder) != (parts[1].root == twin):
        raise DataError(
            f"{folder} and {twin}: only one of them has sub-folders to train and to test with\n"
            "  divide both alike, or name the sub-folders that belong together"
        )
    first, second = (
        {without_suffix(file.relative_to(part.root)): file for file in part.listing.images} for part in parts
    )
    for place, part, found in zip((folder, twin), parts, (first, second), strict=True):
        if twice := len(part.listing.images) - len(found):
            raise DataError(f"{place}: {twice} files differ from another in their suffix alone; leave one of each")
    if alone := sorted(first.keys() ^ second.keys()):
        listed = ", ".join(str(each) for each in alone[:LISTED])
        raise DataError(
            f"{folder} and {twin}: images belong together by their names, but {len(alone)} are in one folder only\n"
            f"  {one_line(listed)}{', …' if len(alone) > LISTED else ''}"
        )
    surveys = reading.survey(parts[0]), reading.survey(parts[1], white=twin_white)
    files = [(file, second[each]) for each, file in first.items()]
    images, kept, skipped = _read_all(folder, files, reading, surveys)
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
    folder: Path, files: Sequence[tuple[Path, ...]], reading: Reading, surveys: tuple[Survey, ...]
) -> tuple[NDArray[np.uint8], list[Path], tuple[str, ...]]:
    """What is in the files, those of a tuple beside each other as channels; the first files of each tuple, and what was
    skipped."""
    size, each = reading.size, reading.channels or 3
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
        if reading.on_progress and (i % 100 == 99 or i + 1 == len(files)):
            reading.on_progress(i + 1, len(files))
    for survey in surveys:
        if survey.white is None and survey.peaks:
            note_deep(survey.beyond, survey)
    deep = {path for survey in surveys if survey.settle() for path in survey.peaks}
    for i, together in enumerate(files):
        if deep.intersection(together) and i not in problems:
            read(i)

    broken = tuple(problems.values())
    refuse_broken(folder, broken, len(files), reading.skip_broken)
    gone = left_out | problems.keys()
    if len(gone) == len(files):
        raise DataError("\n  ".join([f"{folder}: no image is left", *(n for s in surveys for n in s.notes(folder))]))
    if gone:
        images = np.delete(images, sorted(gone), axis=0)
    kept = [together[0] for i, together in enumerate(files) if i not in gone]
    if reading.channels is None:
        images = without_idle_colour(images)
    return images.reshape(len(images), size, size, -1), kept, broken


def names_of(folder: Path, files: Sequence[Path]) -> NDArray[np.str_]:
    """What files are called below a folder, the same on every system. Shapes: → (N,)"""
    return np.array([file.relative_to(folder).as_posix() for file in files])


def without_idle_colour(images: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The first channel alone, if in all images the others are the same.

    Shapes: (N, …, 3) → (N, …, 3) or (N, …, 1)
    """
    if all((image == image[..., :1]).all() for image in images):
        return np.ascontiguousarray(images[..., :1])
    return images


def _read_into(pixels: NDArray[np.uint8], file: Path, survey: Survey) -> tuple[int, int]:
    """Read one file, of so many images side by side, into `pixels` (size, size, images, C). Returns its width and
    height, or what a smaller version that was read instead has.

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
    """Raise a DataError for images that belong together, but are not cut alike: what lies where, nobody could tell.
    Sides may be rounded."""
    for other in others:
        if abs(first[0] * other[1] - first[1] * other[0]) > max(*first, *other):
            raise DataError(
                f"{other[0]} × {other[1]} pixels have other proportions than the {first[0]} × {first[1]} of its partner"
            )


def refuse_broken(folder: Path, broken: Sequence[str], total: int, skip_broken: bool) -> None:
    """Raise one DataError about all broken images, unless these are to be skipped and others are left."""
    if not broken or (skip_broken and len(broken) < total):
        return
    lines = [f"{folder}: {len(broken)} of {total} images cannot be read"]
    lines += [f"  {line}" for line in broken[:LISTED]]
    if len(broken) > LISTED:
        lines.append(f"  … and {len(broken) - LISTED} more")
    if len(broken) < total:
        lines.append("Mend or remove them, or go on without them: skip_broken=True, --skip-broken")
    raise DataError("\n".join(lines))
