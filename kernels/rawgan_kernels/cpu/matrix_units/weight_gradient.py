"""conv2d_weight_grad in bf16: products of gyᵀ, pixels along its rows, and windows, pixels along their columns.

    gwᵀ[K, taps·C]  =  gyᵀ[K, pixels]  @  windows[pixels, taps·C]

So only gy is transposed, which is smaller by far than the windows: these are written two pixels in a row of words.

Pixels are divided into blocks, and blocks into at most `PARTS` parts, whose sums are added up in their order. Where
weights are many and pixels few, taps are divided instead, so that the sums of a task stay in the second-level cache.
Neither depends on the number of threads.
"""
# mypy: disable-error-code="no-untyped-def"

from typing import Any

import numpy as np

from rawgan_kernels.cpu.compile.compiled import compiled
from rawgan_kernels.cpu.matrix_units import plans
from rawgan_kernels.cpu.matrix_units.bands import fill_band, window_pairs
from rawgan_kernels.cpu.matrix_units.packing import HALF, NUMBER, PANEL, aligned, pack_left, padded, row_length
from rawgan_kernels.cpu.matrix_units.rounding import words_at
from rawgan_kernels.cpu.matrix_units.units import SCRATCH, Unit, multiplier, multiply
from rawgan_kernels.cpu.run import pool
from rawgan_kernels.cpu.run.launch import run, threads
from rawgan_kernels.cpu.vector.pointers import pointer, shifted
from rawgan_kernels.cpu.vector.rows import accumulate, copy, copy_strided
from rawgan_kernels.window import Window

Array = np.ndarray[Any, Any]

PIXELS = 512
"""Pixels of a block."""

PARTS = 16
"""Partial sums, at most."""

SUMS = 1 << 18
"""Sums of a task, about: 1 MiB."""

PARTS_BYTES = 64 << 20
"""Memory for the partial sums, at most."""

BAND_NUMBERS = 1 << 19
"""Numbers of several images in a block, at most."""


