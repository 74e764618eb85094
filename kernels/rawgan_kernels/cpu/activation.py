"""Activations and the cross-entropy on logits, element by element: see `elementwise` for the blocks.

Everything with an exponential only ever sees e^(−|x|), computed by the polynomials of `scalar` in vector registers, so
that it takes little longer than moving the numbers. leaky_relu and the gradients do nothing but move them.
"""

from typing import Any

import numpy as np

from rawgan_kernels.cpu.compile.compiled import compiled
from rawgan_kernels.cpu.run.elementwise import apply, part
from rawgan_kernels.cpu.vector.exponentials import formulas

Array = np.ndarray[Any, Any]


def leaky_relu(x: Array, slope: float) -> Array:
    """y = x where x > 0, slope · x elsewhere.

    Shapes: x any → y the same
    Flops:  x.size
    Bytes:  x + y
    """
    return apply(_leaky_relu, x, x, x, float(slope))


def leaky_relu_grad(y: Array, gy: Array, slope: float) -> Array:
    """gx = gy where y > 0, slope · gy elsewhere; y is the output of leaky_relu, or its input: they have the same sign.

    Shapes: y any, gy the same → gx the same
    Flops:  y.size
    Bytes:  y + gy + gx
    """
    return apply(_leaky_relu_grad, y, gy, y, float(slope))


def tanh(x: Array) -> Array:
    """y = tanh x.

    Shapes: x any → y the same
    Flops:  6 · x.size
    Bytes:  x + y
    """
    return apply(_tanh, x, x, x)


def tanh_grad(y: Array, gy: Array) -> Array:
    """gx = gy · (1 − y²), where y = tanh x.

    Shapes: y any, gy the same → gx the same
    Flops:  4 · y.size
    Bytes:  y + gy + gx
    """
    return apply(_tanh_grad, y, gy, y)


def sigmoid(x: Array) -> Array:
    """y = 1 / (1 + e^−x).

    Shapes: x any → y the same
    Flops:  4 · x.size
    Bytes:  x + y
    """
    return apply(_sigmoid, x, x, x)


def softplus(x: Array) -> Array:
    """y = log(1 + e^x).

    Shapes: x any → y the same
    Flops:  5 · x.size
    Bytes:  x + y
    """
    return apply(_softplus, x, x, x)


def bce_with_logits(x: Array, t: Array) -> Array:
    """Cross-entropy between the target probability t and sigmoid(x): −t · log σ(x) − (1 − t) · log(1 − σ(x)).

    Shapes: x any, t the same → y the same
    Flops:  8 · x.size
    Bytes:  x + t + y
    """
    return apply(_bce_with_logits, x, t, x)


def bce_with_logits_grad(x: Array, t: Array, gy: Array) -> Array:
    """gx = gy · ((1 − t) · σ(x) − t · σ(−x)), the gradient of bce_with_logits with respect to x.

    Shapes: x any; t, gy the same → gx the same
    Flops:  9 · x.size
    Bytes:  x + t + gy + gx
    """
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
def _bce_with_logits(arguments, block, thread):  # type: ignore[no-untyped-def]
    count, x, t, _, y, _ = part(arguments, block)
    for i in range(count):
        y[i] = formulas.bce_with_logits(x[i], t[i])


@compiled
def _bce_with_logits_grad(arguments, block, thread):  # type: ignore[no-untyped-def]
    count, x, t, gy, gx, _ = part(arguments, block)
    for i in range(count):
        gx[i] = formulas.bce_with_logits_grad(x[i], t[i], gy[i])
