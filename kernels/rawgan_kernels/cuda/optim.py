"""Optimiser updates: all parameters in one launch, each number read and written once.

A network has many arrays, most of them small. Blocks of threads are numbered across all arrays; a table gives the first
block and the length of each array.

These are the only kernels that write to their arguments. Arrays that are not contiguous are copied, and the copies
written back.
"""

from functools import lru_cache
from typing import Any

import numpy as np

from rawgan_kernels.arrays import array_module
from rawgan_kernels.cuda.compile.language import THREADS, cuda, cuda_kernel, index, math, number
from rawgan_kernels.cuda.run.graph import clock, sent
from rawgan_kernels.cuda.run.launch import blocks_for, launch
from rawgan_kernels.cuda.run.memory import flat
from rawgan_kernels.dispatch import implements

Arrays = list[Any]

EACH = 4
"""Numbers that a thread updates."""


@implements
def sgd_update(w: Arrays, gw: Arrays, velocity: Arrays, lr: float, momentum: float, nesterov: bool, l2: float) -> None:
    if velocity:
        _update(_momentum, (w, velocity), gw, lr, momentum, float(nesterov), l2)
    else:
        _update(_sgd, (w,), gw, lr, l2)


@implements
def rmsprop_update(w: Arrays, gw: Arrays, square: Arrays, lr: float, rho: float, eps: float, l2: float) -> None:
    _update(_rmsprop, (w, square), gw, lr, rho, 1 - rho, eps, l2)


@implements
def adagrad_update(
    w: Arrays, gw: Arrays, total: Arrays, step: int, lr: float, lr_decay: float, eps: float, l2: float
) -> None:
    _update(_adagrad, (w, total), gw, clock(array_module(gw[0])), step, lr, lr_decay, eps, l2)


@implements
def adam_update(
    w: Arrays,
    gw: Arrays,
    m: Arrays,
    v: Arrays,
    step: int,
    lr: float,
    beta1: float,
    beta2: float,
    eps: float,
    weight_decay: float,
    l2: float,
) -> None:
    numbers = _adam_numbers(lr, beta1, beta2, eps, weight_decay, l2)
    _update(_adam, (w, m, v), gw, clock(array_module(gw[0])), step, *numbers)


@implements
def amsgrad_update(
    w: Arrays,
    gw: Arrays,
    m: Arrays,
    v: Arrays,
    v_max: Arrays,
    step: int,
    lr: float,
    beta1: float,
    beta2: float,
    eps: float,
    weight_decay: float,
    l2: float,
) -> None:
    numbers = _adam_numbers(lr, beta1, beta2, eps, weight_decay, l2)
    _update(_amsgrad, (w, m, v, v_max), gw, clock(array_module(gw[0])), step, *numbers)


@implements
def lion_update(w: Arrays, gw: Arrays, m: Arrays, lr: float, beta1: float, beta2: float, weight_decay: float) -> None:
    _update(_lion, (w, m), gw, lr, beta1, 1 - beta1, beta2, 1 - beta2, 1 - lr * weight_decay)


@implements
def average_update(average: Arrays, source: Arrays, decay: float) -> None:
    _update(_average, (average,), source, decay, 1 - decay)


def _adam_numbers(
    lr: float, beta1: float, beta2: float, eps: float, weight_decay: float, l2: float
) -> tuple[float, ...]:
    """The numbers of Adam's kernels, from beta1 on."""
    logs = (float(np.log(beta)) if beta else -np.inf for beta in (beta1, beta2))
    return beta1, 1 - beta1, beta2, 1 - beta2, *logs, lr, 1 - lr * weight_decay, eps, l2


def _update(body: Any, written: tuple[Arrays, ...], gw: Arrays, *more: Any) -> None:
    for dtype in sorted({x.dtype for x in gw}, key=str):
        chosen = [i for i, x in enumerate(gw) if x.dtype == dtype and x.size]
        if not chosen:
            continue
        copies = [[flat(arrays[i]) for i in chosen] for arrays in written]
        numbers, blocks = _table(tuple(gw[i].size for i in chosen))
        table = sent(array_module(gw[0]), numbers, "int64")
        launch(body, blocks, *copies, [flat(gw[i]) for i in chosen], table, len(chosen), *more)
        for arrays, of_arrays in zip(written, copies, strict=True):
            for i, copy in zip(chosen, of_arrays, strict=True):
                if not arrays[i].flags.c_contiguous:
                    arrays[i][...] = copy.reshape(arrays[i].shape)


