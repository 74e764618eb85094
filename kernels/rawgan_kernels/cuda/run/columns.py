"""Sums of the columns of a matrix: the cut into blocks, and the sum over the blocks.

The channels are the columns of a matrix, and the pixels its rows. A thread adds up `ROWS` numbers of one column, and
the threads of a warp read neighbouring columns. Where there are few channels, several rows are taken as one wide row,
so that all threads have a column. The threads write their sums out, and one block for each channel adds these up,
always in the same pairs and without atomics: the bits are the same each time.

Where each image has its own statistics, it is a group, and no block spans two groups.
"""

from functools import lru_cache
from typing import Any, NamedTuple

from rawgan_kernels.cuda.compile.language import THREADS, WARPS, block_sum, cuda, cuda_kernel, index, number
from rawgan_kernels.cuda.run.launch import blocks_for
from rawgan_kernels.cuda.run.memory import empty

ROWS = 32
"""Numbers that a thread adds up: few, to keep the rounding error small and to have enough blocks to fill a GPU."""


class Grid(NamedTuple):
    """A matrix cut into blocks."""

    groups: int
    size: int
    """Elements of a group."""
    channels: int
    width: int
    """Numbers of a wide row: a multiple of the channels."""
    row_blocks: int
    """Blocks of rows in a group."""

    @property
    def blocks(self) -> int:
        """Number of blocks."""
        return self.groups * self.row_blocks * blocks_for(self.width)


@lru_cache(maxsize=256)  # a network needs the same few in every step
def grid(groups: int, pixels: int, channels: int) -> Grid:
    """Blocks of an array (groups, pixels, channels), where no size is 0.

    >>> grid(1, 25088, 64)
    Grid(groups=1, size=1605632, channels=64, width=256, row_blocks=196)
    """
    width = channels * max(1, THREADS // channels)
    return Grid(groups, pixels * channels, channels, width, -(-pixels * channels // (ROWS * width)))


def parts(like: Any, cut: Grid, kinds: int) -> Any:
    """Memory for the sums of all threads, `kinds` for each: (kinds · groups · row_blocks · width,)."""
    return empty(like, (kinds * cut.groups * cut.row_blocks * cut.width,))


# --- functions that kernels call --------------------------------------------------------------------------------------


def column_of(width):  # type: ignore[no-untyped-def]
    """The column of this thread; `width` or more if it has none."""
    panels = index(index(width + index(THREADS - 1)) // index(THREADS))
    return index(index(cuda.blockIdx.x) % panels * index(THREADS) + index(cuda.threadIdx.x))


def part_of(width):  # type: ignore[no-untyped-def]
    """Index of this block's rows among the blocks of rows of all groups."""
    panels = index(index(width + index(THREADS - 1)) // index(THREADS))
    return index(index(cuda.blockIdx.x) // panels)


def rows_of(row_block, column, size, width):  # type: ignore[no-untyped-def]
    """Number of rows that a block has in a column: fewer in the last block."""
    start = index(row_block * index(ROWS) * width + column)
    if start >= size:
        return index(0)
    return index(min(index(ROWS), index(size - start + width - index(1)) // width))


# --- CUDA kernels -----------------------------------------------------------------------------------------------------


@cuda_kernel("x: in, parts: out, size: index, width: index, row_blocks: index")
def column_sums(x, parts, size, width, row_blocks):  # type: ignore[no-untyped-def]
    """Sum of each column of a block."""
    part, column = part_of(width), column_of(width)
    if column < width:
        row_block = index(part % row_blocks)
        at = index(part // row_blocks * size + row_block * index(ROWS) * width + column)
        total = number(0)
        for _ in range(rows_of(row_block, column, size, width)):
            total += x[at]
            at = index(at + width)
        parts[index(part * width + column)] = total


@cuda_kernel("parts: in, total: out, width: index, row_blocks: index, channels: index")
def total_sums(parts, total, width, row_blocks, channels):  # type: ignore[no-untyped-def]
    """Sum of the threads' sums for each channel of each group, one block each."""
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
