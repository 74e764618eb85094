"""Sums so far and linear recurrences along the middle one of three axes, computed in float64.

Each result waits for the one before it, so several lines are computed together: the numbers that lie side by side, or,
along the last axis, a few rows.
"""

from typing import Any

import numpy as np

from rawgan_kernels.cpu.compile.compiled import compiled
from rawgan_kernels.cpu.run import pool
from rawgan_kernels.cpu.run.launch import run, threads
from rawgan_kernels.cpu.vector.pointers import pointer, shifted
from rawgan_kernels.dispatch import implements

Array = np.ndarray[Any, Any]

PANEL = 256
"""Lines that are computed together, at most."""
ROWS = 4
"""Rows that are computed together. More of them, a power of two apart, would drive each other out of the cache."""
BLOCK = 1 << 13
"""Numbers of a block of rows, about."""


@implements
def cumsum(x: Array, reverse: bool) -> Array:
    return _along_lines(_cumsum, x, x, reverse)


@implements
def scan(a: Array, b: Array, reverse: bool) -> Array:
    return _along_lines(_scan, a, b, reverse)


def _along_lines(body: Any, a: Array, b: Array, reverse: bool) -> Array:
    outer, n, inner = a.shape
    y = pool.empty(a.shape, a.dtype)
    if y.size:
        rows = ROWS * max(1, BLOCK // (ROWS * n))  # of a block
        blocks = -(-outer // rows) if inner == 1 else outer * -(-inner // PANEL)
        first = np.ascontiguousarray(a).reshape(-1)
        second = first if b is a else np.ascontiguousarray(b).reshape(-1)
        run(
            body, blocks, (first, second, y.reshape(-1), np.empty((threads(), PANEL)), (outer, n, inner, rows, reverse))
        )
    return y


@compiled
def _cumsum(arguments, block, thread):  # type: ignore[no-untyped-def]
    _over_lines(arguments, block, thread, False)


@compiled
def _scan(arguments, block, thread):  # type: ignore[no-untyped-def]
    _over_lines(arguments, block, thread, True)


@compiled(inline=True)
def _over_lines(arguments, block, thread, factors):  # type: ignore[no-untyped-def]
    """The lines of a block. Without factors, a is not read: they are 1."""
    a, b, y, scratch, (outer, n, inner, rows, reverse) = arguments
    so_far = pointer(scratch, thread * PANEL)
    if inner == 1:
        row, stop = block * rows, min((block + 1) * rows, outer)
        while row + ROWS <= stop:
            _lines(
                pointer(a, row * n), pointer(b, row * n), pointer(y, row * n), so_far, n, 1, ROWS, n, reverse, factors
            )
            row += ROWS
        for last in range(row, stop):
            _lines(
                pointer(a, last * n), pointer(b, last * n), pointer(y, last * n), so_far, n, 1, 1, n, reverse, factors
            )
    else:
        panels = -(-inner // PANEL)
        first = block % panels * PANEL
        at = block // panels * n * inner + first
        lines = min(PANEL, inner - first)
        _lines(pointer(a, at), pointer(b, at), pointer(y, at), so_far, n, inner, lines, 1, reverse, factors)


@compiled(inline=True)
def _lines(a, b, y, so_far, n, step, lines, apart, reverse, factors):  # type: ignore[no-untyped-def]
    """`lines` lines, which begin `apart` numbers from each other; the numbers of each lie `step` numbers apart."""
    start, to_next = ((n - 1) * step, -step) if reverse else (0, step)
    of_factor = step if reverse else 0
    for line in range(lines):
        so_far[line] = b[start + line * apart]
        y[start + line * apart] = b[start + line * apart]
    for k in range(1, n):
        at = start + k * to_next
        from_, to, factor = shifted(b, at), shifted(y, at), shifted(a, at + of_factor)
        for line in range(lines):
            if factors:
                so_far[line] = np.float64(factor[line * apart]) * so_far[line] + np.float64(from_[line * apart])
            else:
                so_far[line] += np.float64(from_[line * apart])
            to[line * apart] = so_far[line]
