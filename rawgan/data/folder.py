"""A folder of image files: PNG, JPEG, WebP, GIF and BMP, of any size and mode, in sub-folders or not."""

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rawgan.data.bounded import refuse_too_large
from rawgan.data.imageset import Progress
from rawgan.data.opening import upright_image
from rawgan.data.pixels import square
from rawgan.errors import DataError, one_line

SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".gif", ".bmp")
LISTED = 20
"""So many broken images are named in an error; of the rest only the number."""


def read_image_folder(
    folder: Path,
    size: int,
    channels: int | None,
    skip_broken: bool,
    on_progress: Progress | None = None,
    halves: bool = False,
) -> tuple[NDArray[np.uint8], NDArray[np.str_], tuple[str, ...]]:
    """Every image of a folder, cut to a square and resized, all names, and "file: what is wrong" for each one skipped.

    The order is that of the paths below the folder. Hidden files and folders, files of other kinds, links to folders
    and run folders are passed over. With `channels` None there are 3 if any image has colour, else 1. With `halves`,
    each file is two images side by side: the channels of the left one come first, then those of the right one.

    Shapes: → (N, size, size, channels) uint8, with `halves` (N, size, size, 2 · channels); names (N,)
    Raises: DataError for a folder without images or that cannot be read, 2 or 4 channels, broken images
            unless `skip_broken`, or nothing but broken images

    >>> import tempfile
    >>> from PIL import Image
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     Image.new("P", (40, 30)).save(folder + "/a.png")
    ...     images, names, skipped = read_image_folder(Path(folder), 16, None, skip_broken=False)
    >>> images.shape, names.tolist(), skipped
    ((1, 16, 16, 1), ['a.png'], ())
    """
    refuse_channels(folder, channels)
    files = [(file,) for file in image_files(folder)]
    return _read_all(folder, files, size, channels, skip_broken, on_progress, halves)


def read_twin_folders(
    folder: Path,
    twin: Path,
    size: int,
    channels: int | None,
    skip_broken: bool,
    on_progress: Progress | None = None,
) -> tuple[NDArray[np.uint8], NDArray[np.str_], tuple[str, ...]]:
    """Images of two folders that have the same names, whatever their suffixes: channels of the first, then of the twin;
    and names in the first, and what was skipped.

    Shapes: → (N, size, size, 2 · channels) uint8, names (N,)
    Raises: as `read_image_folder`; DataError for names that only one of the folders has, or one has twice
    """
    refuse_channels(folder, channels)
    first, second = (
        {file.relative_to(place).with_suffix(""): file for file in image_files(place)} for place in (folder, twin)
    )
    for place, found in ((folder, first), (twin, second)):
        if twice := len(image_files(place)) - len(found):
            raise DataError(f"{place}: {twice} files differ from another in their suffix alone; leave one of each")
    if alone := sorted(first.keys() ^ second.keys()):
        listed = ", ".join(str(name) for name in alone[:LISTED])
        raise DataError(
            f"{folder} and {twin}: images belong together by their names, but {len(alone)} are in one folder only\n"
            f"  {one_line(listed)}{', …' if len(alone) > LISTED else ''}"
        )
    files = [(file, second[name]) for name, file in first.items()]
    return _read_all(folder, files, size, channels, skip_broken, on_progress)


def refuse_channels(folder: Path, channels: int | None) -> None:
    """Raise a DataError for channels that image files are not asked for; None is what they have."""
    if channels not in (None, 1, 3):
        raise DataError(f"{folder}: channels={channels}: expected 1 or 3 here; alpha is for .npy and .npz files")


def _read_all(
    folder: Path,
    files: Sequence[tuple[Path, ...]],
    size: int,
    channels: int | None,
    skip_broken: bool,
    on_progress: Progress | None,
    halves: bool = False,
) -> tuple[NDArray[np.uint8], NDArray[np.str_], tuple[str, ...]]:
    """What is in the files, those of a tuple beside each other as channels; names, and what was skipped."""
    parts, each = (2 if halves else len(files[0])), channels or 3
    refuse_too_large(str(folder), len(files) * size * size * parts * each)
    images = np.empty((len(files), size, size, parts, each), np.uint8)
    problems = dict[int, str]()
    for i, together in enumerate(files):
        sides = list[tuple[int, int]]()
        for part, file in enumerate(together):
            named = file.relative_to(folder) if file.is_relative_to(folder) else file
            try:
                sides.append(_read_into(images[i, :, :, part : part + parts // len(together)], file))
                _refuse_other_proportions(*sides)
            except DataError as error:
                problems[i] = one_line(f"{named}: {error}")
        if on_progress and (i % 100 == 99 or i + 1 == len(files)):
            on_progress(i + 1, len(files))

    broken = tuple(problems.values())
    refuse_broken(folder, broken, len(files), skip_broken)
    names = names_of(folder, [together[0] for together in files])
    if broken:
        images, names = np.delete(images, list(problems), axis=0), np.delete(names, list(problems))
    if channels is None:
        images = without_idle_colour(images)
    return images.reshape(len(images), size, size, -1), names, broken


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


def image_files(folder: Path) -> list[Path]:
    """All image files below the folder that are not hidden, sorted by path, the same on every system. Run folders below
    it, whose pictures are about images, are passed over.

    Raises: DataError for a folder that cannot be read, or that has none
    """

    def refuse(error: OSError) -> None:
        raise DataError(f"{error.filename}: cannot be read ({error.strerror})")

    files = list[Path]()
    for place, folders, names in os.walk(folder, onerror=refuse):
        folders[:] = [name for name in folders if not name.startswith(".") and not _is_run(Path(place, name))]
        files += [Path(place, n) for n in names if n.lower().endswith(SUFFIXES) and not n.startswith(".")]
    if not files:
        raise DataError(f"{folder}: no images here or in its sub-folders; looked for {' '.join(SUFFIXES)}")
    return sorted(files, key=lambda file: file.relative_to(folder).parts)


def _is_run(folder: Path) -> bool:
    """Whether a folder is that of a run of rawgan, as far as names tell."""
    return (folder / "config.toml").exists() and (folder / "samples").is_dir()


def _read_into(pixels: NDArray[np.uint8], file: Path) -> tuple[int, int]:
    """Read one file, of so many images side by side, into `pixels` (size, size, images, C). Returns its width and
    height, or what a smaller version that was read instead has.

    Raises: DataError for a file that cannot be read
    """
    size, _, parts, channels = pixels.shape
    with upright_image(file, (2 * size * parts, 2 * size)) as image:
        width = image.width // parts
        if not width:
            raise DataError(f"{image.width} pixels are too narrow for {parts} images side by side")
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
