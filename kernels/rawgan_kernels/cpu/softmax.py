"""Softmax, its logarithm and log Σ e^x along the last axis, and their gradients.

A block is some rows, as many numbers as a block of an element-wise kernel, or one row that is longer. Exponentials of
all its rows are computed in one go: rows of a few numbers would leave the vector registers empty.
"""

from typing import Any

import numpy as np

from rawgan_kernels.cpu.compile.compiled import compiled
from rawgan_kernels.cpu.run import pool
from rawgan_kernels.cpu.run.elementwise import BLOCK
from rawgan_kernels.cpu.run.launch import run, threads
from rawgan_kernels.cpu.vector.exponentials import exp, zero
from rawgan_kernels.cpu.vector.pointers import pointer, shifted
from rawgan_kernels.cpu.vector.short_rows import (
    dot,
    largest,
    scale,
    scale_difference,
    subtract,
    subtract_multiple,
    total,
)
from rawgan_kernels.dispatch import implements

Array = np.ndarray[Any, Any]

PIECE = 1024
"""Numbers that are added up in their own dtype. The sums of pieces are added in float64: rows may be long."""


@implements
def softmax(x: Array) -> Array:
    return _along_rows(_softmax, x, x)


@implements
def softmax_grad(y: Array, gy: Array) -> Array:
    return _along_rows(_softmax_grad, y, gy)


@implements
def log_softmax(x: Array) -> Array:
    return _along_rows(_log_softmax, x, x)


@implements
def log_softmax_grad(y: Array, gy: Array) -> Array:
    return _along_rows(_log_softmax_grad, y, gy)


@implements
def logsumexp(x: Array) -> Array:
    y, scratch = pool.empty(x.shape[:-1], x.dtype), pool.empty((threads(), BLOCK), x.dtype)
    if not x.shape[-1]:
        y.fill(-np.inf)
    return _blocks(_logsumexp, y, x.shape[-1], (x.ravel(), y.reshape(-1), scratch))


@implements
def logsumexp_grad(x: Array, log_sum: Array, glog_sum: Array) -> Array:
    gx = pool.empty(x.shape, x.dtype)
    return _blocks(_logsumexp_grad, gx, x.shape[-1], (x.ravel(), log_sum.ravel(), glog_sum.ravel(), gx.reshape(-1)))


def _along_rows(body: Any, x: Array, second: Array) -> Array:
    y, a = pool.empty(x.shape, x.dtype), x.ravel()
    return _blocks(body, y, x.shape[-1], (a, a if second is x else second.ravel(), y.reshape(-1)))


