"""Channels of each image, scaled or summed by themselves; see `run.columns` for the blocks."""

from typing import Any

import numpy as np

from rawgan_kernels.cpu.compile.compiled import compiled
from rawgan_kernels.cpu.run import pool
from rawgan_kernels.cpu.run.columns import PANEL, Grid, block_at, fold, grid_of, grid_of_images, repeat_channels
from rawgan_kernels.cpu.run.elementwise import FEW, plain
from rawgan_kernels.cpu.run.launch import run, threads
from rawgan_kernels.cpu.vector.pointers import pointer, shifted
from rawgan_kernels.cpu.vector.rows import clear
from rawgan_kernels.cpu.vector.short_rows import add_two_products, multiply
from rawgan_kernels.dispatch import implements

Array = np.ndarray[Any, Any]


@implements
def scale_channels(x: Array, factors: Array) -> Array:
    y = pool.empty(x.shape, x.dtype)
    if x.size:
        cut, rows = _cut(x), np.empty((threads(), PANEL), x.dtype)
        arguments = plain(x, x.dtype).reshape(-1), plain(factors, x.dtype), y.reshape(-1), rows, cut[:]
        run(_scale, cut.blocks, arguments, parallel=x.size > FEW)
    return y


@implements
def channel_products(a: Array, b: Array) -> Array:
    if not a.size:
        return np.zeros((len(a), a.shape[-1]), a.dtype)
    cut, sums = _cut(a), np.empty((threads(), PANEL), a.dtype)
    parts = np.empty((cut.groups, cut.row_blocks, cut.channels))
    arguments = plain(a, a.dtype).reshape(-1), plain(b, a.dtype).reshape(-1), parts, sums, cut[:]
    run(_multiply_and_sum, cut.blocks, arguments, parallel=a.size > FEW)
    return parts.sum(axis=1).astype(a.dtype)  # block by block: NumPy adds along an axis that is not the last in order


def _cut(x: Array) -> Grid:
    images, channels = len(x), x.shape[-1]
    return grid_of_images(images, x.size // (images * channels), channels)


@compiled
def _scale(arguments, block, thread):  # type: ignore[no-untyped-def]
    x, factors, y, rows, sizes = arguments
    cut = grid_of(sizes)
    part, first, columns, start, end = block_at(cut, block)
    row, of_image = pointer(rows, thread * PANEL), pointer(factors, part // cut.row_blocks * cut.channels)
    repeat_channels(shifted(of_image, first), row, cut.channels - first, columns)
    for at in range(start + first, min(start + cut.rows * cut.width, end), cut.width):
        multiply(pointer(x, at), row, pointer(y, at), min(columns, end - at))


@compiled
def _multiply_and_sum(arguments, block, thread):  # type: ignore[no-untyped-def]
    a, b, parts, sums, sizes = arguments
    cut = grid_of(sizes)
    part, first, columns, start, end = block_at(cut, block)
    row, width = pointer(sums, thread * PANEL), cut.width
    clear(row, columns)
    at, stop = start + first, min(start + cut.rows * width, end)
    while at + width + columns <= stop:  # two rows at a time: the sums are loaded and stored once for both
        x, y = pointer(a, at), pointer(b, at)
        add_two_products(x, y, shifted(x, width), shifted(y, width), row, columns)
        at += 2 * width
    for rest in range(at, stop, width):
        x, y = pointer(a, rest), pointer(b, rest)
        for i in range(min(columns, stop - rest)):
            row[i] += x[i] * y[i]
    fold(row, shifted(pointer(parts, part * cut.channels), first), cut.channels, columns)
