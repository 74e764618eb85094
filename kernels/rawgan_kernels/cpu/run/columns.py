"""How arrays are cut into blocks when every channel is summed up.

The channels are the columns of a matrix whose rows are the pixels. A block is a part of the rows, and all columns, or a
panel of them where they are many. It goes through the rows one after the other and adds each to a row of sums, several
channels in a vector register. Rows of few channels are too short for that, so several are taken as one wide row; in the
end its columns that belong to the same channel are added up.

A column of a block has a few hundred numbers at most. The sums of the blocks are added up in float64, in the order of
the blocks, whatever the number of threads: so the rounding error does not grow with the number of pixels.

Where each image has statistics of its own, it is a group, and no block goes across groups.
"""

from functools import lru_cache
from typing import NamedTuple

from rawgan_kernels.cpu.compile.compiled import compiled

PANEL = 512
"""Columns of a block, at most."""

WIDE = 512
"""Columns that are worth a vector loop: shorter rows are taken several at a time, to about as many columns."""

BLOCK = 1 << 15
"""Elements, about: a few µs, long enough to be worth a thread's while."""


FEW = 16
"""Channels that are too few for a vector loop over them."""


class Grid(NamedTuple):
    """A matrix in blocks."""

    channels: int
    size: int
    """Elements of a group."""
    width: int
    """Of a wide row: a multiple of the channels."""
    panels: int
    rows: int
    """Wide rows of a block."""
    row_blocks: int
    """Of a group."""
    groups: int

    @property
    def blocks(self) -> int:
        """How many there are."""
        return self.groups * self.row_blocks * self.panels


@lru_cache(maxsize=256)  # a network asks for the same few in every step
def grid(groups: int, pixels: int, channels: int) -> Grid:
    """The blocks of an array (groups, pixels, channels), none of which is 0.

    >>> grid(1, 25088, 64)
    Grid(channels=64, size=1605632, width=512, panels=1, rows=64, row_blocks=49, groups=1)
    """
    width = channels * max(1, WIDE // channels)
    panels, rows = -(-width // PANEL), BLOCK // min(width, PANEL)
    return Grid(channels, pixels * channels, width, panels, rows, -(-pixels * channels // (rows * width)), groups)


@compiled
def block_at(grid, block):  # type: ignore[no-untyped-def]
    """(number of the block among all parts of rows, first column, columns, start of the first row, end of the group)"""
    part, panel = block // grid.panels, block % grid.panels
    group, row_block = part // grid.row_blocks, part % grid.row_blocks
    first = panel * PANEL
    group_start = group * grid.size
    start = group_start + row_block * grid.rows * grid.width
    return part, first, min(PANEL, grid.width - first), start, group_start + grid.size


@compiled
def fold(sums, total, channels, columns):  # type: ignore[no-untyped-def]
    """total[channel] = the sum, in float64, of the columns of a wide row that belong to a channel."""
    if channels < FEW:  # one after the other: `total` shares its cache line with those of other blocks, and threads
        for channel in range(channels):
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
