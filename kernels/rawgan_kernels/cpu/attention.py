"""Scaled dot-product attention and its gradients, block by block: the scores of all queries are never in memory.

**Layout.** A thread takes `QUERIES` queries and meets the keys of its image in blocks of `KEYS`. The scores of a block
are kept as sᵀ, one row for each key. So k is the left factor of their product as it lies in memory, and the queries,
turned once into panels for `vector.panel`, are the right one. The softmax runs along columns: each lane of a vector is
a query of its own, with its own maximum and sum, and nothing is added up across lanes. A block of scores and the keys
and values that it belongs to stay in the second-level cache.

**Forward.** The softmax is online (Milakov, Gimelshein 2018; Dao et al. 2022): with m the largest score so far,

    total ← total · e^(m − m') + e^(s − m') @ v        sum ← sum · e^(m − m') + Σ e^(s − m')

where m' is the largest with this block. At the end, y = total / sum, and lse = m + log sum.

**Backward.** The weights of a block are computed again, p = e^(s − lse), and used at once for all three gradients. Each
block of queries writes its gq, and adds to gk and gv. Where there are few images, their queries are divided into a few
groups, each with a gk and gv of its own; these are added up in order, so the result does not depend on the threads.
"""

from typing import Any

import numpy as np

from rawgan_kernels.cpu.compile.compiled import compiled
from rawgan_kernels.cpu.run import pool
from rawgan_kernels.cpu.run.launch import run, threads
from rawgan_kernels.cpu.vector.exponentials import exp, zero
from rawgan_kernels.cpu.vector.panel import multiply_panel, panel_multiplier
from rawgan_kernels.cpu.vector.pointers import pointer, shifted
from rawgan_kernels.cpu.vector.registers import PANEL_BYTES
from rawgan_kernels.cpu.vector.rows import clear, copy, pack_panel
from rawgan_kernels.cpu.vector.softmax import column_exponentials, column_maxima, column_slopes
from rawgan_kernels.dispatch import implements

Array = np.ndarray[Any, Any]

QUERIES = 96
"""Queries of a block: whole panels and whole register tiles for every dtype and vector length."""

KEYS = 96
"""Keys of a block."""

GROUPS = 8
"""Images, or groups of queries of fewer images, that the backward pass is divided into at least."""

SMALL = 1 << 19
"""Multiplications up to which the other threads are not woken."""


