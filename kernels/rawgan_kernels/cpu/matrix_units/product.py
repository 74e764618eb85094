"""Matrix products in bf16.

b is packed first, all of it. Then each block of rows of a is packed and multiplied by some columns of b. Every number
of c is summed up in the same order, however the work is divided.
"""

import math
from typing import Any

import numpy as np

from rawgan_kernels.cpu.compile.compiled import compiled
from rawgan_kernels.cpu.matrix_units.packing import (
    HALF,
    NUMBER,
    PANEL,
    TOGETHER,
    aligned,
    pack_left,
    pack_right,
    padded,
    row_length,
)
from rawgan_kernels.cpu.matrix_units.units import SCRATCH, Unit, multiplier, multiply
from rawgan_kernels.cpu.run import pool
from rawgan_kernels.cpu.run.launch import run, threads
from rawgan_kernels.cpu.vector.pointers import address_of, at_address, offsets_of, pointer, shifted
from rawgan_kernels.cpu.vector.rows import copy

Array = np.ndarray[Any, Any]

ROWS = 256
"""Rows of a block, at most."""

BLOCK_NUMBERS = 1 << 18
"""Numbers of a block of a, at most: 512 KiB in bf16, for the second-level cache."""

COLUMNS = 256
"""Columns of a block, at least: a is packed once for each block of columns."""


def matmul(a: Array, b: Array, unit: Unit) -> Array:
    """a @ b of float32 arrays in bf16 arithmetic. Shapes: a (…, M, K), b (…, K, N) → (…, M, N)."""
    if b.ndim == 2 and a.ndim > 2 and a.flags.c_contiguous:  # one product of all rows
        rows = math.prod(a.shape[:-1])
        return matmul(a.reshape(rows, a.shape[-1]), b, unit).reshape(*a.shape[:-1], b.shape[1])
    front = np.broadcast_shapes(a.shape[:-2], b.shape[:-2])
    c = pool.empty((*front, a.shape[-2], b.shape[-1]), NUMBER)
    if not c.size:
        return c
    a, b = (np.broadcast_to(_with_contiguous_axis(x), (*front, *x.shape[-2:])) for x in (a, b))
    _multiply(a, b, c.reshape(-1, *c.shape[-2:]), unit)
    return c


def _multiply(a: Array, b: Array, c: Array, unit: Unit) -> None:
    """Shapes: a (…, M, K), b (…, K, N), c (all of …, M, N)."""
    (count, m, n), depth = c.shape, a.shape[-1]
    panels, full = -(-n // PANEL), padded(depth)
    packed = aligned(count * panels, full * PANEL, HALF)
    spare = aligned(threads(), full + 32, HALF)
    of_panels = c, packed, spare, address_of(b), offsets_of(b), _steps(b), depth
    run(_pack_panels, count * -(-panels // TOGETHER), of_panels)
    rows = max(1, min(ROWS, BLOCK_NUMBERS // (full + 32), -(-m * count // (4 * threads()))))
    rows = padded(min(rows, m))
    down = -(-m // rows)
    cuts = max(1, min(-(-4 * threads() // (count * down)), n // COLUMNS))
    width = padded(-(-n // cuts))
    across = -(-n // width)
    left = aligned(threads(), rows * row_length(full), HALF)
    direct = n % PANEL == 0 and m % PANEL == 0
    results = aligned(threads(), SCRATCH + max(rows, 0 if direct else rows * width), NUMBER)
    sizes = depth, rows, width, row_length(full), direct
    arguments = (c, packed, left, results, address_of(a), offsets_of(a), _steps(a), sizes, multiplier(unit))
    run(_multiply_block, count * down * across, arguments)


@compiled
def _pack_panels(arguments, unit, thread):  # type: ignore[no-untyped-def]
    """Some panels of one of the matrices b."""
    c, packed, spare, b, offsets, (b_step, b_column), depth = arguments
    panels = -(-c.shape[2] // PANEL)
    units = -(-panels // TOGETHER)
    which, first = unit // units, unit % units * TOGETHER
    source = shifted(at_address(c, b + offsets[which]), first * PANEL * b_column)
    columns = min(TOGETHER * PANEL, c.shape[2] - first * PANEL)
    to, row = pointer(packed, (which * panels + first) * packed.shape[1]), pointer(spare, thread * spare.shape[1])
    pack_right(source, b_step, b_column, depth, columns, to, row)


@compiled
def _multiply_block(arguments, block, thread):  # type: ignore[no-untyped-def]
    """Some rows of one of the matrices c, and some of its columns."""
    c, packed, left, results, a, offsets, (a_row, a_step), (depth, rows, width, row, direct), multiplier = arguments
    _, m, n = c.shape
    down, across, panels = -(-m // rows), -(-n // width), -(-n // PANEL)
    which, first, start = block // (down * across), block // across % down * rows, block % across * width
    rows, columns = min(rows, m - first), min(width, n - start)
    scratch = pointer(results, thread * results.shape[1])
    tile = shifted(scratch, SCRATCH)
    packed_left = pointer(left, thread * left.shape[1])
    source = shifted(at_address(c, a + offsets[which]), first * a_row)
    pack_left(source, a_row, a_step, rows, depth, packed_left, row, tile)
    right = pointer(packed, (which * panels + start // PANEL) * packed.shape[1])
    to = pointer(c, (which * m + first) * n + start)
    full = packed.shape[1] // PANEL
    target, target_row = (to, n) if direct else (tile, width)
    multiply(
        multiplier, packed_left, row, right, 2 * PANEL, full * PANEL, target, target_row, rows, columns, full, False,
        scratch,
    )  # fmt: skip
    if not direct:
        for i in range(rows):
            copy(shifted(tile, i * width), shifted(to, i * n), columns)


def _with_contiguous_axis(x: Array) -> Array:
    """The array itself if one of its last two axes is contiguous and all its steps are whole numbers, else a copy."""
    row, step = x.strides[-2:]
    whole = x.flags.aligned and all(stride % x.itemsize == 0 for stride in x.strides)
    return x if whole and x.itemsize in (row, step) else np.ascontiguousarray(x)


def _steps(x: Array) -> tuple[int, int]:
    """Steps of the last two axes in numbers; one of them is 1."""
    row, step = x.strides[-2] // x.itemsize, x.strides[-1] // x.itemsize
    return row, step
