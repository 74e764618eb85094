"""Sums: of two arrays, and of all numbers of a channel; see `run.columns` for the blocks."""

from functools import lru_cache
from typing import Any

import numpy as np

from rawgan_kernels.cpu.compile.compiled import compiled
from rawgan_kernels.cpu.run import pool
from rawgan_kernels.cpu.run.columns import PANEL, block_at, fold, grid, grid_of, grid_of_images, repeat_channels
from rawgan_kernels.cpu.run.direct import Plan, make_plan, run_plan
from rawgan_kernels.cpu.run.elementwise import BLOCK, FEW, apply, part, plain
from rawgan_kernels.cpu.run.launch import run, threads
from rawgan_kernels.cpu.vector.pointers import as_float64, integers_at, pointer, shifted
from rawgan_kernels.cpu.vector.rows import clear
from rawgan_kernels.cpu.vector.short_rows import add_four, plus, plus_number
from rawgan_kernels.dispatch import implements

Array = np.ndarray[Any, Any]


@implements
def add(a: Array, b: Array) -> Array:
    if a.shape == b.shape:
        return apply(_add, a, b, a, alone=FEW)
    if a.size <= BLOCK or a.shape[-1] == 1:
        return a + b  # NumPy's loops are the faster ones there
    y, cut = pool.empty(a.shape, a.dtype), grid_of_images(1, a.size // a.shape[-1], a.shape[-1])
    arguments = plain(a, a.dtype).reshape(-1), plain(b, a.dtype).reshape(-1), y.reshape(-1)
    body, rows = (_add_row if b.shape == a.shape[-1:] else _add_column), np.empty((threads(), PANEL), a.dtype)
    run(body, cut.blocks, (*arguments, rows, cut[:]), parallel=a.size > FEW)
    return y


@implements
def channel_sum(x: Array) -> Array:
    k, size = x.shape[-1], x.size
    if not size:
        return np.zeros(k, x.dtype)
    if size <= 2 * FEW:  # half of what is moved in an addition
        x = plain(x, x.dtype)
        plan, y = _plan(size // k, k, x.dtype), pool.empty((k,), x.dtype)
        run_plan(plan, x, y, pool.empty((plan.scratch,), _FLOAT64), y)
        return y
    cut, flat = grid(1, size // k, k), x.ravel()
    parts, sums = np.empty((cut.row_blocks, k)), np.empty((threads(), PANEL), x.dtype)
    run(_channel_sums, cut.blocks, (flat, parts, sums, cut[:]))
    return parts.sum(axis=0).astype(x.dtype)  # row by row: NumPy adds along the first axis in order


_FLOAT64 = np.dtype(np.float64)


@lru_cache(maxsize=256)  # a network needs the same few in every step
def _plan(pixels: int, channels: int, dtype: np.dtype[Any]) -> Plan:
    """Plan of a sum that one thread computes."""
    cut = grid(1, pixels, channels)
    return make_plan(_few_channel_sums, dtype, 1, False, PANEL + cut.row_blocks * channels, *cut)


@compiled
def _add(arguments, block, thread):  # type: ignore[no-untyped-def]
    count, a, b, _, y, _ = part(arguments, block)
    for i in range(count):
        y[i] = a[i] + b[i]


@compiled
def _add_row(arguments, block, thread):  # type: ignore[no-untyped-def]
    a, b, y, rows, sizes = arguments
    cut, row = grid_of(sizes), pointer(rows, thread * PANEL)
    _, first, columns, start, end = block_at(cut, block)
    repeat_channels(pointer(b, first), row, cut.channels - first, columns)
    for at in range(start + first, min(start + cut.rows * cut.width, end), cut.width):
        plus(pointer(a, at), row, pointer(y, at), min(columns, end - at))


@compiled
def _add_column(arguments, block, thread):  # type: ignore[no-untyped-def]
    a, b, y, _, sizes = arguments
    cut = grid_of(sizes)
    channels = cut.channels
    _, first, _, start, end = block_at(cut, block)
    if first == 0:  # other panels are parts of the same pixels
        for at in range(start, min(start + cut.rows * cut.width, end), channels):
            plus_number(pointer(a, at), pointer(y, at), channels, b[at // channels])


@compiled
def _channel_sums(arguments, block, thread):  # type: ignore[no-untyped-def]
    x, parts, scratch, sizes = arguments
    _sum_block(pointer(x, 0), pointer(parts, 0), pointer(scratch, thread * PANEL), grid_of(sizes), block)


@compiled
def _few_channel_sums(arguments, block, thread):  # type: ignore[no-untyped-def]
    """The sums of all blocks, added up in their order."""
    x, y, scratch, _, plan, _ = arguments
    grid, parts = grid_of(integers_at(plan)), shifted(as_float64(scratch), PANEL)
    for each in range(grid.row_blocks * grid.panels):
        _sum_block(x, parts, scratch, grid, each)
    for at in range(grid.channels, grid.row_blocks * grid.channels, grid.channels):
        for channel in range(grid.channels):
            parts[channel] += parts[at + channel]
    for channel in range(grid.channels):
        y[channel] = parts[channel]


@compiled
def _sum_block(x, parts, sums, grid, block):  # type: ignore[no-untyped-def]
    """Write the sums of a block to its row of `parts`."""
    part, first, columns, start, end = block_at(grid, block)
    clear(sums, columns)
    width = grid.width
    at, stop = start + first, min(start + grid.rows * width, end)
    while at + 3 * width + columns <= stop:  # four rows at a time: the sums are loaded and stored once for them all
        a, b, c, d = shifted(x, at), shifted(x, at + width), shifted(x, at + 2 * width), shifted(x, at + 3 * width)
        add_four(a, b, c, d, sums, columns)
        at += 4 * width
    for rest in range(at, stop, width):
        row = shifted(x, rest)
        for i in range(min(columns, stop - rest)):
            sums[i] += row[i]
    fold(sums, shifted(parts, part * grid.channels + first), grid.channels, columns)
