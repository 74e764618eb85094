"""Matrix products.

c = a @ b is computed panel by panel of b's columns. At most `DEPTH` rows of a panel, which fit the first-level cache,
are copied so that they are contiguous (columns that the last panel lacks are 0); then `vector.panel` multiplies all
rows of a by them. Where there are fewer panels than the threads can share, the rows are divided too. Every number of c
is summed up in the same order, however the work is divided.

For a single column, or a sum of a single term, nothing could be kept in registers: these are loops along the contiguous
axis, as fast as the memory.
"""

import math
from functools import lru_cache
from typing import Any, cast

import numpy as np
from numba import carray

from rawgan_kernels.cpu.compile.compiled import SUMS, compiled
from rawgan_kernels.cpu.run import pool
from rawgan_kernels.cpu.run.direct import Plan, make_plan, run_plan
from rawgan_kernels.cpu.run.launch import run, threads
from rawgan_kernels.cpu.vector.panel import multiply_panel, panel_multiplier
from rawgan_kernels.cpu.vector.pointers import (
    address_of,
    at_address,
    integers_at,
    itemsize,
    offsets_of,
    pointer,
    shifted,
)
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
    if a.ndim == 2 and b.ndim == 2:
        c = pool.empty((a.shape[0], b.shape[1]), a.dtype)
        _multiply(a, b, c)
        return c
    if b.ndim == 2 and a.flags.c_contiguous:  # one product of all rows
        rows, c = math.prod(a.shape[:-1]), pool.empty((*a.shape[:-1], b.shape[1]), a.dtype)
        _multiply(a.reshape(rows, a.shape[-1]), b, c.reshape(rows, b.shape[1]))
        return c
    front = np.broadcast_shapes(a.shape[:-2], b.shape[:-2])
    c = pool.empty((*front, a.shape[-2], b.shape[-1]), a.dtype)
    a, b = (np.broadcast_to(_in_whole_steps(x), (*front, *x.shape[-2:])) for x in (a, b))
    if a.shape[-1] * math.prod(c.shape[-2:]) > SMALL:
        for index in np.ndindex(front):
            _multiply(a[index], b[index], c[index])
    elif c.size:
        _multiply_each(a, b, c.reshape(math.prod(front), *c.shape[-2:]))
    return c


def _multiply(a: Array, b: Array, c: Array) -> None:
    """c = a @ b for matrices, c being contiguous."""
    if not (a.flags.aligned and b.flags.aligned):
        a, b = np.array(a, order="C"), np.array(b, order="C")
    plan = _plan(a.shape, a.strides, b.shape, b.strides, c.dtype)
    if plan is None:
        a, b = _in_whole_steps(a), _in_whole_steps(b)
        plan = cast(Plan, _plan(a.shape, a.strides, b.shape, b.strides, c.dtype))
    if plan.parallel:
        plan = cast(Plan, _plan(a.shape, a.strides, b.shape, b.strides, c.dtype, threads()))
    run_plan(plan, c, pool.empty((plan.scratch,), c.dtype) if plan.scratch else c, a, b)