@implements
def attention(q: Array, k: Array, v: Array, scale: float) -> tuple[Array, Array]:
    front, (length, depth), (keys, width) = q.shape[:-2], q.shape[-2:], v.shape[-2:]
    y, lse = pool.empty((*front, length, width), q.dtype), np.empty((*front, length), q.dtype)
    if not lse.size:
        return y, lse
    q, k, v = _stacked(q), _stacked(k), _stacked(v)
    wide = _padded(width, q.itemsize)
    scratch = pool.empty((threads(), QUERIES * (depth + KEYS + wide + 5) + KEYS * wide), q.dtype)
    arguments = (_stacked(y), lse.reshape(-1, length), q, k, v, scratch, float(scale), panel_multiplier(q.dtype.char))
    units = len(q) * -(-length // QUERIES)
    run(_forward, units, arguments, len(q) * length * keys * (depth + width) > SMALL)
    return y, lse


@implements
def attention_grad(
    q: Array, k: Array, v: Array, y: Array, lse: Array, gy: Array, scale: float
) -> tuple[Array, Array, Array]:
    shapes, (length, depth), (keys, width) = (q.shape, k.shape, v.shape), q.shape[-2:], v.shape[-2:]
    if not lse.size:
        return pool.empty(q.shape, q.dtype), np.zeros(k.shape, q.dtype), np.zeros(v.shape, q.dtype)
    q, k, v, y, gy, lse = (*map(_stacked, (q, k, v, y, gy)), np.ascontiguousarray(lse).reshape(-1, length))
    deep, wide, count, blocks = _padded(depth, q.itemsize), _padded(width, q.itemsize), len(q), -(-length // QUERIES)
    groups = min(blocks, -(-GROUPS // count))
    each = -(-blocks // groups)
    groups = -(-blocks // each)
    gq = pool.empty(q.shape, q.dtype)
    gk, gv = pool.empty((count, groups, keys, deep), q.dtype), pool.empty((count, groups, keys, wide), q.dtype)
    scratch = pool.empty((threads(), QUERIES * (depth + width + 2 * KEYS + 2 * deep + wide + 2) + KEYS * deep), q.dtype)
    arguments = (gq, gk, gv, q, k, v, y, lse, gy, scratch, float(scale), each, panel_multiplier(q.dtype.char))
    run(_backward, count * groups, arguments, count * length * keys * (depth + width) > SMALL)
    gk, gv = _collected(gk, depth), _collected(gv, width)
    return gq.reshape(shapes[0]), gk.reshape(shapes[1]), gv.reshape(shapes[2])


def _stacked(x: Array) -> Array:
    """x as a contiguous array of matrices, (images, rows, columns)."""
    return np.ascontiguousarray(x).reshape(-1, *x.shape[-2:]) if x.size else np.empty((0, *x.shape[-2:]), x.dtype)


def _padded(columns: int, itemsize: int) -> int:
    """Columns of whole panels."""
    panel = PANEL_BYTES // itemsize
    return -(-columns // panel) * panel


def _collected(x: Array, columns: int) -> Array:
    """(images, groups, rows, whole panels) → (images, rows, columns), the groups added up."""
    total = x[:, 0]
    for group in range(1, x.shape[1]):
        total += x[:, group]
    return total if total.shape[2] == columns else np.ascontiguousarray(total[:, :, :columns])


# --- one block of each ------------------------------------------------------------------------------------------


@compiled
def _forward(arguments, unit, thread):  # type: ignore[no-untyped-def]
    """y and lse of one block of queries."""
    y, lse, q, k, v, scratch, scale, multiply = arguments
    (_, length, depth), (_, keys, width) = q.shape, v.shape
    panel = PANEL_BYTES // y.itemsize
    wide = -(-width // panel) * panel
    blocks = -(-length // QUERIES)
    image, first = unit // blocks, unit % blocks * QUERIES
    rows = min(QUERIES, length - first)
    lanes = -(-rows // panel) * panel

    turned = pointer(scratch, thread * scratch.shape[1])  # panels of scale · qᵀ, each (depth, panel)
    scores = shifted(turned, QUERIES * depth)  # (KEYS, lanes)
    values = shifted(scores, QUERIES * KEYS)  # panels of v, each (KEYS, panel)
    total = shifted(values, KEYS * wide)  # (QUERIES, wide)
    highest = shifted(total, QUERIES * wide)
    sums = shifted(highest, QUERIES)
    factors = shifted(sums, QUERIES)
    levels = shifted(factors, QUERIES)
    fresh = shifted(levels, QUERIES)

    _start_lanes(lanes, highest, sums)
    _turn(pointer(q, (image * length + first) * depth), rows, depth, panel, y.dtype.type(scale), turned)
    for at in range(0, keys, KEYS):
        part = min(KEYS, keys - at)
        some_keys, some_values = pointer(k, (image * keys + at) * depth), pointer(v, (image * keys + at) * width)
        for lane in range(0, lanes, panel):
            to = shifted(scores, lane)
            multiply_panel(multiply, some_keys, depth, 1, shifted(turned, lane * depth), panel, to, lanes, part, depth,
                           False)  # fmt: skip
        if _weights(scores, part, lanes, highest, sums, factors, levels, fresh) and at:
            _scale_rows(total, rows, wide, factors)
        for column in range(0, width, panel):
            right = shifted(values, column * KEYS)
            pack_panel(shifted(some_values, column), width, 1, part, min(panel, width - column), panel, right)
            to = shifted(total, column)
            multiply_panel(multiply, scores, 1, lanes, right, panel, to, wide, rows, part, at > 0)
    for i in range(rows):
        row, result, sum = shifted(total, i * wide), pointer(y, (image * length + first + i) * width), sums[i]
        for j in range(width):
            result[j] = row[j] / sum
        lse[image, first + i] = highest[i] + np.log(sum)


@compiled
def _backward(arguments, unit, thread):  # type: ignore[no-untyped-def]
    """gq of one group of queries, and its part of gk and gv."""
    gq, gk, gv, q, k, v, y, lse, gy, scratch, scale, each, multiply = arguments
    (_, length, depth), (_, keys, width) = q.shape, v.shape
    (_, groups, _, deep), wide = gk.shape, gv.shape[3]
    panel = PANEL_BYTES // q.itemsize
    image, group = unit // groups, unit % groups
    start, end = group * each * QUERIES, min(length, (group + 1) * each * QUERIES)
    number = q.dtype.type(scale)

    turned = pointer(scratch, thread * scratch.shape[1])  # panels of scale · qᵀ, each (depth, panel)
    turned_gy = shifted(turned, QUERIES * depth)  # panels of gyᵀ, each (width, panel)
    weights = shifted(turned_gy, QUERIES * width)  # (KEYS, lanes)
    slopes = shifted(weights, QUERIES * KEYS)  # (KEYS, lanes)
    queries = shifted(slopes, QUERIES * KEYS)  # panels of scale · q, each (QUERIES, panel)
    gradients = shifted(queries, QUERIES * deep)  # panels of gy, each (QUERIES, panel)
    total = shifted(gradients, QUERIES * wide)  # gq (QUERIES, deep)
    levels = shifted(total, QUERIES * deep)
    means = shifted(levels, QUERIES)
    some_keys = shifted(means, QUERIES)  # panels of k, each (KEYS, panel)

    for first in range(start, end, QUERIES):
        rows = min(QUERIES, end - first)
        lanes = -(-rows // panel) * panel
        at_q, at_gy = pointer(q, (image * length + first) * depth), pointer(gy, (image * length + first) * width)
        at_y = pointer(y, (image * length + first) * width)
        _turn(at_q, rows, depth, panel, number, turned)
        _turn(at_gy, rows, width, panel, q.dtype.type(1), turned_gy)
        _pack(at_q, rows, depth, panel, QUERIES, queries)
        for i in range(QUERIES * deep):
            queries[i] *= number
        _pack(at_gy, rows, width, panel, QUERIES, gradients)
        clear(levels, QUERIES)
        clear(means, QUERIES)
        for i in range(rows):
            levels[i] = lse[image, first + i]
            mean = zero(levels[i])
            for j in range(width):
                mean += at_gy[i * width + j] * at_y[i * width + j]
            means[i] = mean
        for at in range(0, keys, KEYS):
            part, more = min(KEYS, keys - at), first > start
            at_k, at_v = pointer(k, (image * keys + at) * depth), pointer(v, (image * keys + at) * width)
            for lane in range(0, lanes, panel):
                right, to = shifted(turned, lane * depth), shifted(weights, lane)
                multiply_panel(multiply, at_k, depth, 1, right, panel, to, lanes, part, depth, False)
                right, to = shifted(turned_gy, lane * width), shifted(slopes, lane)
                multiply_panel(multiply, at_v, width, 1, right, panel, to, lanes, part, width, False)
            column_slopes(weights, slopes, part, lanes, levels, means)
            for column in range(0, width, panel):
                right, to = shifted(gradients, column * QUERIES), pointer(gv, (unit * keys + at) * wide + column)
                multiply_panel(multiply, weights, lanes, 1, right, panel, to, wide, part, rows, more)
            _pack(at_k, part, depth, panel, KEYS, some_keys)
            for column in range(0, depth, panel):
                right, to = shifted(queries, column * QUERIES), pointer(gk, (unit * keys + at) * deep + column)
                multiply_panel(multiply, slopes, lanes, 1, right, panel, to, deep, part, rows, more)
                right, to = shifted(some_keys, column * KEYS), shifted(total, column)
                multiply_panel(multiply, slopes, 1, lanes, right, panel, to, deep, rows, part, at > 0)
        for i in range(rows):
            row, result = shifted(total, i * deep), pointer(gq, (image * length + first + i) * depth)
            for j in range(depth):
                result[j] = row[j] * number


# --- parts of a block -------------------------------------------------------------------------------------------


@compiled
def _turn(x, rows, columns, panel, factor, turned):  # type: ignore[no-untyped-def]
    """factor · xᵀ in panels of rows of x, (columns, panel) each; the last one is filled up with 0."""
    for row in range(0, rows, panel):
        to = shifted(turned, row * columns)
        pack_panel(shifted(x, row * columns), 1, columns, columns, min(panel, rows - row), panel, to)
        for i in range(columns * panel):
            to[i] *= factor


@compiled
def _pack(x, rows, columns, panel, height, packed):  # type: ignore[no-untyped-def]
    """x in panels of columns, (height, panel) each, of which `rows` rows are written."""
    for column in range(0, columns, panel):
        to = shifted(packed, column * height)
        pack_panel(shifted(x, column), columns, 1, rows, min(panel, columns - column), panel, to)


@compiled
def _start_lanes(lanes, highest, sums):  # type: ignore[no-untyped-def]
    for i in range(lanes):
        highest[i], sums[i] = zero(highest[i]) - np.inf, zero(sums[i])


@compiled
def _weights(scores, keys, lanes, highest, sums, factors, levels, fresh):  # type: ignore[no-untyped-def]
    """Replace the scores (keys, lanes) by e^(s − m); bring the maximum m and the sum of each lane up to date.

    factors: e^(m before − m), which the products so far are to be multiplied by. Returns True if one is not 1.
    levels, fresh: scratch memory.
    """
    copy(highest, factors, lanes)
    column_maxima(scores, keys, lanes, highest)
    changed = False
    for i in range(lanes):
        changed |= highest[i] != factors[i]
        levels[i] = highest[i] if highest[i] != -np.inf else zero(highest[i])  # −∞ − −∞ would be NaN
        factors[i] = exp(factors[i] - levels[i])
    column_exponentials(scores, keys, lanes, levels, fresh)
    for i in range(lanes):
        sums[i] = sums[i] * factors[i] + fresh[i]
    return changed


@compiled
def _scale_rows(x, rows, columns, factors):  # type: ignore[no-untyped-def]
    for i in range(rows):
        row, factor = shifted(x, i * columns), factors[i]
        for j in range(columns):
            row[j] *= factor
