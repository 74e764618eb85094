"""Sheets of images of any sizes, such as before, after and target, beside each other in equal cells."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from rawgan.pictures.pixels import BACKGROUND, checked_pixels, on_board
from rawgan.pictures.png import save_png
from rawgan.pictures.words import with_words

if TYPE_CHECKING:
    from PIL.Image import Image

CELL = 192
"""Largest side of a thumbnail, in pixels."""
GAP = 4
"""Pixels between and around cells."""


def thumbnail(image: np.ndarray) -> "Image":
    """Picture of an image of any size that fills a square of CELL pixels as far as possible.

    A small image is enlarged by a whole number, a large one shrunk. Transparent pixels show a checkerboard.

    Shapes: image (H, W, C)
    Raises: DTypeError, ShapeError for an array that is not an image

    >>> thumbnail(np.zeros((7, 14, 1))).size
    (182, 91)
    """
    from PIL import Image

    picture = on_board(checked_pixels("thumbnail", image[None])[0])
    scale = CELL / max(picture.size)
    scale = math.floor(scale) if scale >= 1 else scale
    width, height = (max(1, round(side * scale)) for side in picture.size)
    return picture.resize((width, height), Image.Resampling.NEAREST if scale >= 1 else Image.Resampling.LANCZOS)


def save_sheet(
    path: str | Path, rows: "Sequence[Sequence[Image]]", heads: Sequence[str] = (), titles: Sequence[str] = ()
) -> Path:
    """Save rows of thumbnails as a PNG file, and return its path.

    `heads` stand above the columns, and `titles` to the left of the rows, one for each.

    Raises: as `save_image`

    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     rows = [[thumbnail(np.zeros((n, n, 1))) for n in (7, 28)]]
    ...     save_sheet(f"{folder}/sheet.png", rows, ["before", "after"]).name
    'sheet.png'
    """
    from PIL import Image

    width, height = (GAP + n * (CELL + GAP) for n in (max(map(len, rows)), len(rows)))
    sheet = Image.new("RGB", (width, height), (BACKGROUND,) * 3)
    for down, row in enumerate(rows):
        for across, picture in enumerate(row):
            left, top = (
                GAP + n * (CELL + GAP) + (CELL - side) // 2
                for n, side in zip((across, down), picture.size, strict=True)
            )
            sheet.paste(picture, (left, top))
    places = [(left, CELL) for left in range(GAP, width - GAP, CELL + GAP)]
    return save_png(path, with_words(np.asarray(sheet), "", heads, titles, places))
