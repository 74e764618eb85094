"""Products in bf16 on the CPU's matrix units, where it has any; else the dispatch rounds for the kernels of float32.

A product goes to those, too, if it would gain nothing on the unit, and if the system does not grant the unit.
"""

from typing import Any

import numpy as np

from rawgan_kernels.cpu.matrix_units import choice, convolution, product, weight_gradient
from rawgan_kernels.cpu.matrix_units.units import available, present
from rawgan_kernels.dispatch import KERNELS, implements_at
from rawgan_kernels.window import Window

Array = np.ndarray[Any, Any]

PART = 1 << 23
"""Bytes of both factors of a weight gradient that are rounded together."""


def matmul(a: Array, b: Array) -> Array:
    for unit in available():
        if choice.suits_matmul(a, b, unit):
            return product.matmul(a, b, unit)
    return _with_rounded_factors("matmul", a, b)


def conv2d(x: Array, w: Array, window: Window, b: Array | None = None, slope: float = 1.0) -> Array:
    for unit in available():
        if choice.suits_conv2d(x, w, window, unit):
            return convolution.conv2d(x, w, window, b, slope, unit)
    return _with_rounded_factors("conv2d", x, w, window, b, slope)


def conv2d_input_grad(gy: Array, w: Array, window: Window, b: Array | None = None, slope: float = 1.0) -> Array:
    for unit in available():
        if choice.suits_conv2d_input_grad(gy, w, window, unit):
            gx = convolution.conv2d_input_grad(gy, w, window, b, slope, unit)
            if gx is not None:
                return gx
    return _with_rounded_factors("conv2d_input_grad", gy, w, window, b, slope)


def conv2d_weight_grad(x: Array, gy: Array, window: Window) -> Array:
    for unit in available():
        if choice.suits_conv2d_weight_grad(x, gy, window, unit):
            return weight_gradient.conv2d_weight_grad(x, gy, window, unit)
    return _weight_grad_by_parts(x, gy, window)


def _weight_grad_by_parts(x: Array, gy: Array, window: Window) -> Array:
    """The sum over parts of the batch, so that rounded copies of both factors take little memory."""
    images = max(1, PART * len(x) // max(1, x.nbytes + gy.nbytes))
    total = _with_rounded_factors("conv2d_weight_grad", x[:images], gy[:images], window)
    for start in range(images, len(x), images):
        part = slice(start, start + images)
        total += _with_rounded_factors("conv2d_weight_grad", x[part], gy[part], window)
    return total


def _with_rounded_factors(name: str, *args: Any) -> Array:
    kernel = KERNELS[name]
    return kernel.on("cpu")(*kernel.rounded("bf16", "cpu", args))


implements_at("bf16")(conv2d_weight_grad)
if present():
    for _function in (matmul, conv2d, conv2d_input_grad):
        implements_at("bf16")(_function)