@lru_cache(maxsize=64)
def _table(sizes: tuple[int, ...]) -> tuple[tuple[int, ...], int]:
    """(first block, size) of each array, and the number of blocks."""
    blocks = [blocks_for(size, EACH * THREADS) for size in sizes]
    return tuple(number for k, size in enumerate(sizes) for number in (sum(blocks[:k]), size)), sum(blocks)


# --- functions that kernels call --------------------------------------------------------------------------------------


def array_of(table, arrays):  # type: ignore[no-untyped-def]
    """Index of the array that this block updates."""
    which = index(arrays - index(1))
    while index(table[index(which * index(2))]) > index(cuda.blockIdx.x):
        which = index(which - index(1))
    return which


def first_of_thread(table, which):  # type: ignore[no-untyped-def]
    """The first of the numbers that this thread updates; the others are `THREADS` apart."""
    block = index(index(cuda.blockIdx.x) - index(table[index(which * index(2))]))
    return index(block * index(EACH * THREADS) + index(cuda.threadIdx.x))


def with_decay(w, g, l2):  # type: ignore[no-untyped-def]
    """g + l2 · w, with the bits of g where l2 is 0."""
    return g + l2 * w if l2 != number(0) else g


# --- kernels --------------------------------------------------------------------------------------------------------


@cuda_kernel("w: arrays, gw: arrays, table: rows, arrays: index, lr: number, l2: number")
def _sgd(w, gw, table, arrays, lr, l2):  # type: ignore[no-untyped-def]
    k = array_of(table, arrays)
    i, size = first_of_thread(table, k), index(table[index(k * index(2) + index(1))])
    weights, gradients = w[k], gw[k]
    for _ in range(EACH):
        if i < size:
            weights[i] -= lr * with_decay(weights[i], gradients[i], l2)
        i = index(i + index(THREADS))


@cuda_kernel(
    "w: arrays, velocity: arrays, gw: arrays, table: rows, arrays: index, lr: number, momentum: number, "
    "nesterov: number, l2: number"
)
def _momentum(w, velocity, gw, table, arrays, lr, momentum, nesterov, l2):  # type: ignore[no-untyped-def]
    k = array_of(table, arrays)
    i, size = first_of_thread(table, k), index(table[index(k * index(2) + index(1))])
    weights, velocities, gradients = w[k], velocity[k], gw[k]
    for _ in range(EACH):
        if i < size:
            g = with_decay(weights[i], gradients[i], l2)
            v = momentum * velocities[i] + g
            velocities[i] = v
            weights[i] -= lr * (g + momentum * v if nesterov != number(0) else v)
        i = index(i + index(THREADS))


@cuda_kernel(
    "w: arrays, square: arrays, gw: arrays, table: rows, arrays: index, lr: number, rho: number, rest: number, "
    "eps: number, l2: number"
)
def _rmsprop(w, square, gw, table, arrays, lr, rho, rest, eps, l2):  # type: ignore[no-untyped-def]
    k = array_of(table, arrays)
    i, size = first_of_thread(table, k), index(table[index(k * index(2) + index(1))])
    weights, squares, gradients = w[k], square[k], gw[k]
    for _ in range(EACH):
        if i < size:
            g = with_decay(weights[i], gradients[i], l2)
            s = rho * squares[i] + rest * g * g
            squares[i] = s
            weights[i] -= lr * g / (math.sqrt(s) + eps)
        i = index(i + index(THREADS))


@cuda_kernel(
    "w: arrays, total: arrays, gw: arrays, table: rows, arrays: index, clock: rows, step: index, lr: number, "
    "lr_decay: number, eps: number, l2: number"
)
def _adagrad(w, total, gw, table, arrays, clock, step, lr, lr_decay, eps, l2):  # type: ignore[no-untyped-def]
    taken = number(index(index(step + index(clock[0])) - index(1)))
    rate = lr / (number(1) + taken * lr_decay)
    k = array_of(table, arrays)
    i, size = first_of_thread(table, k), index(table[index(k * index(2) + index(1))])
    weights, totals, gradients = w[k], total[k], gw[k]
    for _ in range(EACH):
        if i < size:
            g = with_decay(weights[i], gradients[i], l2)
            s = totals[i] + g * g
            totals[i] = s
            weights[i] -= rate * g / (math.sqrt(s) + eps)
        i = index(i + index(THREADS))