def _blocks(body: Any, y: Array, values: int, arrays: tuple[Array, ...]) -> Array:
    """Run a body over the blocks of the rows of its first array. Returns y, which it has written."""
    size = arrays[0].size
    if size:
        run(body, -(-(size // values) // _rows(values)), (*arrays, values))
    return y


@compiled(entry=True)
def _rows(values):  # type: ignore[no-untyped-def]
    """Number of rows of a block."""
    return max(1, BLOCK // values)


# --- rows ------------------------------------------------------------------------------------------------------------


@compiled
def _part(arguments, block):  # type: ignore[no-untyped-def]
    """Pointers to the rows of a block, in the inputs and in y; how many rows, of how many values; the dtype."""
    x, second, y, values = arguments
    start, rows = _range(x, values, block)
    start *= values
    return pointer(x, start), pointer(second, start), pointer(y, start), rows, values, x.dtype.type


@compiled
def _range(x, values, block):  # type: ignore[no-untyped-def]
    """The first row of a block, and the number of its rows."""
    start = block * _rows(values)
    return start, min(_rows(values), len(x) // values - start)


@compiled
def _sum(x, count):  # type: ignore[no-untyped-def]
    if count <= PIECE:
        return np.float64(total(x, count))
    sum = 0.0
    for start in range(0, count, PIECE):
        sum += total(shifted(x, start), min(PIECE, count - start))
    return sum


@compiled
def _dot(x, y, count):  # type: ignore[no-untyped-def]
    if count <= PIECE:
        return np.float64(dot(x, y, count))
    sum = 0.0
    for start in range(0, count, PIECE):
        sum += dot(shifted(x, start), shifted(y, start), min(PIECE, count - start))
    return sum


@compiled
def _exponentials(x, y, rows, values):  # type: ignore[no-untyped-def]
    """y = e^(x − m), with the largest number m of each row."""
    none = zero(x[0])
    for row in range(rows):
        of = shifted(x, row * values)
        subtract(of, shifted(y, row * values), values, largest(of, values), none)
    for i in range(rows * values):
        y[i] = exp(y[i])


# --- one block of each -----------------------------------------------------------------------------------------------


@compiled
def _softmax(arguments, block, thread):  # type: ignore[no-untyped-def]
    x, _, y, rows, values, number = _part(arguments, block)
    _exponentials(x, y, rows, values)
    for row in range(rows):
        to = shifted(y, row * values)
        scale(to, to, values, number(1 / _sum(to, values)))


@compiled
def _softmax_grad(arguments, block, thread):  # type: ignore[no-untyped-def]
    y, gy, gx, rows, values, number = _part(arguments, block)
    for row in range(rows):
        of, gradient = shifted(y, row * values), shifted(gy, row * values)
        scale_difference(of, gradient, shifted(gx, row * values), values, number(_dot(of, gradient, values)))


@compiled
def _log_softmax(arguments, block, thread):  # type: ignore[no-untyped-def]
    x, _, y, rows, values, number = _part(arguments, block)
    _exponentials(x, y, rows, values)
    for row in range(rows):
        of, to = shifted(x, row * values), shifted(y, row * values)
        subtract(of, to, values, largest(of, values), np.log(number(_sum(to, values))))


@compiled
def _log_softmax_grad(arguments, block, thread):  # type: ignore[no-untyped-def]
    y, gy, gx, rows, values, number = _part(arguments, block)
    for i in range(rows * values):
        gx[i] = exp(y[i])
    for row in range(rows):
        gradient, to = shifted(gy, row * values), shifted(gx, row * values)
        subtract_multiple(gradient, to, to, values, number(_sum(gradient, values)))


@compiled
def _logsumexp(arguments, block, thread):  # type: ignore[no-untyped-def]
    x, y, scratch, values = arguments
    start, rows = _range(x, values, block)
    of, room, number = pointer(x, start * values), pointer(scratch, thread * BLOCK), x.dtype.type
    if values <= BLOCK:
        _exponentials(of, room, rows, values)
        for row in range(rows):
            line = shifted(of, row * values)
            y[start + row] = _logarithm(
                line, values, largest(line, values), number(_sum(shifted(room, row * values), values))
            )
    else:
        top, sum, none = largest(of, values), 0.0, zero(of[0])
        for at in range(0, values, BLOCK):
            count = min(BLOCK, values - at)
            subtract(shifted(of, at), room, count, top, none)
            for i in range(count):
                room[i] = exp(room[i])
            sum += _sum(room, count)
        y[start] = _logarithm(of, values, top, number(sum))


@compiled
def _logarithm(x, values, top, sum):  # type: ignore[no-untyped-def]
    """top + log(sum), and without a finite `top` the largest number, or NaN if one of them is."""
    if top - top == zero(top):
        return top + np.log(sum)
    for i in range(values):
        if x[i] != x[i]:
            return x[i]
    return top


@compiled
def _logsumexp_grad(arguments, block, thread):  # type: ignore[no-untyped-def]
    x, log_sum, glog_sum, gx, values = arguments
    start, rows = _range(x, values, block)
    of, to, none = pointer(x, start * values), pointer(gx, start * values), zero(x[0])
    for row in range(rows):
        subtract(shifted(of, row * values), shifted(to, row * values), values, log_sum[start + row], none)
    for i in range(rows * values):
        to[i] = exp(to[i])
    for row in range(rows):
        line = shifted(to, row * values)
        scale(line, line, values, glog_sum[start + row])
