"""Matrices of float32 packed for the matrix units, in bf16.

The left factor lies row by row. The right one lies in panels of 16 columns, each of pairs of rows. The depth of both is
filled up with 0 to a multiple of 32; rows of the left one are filled up with whatever is there, as no result of these
is used. So a 0 of the filling is multiplied by zeros alone, and never by infinity.
"""
# mypy: disable-error-code="no-untyped-def"

from typing import Any

import numpy as np

from rawgan_kernels.cpu.compile.compiled import compiled
from rawgan_kernels.cpu.matrix_units.rounding import round_lower, round_pairs, round_row, words_at
from rawgan_kernels.cpu.run import pool
from rawgan_kernels.cpu.vector.pointers import address_of, shifted
from rawgan_kernels.cpu.vector.rows import clear, copy_strided

Array = np.ndarray[Any, Any]

PANEL = 16
"""Columns of a panel."""

TOGETHER = 16
"""Panels that are packed together, at most: of a row, 1 KiB."""

LINE = 64
"""Bytes of a cache line, and of a row of a tile."""

HALF, NUMBER = np.dtype(np.uint16), np.dtype(np.float32)


def padded(length: int, multiple: int = 32) -> int:
    """The next multiple.

    >>> [padded(length) for length in (0, 1, 32, 33)]
    [0, 32, 32, 64]
    """
    return -(-length // multiple) * multiple


def row_length(depth: int) -> int:
    """Numbers of bf16 from one row to the next: an odd number of cache lines, so that rows do not meet in one set.

    >>> [row_length(depth) for depth in (32, 64, 1024)]
    [32, 96, 1056]
    """
    lines = -(-depth // 32)
    return 32 * (lines + 1 - lines % 2)


def aligned(rows: int, length: int, dtype: np.dtype[Any]) -> Array:
    """An uninitialised array (rows, length) that begins with a cache line, as do its rows if `length` is of whole ones.

    >>> address_of(aligned(3, 32, HALF)) % LINE
    0
    """
    extra = LINE // dtype.itemsize
    memory = pool.empty((rows * length + extra,), dtype)
    start = -(address_of(memory) // dtype.itemsize) % extra
    return memory[start : start + rows * length].reshape(rows, length)


@compiled
def pack_left(a, a_row, a_step, rows, depth, to, to_row, spare):
    """Rows of a (rows, depth), found with these steps, one of which is 1; `spare` has room for a word for each row."""
    full = -(-depth // 32) * 32
    for i in range(rows):
        clear(shifted(to, i * to_row + depth), full - depth)
    if a_step == 1:
        for i in range(rows):
            round_row(shifted(a, i * a_row), shifted(to, i * to_row), depth)
    else:
        words = words_at(spare)
        for k in range(0, depth, 2):
            if k + 1 < depth:
                round_pairs(shifted(a, k * a_step), shifted(a, (k + 1) * a_step), words, rows)
            else:
                round_lower(shifted(a, k * a_step), words, rows)
            copy_strided(words, 1, words_at(shifted(to, k)), to_row // 2, rows)


@compiled
def pack_right(b, b_step, b_column, depth, columns, to, spare):
    """Panels of b (depth, columns), found with these steps, one of which is 1; `spare` has room for a column."""
    full = -(-depth // 32) * 32
    words, size, panels = words_at(to), full // 2 * PANEL, -(-columns // PANEL)
    if columns % PANEL > 0:
        clear(shifted(words, (panels - 1) * size), size)
    if b_column == 1:
        for panel in range(panels):
            clear(shifted(words, panel * size + depth // 2 * PANEL), (full // 2 - depth // 2) * PANEL)
        for k in range(0, depth, 2):  # along the rows, as they lie in memory
            low, high = shifted(b, k * b_step), shifted(b, (k + 1) * b_step)
            for panel in range(panels):
                pair, at = shifted(words, panel * size + k // 2 * PANEL), panel * PANEL
                count = min(PANEL, columns - at)
                if k + 1 < depth:
                    round_pairs(shifted(low, at), shifted(high, at), pair, count)
                else:
                    round_lower(shifted(low, at), pair, count)
    else:
        clear(shifted(spare, depth), full - depth)
        for n in range(columns):
            round_row(shifted(b, n * b_column), spare, depth)
            pair = shifted(words, n // PANEL * size + n % PANEL)
            copy_strided(words_at(spare), 1, pair, PANEL, full // 2)
