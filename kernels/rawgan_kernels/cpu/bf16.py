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
    return _with_rounded_factors("conv2d_weight_grad", x, gy, window)


def _with_rounded_factors(name: str, *args: Any) -> Array:
    kernel = KERNELS[name]
    return kernel.on("cpu")(*kernel.rounded("bf16", "cpu", args))


if present():
    for _function in (matmul, conv2d, conv2d_input_grad, conv2d_weight_grad):
        implements_at("bf16")(_function)
