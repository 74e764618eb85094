"""Opening image files, whoever made them."""

import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from rawgan.errors import DataError
from rawgan.files import open_file

if TYPE_CHECKING:
    from PIL import Image

FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "BMP")
"""Of images that people have."""

PIXELS_PER_BYTE = 8 * 1032
"""What the densest PNG holds: eight pixels a byte, and Deflate packs 1032 bytes into one."""
SMALL = 1 << 22
"""Pixels that any file may promise: blank WebP images take a few dozen bytes, whatever their size."""
LARGEST = 1 << 28
"""Pixels: a gigabyte, once they are decoded."""
LONGEST_SIDE = (1 << 16) - 1
"""Pixels: of a JPEG and a GIF. Pillow keeps a pointer to every row."""


@contextmanager
def opened_image(path: Path, formats: tuple[str, ...]) -> Iterator["Image.Image"]:
    """A Pillow image of one of the formats, not yet decoded, which promises no more pixels than its file can hold.

    Inside, Pillow's remarks on odd but readable files are kept quiet.

    Raises: DataError for more pixels, or very long sides; nearly anything, which is what Pillow raises for damage

    >>> import tempfile
    >>> from PIL import Image
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     Image.new("L", (40, 30)).save(folder + "/a.png")
    ...     with opened_image(Path(folder, "a.png"), ("PNG",)) as image:
    ...         image.size
    (40, 30)
    """
    from PIL import Image

    with warnings.catch_warnings(), _by_limits_of_our_own():
        warnings.simplefilter("ignore")
        with open_file(path) as file, Image.open(file, formats=formats) as image:
            held, promised = os.fstat(file.fileno()).st_size, image.width * image.height
            if max(image.size) > LONGEST_SIDE:
                raise DataError(f"is {image.width} × {image.height} pixels; expected sides of {LONGEST_SIDE} at most")
            if promised > LARGEST:
                raise DataError(f"is {image.width} × {image.height} pixels; expected {LARGEST:,} at most")
            if promised > max(SMALL, PIXELS_PER_BYTE * held):
                raise DataError(f"promises {image.width} × {image.height} pixels, but is {held} bytes long")
            yield image


@contextmanager
def _by_limits_of_our_own() -> Iterator[None]:
    """Inside, Pillow takes images of any size: its limit is lower than what photographs can have."""
    from PIL import Image

    before, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, None
    try:
        yield
    finally:
        Image.MAX_IMAGE_PIXELS = before


@contextmanager
def upright_image(path: Path, most: tuple[int, int] | None = None) -> Iterator["Image.Image"]:
    """A Pillow image of any kind of file, turned as its camera was held. With `most`, (width, height), a JPEG that is
    larger is decoded no larger than that, which is quick.

    Raises: DataError that says what is wrong with the file, whatever Pillow raised, in here or inside

    >>> import tempfile
    >>> with tempfile.NamedTemporaryFile() as file, upright_image(Path(file.name)):
    ...     pass
    Traceback (most recent call last):
    rawgan.errors.DataError: not a PNG, JPEG, WebP, GIF or BMP image
    """
    from PIL import ImageOps, UnidentifiedImageError

    try:
        with opened_image(path, FORMATS) as image:
            if most is not None:
                image.draft(None, most)
            yield ImageOps.exif_transpose(image)
    except UnidentifiedImageError:
        raise DataError("not a PNG, JPEG, WebP, GIF or BMP image") from None
    except Exception as error:  # damaged files make Pillow's decoders raise nearly anything
        words = error.strerror if isinstance(error, OSError) else None
        raise DataError(words or str(error) or type(error).__name__) from None
