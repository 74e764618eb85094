"""Styles of drawing: a second domain of images, for translation without pairs (CycleGAN)."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from rawgan.errors import ArgumentError

Images = NDArray[np.uint8]

SLANT = 0.5
"""Shift to the right, in pixels, for each pixel upwards."""


def inverted(images: Images) -> Images:
    """Images with black and white exchanged.

    >>> inverted(np.array([0, 51, 255], np.uint8))
    array([255, 204,   0], dtype=uint8)
    """
    return 255 - images


def thick(images: Images) -> Images:
    """Maximum over 3 × 3 pixels: strokes become two pixels wider.

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
    """Slanted images: rows above the middle move right, rows below it move left, interpolated linearly. Borders repeat.

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
"""Styles by name, in the order in which they are applied."""


def styled(images: Images, names: str) -> Images:
    """Images in a combination of styles, such as "thick,slanted".

    Raises: ArgumentError for an unknown style, or one given twice

    >>> styled(np.zeros((1, 8, 8, 1), np.uint8), "inverted,thick").max()
    np.uint8(255)
    """
    for name in checked_styles(names):
        images = STYLES[name](images)
    return images


def checked_styles(names: str) -> list[str]:
    """Names in a comma-separated list of styles, in the order in which they are applied.

    Raises: ArgumentError for an unknown style, or one given twice

    >>> checked_styles("inverted, thick")
    ['thick', 'inverted']
    """
    given = [name.strip() for name in names.split(",")]
    if len(set(given)) < len(given) or not set(given) <= STYLES.keys():
        raise ArgumentError(f"a style is some of {', '.join(STYLES)}, separated by commas, not {names!r}")
    return [name for name in STYLES if name in given]
