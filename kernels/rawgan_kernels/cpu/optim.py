"""Optimiser updates: all parameters in one launch, each number read and written once.

A network has many arrays, most of them small. Blocks of `BLOCK` elements are numbered across all arrays, so one launch
updates all: a table gives the first block and the length of each array, and the addresses of the array, its gradient
and its moments.

These are the only kernels that write to their arguments. Arrays that are not contiguous are copied, and the copies
written back.
"""

from itertools import chain
from typing import Any

import numpy as np

from rawgan_kernels.cpu.compile.compiled import compiled
from rawgan_kernels.cpu.run.launch import run
from rawgan_kernels.cpu.vector.pointers import addresses_of, at_address, shifted
from rawgan_kernels.dispatch import implements

Array = np.ndarray[Any, Any]
Arrays = list[Array]

BLOCK = 1 << 14
"""Elements of a block."""

_FIRST_BLOCK, _SIZE, _W, _GW, _FIRST, _SECOND, _THIRD = range(7)
"""Columns of the table, whose rows are arrays. The last five are addresses: of w, gw and the moments, 0 where there is
no such array."""


@implements
def sgd_update(w: Arrays, gw: Arrays, velocity: Arrays, lr: float, momentum: float, nesterov: bool, l2: float) -> None:
    _update(_sgd, w, gw, [velocity] if velocity else [], [lr, momentum, nesterov, l2])


@implements
def rmsprop_update(w: Arrays, gw: Arrays, square: Arrays, lr: float, rho: float, eps: float, l2: float) -> None:
    _update(_rmsprop, w, gw, [square], [lr, rho, 1 - rho, eps, l2])


@implements
def adagrad_update(
    w: Arrays, gw: Arrays, total: Arrays, step: int, lr: float, lr_decay: float, eps: float, l2: float
) -> None:
    _update(_adagrad, w, gw, [total], [lr / (1 + (step - 1) * lr_decay), eps, l2])


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
    rate, correction = lr / (1 - beta1**step), 1 / (1 - beta2**step)
    factors = [beta1, 1 - beta1, beta2, 1 - beta2, 1 - lr * weight_decay, rate, correction, eps, l2]
    _update(_adam, w, gw, [m, v], factors)


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
    rate, correction = lr / (1 - beta1**step), 1 / (1 - beta2**step)
    factors = [beta1, 1 - beta1, beta2, 1 - beta2, 1 - lr * weight_decay, rate, correction, eps, l2]
    _update(_amsgrad, w, gw, [m, v, v_max], factors)


@implements
def lion_update(w: Arrays, gw: Arrays, m: Arrays, lr: float, beta1: float, beta2: float, weight_decay: float) -> None:
    _update(_lion, w, gw, [m], [lr, beta1, 1 - beta1, beta2, 1 - beta2, 1 - lr * weight_decay])


@implements
def average_update(average: Arrays, source: Arrays, decay: float) -> None:
    _update(_average, average, source, [], [decay, 1 - decay])


def _update(body: Any, w: Arrays, gw: Arrays, moments: list[Arrays], factors: list[float]) -> None:
    dtypes = dict.fromkeys([x.dtype for x in w])
    if len(dtypes) > 1:
        for dtype in dtypes:
            chosen = [i for i, x in enumerate(w) if x.dtype == dtype]
            some, gradients, *kept = ([arrays[i] for i in chosen] for arrays in (w, gw, *moments))
            _update(body, some, gradients, kept, factors)
        return
    written = w, *moments
    copies = [list(map(np.ascontiguousarray, arrays)) for arrays in written]
    gradients = list(map(np.ascontiguousarray, gw))
    addresses = addresses_of([*copies[0], *gradients, *chain.from_iterable(copies[1:])])
    table = np.zeros((len(w), 7), np.int64)
    sizes = [x.size for x in w]
    blocks = _tabulate(np.array(sizes, np.int64), addresses, table)
    # The first argument only gives the dtype at the addresses.
    run(body, blocks, (np.empty(0, *dtypes), table, np.array(factors, np.float64)), sum(sizes) > BLOCK)
    for arrays, of_arrays in zip(written, copies, strict=True):
        for x, copy in zip(arrays, of_arrays, strict=True):
            if copy is not x and not x.flags.c_contiguous:
                x[...] = copy


