"""Matrix products.

c = a @ b is computed panel by panel of b's columns. At most `DEPTH` rows of a panel, which fit the first-level cache,
are copied so that they are contiguous (columns that the last panel lacks are 0); then `vector.panel` multiplies all
rows of a by them. Where there are fewer panels than the threads can share, the rows are divided too. Every number of c
is summed up in the same order, however the work is divided.

For a single column, or a sum of a single term, nothing could be kept in registers: these are loops along the contiguous
axis, as fast as the memory.
"""

import math
from typing import Any

import numpy as np
from numba import carray

from rawgan_kernels.cpu.compile.compiled import SUMS, compiled
from rawgan_kernels.cpu.run import pool
from rawgan_kernels.cpu.run.launch import run, threads
from rawgan_kernels.cpu.vector.panel import multiply_panel, panel_multiplier
from rawgan_kernels.cpu.vector.pointers import address_of, at_address, offsets_of_matrices, pointer, shifted
from rawgan_kernels.cpu.vector.registers import PANEL_BYTES, TILE_ROWS
from rawgan_kernels.cpu.vector.rows import copy, copy_strided, pack_panel
from rawgan_kernels.dispatch import implements

Array = np.ndarray[Any, Any]

DEPTH = 384
"""Rows of a panel that are multiplied at a time: 24 KiB in float32."""

SMALL = 1 << 19
"""Multiplications up to which the other threads are not woken."""


@implements
def matmul(a: Array, b: Array) -> Array:
    a, b = _steps_in_elements(a), _steps_in_elements(b)
    if a.ndim == b.ndim == 2:
        y = pool.empty((a.shape[0], b.shape[1]), a.dtype)
        _multiply(a, b, y)
        return y
    if b.ndim == 2 and a.flags.c_contiguous:  # one product of all rows
        rows, y = math.prod(a.shape[:-1]), pool.empty((*a.shape[:-1], b.shape[1]), a.dtype)
        _multiply(a.reshape(rows, a.shape[-1]), b, y.reshape(rows, b.shape[1]))
        return y
    front = np.broadcast_shapes(a.shape[:-2], b.shape[:-2])
    y = pool.empty((*front, a.shape[-2], b.shape[-1]), a.dtype)
    a, b = (np.broadcast_to(x, (*front, *x.shape[-2:])) for x in (a, b))
    if a.shape[-1] * math.prod(y.shape[-2:]) > SMALL:
        for index in np.ndindex(front):
            _multiply(a[index], b[index], y[index])
    elif y.size:
        _multiply_each(a, b, y.reshape(math.prod(front), *y.shape[-2:]))
    return y


