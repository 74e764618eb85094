"""PNG files of images, one image each: written as a whole, checked, and read."""

import io
import os
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from rawgan.data.files.image_files import opened_image
from rawgan.errors import ArgumentError, ConfigError
from rawgan.files import open_file
from rawgan.pictures.pixels import checked_pixels, picture_of
from rawgan.storage.atomic import write_file
from rawgan.storage.lookup import errors_naming

if TYPE_CHECKING:
    from PIL.Image import Image

LARGE = 1 << 22
"""Bytes of pixels from which a picture is compressed quickly."""
BEGIN, END = b"\x89PNG\r\n\x1a\n", b"\0\0\0\0IEND\xaeB`\x82"
"""First and last bytes of every PNG file."""


def save_image(path: str | Path, image: np.ndarray) -> Path:
    """Save one image, unenlarged, as a PNG file, and return its path.

    Shapes: image (H, W, C)
    Raises: ShapeError, DTypeError for an array that is not an image; ConfigError when the file cannot be written

    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     save_image(f"{folder}/grey.png", np.zeros((6, 8, 1))).name
    'grey.png'
    """
    return save_png(path, checked_pixels("save_image", image[None])[0])


def save_images(folder: str | Path, images: np.ndarray, prefix: str, start: int = 0) -> list[Path]:
    """Save each image, unenlarged, as folder/prefix-00000.png, prefix-00001.png, …, and return the paths.

    `start` is the first number, so that several batches can be numbered through.

    Shapes: images (N, H, W, C)
    Raises: ShapeError, DTypeError for arrays that are not images; ConfigError when a file cannot be written

    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     [path.name for path in save_images(folder, np.zeros((2, 8, 8, 3)), "fake", start=64)]
    ['fake-00064.png', 'fake-00065.png']
    """
    images = checked_pixels("save_images", images)
    digits = max(5, len(str(start + len(images) - 1)))
    return [
        save_png(Path(folder) / f"{prefix}-{number:0{digits}d}.png", image)
        for number, image in enumerate(images, start)
    ]


def save_png(path: str | Path, pixels: np.ndarray) -> Path:
    """Write pixels as a PNG file, and return its path.

    Shapes: pixels uint8 (H, W, C)
    Raises: ArgumentError for a path that does not end in .png; ConfigError when the file cannot be written
    """
    path = Path(path)
    if path.suffix.lower() != ".png":
        raise ArgumentError(f"{path}: the picture is a PNG file, so its name has to end in .png")
    level = 1 if pixels.size > LARGE else 6  # the usual level takes three times as long, for a quarter fewer bytes
    data = io.BytesIO()
    picture_of(pixels).save(data, format="PNG", compress_level=level)
    return write_file(path, data.getvalue())


def is_whole_png(path: Path) -> bool:
    """True if a file begins and ends as a PNG does. The bytes between are not checked.

    Raises: FileError when it cannot be read

    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     path = save_image(f"{folder}/grey.png", np.zeros((6, 8, 1)))
    ...     before = is_whole_png(path)
    ...     _ = path.write_bytes(path.read_bytes()[:-1])
    ...     before, is_whole_png(path)
    (True, False)
    """
    with errors_naming(path, "read"), open_file(path) as file:
        begin = file.read(len(BEGIN))
        size = file.seek(0, os.SEEK_END)
        file.seek(max(0, size - len(END)))
        return (begin, file.read()) == (BEGIN, END)


def read_png(path: Path) -> "Image":
    """Read a PNG file as a Pillow image.

    Raises: ConfigError when it cannot be read, or is damaged
    """
    with errors_naming(path, "read"):
        open_file(path).close()
    try:
        with opened_image(path, ("PNG",)) as picture:
            picture.load()
            return picture
    except Exception as error:  # Pillow's decoders raise nearly any error for a damaged file
        raise ConfigError(f"{path} cannot be read as a picture: {error}\n  delete it, and try again") from error
