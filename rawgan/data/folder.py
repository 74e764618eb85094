"""A folder of image files: PNG, JPEG, WebP, GIF and BMP, of any size and mode, in sub-folders or not."""

import os
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rawgan.data.bounded import refuse_too_large
from rawgan.data.imageset import Progress
from rawgan.data.opening import opened_image
from rawgan.data.pixels import square
from rawgan.errors import DataError, one_line

SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".gif", ".bmp")
FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "BMP")
LISTED = 20
"""So many broken images are named in an error; of the rest only the number."""


def read_image_folder(
    folder: Path, size: int, channels: int | None, skip_broken: bool, on_progress: Progress | None = None
) -> tuple[NDArray[np.uint8], tuple[str, ...]]:
    """Every image of a folder, cut to a square and resized, and "file: what is wrong" for each one skipped.

    The order is that of the paths below the folder. Hidden files and folders, files of other kinds and links
    to folders are passed over. With `channels` None there are 3 if any image has colour, else 1.

    Shapes: → (N, size, size, channels) uint8
    Raises: DataError for a folder without images or that cannot be read, 2 or 4 channels, broken images
            unless `skip_broken`, or nothing but broken images

    >>> import tempfile
    >>> from PIL import Image
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     Image.new("P", (40, 30)).save(folder + "/a.png")
    ...     images, skipped = read_image_folder(Path(folder), 16, None, skip_broken=False)
    >>> images.shape, skipped
    ((1, 16, 16, 1), ())
    """
    if channels in (2, 4):
        raise DataError(f"{folder}: channels={channels}, with alpha, is for .npy and .npz files; expected 1 or 3 here")
    files = _image_files(folder)
    if not files:
        raise DataError(f"{folder}: no images here or in its sub-folders; looked for {' '.join(SUFFIXES)}")

    refuse_too_large(str(folder), len(files) * size * size * (channels or 3))
    images = np.empty((len(files), size, size, channels or 3), np.uint8)
    problems = dict[int, str]()
    for i, file in enumerate(files):
        if problem := _read_into(images[i], file):
            problems[i] = one_line(f"{file.relative_to(folder)}: {problem}")
        if on_progress and (i % 100 == 99 or i + 1 == len(files)):
            on_progress(i + 1, len(files))

    broken = tuple(problems.values())
    if broken and not (skip_broken and len(broken) < len(files)):
        raise DataError(_complaint(folder, broken, len(files)))
    if broken:
        images = np.delete(images, list(problems), axis=0)
    if channels is None and all((image == image[..., :1]).all() for image in images):
        images = np.ascontiguousarray(images[..., :1])
    return images, broken


def _image_files(folder: Path) -> list[Path]:
    """All image files below the folder that are not hidden, sorted by path, the same on every system."""

    def refuse(error: OSError) -> None:
        raise DataError(f"{error.filename}: cannot be read ({error.strerror})")

    files = list[Path]()
    for place, folders, names in os.walk(folder, onerror=refuse):
        folders[:] = [name for name in folders if not name.startswith(".")]
        files += [Path(place, n) for n in names if n.lower().endswith(SUFFIXES) and not n.startswith(".")]
    return sorted(files, key=lambda file: file.relative_to(folder).parts)


def _read_into(pixels: NDArray[np.uint8], file: Path) -> str | None:
    """Reads one file into `pixels` (size, size, C); what is wrong with it, or None."""
    from PIL import ImageOps, UnidentifiedImageError

    size, _, channels = pixels.shape
    try:
        with opened_image(file, FORMATS) as image:
            image.draft(None, (2 * size, 2 * size))  # decodes a large JPEG no larger than that: quick
            pixels[:] = square(ImageOps.exif_transpose(image), size, channels)
    except UnidentifiedImageError:
        return "not a PNG, JPEG, WebP, GIF or BMP image"
    except Exception as error:  # damaged files make Pillow's decoders raise nearly anything
        return str(error) or type(error).__name__
    return None


def _complaint(folder: Path, broken: tuple[str, ...], total: int) -> str:
    """The one message about all broken images."""
    lines = [f"{folder}: {len(broken)} of {total} images cannot be read"]
    lines += [f"  {line}" for line in broken[:LISTED]]
    if len(broken) > LISTED:
        lines.append(f"  … and {len(broken) - LISTED} more")
    if len(broken) < total:
        lines.append("Mend or remove them, or go on without them: skip_broken=True, --skip-broken")
    return "\n".join(lines)
