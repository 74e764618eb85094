"""Sums along channels: how arrays are cut into blocks, and how the sums of the blocks become one.

The channels are the columns of a matrix whose rows are the pixels. A thread adds up `ROWS` numbers of one column: the
threads of a warp read neighbouring columns. Rows of few channels are taken several at a time, as one wide row, so that
all threads have a column. What the threads found is written out, and added up by one block for each channel, in pairs
that are always the same: no atomics, so the bits are the same each time.

Where each image has statistics of its own, it is a group, and no block goes across groups.
"""

from functools import lru_cache
from typing import Any, NamedTuple

from rawgan_kernels.cuda.compile.language import (
    THREADS,
    WARPS,
    block_sum,
    blocks_for,
    cuda,
    index,
    kernel,
    launch,
    number,
)
from rawgan_kernels.cuda.run.memory import empty, flat

ROWS = 32
"""Numbers that a thread adds up: few enough for the rounding error, and for blocks enough to fill a GPU."""


class Grid(NamedTuple):
    """A matrix in blocks."""

    groups: int
    size: int
    """Elements of a group."""
    channels: int
    width: int
    """Of a wide row: a multiple of the channels."""
    row_blocks: int
    """Of a group."""

    @property
    def blocks(self) -> int:
        """How many there are."""
        return self.groups * self.row_blocks * blocks_for(self.width)


@lru_cache(maxsize=256)  # a network asks for the same few in every step
def grid(groups: int, pixels: int, channels: int) -> Grid:
    """The blocks of an array (groups, pixels, channels), none of which is 0.

    >>> grid(1, 25088, 64)
    Grid(groups=1, size=1605632, channels=64, width=256, row_blocks=196)
    """
    width = channels * max(1, THREADS // channels)
    return Grid(groups, pixels * channels, channels, width, -(-pixels * channels // (ROWS * width)))


def parts(like: Any, cut: Grid, kinds: int) -> Any:
    """What each thread finds, so many kinds of numbers: (kinds · groups · row_blocks · width,)."""
    return empty(like, (kinds * cut.groups * cut.row_blocks * cut.width,))


def channel_sum(x: Any) -> Any:
    """y[k] = Σ x[…, k]: the gradient of a bias.

    Shapes: x (…, K) → y (K,)
    Flops:  x.size
    Bytes:  x
    """
    y = empty(x, x.shape[-1:])
    if not x.size:
        y.fill(0)
        return y
    cut = grid(1, x.size // x.shape[-1], x.shape[-1])
    found = parts(x, cut, 1)
    launch(_column_sums, cut.blocks, flat(x), found, cut.size, cut.width, cut.row_blocks)
    launch(_total, cut.channels, found, y, cut.width, cut.row_blocks, cut.channels)
    return y


# --- for kernels to call --------------------------------------------------------------------------------------------


def column_of(width):  # type: ignore[no-untyped-def]
    """The column of this thread: `width` or more if there is none."""
    panels = index(index(width + index(THREADS - 1)) // index(THREADS))
    return index(index(cuda.blockIdx.x) % panels * index(THREADS) + index(cuda.threadIdx.x))


def part_of(width):  # type: ignore[no-untyped-def]
    """The number of this block's rows among those of all groups."""
    panels = index(index(width + index(THREADS - 1)) // index(THREADS))
    return index(index(cuda.blockIdx.x) // panels)


def rows_of(row_block, column, size, width):  # type: ignore[no-untyped-def]
    """How many of the numbers of a column are in a block of rows: fewer in the last one."""
    start = index(row_block * index(ROWS) * width + column)
    if start >= size:
        return index(0)
    return index(min(index(ROWS), index(size - start + width - index(1)) // width))


# --- kernels --------------------------------------------------------------------------------------------------------


@kernel("x: in, parts: out, size: index, width: index, row_blocks: index")
def _column_sums(x, parts, size, width, row_blocks):  # type: ignore[no-untyped-def]
    """The sum of each column of a block."""
    part, column = part_of(width), column_of(width)
    if column < width:
        row_block = index(part % row_blocks)
        at = index(part // row_blocks * size + row_block * index(ROWS) * width + column)
        total = number(0)
        for _ in range(rows_of(row_block, column, size, width)):
            total += x[at]
            at = index(at + width)
        parts[index(part * width + column)] = total


@kernel("parts: in, total: out, width: index, row_blocks: index, channels: index")
def _total(parts, total, width, row_blocks, channels):  # type: ignore[no-untyped-def]
    """One block for each channel of each group: the sum of what the threads found."""
    scratch = cuda.shared.array(WARPS, number)
    group, channel = index(index(cuda.blockIdx.x) // channels), index(index(cuda.blockIdx.x) % channels)
    first = index(group * row_blocks * width + channel)
    count = index(index(row_blocks * width) // channels)  # every `channels`-th number of the group's rows
    found = number(0)
    for at in range(index(cuda.threadIdx.x), count, index(THREADS)):
        found += parts[index(first + index(at) * channels)]
    found = block_sum(found, scratch)
    if index(cuda.threadIdx.x) == index(0):
        total[index(cuda.blockIdx.x)] = found