def _multiply_each(a: Array, b: Array, c: Array) -> None:
    """Many small products: each is computed by one thread. Shapes: a (…, M, K), b (…, K, N), c (all of …, M, N)."""
    parallel = a.size * c.shape[2] > SMALL
    plan = cast(Plan, _plan(a.shape[-2:], a.strides[-2:], b.shape[-2:], b.strides[-2:], c.dtype))
    each = -(-len(c) // (4 * threads())) if parallel else len(c)
    scratch = pool.empty((threads(), max(plan.scratch, 1)), c.dtype)
    kind = (_multiply_unit, _multiply_column, _multiply_term).index(plan.body)
    arguments = c, scratch, address_of(a), address_of(b), plan.address, (offsets_of(a), offsets_of(b)), each, kind
    run(_multiply_some, -(-len(c) // each), arguments, parallel)


Steps = tuple[int, ...]


@lru_cache(maxsize=1024)  # a network needs the same few in every step
def _plan(a: Steps, of_a: Steps, b: Steps, of_b: Steps, dtype: np.dtype[Any], sharing: int = 1) -> Plan | None:
    """Plan of c = a @ b for matrices of these shapes and strides, shared by so many threads, or in one block.

    Returns: None if the strides are not whole numbers of the dtype
    """
    (m, depth), n, size = a, b[1], dtype.itemsize
    if any(step % size for step in (*of_a, *of_b)):
        return None
    a_row, a_step, _, b_column = steps = [step // size for step in (*of_a, *of_b)]
    parallel = m * n * depth > SMALL
    if not m * n:
        return make_plan(_multiply_unit, dtype, 0, False, 0)
    column = n == 1 and 1 in (a_row, a_step)
    if column or (depth == 1 and b_column == 1):
        rows = -(-m // (2 * sharing)) if parallel else m
        body = _multiply_column if column else _multiply_term
        return make_plan(body, dtype, -(-m // rows), parallel, 0, m, n, *steps, depth, rows)
    panel = PANEL_BYTES // size
    panels = -(-n // panel)
    if parallel:  # one panel at a time and, where there are few, some of the rows
        cuts = min(-(-4 * sharing // panels), -(-m // TILE_ROWS))
        rows, width = -(-m // (cuts * TILE_ROWS)) * TILE_ROWS, panel
    else:
        rows, width = m, panels * panel
    scratch, count = DEPTH * panel + rows * panel, -(-m // rows) * -(-n // width)
    numbers = m, n, *steps, depth, rows, width, panel_multiplier(dtype.char), scratch
    return make_plan(_multiply_unit, dtype, count, parallel, sharing * scratch, *numbers)


@compiled
def _multiply_unit(arguments, unit, thread):  # type: ignore[no-untyped-def]
    c, scratch, a, b, plan, _ = arguments
    _unit(c, scratch, a, b, integers_at(plan), unit, thread)


@compiled
def _multiply_column(arguments, block, thread):  # type: ignore[no-untyped-def]
    c, _, a, b, plan, _ = arguments
    _column(c, a, b, integers_at(plan), block)


@compiled
def _multiply_term(arguments, block, thread):  # type: ignore[no-untyped-def]
    c, _, a, b, plan, _ = arguments
    _term(c, a, b, integers_at(plan), block)


@compiled
def _unit(c, scratch, a, b, plan, unit, thread):  # type: ignore[no-untyped-def]
    """Some rows of some panels of c."""
    m, n, a_row, a_step, b_step, b_column = plan[0], plan[1], plan[2], plan[3], plan[4], plan[5]
    depth, rows, width, multiply = plan[6], plan[7], plan[8], plan[9]
    panel = PANEL_BYTES // itemsize(c)
    across = -(-n // width)
    first, start = unit // across * rows, unit % across * width
    rows = min(rows, m - first)
    packed = shifted(scratch, thread * plan[10])
    tile = shifted(packed, DEPTH * panel)
    for at in range(start, min(n, start + width), panel):
        columns = min(panel, n - at)
        to, to_row = (shifted(c, first * n + at), n) if columns == panel else (tile, panel)
        for k in range(0, max(depth, 1), DEPTH):
            part = min(DEPTH, depth - k)
            right = shifted(b, k * b_step + at * b_column)
            pack_panel(right, b_step, b_column, part, columns, panel, packed)
            left = shifted(a, first * a_row + k * a_step)
            multiply_panel(multiply, left, a_row, a_step, packed, panel, to, to_row, rows, part, k > 0)
        if columns < panel:
            for i in range(rows):
                copy(shifted(tile, i * panel), shifted(c, (first + i) * n + at), columns)


@compiled(fastmath=SUMS)
def _column(c, a, b, plan, block):  # type: ignore[no-untyped-def]
    """Some rows of c (M, 1), a having contiguous rows or contiguous columns."""
    m, a_row, a_step, b_step, depth, rows = plan[0], plan[2], plan[3], plan[4], plan[6], plan[7]
    first = block * rows
    column = carray(shifted(c, first), min(rows, m - first))
    a = shifted(a, first * a_row)
    if a_step == 1:
        factors = np.empty(depth, column.dtype)
        copy_strided(b, b_step, pointer(factors, 0), 1, depth)
        for i in range(len(column)):
            row = carray(shifted(a, i * a_row), depth)
            total = column.dtype.type(0)
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
def _term(c, a, b, plan, block):  # type: ignore[no-untyped-def]
    """Some rows of c = a @ b, a having one column and b one contiguous row."""
    m, n, a_row, rows = plan[0], plan[1], plan[2], plan[7]
    row = carray(b, n)
    for i in range(block * rows, min(m, (block + 1) * rows)):
        factor, result = carray(shifted(a, i * a_row), 1)[0], carray(shifted(c, i * n), n)
        for j in range(n):
            result[j] = factor * row[j]


@compiled
def _multiply_some(arguments, block, thread):  # type: ignore[no-untyped-def]
    """Some of many small products."""
    c, scratch, a, b, plan, (of_a, of_b), each, kind = arguments
    numbers, size, mine = integers_at(plan), c.shape[1] * c.shape[2], pointer(scratch, thread * scratch.shape[1])
    for item in range(block * each, min(len(c), (block + 1) * each)):
        to, left, right = pointer(c, item * size), at_address(c, a + of_a[item]), at_address(c, b + of_b[item])
        if kind == 0:
            _unit(to, mine, left, right, numbers, 0, 0)
        elif kind == 1:
            _column(to, left, right, numbers, 0)
        else:
            _term(to, left, right, numbers, 0)


def _in_whole_steps(x: Array) -> Array:
    """The array itself if its strides are whole elements, else a contiguous copy."""
    whole = all(step % x.itemsize == 0 for step in x.strides)
    return x if whole and x.flags.aligned else np.array(x, order="C")