def _multiply_each(a: Array, b: Array, c: Array) -> None:
    """Many small products: each is computed by one thread. Shapes: a (…, M, K), b (…, K, N), c (all of …, M, N)."""
    first = (0,) * (a.ndim - 2)
    parallel = a.size * c.shape[2] > SMALL
    body, _, arguments = _work(a[first], b[first], c[0], parallel=False, rivals=threads() if parallel else 1)
    each = -(-len(c) // (4 * threads())) if parallel else len(c)
    offsets = offsets_of_matrices(a), offsets_of_matrices(b)
    if body is _multiply_unit:
        run(_multiply_units, -(-len(c) // each), (c, arguments[1:], offsets, each))
    else:
        run(_multiply_vectors, -(-len(c) // each), (c, arguments[1:], offsets, each, body is _multiply_column))


def _multiply(a: Array, b: Array, c: Array) -> None:
    if c.size:
        parallel = c.size * a.shape[1] > SMALL
        run(*_work(a, b, c, parallel, threads() if parallel else 1))


def _work(a: Array, b: Array, c: Array, parallel: bool, rivals: int) -> tuple[Any, int, tuple[Any, ...]]:
    """Body, number of blocks and arguments of c = a @ b; one block if not parallel. `rivals` threads need scratch."""
    (m, depth), n, size = a.shape, b.shape[1], a.itemsize
    (a_row, a_step), (b_step, b_column) = a.strides, b.strides
    steps = a_row // size, a_step // size, b_step // size, b_column // size
    column = n == 1 and 1 in steps[:2]
    if column or (depth == 1 and steps[3] == 1):
        rows = -(-m // (2 * threads())) if parallel else m
        body = _multiply_column if column else _multiply_term
        return body, -(-m // rows), (c, address_of(a), address_of(b), steps, depth, rows)
    panel = PANEL_BYTES // size
    panels = -(-n // panel)
    if parallel:  # one panel at a time and, where there are few, some of the rows
        cuts = min(-(-4 * threads() // panels), -(-m // TILE_ROWS))
        rows, width = -(-m // (cuts * TILE_ROWS)) * TILE_ROWS, panel
    else:
        rows, width = m, panels * panel
    scratch = pool.empty((rivals, DEPTH * panel + rows * panel), a.dtype)
    arguments = (c, scratch, address_of(a), address_of(b), steps, depth, rows, width, panel_multiplier(a.dtype.char))
    return _multiply_unit, -(-m // rows) * -(-n // width), arguments


@compiled
def _multiply_unit(arguments, unit, thread):  # type: ignore[no-untyped-def]
    """Some rows of some panels of c."""
    c, scratch, a, b, (a_row, a_step, b_step, b_column), depth, rows, width, multiply = arguments
    m, n = c.shape
    panel = PANEL_BYTES // c.itemsize
    across = -(-n // width)
    first, start = unit // across * rows, unit % across * width
    rows = min(rows, m - first)
    packed = pointer(scratch, thread * scratch.shape[1])
    tile = shifted(packed, DEPTH * panel)
    for at in range(start, min(n, start + width), panel):
        columns = min(panel, n - at)
        to, to_row = (pointer(c, first * n + at), n) if columns == panel else (tile, panel)
        for k in range(0, max(depth, 1), DEPTH):
            part = min(DEPTH, depth - k)
            right = shifted(at_address(c, b), k * b_step + at * b_column)
            pack_panel(right, b_step, b_column, part, columns, panel, packed)
            left = shifted(at_address(c, a), first * a_row + k * a_step)
            multiply_panel(multiply, left, a_row, a_step, packed, panel, to, to_row, rows, part, k > 0)
        if columns < panel:
            for i in range(rows):
                copy(shifted(tile, i * panel), pointer(c, (first + i) * n + at), columns)


@compiled(fastmath=SUMS)
def _multiply_column(arguments, block, thread):  # type: ignore[no-untyped-def]
    """Some rows of c (M, 1), a having contiguous rows or contiguous columns."""
    c, a, b, (a_row, a_step, b_step, _), depth, rows = arguments
    first = block * rows
    column = c.reshape(-1)[first : first + rows]
    b = at_address(c, b)
    a = shifted(at_address(c, a), first * a_row)
    if a_step == 1:
        factors = np.empty(depth, c.dtype)
        copy_strided(b, b_step, pointer(factors, 0), 1, depth)
        for i in range(len(column)):
            row = carray(shifted(a, i * a_row), depth)
            total = c.dtype.type(0)
            for k in range(depth):
                total += row[k] * factors[k]
            column[i] = total
    else:
        column[:] = 0
        for k in range(depth):
            factor, terms = carray(shifted(b, k * b_step), 1)[0], carray(shifted(a, k * a_step), len(column))
            for i in range(len(column)):
                column[i] += terms[i] * factor


@compiled
def _multiply_term(arguments, block, thread):  # type: ignore[no-untyped-def]
    """Some rows of c = a @ b, a having one column and b one contiguous row."""
    c, a, b, (a_row, _, _, _), _, rows = arguments
    row = carray(at_address(c, b), c.shape[1])
    for i in range(block * rows, min(len(c), (block + 1) * rows)):
        factor, result = carray(shifted(at_address(c, a), i * a_row), 1)[0], c[i]
        for j in range(len(row)):
            result[j] = factor * row[j]


@compiled
def _multiply_units(arguments, block, thread):  # type: ignore[no-untyped-def]
    """Some of many small products, panel by panel."""
    c, (scratch, a, b, steps, depth, rows, width, multiply), (of_a, of_b), each = arguments
    for item in range(block * each, min(len(c), (block + 1) * each)):
        one = c[item], scratch, a + of_a[item], b + of_b[item], steps, depth, rows, width, multiply
        _multiply_unit(one, 0, thread)


@compiled
def _multiply_vectors(arguments, block, thread):  # type: ignore[no-untyped-def]
    """Some of many small products, each with a single column or a single term."""
    c, (a, b, steps, depth, rows), (of_a, of_b), each, columns = arguments
    for item in range(block * each, min(len(c), (block + 1) * each)):
        one = c[item], a + of_a[item], b + of_b[item], steps, depth, rows
        if columns:
            _multiply_column(one, 0, thread)
        else:
            _multiply_term(one, 0, thread)


def _steps_in_elements(x: Array) -> Array:
    """The array itself if its strides are whole elements, else a contiguous copy."""
    flags = x.flags
    whole = flags.forc or all(step % x.itemsize == 0 for step in x.strides)
    return x if whole and flags.aligned else np.ascontiguousarray(x)
