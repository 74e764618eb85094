"""conv2d and conv2d_input_grad in bf16: sweeps over windows, block by block.

A block rounds the part of the images that it sees to bf16, with zeros around it, once. Windows are copied from there,
some hundred at a time, as rows of a matrix. Their products with the packed weights are written to the result, with bias
and activation.
"""
# mypy: disable-error-code="no-untyped-def"

from typing import Any

import numpy as np

from rawgan_kernels.cpu.compile.compiled import compiled
from rawgan_kernels.cpu.convolutions.windows import next_pixel
from rawgan_kernels.cpu.matrix_units import plans, weights
from rawgan_kernels.cpu.matrix_units.bands import fill_band, window_rows
from rawgan_kernels.cpu.matrix_units.packing import HALF, NUMBER, PANEL, aligned, padded, row_length
from rawgan_kernels.cpu.matrix_units.units import SCRATCH, Unit, multiplier, multiply
from rawgan_kernels.cpu.run import pool
from rawgan_kernels.cpu.run.launch import run, threads
from rawgan_kernels.cpu.vector.pointers import pointer, shifted
from rawgan_kernels.cpu.vector.rows import clear, copy, finish_rows
from rawgan_kernels.window import Window

Array = np.ndarray[Any, Any]

ROWS = 256
"""Windows that are multiplied at a time, at most."""

BLOCK_NUMBERS = 1 << 18
"""Numbers of these windows, at most: 512 KiB in bf16, for the second-level cache."""

CHUNK = 1024
"""Depth of a chunk of taps, if one tap is not deeper."""

BAND_NUMBERS = 1 << 19
"""Numbers of several images in a block, at most."""

NONE = np.empty(0, NUMBER)
"""The bias where there is none."""


def conv2d(x: Array, w: Array, window: Window, b: Array | None, slope: float, unit: Unit) -> Array:
    """y = leaky_relu(conv2d(x, w) + b). Shapes as in `api`."""
    x, w, b = map(np.ascontiguousarray, (x, w, NONE if b is None else b))
    y = pool.empty((len(x), *window.output, w.shape[3]), NUMBER)
    if y.size:
        plan = plans.forward(window, x.shape[3], CHUNK)
        packed, _ = weights.pack(w, plan, window.groups, transposed=False)
        _sweep(x, packed, plan, window.groups, y, b, slope, unit)
    return y


def conv2d_input_grad(gy: Array, w: Array, window: Window, b: Array | None, slope: float, unit: Unit) -> Array | None:
    """gx = leaky_relu(conv2d_input_grad(gy, w) + b). Shapes as in `api`.

    None if weights are not finite: they would be multiplied by zeros around gy, where the sum has no terms.
    """
    gy, w, b = map(np.ascontiguousarray, (gy, w, NONE if b is None else b))
    gx = pool.empty((len(gy), *window.size, w.shape[2] * window.groups), NUMBER)
    if gx.size:
        plan = plans.backward(window, gy.shape[3], CHUNK)
        packed, is_finite = weights.pack(w, plan, window.groups, transposed=True)
        if not is_finite:
            return None
        _sweep(gy, packed, plan, window.groups, gx, b, slope, unit)
    return gx


