"""Weights of a convolution packed as right factors: for each group and chunk of taps, panels of 16 columns."""
# mypy: disable-error-code="no-untyped-def"

from typing import Any

import numpy as np

from rawgan_kernels.cpu.compile.compiled import compiled
from rawgan_kernels.cpu.matrix_units.packing import HALF, PANEL, TOGETHER, aligned
from rawgan_kernels.cpu.matrix_units.plans import Plan, panels
from rawgan_kernels.cpu.matrix_units.rounding import longs_at, round_lower, round_pairs, round_row, words_at
from rawgan_kernels.cpu.run.launch import run, threads
from rawgan_kernels.cpu.vector.pointers import pointer, shifted
from rawgan_kernels.cpu.vector.rows import clear, copy_strided

Array = np.ndarray[Any, Any]

EXPONENTS, CARRY, CARRIED = (np.uint64(each * 0x0001000100010001) for each in (0x7F80, 0x0080, 0x8000))
"""In each of four numbers: the exponent, what is added so that a full one is carried into the sign, and the sign."""


def pack(w: Array, plan: Plan, groups: int, transposed: bool) -> tuple[Array, bool]:
    """The packed weights w (A, B, C/G, K), and True if they are all finite.

    They multiply windows of x, or `transposed` of gy. Shape: (groups, numbers of bf16), where chunk after chunk lie the
    panels, of half as many rows as the chunk is deep.
    """
    c, k = w.shape[2], w.shape[3] // groups
    columns = c if transposed else k
    packed = aligned(groups, plan.depth * panels(columns) * PANEL, HALF)
    spare = aligned(threads(), plan.deepest + 32, HALF)
    units = groups * len(plan.chunks) * -(-panels(columns) // TOGETHER)
    finite = np.ones(units, np.bool_)
    sizes = c, k, columns, groups
    run(_pack_panels, units, (w, packed, plan.chunks, plan.taps, spare, finite, sizes, transposed), w.size > 1 << 15)
    return packed, bool(finite.all())


@compiled
def _pack_panels(arguments, unit, thread):
    """Some panels of one group and chunk."""
    w, packed, chunks, taps, spare, finite, (c, k, columns, groups), transposed = arguments
    across = -(-columns // PANEL)
    units = -(-across // TOGETHER)
    group, number, first = unit // (units * len(chunks)), unit // units % len(chunks), unit % units * TOGETHER
    chunk = chunks[number]
    depth, full = chunk[2], chunk[3]
    panels, size, tap_size = min(TOGETHER, across - first), full // 2 * PANEL, c * k * groups
    halves = pointer(packed, group * packed.shape[1] + (chunk[5] * across + first * full) * PANEL)
    words, at = words_at(halves), first * PANEL
    if at + panels * PANEL > columns:
        clear(shifted(words, (panels - 1) * size), size)
    if transposed:  # numbers along the depth are contiguous, tap by tap: one column after the other
        row = pointer(spare, thread * spare.shape[1])
        clear(shifted(row, depth), full - depth)
        for n in range(min(panels * PANEL, columns - at)):
            for t in range(depth // k):
                source = pointer(w, taps[chunk[4] + t] * tap_size + (at + n) * k * groups + group * k)
                round_row(source, shifted(row, t * k), k)
            copy_strided(words_at(row), 1, shifted(words, n // PANEL * size + n % PANEL), PANEL, full // 2)
    else:  # along the rows, as they lie in memory
        for panel in range(panels):
            clear(shifted(words, panel * size + depth // 2 * PANEL), (full // 2 - depth // 2) * PANEL)
        for q in range(0, depth, 2):
            tap, p = taps[chunk[4] + q // c], min(q + 1, depth - 1)
            low = pointer(w, tap * tap_size + q % c * k * groups + group * k + at)
            high = pointer(w, taps[chunk[4] + p // c] * tap_size + p % c * k * groups + group * k + at)
            for panel in range(panels):
                pair, start = shifted(words, panel * size + q // 2 * PANEL), panel * PANEL
                count = min(PANEL, columns - at - start)
                if p > q:
                    round_pairs(shifted(low, start), shifted(high, start), pair, count)
                else:
                    round_lower(shifted(low, start), pair, count)
    finite[unit] = _all_finite(longs_at(halves), panels * size // 2)


@compiled
def _all_finite(longs, count):
    """True if none of four times so many numbers of bf16 is infinite or NaN: has an exponent of ones alone."""
    carried = np.uint64(0)
    for i in range(count):
        carried |= (longs[i] & EXPONENTS) + CARRY
    return carried & CARRIED == np.uint64(0)
