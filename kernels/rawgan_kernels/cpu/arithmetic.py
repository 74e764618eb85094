"""Sums: of two arrays, number by number, and of all numbers of a channel; see `run.columns` for the blocks."""

from typing import Any

import numpy as np

from rawgan_kernels.cpu.compile.compiled import compiled
from rawgan_kernels.cpu.run.columns import PANEL, block_at, fold, grid, grid_of
from rawgan_kernels.cpu.run.elementwise import FEW, apply, part
from rawgan_kernels.cpu.run.launch import run, threads
from rawgan_kernels.cpu.vector.pointers import pointer
from rawgan_kernels.cpu.vector.rows import clear
from rawgan_kernels.dispatch import implements

Array = np.ndarray[Any, Any]


@implements
def add(a: Array, b: Array) -> Array:
    return apply(_add, a, b, a, alone=FEW)


@implements
def channel_sum(x: Array) -> Array:
    k = x.shape[-1]
    if not x.size:
        return np.zeros(k, x.dtype)
    cut, flat = grid(1, x.size // k, k), x.ravel()
    parts, sums = np.empty((1, cut.row_blocks, k)), np.empty((threads(), PANEL), x.dtype)
    arguments = flat, flat, flat, parts, sums, sums, 1.0, cut[:]  # types as in batch norm, to be compiled once for both
    run(_channel_sums, cut.blocks, arguments)
    return parts[0].sum(axis=0).astype(x.dtype)  # row by row: NumPy adds along the first axis in order


@compiled
def _add(arguments, block, thread):  # type: ignore[no-untyped-def]
    count, a, b, _, y, _ = part(arguments, block)
    for i in range(count):
        y[i] = a[i] + b[i]


@compiled
def _channel_sums(arguments, block, thread):  # type: ignore[no-untyped-def]
    x, _, _, parts, _, scratch, _, sizes = arguments
    grid = grid_of(sizes)
    part, first, columns, start, end = block_at(grid, block)
    sums = pointer(scratch, thread * PANEL)
    clear(sums, columns)
    width = grid.width
    at, stop = start + first, min(start + grid.rows * width, end)
    while at + 3 * width + columns <= stop:  # four rows at a time: the sums are loaded and stored once for them all
        a, b, c, d = pointer(x, at), pointer(x, at + width), pointer(x, at + 2 * width), pointer(x, at + 3 * width)
        for i in range(columns):
            sums[i] += (a[i] + b[i]) + (c[i] + d[i])
        at += 4 * width
    for rest in range(at, stop, width):
        row = pointer(x, rest)
        for i in range(min(columns, stop - rest)):
            sums[i] += row[i]
    fold(sums, pointer(parts, part * grid.channels + first), grid.channels, columns)
