"""Sums of the columns of a matrix: the cut into blocks, and the sum over the columns of a channel.

The channels are the columns of a matrix, and the pixels its rows. A block is a part of the rows, with all columns, or a
panel of columns where there are many. It goes through its rows and adds each to a row of sums, several channels in a
vector register. Rows of few channels are too short for that, so several are taken as one wide row; in the end, its
columns that belong to one channel are added up.

A column of a block has a few hundred numbers at most. The sums of the blocks are added up in float64, in the order of
the blocks, whatever the number of threads: so the rounding error does not grow with the number of pixels.

Where each image has its own statistics, it is a group, and no block spans two groups.
"""

from functools import lru_cache
from math import lcm
from typing import NamedTuple

from rawgan_kernels.cpu.compile.compiled import compiled
from rawgan_kernels.cpu.vector.norm_rows import PANEL

WIDE = 512
"""Columns of a wide row, about: rows that are shorter are taken several at a time."""

NARROW = 64
"""Columns of a row of an image, about: fewer channels are joined to a row that fills whole registers."""

WHOLE = 16
"""Columns that fill whole registers, of any CPU and dtype."""

BLOCK = 1 << 15
"""Elements of a block, about. They take a few µs, long enough to be worth a thread."""

FEW = 16
"""Number of channels below which a vector loop over them does not pay."""


class Grid(NamedTuple):
    """A matrix cut into blocks."""

    channels: int
    size: int
    """Elements of a group."""
    width: int
    """Numbers of a wide row: a multiple of the channels."""
    panels: int
    rows: int
    """Wide rows of a block."""
    row_blocks: int
    """Blocks of rows in a group."""
    groups: int

    @property
    def blocks(self) -> int:
        """Number of blocks."""
        return self.groups * self.row_blocks * self.panels


@lru_cache(maxsize=256)  # a network needs the same few in every step
def grid(groups: int, pixels: int, channels: int) -> Grid:
    """Blocks of an array (groups, pixels, channels), where no size is 0.

    >>> grid(1, 25088, 64)
    Grid(channels=64, size=1605632, width=512, panels=1, rows=64, row_blocks=49, groups=1)
    """
    return _cut(groups, pixels, channels, channels * max(1, WIDE // channels), BLOCK)


@lru_cache(maxsize=256)
def grid_of_images(images: int, pixels: int, channels: int) -> Grid:
    """Blocks where each image is a group, for loops that take narrow rows and few pixels as well as others.

    >>> grid_of_images(128, 49, 24)
    Grid(channels=24, size=1176, width=48, panels=1, rows=341, row_blocks=1, groups=128)
    """
    unit = lcm(channels, WHOLE) if channels < NARROW else channels
    unit = channels if unit > PANEL else unit  # an odd number of many channels
    return _cut(images, pixels, channels, unit * max(1, NARROW // unit), BLOCK // 2)


def _cut(groups: int, pixels: int, channels: int, width: int, block: int) -> Grid:
    panels, rows = -(-width // PANEL), block // min(width, PANEL)
    return Grid(channels, pixels * channels, width, panels, rows, -(-pixels * channels // (rows * width)), groups)


@compiled
def grid_of(sizes):  # type: ignore[no-untyped-def]
    """The grid with these numbers. Launches get its plain tuple, `cut[:]`, whose type Numba finds a µs faster."""
    return Grid(sizes[0], sizes[1], sizes[2], sizes[3], sizes[4], sizes[5], sizes[6])


@compiled
def block_at(grid, block):  # type: ignore[no-untyped-def]
    """(index among all blocks of rows, first column, columns, start of the first row, end of the group)"""
    part, panel = block // grid.panels, block % grid.panels
    group, row_block = part // grid.row_blocks, part % grid.row_blocks
    first = panel * PANEL
    group_start = group * grid.size
    start = group_start + row_block * grid.rows * grid.width
    return part, first, min(PANEL, grid.width - first), start, group_start + grid.size


@compiled
def repeat_channels(numbers, row, channels, columns):  # type: ignore[no-untyped-def]
    """Write the numbers of the channels to the columns of a wide row, as often as they fit."""
    count = min(columns, channels)
    for i in range(count):
        row[i] = numbers[i]
    for i in range(count, columns):
        row[i] = row[i - count]


@compiled
def fold(sums, total, channels, columns):  # type: ignore[no-untyped-def]
    """total[channel] = the sum, in float64, over the columns of a wide row that belong to a channel."""
    if channels < FEW:  # in registers: `total` shares its cache line with those of other blocks, and threads
        threes = channels - channels % 3
        for channel in range(0, threes, 3):  # at a time, as each addition waits for the one before
            a, b, c = 0.0, 0.0, 0.0
            for at in range(channel, columns, channels):
                a += sums[at]
                b += sums[at + 1]
                c += sums[at + 2]
            total[channel], total[channel + 1], total[channel + 2] = a, b, c
        for channel in range(threes, channels):
            of_channel = 0.0
            for at in range(channel, columns, channels):
                of_channel += sums[at]
            total[channel] = of_channel
        return
    for channel in range(min(channels, columns)):
        total[channel] = sums[channel]
    for first in range(channels, columns, channels):
        for channel in range(channels):
            total[channel] += sums[first + channel]
