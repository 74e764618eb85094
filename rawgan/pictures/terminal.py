"""Images in a terminal: half blocks of two colours, or characters by brightness where there are no colours."""

from itertools import groupby
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from rawgan.errors import ArgumentError
from rawgan.pictures.grids import tile
from rawgan.pictures.pixels import BACKGROUND, at_least, checked_pixels, resized

if TYPE_CHECKING:
    from rich.text import Text

Array = np.ndarray[Any, Any]

ENOUGH = 8
"""Number of images that show how training goes. More are shown only if they do not make these smaller."""
RAMP = np.array([*" .:-=+*#%@"])
"""Characters from dark to bright."""
STEP = 8
"""Levels of a colour that are shown as one, as the eye does not tell them apart, to send less to the terminal."""


class Layout(NamedTuple):
    """Layout of images in a terminal."""

    columns: int
    rows: int
    across: int
    """Width of an image in pixels; a character is one pixel wide and two high."""

    @property
    def places(self) -> int:
        """Number of images that fit."""
        return self.columns * self.rows


def layout_of(count: int, group: int, shape: tuple[int, int], width: int, height: int) -> Layout | None:
    """Layout with the largest images for a terminal of `width` characters and `height` lines; None if they do not fit.

    Images are not enlarged while more of them can be shown instead. Each `group` of images belongs together: a row
    holds whole groups, or a part of one that continues in the rows below.

    Shapes: shape (H, W) of an image

    >>> layout_of(64, 1, (28, 28), 80, 18), layout_of(64, 1, (28, 28), 200, 54)
    (Layout(columns=4, rows=2, across=16), Layout(columns=6, rows=3, across=28))
    """
    high, wide = shape
    whole = count // group * group
    enough = min(whole, max(ENOUGH // group, 1) * group)
    best, found = (0, 0, 0), None
    for columns in range(1, min(count, width) + 1):
        if columns % group and group % columns:
            continue
        rows = -(-enough // columns)
        while columns * rows <= whole or rows == -(-enough // columns):
            across = min((width - 1) // columns - 1, ((2 * height - 1) // rows - 1) * wide // high)
            if across > wide:
                across -= across % wide
            shown = min(columns * rows, whole)
            score = min(across, wide), shown, across
            if across > 0 and score > best and (columns * rows) % group == 0:
                best, found = score, Layout(columns, rows, across)
            rows += 1
    return found


def terminal_grid(images: Array, columns: int | None = None, width: int = 80) -> "Text":
    """Grid of images for the terminal, made of half blocks: one character shows two pixels.

    Large images are averaged down until the grid fits `width` characters. Colours have 24 bits; rich takes the nearest
    ones if the terminal has fewer.

    Shapes: images (N, H, W, C)
    Raises: ShapeError, DTypeError for arrays that are not images; ArgumentError when they do not fit

    >>> print(terminal_grid(np.zeros((3, 4, 4, 1)), width=16))
    ▀▀▀▀▀▀▀▀▀▀▀▀▀▀▀▀
    ▀▀▀▀▀▀▀▀▀▀▀▀▀▀▀▀
    ▀▀▀▀▀▀▀▀▀▀▀▀▀▀▀▀
    """
    from rich.color import Color
    from rich.style import Style
    from rich.text import Text

    images = checked_pixels("terminal_grid", images)
    count, _, full = images.shape[:3]
    if columns is None:
        columns = max(1, width // min(full + 1, 16))
    columns = min(at_least("terminal_grid", "columns", columns, 1), count)
    across = min(full, (width - 1) // columns - 1)  # pixels of an image, next to one of background
    if across < 1:
        raise ArgumentError(
            f"terminal_grid: {columns} images side by side do not fit {width} characters"
            f"\n  take at most {max(0, (width - 1) // 2)} columns, or a wider terminal"
        )
    lines = []
    for upper, lower in _pixel_rows(images, columns, across).tolist():
        line = Text(no_wrap=True, overflow="crop")
        for (above, below), run in groupby(zip(upper, lower, strict=True)):
            style = Style(color=Color.from_rgb(*above), bgcolor=Color.from_rgb(*below))
            line.append("▀" * len(list(run)), style)
        lines.append(line)
    return Text("\n", no_wrap=True, overflow="crop").join(lines)


def terminal_lines(images: Array, layout: Layout, colors: str | None) -> list[str]:
    """Lines of text that draw as many of the images as fit, with the escape codes for their colours.

    As training waits for it, this takes a hundredth of the time of `terminal_grid` with rich. `colors` are rich's names
    of colour systems: "truecolor" or "256"; with any other, or None, characters show the brightness.

    Shapes: images (N, H, W, C)

    >>> terminal_lines(np.array([[[[-1.0], [1.0]], [[-1.0], [1.0]]]]), Layout(1, 1, 2), None)
    [':.*:', ':.*:']
    """
    pixels = _pixel_rows(checked_pixels("terminal_lines", images)[: layout.places], layout.columns, layout.across)
    if colors not in ("truecolor", "256"):
        brightness = pixels.mean(axis=(1, 3))
        return ["".join(line) for line in RAMP[(brightness * len(RAMP) / 256).astype(int)]]
    rounded = np.minimum(pixels // STEP * STEP + STEP // 2, 255)
    rounded[pixels >= 256 - STEP] = 255
    rounded[pixels < STEP] = 0
    keys = rounded.astype(np.int64) @ [1 << 16, 1 << 8, 1]  # (rows, 2, width, 3) → (rows, 2, width)
    codes = {int(key): _code(int(key), colors) for key in np.unique(keys)}
    return ["".join(_line(upper, lower, codes)) + "\x1b[0m" for upper, lower in keys.tolist()]


def _line(upper: list[int], lower: list[int], codes: dict[int, str]) -> list[str]:
    """Parts of a line of half blocks, with an escape code wherever a colour changes."""
    parts, above, below = [], -1, -1
    for over, under in zip(upper, lower, strict=True):
        if over != above and under != below:
            parts.append(f"\x1b[38;{codes[over]};48;{codes[under]}m▀")
        elif over != above:
            parts.append(f"\x1b[38;{codes[over]}m▀")
        elif under != below:
            parts.append(f"\x1b[48;{codes[under]}m▀")
        else:
            parts.append("▀")
        above, below = over, under
    return parts


def _code(key: int, colors: str) -> str:
    """Colour in an escape code: its bytes, or the nearest of 256."""
    red, green, blue = key >> 16, key >> 8 & 255, key & 255
    if colors == "truecolor":
        return f"2;{red};{green};{blue}"
    if red == green == blue and 8 <= red < 248:
        return f"5;{232 + round((red - 8) / 10.4)}"
    cube = [round(each / 51) for each in (red, green, blue)]
    return f"5;{16 + 36 * cube[0] + 6 * cube[1] + cube[2]}"


def _pixel_rows(images: Array, columns: int, across: int) -> Array:
    """Pixels of a grid, two rows for each line of text. Shapes: → (lines, 2, width, 3)"""
    height, full = images.shape[1:3]
    size = (across, max(1, round(height * across / full)))
    grid = tile(np.stack([np.asarray(resized(image, size)) for image in images]), columns, padding=1)
    if len(grid) % 2:
        grid = np.pad(grid, [(0, 1), (0, 0), (0, 0)], constant_values=BACKGROUND)
    return grid.reshape(-1, 2, *grid.shape[1:])
