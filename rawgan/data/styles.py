"""Images drawn in another way: a second kind of images, for translators that learn without pairs."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from rawgan.errors import ArgumentError

Images = NDArray[np.uint8]

SLANT = 0.5
"""Pixels to the right for each pixel upwards."""


def inverted(images: Images) -> Images:
    """Black for white.

    >>> inverted(np.array([0, 51, 255], np.uint8))
    array([255, 204,   0], dtype=uint8)
    """
    return 255 - images


def thick(images: Images) -> Images:
    """The brightest of 3 × 3 pixels in the place of each: strokes two pixels wider.

    Shapes: (N, H, W, C) → the same

    >>> spot = np.zeros((1, 5, 5, 1), np.uint8)
    >>> spot[0, 2, 2] = 9
    >>> (thick(spot) == 9).sum()
    np.int64(9)
    """
    x = np.pad(images, ((0, 0), (1, 1), (1, 1), (0, 0)), mode="edge")
    rows = np.maximum(np.maximum(x[:, :-2], x[:, 1:-1]), x[:, 2:])
    return np.maximum(np.maximum(rows[:, :, :-2], rows[:, :, 1:-1]), rows[:, :, 2:])


def slanted(images: Images) -> Images:
    """Rows moved to the right above the middle, and to the left below it; between pixels along a straight line. What
    comes in is what is at the border.

    Shapes: (N, H, W, C) → the same

    >>> bar = np.zeros((1, 5, 5, 1), np.uint8)
    >>> bar[:, :, 2] = 255
    >>> slanted(bar)[0, :, :, 0].argmax(axis=1)
    array([3, 2, 2, 1, 1])
    """
    height, width = images.shape[1:3]
    found = np.empty_like(images)
    for row in range(height):
        at = np.arange(width) - SLANT * ((height - 1) / 2 - row)
        left = np.floor(at).astype(int)
        share = (at - left)[:, None]
        first, second = (images[:, row, np.clip(column, 0, width - 1)] for column in (left, left + 1))
        found[:, row] = np.rint((1 - share) * first + share * second)
    return found


STYLES: dict[str, Callable[[Images], Images]] = {"thick": thick, "slanted": slanted, "inverted": inverted}
"""By name, in the order in which they are applied."""


def styled(images: Images, names: str) -> Images:
    """Images in a style that is made of some of these, "thick,slanted" for example.

    Raises: ArgumentError for a style that there is not, or one twice

    >>> styled(np.zeros((1, 8, 8, 1), np.uint8), "inverted,thick").max()
    np.uint8(255)
    """
    for name in checked_styles(names):
        images = STYLES[name](images)
    return images


def checked_styles(names: str) -> list[str]:
    """The styles of a list with commas, in the order in which they are applied.

    >>> checked_styles("inverted, thick")
    ['thick', 'inverted']
    """
    given = [name.strip() for name in names.split(",")]
    if len(set(given)) < len(given) or not set(given) <= STYLES.keys():
        raise ArgumentError(f"a style is some of {', '.join(STYLES)}, with commas between them, not {names!r}")
    return [name for name in STYLES if name in given]
