"""The conv triple for every window: matrix products of windows and weights.

A block of windows is gathered just before it is multiplied, so the matrix of all windows never exists.

    conv2d              y[pixels, K]       = windows[pixels, taps·C] @ w[taps·C, K]
    conv2d_input_grad   columns            = gy[pixels, K] @ wᵀ[K, taps·C], added up where windows overlap
    conv2d_weight_grad  gw[taps·C, K]      = windowsᵀ[taps·C, pixels] @ gy[pixels, K]

This is done for one group of channels after the other. A block is, in this order: some output pixels; an image, as
windows overlap only within one; and one of `PARTS` ranges of pixels, whose sums are then added up in their order.
"""

from typing import Any

import numpy as np

from rawgan_kernels.cpu.compile.compiled import compiled
from rawgan_kernels.cpu.convolutions.windows import gather, scatter
from rawgan_kernels.cpu.run import pool
from rawgan_kernels.cpu.run.launch import run, threads
from rawgan_kernels.cpu.vector.panel import multiply_panel, panel_multiplier
from rawgan_kernels.cpu.vector.pointers import pointer, shifted
from rawgan_kernels.cpu.vector.registers import PANEL_BYTES, TILE_ROWS
from rawgan_kernels.cpu.vector.rows import accumulate, clear, copy, finish_rows, pack_panel
from rawgan_kernels.window import Window

Array = np.ndarray[Any, Any]

BLOCK_NUMBERS = 1 << 15
"""Numbers of a block of windows: 128 KiB in float32, for the second-level cache."""

PARTS = 16
"""Partial sums of a weight gradient, at most; fixed, so that the number of threads does not matter."""

PART_PIXELS = 256
"""Pixels of a partial sum, at least."""

PARTS_BYTES = 64 << 20
"""Memory for the partial sums, at most."""