def conv2d_weight_grad(x: Array, gy: Array, window: Window, unit: Unit) -> Array:
    """gw = the gradient of conv2d with respect to w. Shapes as in `api`."""
    x, gy = np.ascontiguousarray(x), np.ascontiguousarray(gy)
    groups, k, c = window.groups, gy.shape[3], x.shape[3] // window.groups
    gw = pool.empty((*window.kernel, c, k), NUMBER)
    if not gw.size or not gy.size:
        gw[...] = 0
        return gw
    outputs = k // groups
    plan = plans.forward(window, x.shape[3], max(1, SUMS // padded(outputs, PANEL)))
    blocks = plans.blocks(plan, len(gy), x.shape[3], PIXELS, BAND_NUMBERS)
    left_row = row_length(padded(blocks.pixels))
    left = aligned(blocks.number * groups, padded(outputs, PANEL) * left_row, HALF)
    spare = aligned(threads(), k + PANEL, NUMBER)
    run(_pack_upstream, blocks.number, (gy, left, spare, blocks.images, blocks.rows, left_row, groups))

    splits = len(plan.chunks)
    width = _row_of_sums(padded(plan.deepest, PANEL))
    size = groups * splits * padded(outputs, PANEL) * width
    parts = max(1, min(-(-PARTS // splits), blocks.number, PARTS_BYTES // (4 * size)))
    sums = aligned(parts, size, NUMBER)
    numbers = padded(blocks.numbers)
    halves = aligned(threads(), numbers + padded(blocks.pixels) * width, HALF)
    scratch = aligned(threads(), SCRATCH, NUMBER)
    sizes = blocks.images, blocks.rows, blocks.number, numbers, left_row, width, groups
    arguments = (x, gy, sums, left, halves, scratch, plan.chunks, plan.runs, plan.geometry, sizes, multiplier(unit))
    run(_sum_part, parts * splits, arguments)
    spare = aligned(threads(), PANEL * width, NUMBER)
    of_sums = sums, gw, spare, plan.chunks, groups, width
    run(_add_parts, groups * splits * plans.panels(outputs), of_sums, gw.size * parts > 1 << 15)
    return gw


def _row_of_sums(columns: int) -> int:
    """Numbers of a row of sums, and words of a row of pairs: an odd number of cache lines."""
    lines = columns // PANEL
    return PANEL * (lines + 1 - lines % 2)


@compiled
def _pack_upstream(arguments, block, thread):
    """The rows of gyᵀ for one block of pixels, group by group."""
    gy, left, spare, images, rows, row, groups = arguments
    count, height, across, k = gy.shape
    n, m, images, rows = block_at(block, images, rows, count, height)
    source = pointer(gy, (n * height + m) * across * k)
    outputs = k // groups
    for group in range(groups):
        to = pointer(left, (block * groups + group) * left.shape[1])
        words = pointer(spare, thread * spare.shape[1])
        pack_left(shifted(source, group * outputs), 1, k, outputs, images * rows * across, to, row, words)


@compiled
def block_at(block, images, rows, count, height):
    """First image and first row of a block, its images and its rows."""
    bands = -(-height // rows)
    n, m = block // bands * images, block % bands * rows
    return n, m, min(images, count - n), min(rows, height - m)


@compiled
def _sum_part(arguments, unit, thread):
    """The sum over one part of the blocks, for one chunk of taps."""
    x, gy, sums, left, halves, scratch, chunks, runs, geometry, sizes, multiplier = arguments
    height, across = geometry.rows, geometry.columns
    images_each, rows_each, blocks, numbers, left_row, row, groups = sizes
    parts, splits = len(sums), len(chunks)
    part, split = unit // splits, unit % splits
    chunk, channels, outputs = chunks[split], x.shape[3], gy.shape[3] // groups
    line = geometry.width * channels
    size = sums.shape[1] // (groups * splits)
    total = pointer(sums, part * sums.shape[1] + split * groups * size)
    band = pointer(halves, thread * halves.shape[1])
    pairs = shifted(band, numbers)
    start, end = part * blocks // parts, (part + 1) * blocks // parts
    for block in range(start, end):
        n, m, images, rows = block_at(block, images_each, rows_each, len(gy), height)
        seen = (rows - 1) * geometry.step + geometry.reach
        top = m * geometry.step + geometry.origin
        for image in range(images):
            to = shifted(band, image * seen * line)
            fill_band(x, n + image, top, geometry.origin_across, seen, geometry.width, to)
        steps = seen * line, geometry.step * line, geometry.step_across * channels
        count = images * rows * across
        full = -(-count // 32) * 32
        for group in range(groups):
            source = shifted(band, group * (channels // groups))
            window_pairs(source, steps, (rows, across), count, runs, chunk, words_at(pairs), row)
            upstream = pointer(left, (block * groups + group) * left.shape[1])
            to, more, memory = shifted(total, group * size), block > start, pointer(scratch, thread * scratch.shape[1])
            depth = chunk[2]
            multiply(
                multiplier, upstream, left_row, pairs, 2 * row, 2 * PANEL, to, row, outputs, depth, full, more, memory
            )


@compiled
def _add_parts(arguments, unit, thread):
    """Sixteen rows of the sums of one chunk and group: added up, transposed, and written to where they belong in gw."""
    sums, gw, spare, chunks, groups, row = arguments
    k, c = gw.shape[3], gw.shape[2]
    outputs = k // groups
    panels = -(-outputs // PANEL)
    split, group, first = unit // (groups * panels), unit // panels % groups, unit % panels * PANEL
    chunk, size, count = chunks[split], sums.shape[1] // (groups * len(chunks)), min(PANEL, outputs - first)
    columns = chunk[2]
    source = pointer(sums, (split * groups + group) * size + first * row)
    to = pointer(gw, chunk[4] * c * k + group * outputs + first)
    total = pointer(spare, thread * spare.shape[1])
    for i in range(count):
        here = shifted(total, i * row)
        copy(shifted(source, i * row), here, columns)
        for part in range(1, len(sums)):
            accumulate(shifted(source, part * sums.shape[1] + i * row), here, columns)
    for j in range(columns):
        copy_strided(shifted(total, j), row, shifted(to, j * k), 1, count)