@cuda_kernel(
    "w: arrays, m: arrays, v: arrays, gw: arrays, table: rows, arrays: index, clock: rows, step: index, beta1: number, "
    "rest1: number, beta2: number, rest2: number, log1: number, log2: number, lr: number, keep: number, eps: number, "
    "l2: number"
)
def _adam(  # type: ignore[no-untyped-def]
    w, m, v, gw, table, arrays, clock, step, beta1, rest1, beta2, rest2, log1, log2, lr, keep, eps, l2
):
    """The averages are divided by 1 − βᵗ = −expm1(t · log β): in float32 the difference would lose its digits."""
    t = number(index(step + index(clock[0])))
    rate, correction = -lr / math.expm1(t * log1), number(-1) / math.expm1(t * log2)
    k = array_of(table, arrays)
    i, size = first_of_thread(table, k), index(table[index(k * index(2) + index(1))])
    weights, means, squares, gradients = w[k], m[k], v[k], gw[k]
    for _ in range(EACH):
        if i < size:
            g = with_decay(weights[i], gradients[i], l2)
            mean = beta1 * means[i] + rest1 * g
            square = beta2 * squares[i] + rest2 * g * g
            means[i] = mean
            squares[i] = square
            weights[i] = keep * weights[i] - rate * mean / (math.sqrt(square * correction) + eps)
        i = index(i + index(THREADS))


@cuda_kernel(
    "w: arrays, m: arrays, v: arrays, v_max: arrays, gw: arrays, table: rows, arrays: index, clock: rows, step: index, "
    "beta1: number, rest1: number, beta2: number, rest2: number, log1: number, log2: number, lr: number, keep: number, "
    "eps: number, l2: number"
)
def _amsgrad(  # type: ignore[no-untyped-def]
    w, m, v, v_max, gw, table, arrays, clock, step, beta1, rest1, beta2, rest2, log1, log2, lr, keep, eps, l2
):
    t = number(index(step + index(clock[0])))
    rate, correction = -lr / math.expm1(t * log1), number(-1) / math.expm1(t * log2)
    k = array_of(table, arrays)
    i, size = first_of_thread(table, k), index(table[index(k * index(2) + index(1))])
    weights, means, squares, maxima, gradients = w[k], m[k], v[k], v_max[k], gw[k]
    for _ in range(EACH):
        if i < size:
            g = with_decay(weights[i], gradients[i], l2)
            mean = beta1 * means[i] + rest1 * g
            square = beta2 * squares[i] + rest2 * g * g
            means[i] = mean
            squares[i] = square
            largest = maxima[i]
            largest = square if largest <= square or square != square else largest
            maxima[i] = largest
            weights[i] = keep * weights[i] - rate * mean / (math.sqrt(largest * correction) + eps)
        i = index(i + index(THREADS))


@cuda_kernel(
    "w: arrays, m: arrays, gw: arrays, table: rows, arrays: index, lr: number, beta1: number, rest1: number, "
    "beta2: number, rest2: number, keep: number"
)
def _lion(w, m, gw, table, arrays, lr, beta1, rest1, beta2, rest2, keep):  # type: ignore[no-untyped-def]
    k = array_of(table, arrays)
    i, size = first_of_thread(table, k), index(table[index(k * index(2) + index(1))])
    weights, means, gradients = w[k], m[k], gw[k]
    for _ in range(EACH):
        if i < size:
            mean = means[i]
            c = beta1 * mean + rest1 * gradients[i]
            direction = number(1) if c > number(0) else number(-1) if c < number(0) else c  # 0 and NaN stay
            means[i] = beta2 * mean + rest2 * gradients[i]
            weights[i] = keep * weights[i] - lr * direction
        i = index(i + index(THREADS))


@cuda_kernel("average: arrays, source: arrays, table: rows, arrays: index, keep: number, rest: number")
def _average(average, source, table, arrays, keep, rest):  # type: ignore[no-untyped-def]
    k = array_of(table, arrays)
    i, size = first_of_thread(table, k), index(table[index(k * index(2) + index(1))])
    averages, sources = average[k], source[k]
    for _ in range(EACH):
        if i < size:
            averages[i] = keep * averages[i] + rest * sources[i]
        i = index(i + index(THREADS))
