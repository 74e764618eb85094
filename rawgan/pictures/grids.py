"""Grids of images of one size, with words, as PNG files. See `pixels` for the arrays that are images."""

import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from rawgan.errors import ArgumentError
from rawgan.pictures.pixels import BACKGROUND, at_least, checked_pixels, on_checkerboard
from rawgan.pictures.png import save_png
from rawgan.pictures.words import with_words

PADDING = 2
"""Pixels between and around images."""
READABLE = 512
"""Least length of the longer side of a saved grid, in pixels."""


def tile(
    images: np.ndarray, columns: int | None = None, padding: int = PADDING, background: int = BACKGROUND
) -> np.ndarray:
    """Lay images out in a grid, row by row, with `padding` pixels between and around them.

    Without `columns` the grid is nearly square. `background` is a grey from 0 to 255, also of cells without an image.
    Transparent pixels show a checkerboard.

    Shapes: images (N, H, W, C) → uint8 (H', W', 1 or 3)
    Raises: ShapeError, DTypeError for arrays that are not images; ArgumentError for an option out of range

    >>> tile(np.zeros((10, 28, 28, 1)), padding=2).shape
    (92, 122, 1)
    """
    images = on_checkerboard(checked_pixels("tile", images))
    count, height, width, channels = images.shape
    columns = _columns("tile", columns, count, height, width)
    padding = at_least("tile", "padding", padding, 0)
    if not 0 <= background <= 255:
        raise ArgumentError(f"tile: background is a grey from 0 to 255, got {background}")
    rows = math.ceil(count / columns)

    down, across = height + padding, width + padding
    grid = np.full((rows * down + padding, columns * across + padding, channels), background, np.uint8)
    for n, image in enumerate(images):
        y, x = padding + n // columns * down, padding + n % columns * across
        grid[y : y + height, x : x + width] = image
    return grid


def save_grid(
    path: str | Path,
    images: np.ndarray,
    columns: int | None = None,
    scale: int | None = None,
    titles: Sequence[str] = (),
    heads: Sequence[str] = (),
    caption: str = "",
) -> Path:
    """Save a grid of images (see :func:`tile`) as a PNG file, and return its path.

    Every pixel becomes scale × scale pixels. Without `scale`, small images are enlarged until the longer side of the
    grid has 512 pixels or more. `titles` stand to the left of the rows, one for each, `heads` above the columns, again
    from the first one after the last, and `caption` above all.

    Shapes: images (N, H, W, C)
    Raises: as :func:`tile`; ArgumentError for a path that does not end in .png; ConfigError when the file cannot be
        written

    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     save_grid(f"{folder}/black.png", -np.ones((64, 28, 28, 1))).name
    'black.png'
    """
    grid = tile(images, columns)
    if scale is None:
        scale = math.ceil(READABLE / max(grid.shape[:2]))
    scale = at_least("save_grid", "scale", scale, 1)
    grid = grid.repeat(scale, axis=0).repeat(scale, axis=1)
    across = scale * (images.shape[2] + PADDING)
    edges = range(scale * PADDING, grid.shape[1] - scale * PADDING, across)
    places = [(left, scale * images.shape[2]) for left in edges]
    return save_png(path, with_words(grid, caption, heads, titles, places))


def _columns(op: str, columns: int | None, count: int, height: int, width: int) -> int:
    """Number of columns of a grid: as asked, or nearly square, and no more than images."""
    if columns is None:
        columns = math.ceil(math.sqrt(count * height / width))
    return min(at_least(op, "columns", columns, 1), count)