def _sweep(
    x: Array, packed: Array, plan: plans.Plan, groups: int, y: Array, b: Array, slope: float, unit: Unit
) -> None:
    outputs = y.shape[3] // groups
    row, width = row_length(plan.deepest), padded(outputs, PANEL)
    windows = len(x) * plan.geometry.rows * plan.geometry.columns
    pixels = max(32, min(ROWS, -(-windows // (4 * threads()))))
    blocks = plans.blocks(plan, len(x), x.shape[3], pixels, BAND_NUMBERS)
    rows = padded(max(1, min(ROWS, blocks.pixels, BLOCK_NUMBERS // row)))
    numbers = padded(blocks.numbers)
    halves = aligned(threads(), numbers + rows * row, HALF)
    results = aligned(threads(), SCRATCH + rows * width, NUMBER)
    sizes = blocks.images, blocks.rows, rows, row, width, groups, numbers
    tables = plan.phases, plan.chunks, plan.runs
    arguments = (x, y, b, packed, halves, results, tables, plan.geometry, sizes, float(slope), multiplier(unit))
    run(_sweep_block, blocks.number, arguments)


@compiled
def _sweep_block(arguments, block, thread):
    """Some images, or some rows of one, in all phases and groups."""
    x, y, b, packed, halves, results, (phases, chunks, runs), geometry, sizes, slope, multiplier = arguments
    images, rows, batch, row, _, groups, numbers = sizes
    bands = -(-geometry.rows // rows)
    n, m = block // bands * images, geometry.low + block % bands * rows
    images, end = min(images, len(x) - n), min(m + rows, geometry.low + geometry.rows)
    channels = x.shape[3]
    line = geometry.width * channels
    band = pointer(halves, thread * halves.shape[1])
    seen = (end - 1 - m) * geometry.step + geometry.reach
    top_row = m * geometry.step + geometry.origin
    left_column = geometry.low_across * geometry.step_across + geometry.origin_across
    for image in range(images):
        to = shifted(band, image * seen * line)
        fill_band(x, n + image, top_row, left_column, seen, geometry.width, to)
    steps = seen * line, geometry.step * line, geometry.step_across * channels
    windows, scratch = shifted(band, numbers), pointer(results, thread * results.shape[1])
    for phase in phases:
        top, bottom = max(m, phase[0]), min(end, phase[0] + phase[1])
        shape = max(0, bottom - top), phase[3]
        pixels = images * shape[0] * shape[1]
        inside = (top - m) * steps[1] + (phase[2] - geometry.low_across) * steps[2]
        for group in range(groups):
            source = shifted(band, inside + group * (channels // groups))
            for first in range(0, pixels, batch):
                count = min(batch, pixels - first)
                _multiply_windows(
                    source, steps, shape, first, count, phase, chunks, runs, packed, group, windows, row, sizes,
                    scratch, multiplier,
                )  # fmt: skip
                _write(scratch, first, count, shape, n, top, phase, y, group, geometry, sizes, b, slope)


@compiled
def _multiply_windows(
    source, steps, shape, first, count, phase, chunks, runs, packed, group, windows, row, sizes, scratch, multiplier
):
    """Products of windows with the weights of a group, behind the unit's scratch memory."""
    _, _, _, _, width, _, _ = sizes
    to = shifted(scratch, SCRATCH)
    if phase[7] == 0:
        clear(to, count * width)
    for number in range(phase[6], phase[6] + phase[7]):
        chunk = chunks[number]
        window_rows(source, steps, shape, first, count, runs, chunk, windows, row)
        full = chunk[3]
        right = pointer(packed, group * packed.shape[1] + chunk[5] * width)
        more = number > phase[6]
        multiply(multiplier, windows, row, right, 2 * PANEL, full * PANEL, to, width, count, width, full, more, scratch)


@compiled
def _write(scratch, first, count, shape, n, top, phase, y, group, geometry, sizes, b, slope):
    """Write products to the pixels of the result that they belong to, with bias and activation."""
    _, _, _, _, width, groups, _ = sizes
    height, across, channels = y.shape[1:]
    outputs, products = channels // groups, shifted(scratch, SCRATCH)
    image, i, j = first // (shape[0] * shape[1]), first // shape[1] % shape[0], first % shape[1]
    bias = pointer(b, group * outputs)
    for pixel in range(count):
        p = (top + i) * geometry.result_step + phase[4]
        q = (phase[2] + j) * geometry.result_step_across + phase[5]
        to = pointer(y, (((n + image) * height + p) * across + q) * channels + group * outputs)
        copy(shifted(products, pixel * width), to, outputs)
        if len(b) or slope != 1:
            finish_rows(to, 1, outputs, bias, len(b) > 0, y.dtype.type(slope))
        image, i, j = next_pixel(image, i, j, shape[0], shape[1])
