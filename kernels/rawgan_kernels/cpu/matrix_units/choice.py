"""The products that a matrix unit takes: those that it is likely to be faster with than the float32 kernels.

Times are estimated in multiplications of the float32 kernels, from rates measured on one core with AMX: 655 GFLOP/s
against 100, which counts every tile as full. Packing and writing are counted by number.
"""

import math
from typing import Any

import numpy as np

from rawgan_kernels.cpu.convolutions import winograd
from rawgan_kernels.cpu.matrix_units.packing import NUMBER, PANEL, padded
from rawgan_kernels.cpu.matrix_units.units import Unit
from rawgan_kernels.window import Window

Array = np.ndarray[Any, Any]

ROUND, COPY, WRITE = 8, 2, 3
"""Multiplications in the time that it takes to round and pack a number, to copy one of bf16, to write a result."""

FAST = 2.5
"""Fewer multiplications of the fast convolution, `convolutions.winograd`."""

SMALLEST = 1 << 20
"""Multiplications below which the calls themselves take most of the time."""

WIDEST = 4096
"""Pixels of a row of windows, at most: a row is the least that is packed at a time."""


def suits_matmul(a: Array, b: Array, unit: Unit) -> bool:
    """True if a @ b is worth it. Shapes: a (…, M, K), b (…, K, N)."""
    m, depth, n = a.shape[-2], a.shape[-1], b.shape[-1]
    if b.ndim == 2:
        m, count = math.prod(a.shape[:-1]), 1
    else:
        count = math.prod(np.broadcast_shapes(a.shape[:-2], b.shape[:-2]))
    return _is_worth_it(unit, m, depth, n, ROUND * (m + n) * depth, count=count)


def suits_conv2d(x: Array, w: Array, window: Window, unit: Unit) -> bool:
    """True if conv2d(x, w) is worth it. Shapes as in `api`."""
    pixels, depth, outputs = len(x) * math.prod(window.output), math.prod(w.shape[:3]), w.shape[3] // window.groups
    packing = COPY * pixels * depth + ROUND * (x.size + w.size) / window.groups
    saving = _saving(window, x.shape[3], w.shape[3])
    return window.output[1] <= WIDEST and _is_worth_it(unit, pixels, depth, outputs, packing, window.groups, saving)


def suits_conv2d_input_grad(gy: Array, w: Array, window: Window, unit: Unit) -> bool:
    """True if conv2d_input_grad(gy, w) is worth it. Shapes as in `api`."""
    pixels, outputs = len(gy) * math.prod(window.size), w.shape[2]
    taps = math.prod(-(-kernel // stride) for kernel, stride in zip(window.kernel, window.stride, strict=True))
    depth = taps * w.shape[3] // window.groups
    packing = COPY * pixels * depth + ROUND * (gy.size + w.size) / window.groups
    saving = _saving(window, outputs * window.groups, w.shape[3])
    return window.size[1] <= WIDEST and _is_worth_it(unit, pixels, depth, outputs, packing, window.groups, saving)


def suits_conv2d_weight_grad(x: Array, gy: Array, window: Window, unit: Unit) -> bool:
    """True if conv2d_weight_grad(x, gy) is worth it. Shapes as in `api`."""
    pixels, outputs = math.prod(gy.shape[:3]), gy.shape[3] // window.groups
    columns = math.prod(window.kernel) * x.shape[3] // window.groups
    packing = COPY * pixels * columns + ROUND * (x.size + gy.size) / window.groups
    saving = _saving(window, x.shape[3], gy.shape[3])
    return window.output[1] <= WIDEST and _is_worth_it(unit, outputs, pixels, columns, packing, window.groups, saving)


def _is_worth_it(unit: Unit, m: int, depth: int, n: int, packing: float, count: int = 1, saving: float = 1.0) -> bool:
    """True for `count` products of (m, depth) and (depth, n), if float32 takes so many times fewer multiplications."""
    multiplications = m * depth * n
    tiles = padded(m, PANEL) * padded(depth) * padded(n, PANEL)
    expected = tiles / unit.speed + packing + WRITE * m * n
    return multiplications * count >= SMALLEST and expected < multiplications / saving


def _saving(window: Window, channels: int, outputs: int) -> float:
    return FAST if winograd.applies(window, channels, outputs, NUMBER) else 1.0
