"""Channels of each image, scaled or summed by themselves; see `run.columns` for the blocks of sums."""

from typing import Any

from rawgan_kernels.cuda.compile.language import THREADS, cuda_kernel, index, number
from rawgan_kernels.cuda.run.columns import ROWS, column_of, grid, part_of, parts, rows_of, total_sums
from rawgan_kernels.cuda.run.elementwise import EACH, first_of_thread
from rawgan_kernels.cuda.run.launch import blocks_for, launch
from rawgan_kernels.cuda.run.memory import empty, empty_like, flat
from rawgan_kernels.dispatch import implements


@implements
def scale_channels(x: Any, factors: Any) -> Any:
    y = empty_like(x)
    if x.size:
        blocks, size = blocks_for(x.size, EACH * THREADS), x.size // len(x)
        launch(_scale, blocks, flat(x), flat(factors), flat(y), x.size, size, x.shape[-1])
    return y


@implements
def channel_products(a: Any, b: Any) -> Any:
    y = empty(a, (len(a), a.shape[-1]))
    if not a.size:
        y.fill(0)
        return y
    cut = grid(len(a), a.size // y.size, a.shape[-1])
    found = parts(a, cut, 1)
    launch(_column_products, cut.blocks, flat(a), flat(b), found, cut.size, cut.width, cut.row_blocks)
    launch(total_sums, y.size, found, flat(y), cut.width, cut.row_blocks, cut.channels)
    return y


# --- CUDA kernels ----------------------------------------------------------------------------------------------------


@cuda_kernel("x: in, factors: in, y: out, count: index, size: index, channels: index")
def _scale(x, factors, y, count, size, channels):  # type: ignore[no-untyped-def]
    i = first_of_thread()
    for _ in range(EACH):
        if i < count:
            y[i] = x[i] * factors[index(i // size * channels + i % channels)]
        i = index(i + index(THREADS))


@cuda_kernel("a: in, b: in, parts: out, size: index, width: index, row_blocks: index")
def _column_products(a, b, parts, size, width, row_blocks):  # type: ignore[no-untyped-def]
    """Sum of the products of each column of a block."""
    part, column = part_of(width), column_of(width)
    if column < width:
        row_block = index(part % row_blocks)
        at = index(part // row_blocks * size + row_block * index(ROWS) * width + column)
        total = number(0)
        for _ in range(rows_of(row_block, column, size, width)):
            total += a[at] * b[at]
            at = index(at + width)
        parts[index(part * width + column)] = total
