"""Words around a grid of images: a caption above it, heads of its columns, and titles to the left of its rows."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from rawgan.errors import one_line
from rawgan.pictures.pixels import BACKGROUND, picture_of

LETTERS = 18
"""Largest height of letters, in pixels."""
SMALLEST = 9
"""Smallest height of letters that can be read."""
LONGEST = 24
"""Most letters of a head or title; longer ones are shortened."""
GAP = 6
"""Pixels around words."""
BAND = LETTERS + GAP
"""Height of a line of words above the grid. It is fixed, so that all pictures of a run have one size."""


def with_words(
    grid: np.ndarray,
    caption: str = "",
    heads: Sequence[str] = (),
    titles: Sequence[str] = (),
    columns: Sequence[tuple[int, int]] = (),
) -> np.ndarray:
    """Add words to a grid of images, white on the colour of the background.

    `columns` are the left edge and width of each column in pixels. `heads` repeat if there are fewer of them than
    columns; they are left out if letters small enough could not be read. `titles` belong to rows of equal height.
    Without fonts, as in a Pillow that was built without FreeType, the grid is returned as it is.

    Shapes: grid uint8 (H, W, C) → (H', W', C)

    >>> with_words(np.zeros((64, 64, 1), np.uint8), caption="step 500").shape
    (88, 64, 1)
    """
    from PIL import Image, ImageDraw

    try:
        _font(LETTERS)
    except (ImportError, OSError):
        return grid
    height, width, channels = grid.shape
    heads = [_short(heads[n % len(heads)]) for n in range(len(columns))] if heads else []
    head_font = _fitting(heads, min((across for _, across in columns), default=0)) if heads else None
    title_font = _font(max(8, min(LETTERS, int(height / len(titles) / 1.5)))) if titles else None
    titles = [_short(title) for title in titles]
    margin = math.ceil(max(title_font.getlength(title) for title in titles)) + LETTERS if title_font else 0
    top = BAND * (bool(caption) + (head_font is not None))
    if not (margin or top):
        return grid
    picture = Image.new("RGB", (margin + width, top + height), (BACKGROUND,) * 3)
    picture.paste(picture_of(grid).convert("RGB"), (margin, top))
    draw = ImageDraw.Draw(picture)
    if caption:
        font = _fitting([caption], width) or _font(SMALLEST)
        draw.text((margin + GAP, BAND / 2), _printable(caption), "white", font, anchor="lm")
    for head, (left, across) in zip(heads if head_font else (), columns, strict=False):
        draw.text((margin + left + across / 2, top - BAND / 2), head, "white", head_font, anchor="mm")
    for row, title in enumerate(titles):
        place = margin - LETTERS / 2, top + (row + 0.5) * height / len(titles)
        draw.text(place, title, "white", title_font, anchor="rm")
    made = np.asarray(picture)
    return made if channels == 3 else made[..., :1]


def _short(words: str) -> str:
    """First letters of words that may come from the name of a file."""
    words = _printable(words)
    return words if len(words) <= LONGEST else f"{words[: LONGEST - 1]}…"


def _printable(words: str) -> str:
    """Words in one line, without characters that no font has."""
    return one_line(words).encode("utf-8", "replace").decode()


def _font(height: int) -> Any:
    """Font of Pillow, with letters of that height in pixels."""
    from PIL import ImageFont

    return ImageFont.load_default(height)


def _fitting(words: Sequence[str], width: int) -> Any:
    """Largest font in which all words are narrower than `width` pixels; None if it would be too small to read."""
    for height in range(LETTERS, SMALLEST - 1, -1):
        font = _font(height)
        if all(font.getlength(each) <= width - GAP / 2 for each in words):
            return font
    return None