@compiled(entry=True)
def _tabulate(sizes, addresses, table):  # type: ignore[no-untyped-def]
    """Fill the table, whose addresses lie one list after the other. Returns the number of blocks."""
    blocks, arrays = 0, len(sizes)
    for i in range(arrays):
        table[i, _FIRST_BLOCK], table[i, _SIZE] = blocks, sizes[i]
        blocks += -(-sizes[i] // BLOCK)
        for column in range(len(addresses) // arrays):
            table[i, _W + column] = addresses[column * arrays + i]
    return blocks


@compiled
def _located(like, table, block):  # type: ignore[no-untyped-def]
    """Number of elements of a block, and pointers to its part of w, gw and the three moments."""
    index, after = 0, len(table)  # the last array whose first block is not behind this one
    while after - index > 1:
        middle = (index + after) // 2
        index, after = (middle, after) if table[middle, _FIRST_BLOCK] <= block else (index, middle)
    row = table[index]
    start = (block - row[_FIRST_BLOCK]) * BLOCK
    count = min(BLOCK, row[_SIZE] - start)
    w, gw = shifted(at_address(like, row[_W]), start), shifted(at_address(like, row[_GW]), start)
    first, second = shifted(at_address(like, row[_FIRST]), start), shifted(at_address(like, row[_SECOND]), start)
    return count, w, gw, first, second, shifted(at_address(like, row[_THIRD]), start)


@compiled
def _with_decay(w, gw, l2):  # type: ignore[no-untyped-def]
    """gw + l2 · w, with the bits of gw where l2 is 0."""
    return gw + l2 * w if l2 != 0 else gw


@compiled
def _sgd(arguments, block, thread):  # type: ignore[no-untyped-def]
    like, table, factors = arguments
    number = like.dtype.type
    lr, momentum, nesterov, l2 = number(factors[0]), number(factors[1]), factors[2] != 0, number(factors[3])
    count, w, gw, velocity, _, _ = _located(like, table, block)
    if table[0, _FIRST] == 0:
        for i in range(count):
            w[i] -= lr * _with_decay(w[i], gw[i], l2)
    else:
        for i in range(count):
            g = _with_decay(w[i], gw[i], l2)
            v = momentum * velocity[i] + g
            velocity[i] = v
            w[i] -= lr * (g + momentum * v if nesterov else v)


@compiled
def _rmsprop(arguments, block, thread):  # type: ignore[no-untyped-def]
    like, table, factors = arguments
    number = like.dtype.type
    lr, rho, rest, eps = number(factors[0]), number(factors[1]), number(factors[2]), number(factors[3])
    l2 = number(factors[4])
    count, w, gw, square, _, _ = _located(like, table, block)
    for i in range(count):
        g = _with_decay(w[i], gw[i], l2)
        s = rho * square[i] + rest * g * g
        square[i] = s
        w[i] -= lr * g / (np.sqrt(s) + eps)


@compiled
def _adagrad(arguments, block, thread):  # type: ignore[no-untyped-def]
    like, table, factors = arguments
    number = like.dtype.type
    rate, eps, l2 = number(factors[0]), number(factors[1]), number(factors[2])
    count, w, gw, total, _, _ = _located(like, table, block)
    for i in range(count):
        g = _with_decay(w[i], gw[i], l2)
        s = total[i] + g * g
        total[i] = s
        w[i] -= rate * g / (np.sqrt(s) + eps)


@compiled
def _adam(arguments, block, thread):  # type: ignore[no-untyped-def]
    like, table, factors = arguments
    number = like.dtype.type
    beta1, rest1, beta2, rest2 = number(factors[0]), number(factors[1]), number(factors[2]), number(factors[3])
    keep, rate, correction, eps = number(factors[4]), number(factors[5]), number(factors[6]), number(factors[7])
    l2 = number(factors[8])
    count, w, gw, m, v, _ = _located(like, table, block)
    for i in range(count):
        g = _with_decay(w[i], gw[i], l2)
        mean = beta1 * m[i] + rest1 * g
        square = beta2 * v[i] + rest2 * g * g
        m[i], v[i] = mean, square
        w[i] = keep * w[i] - rate * mean / (np.sqrt(square * correction) + eps)


@compiled
def _amsgrad(arguments, block, thread):  # type: ignore[no-untyped-def]
    like, table, factors = arguments
    number = like.dtype.type
    beta1, rest1, beta2, rest2 = number(factors[0]), number(factors[1]), number(factors[2]), number(factors[3])
    keep, rate, correction, eps = number(factors[4]), number(factors[5]), number(factors[6]), number(factors[7])
    l2 = number(factors[8])
    count, w, gw, m, v, v_max = _located(like, table, block)
    for i in range(count):
        g = _with_decay(w[i], gw[i], l2)
        mean = beta1 * m[i] + rest1 * g
        square = beta2 * v[i] + rest2 * g * g
        largest = v_max[i] if v_max[i] > square or np.isnan(v_max[i]) else square
        m[i], v[i], v_max[i] = mean, square, largest
        w[i] = keep * w[i] - rate * mean / (np.sqrt(largest * correction) + eps)


@compiled
def _lion(arguments, block, thread):  # type: ignore[no-untyped-def]
    like, table, factors = arguments
    number = like.dtype.type
    lr, beta1, rest1 = number(factors[0]), number(factors[1]), number(factors[2])
    beta2, rest2, keep = number(factors[3]), number(factors[4]), number(factors[5])
    count, w, gw, m, _, _ = _located(like, table, block)
    for i in range(count):
        direction = np.sign(beta1 * m[i] + rest1 * gw[i])
        w[i] = keep * w[i] - lr * direction
        m[i] = beta2 * m[i] + rest2 * gw[i]


@compiled(fastmath=set())
def _average(arguments, block, thread):  # type: ignore[no-untyped-def]
    """Each product is rounded, as in NumPy."""
    like, table, factors = arguments
    number = like.dtype.type
    keep, rest = number(factors[0]), number(factors[1])
    count, average, source, _, _, _ = _located(like, table, block)
    for i in range(count):
        average[i] = keep * average[i] + rest * source[i]
