"""Resizing and separable filtering: a block is a few rows of the result.

Each row of the result is computed in two steps: the sum of the rows of x that it needs, in scratch memory, which stays
in the cache, and from that the sums along the row. Rows are long, so the first step runs in whole vectors; the second
does, too, if there are enough channels. A step that changes nothing is left out, and one that only chooses pixels, as
`nearest` and its gradient downwards do, copies them. A row that is like the last one is a copy of it.
"""

from functools import lru_cache
from typing import Any

import numpy as np

from rawgan_kernels.cpu.compile.compiled import compiled
from rawgan_kernels.cpu.run import pool
from rawgan_kernels.cpu.run.launch import run, threads
from rawgan_kernels.cpu.vector.pointers import pointer, shifted
from rawgan_kernels.cpu.vector.rows import clear, copy, copy_long
from rawgan_kernels.dispatch import implements
from rawgan_kernels.resampling import Map, table

Array = np.ndarray[Any, Any]

BLOCK = 1 << 14
"""Numbers of the result in a block, about: they take some µs, long enough to be worth a thread."""

FEW = 8
"""Channels below which the second step goes number by number along the row, not channel by channel in each pixel."""


@implements
def resample(x: Array, rows: Map, columns: Map) -> Array:
    x = np.ascontiguousarray(x)
    n, h, w, c = x.shape
    y = pool.empty((n, rows.output, columns.output, c), x.dtype)
    if not y.size:
        return y
    each = max(1, BLOCK // (columns.output * c))
    parts = -(-rows.output // each)
    scratch = np.zeros((threads(), w * c + 1), x.dtype)
    row_chosen, column_chosen = table(rows).chosen, table(columns).chosen
    identity = columns.output == w and table(columns).identity
    few = c if c < FEW and not column_chosen else 0
    sizes = h, w, c, rows.output, columns.output, each, parts
    arguments = x.reshape(-1), y.reshape(-1), scratch.reshape(-1), _table(rows, x.dtype), _table(columns, x.dtype)
    choices = identity, row_chosen, column_chosen
    run(_resample, n * parts, (*arguments, _spread(columns, few, x.dtype), choices, sizes))
    return y


@lru_cache(maxsize=256)  # a network needs the same few in every step
def _table(map: Map, dtype: np.dtype[Any]) -> tuple[Array, Array, Array]:
    first, count, weights = table(map)
    return first, count, np.ascontiguousarray(weights, dtype)


@lru_cache(maxsize=256)
def _spread(map: Map, channels: int, dtype: np.dtype[Any]) -> tuple[Array, Array]:
    """Place in the row and weight of the k-th term of each number. Shapes: both (terms, output · channels)

    A term that is missing is the number behind the row, 0.
    """
    first, count, weights = table(map)
    terms = np.arange(weights.shape[1])[:, None]
    places = np.where(terms < count, first + terms, map.size)[..., None] * channels + np.arange(channels)
    places = places.clip(None, map.size * channels).reshape(len(terms), map.output * channels)
    return places.astype(np.int32), np.repeat(weights.T, channels, axis=1).astype(dtype)


@compiled
def _resample(arguments, block, thread):  # type: ignore[no-untyped-def]
    x, y, scratch, rows, columns, spread, choices, sizes = arguments
    identity, row_chosen, column_chosen = choices
    h, w, c, i, j, each, parts = sizes
    image, start = block // parts, block % parts * each
    width = w * c
    summed = pointer(scratch, thread * (width + 1))
    for row in range(start, min(start + each, i)):
        first, count, weights = rows
        terms = weights.shape[1]
        source, result = pointer(x, (image * h + first[row]) * width), pointer(y, (image * i + row) * j * c)
        if not count[row]:
            clear(result, j * c)
            continue
        if row_chosen and row > start and count[row - 1] and first[row] == first[row - 1]:
            copy_long(shifted(result, -j * c), result, j * c)
            continue
        if identity:
            _sum_of_rows(source, width, pointer(weights, row * terms), count[row], result, width)
            continue
        places, scales = spread
        if places.size or count[row] != 1 or weights[row, 0] != weights.dtype.type(1):
            _sum_of_rows(source, width, pointer(weights, row * terms), count[row], summed, width)
            source = summed
        if column_chosen:
            _choose_pixels(source, pointer(columns[0], 0), pointer(columns[1], 0), c, result, j)
            continue
        if places.size:
            _sum_of_numbers(source, pointer(places, 0), pointer(scales, 0), len(places), result, j * c)
            continue
        first, count, weights = columns
        terms = weights.shape[1]
        for column in range(j):
            pixel, to = shifted(source, first[column] * c), shifted(result, column * c)
            _sum_of_rows(pixel, c, pointer(weights, column * terms), count[column], to, c)


@compiled
def _choose_pixels(x, first, count, channels, y, columns):  # type: ignore[no-untyped-def]
    """y[j] = x[first[j]], or 0 where count[j] is 0, for j < columns, pixels of so many channels; all are pointers."""
    gaps = False
    for j in range(columns):
        gaps |= count[j] == 0
    if gaps:
        clear(y, columns * channels)  # one long row of zeros is written faster than many short ones
        for j in range(columns):
            if count[j]:
                copy(shifted(x, first[j] * channels), shifted(y, j * channels), channels)
    elif channels == 1:
        for j in range(columns):
            y[j] = x[first[j]]
    else:
        for j in range(columns):
            copy(shifted(x, first[j] * channels), shifted(y, j * channels), channels)


@compiled
def _sum_of_rows(x, step, weights, count, y, length):  # type: ignore[no-untyped-def]
    """y[:length] = Σ weights[k] · x[k · step : k · step + length] over k < count; all are pointers."""
    if count == 0:
        clear(y, length)
        return
    # Four rows at a time: the sum is loaded and stored once for them all.
    rest = (count - 1) % 4 + 1
    a, b, c, d = x, shifted(x, step), shifted(x, 2 * step), shifted(x, 3 * step)
    if rest == 1:
        s = weights[0]
        for i in range(length):
            y[i] = s * a[i]
    elif rest == 2:
        s, t = weights[0], weights[1]
        for i in range(length):
            y[i] = s * a[i] + t * b[i]
    elif rest == 3:
        s, t, u = weights[0], weights[1], weights[2]
        for i in range(length):
            y[i] = s * a[i] + t * b[i] + u * c[i]
    else:
        s, t, u, v = weights[0], weights[1], weights[2], weights[3]
        for i in range(length):
            y[i] = s * a[i] + t * b[i] + u * c[i] + v * d[i]
    for k in range(rest, count, 4):
        a = shifted(x, k * step)
        b, c, d = shifted(a, step), shifted(a, 2 * step), shifted(a, 3 * step)
        s, t, u, v = weights[k], weights[k + 1], weights[k + 2], weights[k + 3]
        for i in range(length):
            y[i] += s * a[i] + t * b[i] + u * c[i] + v * d[i]


@compiled
def _sum_of_numbers(x, places, weights, count, y, length):  # type: ignore[no-untyped-def]
    """y[i] = Σ weights[k, i] · x[places[k, i]] over k < count and i < length; all are pointers."""
    for i in range(length):
        y[i] = weights[i] * x[places[i]]
    for k in range(1, count - 1, 2):
        at, by, a, b = (
            shifted(places, k * length),
            shifted(places, (k + 1) * length),
            shifted(weights, k * length),
            shifted(weights, (k + 1) * length),
        )
        for i in range(length):
            y[i] += a[i] * x[at[i]] + b[i] * x[by[i]]
    if count % 2 == 0:
        at, a = shifted(places, (count - 1) * length), shifted(weights, (count - 1) * length)
        for i in range(length):
            y[i] += a[i] * x[at[i]]
