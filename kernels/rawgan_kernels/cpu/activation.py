"""Activations and the cross-entropy on logits: a formula for every number; see `run.elementwise` for the blocks.

Exponentials are always of −|x|. Polynomials compute them in vector registers (`vector.exponentials`), which takes
little longer than moving the numbers.
"""

from typing import Any

import numpy as np

from rawgan_kernels.cpu.compile.compiled import compiled
from rawgan_kernels.cpu.run.elementwise import FEW, apply, part
from rawgan_kernels.cpu.vector import exponentials
from rawgan_kernels.cpu.vector.exponentials import formulas
from rawgan_kernels.dispatch import implements

Array = np.ndarray[Any, Any]


@implements
def leaky_relu(x: Array, slope: float) -> Array:
    return apply(_leaky_relu, x, x, x, float(slope), FEW)


@implements
def leaky_relu_grad(y: Array, gy: Array, slope: float) -> Array:
    return apply(_leaky_relu_grad, y, gy, y, float(slope), FEW)


@implements
def tanh(x: Array) -> Array:
    return apply(_tanh, x, x, x)


@implements
def tanh_grad(y: Array, gy: Array) -> Array:
    return apply(_tanh_grad, y, gy, y, alone=FEW)


@implements
def sigmoid(x: Array) -> Array:
    return apply(_sigmoid, x, x, x)


@implements
def softplus(x: Array) -> Array:
    return apply(_softplus, x, x, x)


@implements
def silu(x: Array) -> Array:
    return apply(_silu, x, x, x)


@implements
def silu_grad(x: Array, gy: Array) -> Array:
    return apply(_silu_grad, x, gy, x)


@implements
def elu(x: Array, alpha: float) -> Array:
    return apply(_elu, x, x, x, float(alpha))


@implements
def erf(x: Array) -> Array:
    return apply(_erf, x, x, x)


@implements
def gelu(x: Array) -> Array:
    return apply(_gelu, x, x, x)


@implements
def gelu_grad(x: Array, gy: Array) -> Array:
    return apply(_gelu_grad, x, gy, x)


@implements
def bce_with_logits(x: Array, t: Array) -> Array:
    return apply(_bce_with_logits, x, t, x)


@implements
def bce_with_logits_grad(x: Array, t: Array, gy: Array) -> Array:
    return apply(_bce_with_logits_grad, x, t, gy)


# --- one block of each ------------------------------------------------------------------------------------------


@compiled
def _leaky_relu(arguments, block, thread):  # type: ignore[no-untyped-def]
    count, x, _, _, y, slope = part(arguments, block)
    for i in range(count):
        y[i] = formulas.leaky_relu(x[i], slope)


@compiled
def _leaky_relu_grad(arguments, block, thread):  # type: ignore[no-untyped-def]
    count, y, gy, _, gx, slope = part(arguments, block)
    for i in range(count):
        gx[i] = formulas.leaky_relu_grad(y[i], gy[i], slope)


@compiled
def _tanh(arguments, block, thread):  # type: ignore[no-untyped-def]
    count, x, _, _, y, _ = part(arguments, block)
    for i in range(count):
        y[i] = formulas.tanh(x[i])


@compiled
def _tanh_grad(arguments, block, thread):  # type: ignore[no-untyped-def]
    count, y, gy, _, gx, _ = part(arguments, block)
    for i in range(count):
        gx[i] = formulas.tanh_grad(y[i], gy[i])


@compiled
def _sigmoid(arguments, block, thread):  # type: ignore[no-untyped-def]
    count, x, _, _, y, _ = part(arguments, block)
    for i in range(count):
        y[i] = formulas.sigmoid(x[i])


@compiled
def _softplus(arguments, block, thread):  # type: ignore[no-untyped-def]
    count, x, _, _, y, _ = part(arguments, block)
    for i in range(count):
        y[i] = formulas.softplus(x[i])


@compiled
def _silu(arguments, block, thread):  # type: ignore[no-untyped-def]
    count, x, _, _, y, _ = part(arguments, block)
    for i in range(count):
        y[i] = formulas.silu(x[i])


@compiled
def _silu_grad(arguments, block, thread):  # type: ignore[no-untyped-def]
    count, x, gy, _, gx, _ = part(arguments, block)
    for i in range(count):
        gx[i] = formulas.silu_grad(x[i], gy[i])


@compiled
def _elu(arguments, block, thread):  # type: ignore[no-untyped-def]
    count, x, _, _, y, alpha = part(arguments, block)
    for i in range(count):
        y[i] = formulas.elu(x[i], alpha)


@compiled
def _erf(arguments, block, thread):  # type: ignore[no-untyped-def]
    count, x, _, _, y, _ = part(arguments, block)
    for i in range(count):
        y[i] = exponentials.erf(x[i])


@compiled
def _gelu(arguments, block, thread):  # type: ignore[no-untyped-def]
    count, x, _, _, y, _ = part(arguments, block)
    for i in range(count):
        y[i] = formulas.gelu(x[i])


@compiled
def _gelu_grad(arguments, block, thread):  # type: ignore[no-untyped-def]
    count, x, gy, _, gx, _ = part(arguments, block)
    for i in range(count):
        gx[i] = formulas.gelu_grad(x[i], gy[i])


@compiled
def _bce_with_logits(arguments, block, thread):  # type: ignore[no-untyped-def]
    count, x, t, _, y, _ = part(arguments, block)
    for i in range(count):
        y[i] = formulas.bce_with_logits(x[i], t[i])


@compiled
def _bce_with_logits_grad(arguments, block, thread):  # type: ignore[no-untyped-def]
    count, x, t, gy, gx, _ = part(arguments, block)
    for i in range(count):
        gx[i] = formulas.bce_with_logits_grad(x[i], t[i], gy[i])