def conv2d(x: Array, w: Array, window: Window, b: Array, slope: float) -> Array:
    """y = leaky_relu(conv2d(x, w) + b); b is empty if there is no bias. Shapes as in `api`."""
    y = pool.empty((len(x), *window.output, w.shape[3]), x.dtype)
    if not y.size:
        return y
    (top, _), (left, _) = window.padding
    a, taps, c, k = w.shape[0], w.shape[0] * w.shape[1], w.shape[2], w.shape[3]
    packed = _pack(w, (window.groups, taps * c, k // window.groups), (k // window.groups, k, 1))
    rows = _block_rows(taps * c)
    columns = packed.shape[1] * packed.shape[3]
    scratch = pool.empty((threads(), rows * (taps * c + columns)), x.dtype)
    geometry = (top, left, a, *window.stride, *window.dilation, window.groups)
    pixels = len(x) * window.output[0] * window.output[1]
    multiply = panel_multiplier(x.dtype.char)
    run(_conv2d_block, -(-pixels // rows), (x, packed, y, b, scratch, float(slope), geometry, rows, multiply))
    return y


def conv2d_input_grad(gy: Array, w: Array, window: Window, b: Array, slope: float) -> Array:
    """gx = leaky_relu(conv2d_input_grad(gy, w) + b); b is empty if there is no bias. Shapes as in `api`."""
    gx = pool.empty((len(gy), *window.size, w.shape[2] * window.groups), gy.dtype)
    (top, _), (left, _) = window.padding
    a, taps, c, k = w.shape[0], w.shape[0] * w.shape[1], w.shape[2], w.shape[3]
    packed = _pack(w, (window.groups, k // window.groups, taps * c), (k // window.groups, 1, k))
    rows = _block_rows(packed.shape[1] * packed.shape[3])
    scratch = pool.empty((threads(), rows * packed.shape[1] * packed.shape[3]), gy.dtype)
    geometry = (top, left, a, *window.stride, *window.dilation, window.groups)
    multiply = panel_multiplier(gy.dtype.char)
    run(_conv2d_input_grad_image, len(gy), (gy, packed, gx, b, scratch, float(slope), geometry, rows, taps, multiply))
    return gx


def conv2d_weight_grad(x: Array, gy: Array, window: Window) -> Array:
    """gw = the gradient of conv2d with respect to w. Shapes as in `api`."""
    (top, _), (left, _) = window.padding
    groups, (a, width), c, k = window.groups, window.kernel, x.shape[3] // window.groups, gy.shape[3]
    panel = PANEL_BYTES // x.itemsize
    columns = -(-(k // groups) // panel) * panel
    pixels = gy.size // k if k else 0
    size = groups * a * width * c * columns
    parts = max(1, min(PARTS, pixels // PART_PIXELS, PARTS_BYTES // max(1, size * x.itemsize)))
    sums = pool.empty((parts, size), x.dtype)
    rows = _block_rows(a * width * c + columns)
    scratch = pool.empty((threads(), rows * (a * width * c + columns)), x.dtype)
    gw = pool.empty((a, width, c, k), x.dtype)
    geometry = (top, left, a, *window.stride, *window.dilation, groups)
    multiply = panel_multiplier(x.dtype.char)
    run(_conv2d_weight_grad_part, parts, (x, gy, sums, scratch, gw, geometry, rows, columns, pixels, multiply))
    run(_add_parts, a, (sums, gw, groups, columns))
    return gw


def _block_rows(width: int) -> int:
    """Number of rows of this width in a block."""
    return max(1, min(20, BLOCK_NUMBERS // (width * TILE_ROWS))) * TILE_ROWS


def _pack(w: Array, shape: tuple[int, int, int], steps: tuple[int, int, int]) -> Array:
    """Matrices (groups, depth, columns), found in w with these steps, packed as (groups, panels, depth, panel)."""
    groups, depth, columns = shape
    panel = PANEL_BYTES // w.itemsize
    panels = -(-columns // panel)
    packed = pool.empty((groups, panels, depth, panel), w.dtype)
    run(_pack_panel, groups * panels, (w, packed, columns, steps), parallel=w.size > BLOCK_NUMBERS)
    return packed


@compiled
def _pack_panel(arguments, unit, thread):  # type: ignore[no-untyped-def]
    w, packed, columns, (group_step, step, column_step) = arguments
    panels, depth, panel = packed.shape[1:]
    group, at = unit // panels, unit % panels * panel
    source = pointer(w, group * group_step + at * column_step)
    pack_panel(source, step, column_step, depth, min(panel, columns - at), panel, pointer(packed, unit * depth * panel))


# --- one block of each ---------------------------------------------------------------------------------------------


@compiled
def _conv2d_block(arguments, block, thread):  # type: ignore[no-untyped-def]
    """One block of output pixels."""
    x, packed, y, b, scratch, slope, geometry, rows, multiply = arguments
    height, width, k = y.shape[1:]
    groups, panels, depth, panel = packed.shape
    pixels, outputs = len(y) * height * width, k // groups
    first = block * rows
    count = min(rows, pixels - first)
    windows = pointer(scratch, thread * scratch.shape[1])
    tile = shifted(windows, rows * depth)
    taps_across = depth // (x.shape[3] // groups * geometry[2]) if depth else 0
    for group in range(groups):
        gather(x, first, count, height, width, taps_across, group, geometry, windows)
        for number in range(panels):
            at = group * outputs + number * panel
            weights = pointer(packed, (group * panels + number) * depth * panel)
            columns = min(panel, outputs - number * panel)
            if columns == panel:
                to = pointer(y, first * k + at)
                multiply_panel(multiply, windows, depth, 1, weights, panel, to, k, count, depth, False)
            else:
                multiply_panel(multiply, windows, depth, 1, weights, panel, tile, panel, count, depth, False)
                for row in range(count):
                    copy(shifted(tile, row * panel), pointer(y, (first + row) * k + at), columns)
    if len(b) or slope != 1:
        finish_rows(pointer(y, first * k), count, k, pointer(b, 0), len(b) > 0, x.dtype.type(slope))


@compiled
def _conv2d_input_grad_image(arguments, n, thread):  # type: ignore[no-untyped-def]
    """One image of gx."""
    gy, packed, gx, b, scratch, slope, geometry, rows, taps, multiply = arguments
    height, width, k = gy.shape[1:]
    groups, panels, depth, panel = packed.shape
    size = gx.shape[1] * gx.shape[2] * gx.shape[3]
    columns = pointer(scratch, thread * scratch.shape[1])
    clear(pointer(gx, n * size), size)
    for group in range(groups):
        for first in range(0, height * width, rows):
            count = min(rows, height * width - first)
            for number in range(panels):
                weights = pointer(packed, (group * panels + number) * depth * panel)
                source = pointer(gy, (n * height * width + first) * k + group * depth)
                to = shifted(columns, number * panel)
                multiply_panel(multiply, source, k, 1, weights, panel, to, panels * panel, count, depth, False)
            taps_across = taps // geometry[2]
            scatter(columns, panels * panel, first, count, height, width, taps_across, group, geometry, gx, n)
    if len(b) or slope != 1:
        finish_rows(
            pointer(gx, n * size),
            gx.shape[1] * gx.shape[2],
            gx.shape[3],
            pointer(b, 0),
            len(b) > 0,
            gy.dtype.type(slope),
        )


@compiled
def _conv2d_weight_grad_part(arguments, part, thread):  # type: ignore[no-untyped-def]
    """The sum over one range of output pixels, (groups, taps·C/G, columns)."""
    x, gy, sums, scratch, gw, geometry, rows, columns, pixels, multiply = arguments
    height, width, k = gy.shape[1:]
    groups = geometry[7]
    taps_down, taps_across, c = gw.shape[:3]
    depth, outputs, panel = taps_down * taps_across * c, k // groups, PANEL_BYTES // x.itemsize
    windows = pointer(scratch, thread * scratch.shape[1])
    upstream = shifted(windows, rows * depth)
    total = pointer(sums, part * sums.shape[1])
    clear(total, sums.shape[1])
    start, end = part * pixels // len(sums), (part + 1) * pixels // len(sums)
    for first in range(start, end, rows):
        count = min(rows, end - first)
        for group in range(groups):
            gather(x, first, count, height, width, taps_across, group, geometry, windows)
            source, source_row = pointer(gy, first * k + group * outputs), k
            if columns != outputs:
                pack_panel(source, k, 1, count, outputs, columns, upstream)
                source, source_row = upstream, columns
            for at in range(0, columns, panel):
                to = shifted(total, group * depth * columns + at)
                multiply_panel(
                    multiply, windows, 1, depth, shifted(source, at), source_row, to, columns, depth, count, True
                )


@compiled
def _add_parts(arguments, tap_row, thread):  # type: ignore[no-untyped-def]
    """One row of taps of gw: the sum of the parts."""
    sums, gw, groups, columns = arguments
    _, taps_across, c, k = gw.shape
    outputs, depth = k // groups, gw.shape[0] * taps_across * c
    for group in range(groups):
        for row in range(tap_row * taps_across * c, (tap_row + 1) * taps_across * c):
            to, at = pointer(gw, row * k + group * outputs), (group * depth + row) * columns
            copy(pointer(sums, at), to, outputs)
            for part in range(1, len(sums)):
                accumulate(pointer(sums, part * sums.shape[1] + at), to, outputs)
