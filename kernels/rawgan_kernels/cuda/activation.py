"""Activations, the cross-entropy and the addition: a formula for every number.

A thread computes `EACH` numbers, `THREADS` apart, so that the threads of a warp read neighbouring ones, and several
loads are on their way at a time. All kernels move the fewest bytes that there are; an H100 moves about 3 TB/s.
"""

from typing import Any

from rawgan_kernels.cuda.compile.language import THREADS, blocks_for, cuda, formulas, index, kernel, launch
from rawgan_kernels.cuda.run.memory import empty_like, flat

EACH = 4
"""Numbers for each thread."""


def add(a: Any, b: Any) -> Any:
    """y = a + b.

    Shapes: a any, b the same → y the same
    Flops:  a.size
    Bytes:  a + b + y
    """
    return _apply(_add, (a, b))


def leaky_relu(x: Any, slope: float) -> Any:
    """y = x where x > 0, slope · x elsewhere.

    Shapes: x any → y the same
    Flops:  x.size
    Bytes:  x + y
    """
    return _apply(_leaky_relu, (x,), slope)


def leaky_relu_grad(y: Any, gy: Any, slope: float) -> Any:
    """gx = gy where y > 0, slope · gy elsewhere; y is the output of leaky_relu, or its input: they have the same sign.

    Shapes: y any, gy the same → gx the same
    Flops:  y.size
    Bytes:  y + gy + gx
    """
    return _apply(_leaky_relu_grad, (y, gy), slope)


def tanh(x: Any) -> Any:
    """y = tanh x.

    Shapes: x any → y the same
    Flops:  6 · x.size
    Bytes:  x + y
    """
    return _apply(_tanh, (x,))


def tanh_grad(y: Any, gy: Any) -> Any:
    """gx = gy · (1 − y²), where y = tanh x.

    Shapes: y any, gy the same → gx the same
    Flops:  4 · y.size
    Bytes:  y + gy + gx
    """
    return _apply(_tanh_grad, (y, gy))


def sigmoid(x: Any) -> Any:
    """y = 1 / (1 + e^−x).

    Shapes: x any → y the same
    Flops:  4 · x.size
    Bytes:  x + y
    """
    return _apply(_sigmoid, (x,))


def softplus(x: Any) -> Any:
    """y = log(1 + e^x).

    Shapes: x any → y the same
    Flops:  5 · x.size
    Bytes:  x + y
    """
    return _apply(_softplus, (x,))


def bce_with_logits(x: Any, t: Any) -> Any:
    """Cross-entropy between the target probability t and sigmoid(x): −t · log σ(x) − (1 − t) · log(1 − σ(x)).

    Shapes: x any, t the same → y the same
    Flops:  8 · x.size
    Bytes:  x + t + y
    """
    return _apply(_bce_with_logits, (x, t))


def bce_with_logits_grad(x: Any, t: Any, gy: Any) -> Any:
    """gx = gy · ((1 − t) · σ(x) − t · σ(−x)), the gradient of bce_with_logits with respect to x.

    Shapes: x any; t, gy the same → gx the same
    Flops:  9 · x.size
    Bytes:  x + t + gy + gx
    """
    return _apply(_bce_with_logits_grad, (x, t, gy))


def _apply(body: Any, inputs: tuple[Any, ...], *numbers: float) -> Any:
    y = empty_like(inputs[0])
    launch(body, blocks_for(y.size, EACH * THREADS), *map(flat, inputs), flat(y), y.size, *numbers)
    return y


# --- kernels --------------------------------------------------------------------------------------------------------


def first_of_thread():  # type: ignore[no-untyped-def]
    """The first of the numbers that this thread computes; the others are `THREADS` apart."""
    return index(index(cuda.blockIdx.x) * index(EACH * THREADS) + index(cuda.threadIdx.x))


@kernel("a: in, b: in, y: out, count: index")
def _add(a, b, y, count):  # type: ignore[no-untyped-def]
    i = first_of_thread()
    for _ in range(EACH):
        if i < count:
            y[i] = a[i] + b[i]
        i = index(i + index(THREADS))


@kernel("x: in, y: out, count: index, slope: number")
def _leaky_relu(x, y, count, slope):  # type: ignore[no-untyped-def]
    i = first_of_thread()
    for _ in range(EACH):
        if i < count:
            y[i] = formulas.leaky_relu(x[i], slope)
        i = index(i + index(THREADS))


@kernel("y: in, gy: in, gx: out, count: index, slope: number")
def _leaky_relu_grad(y, gy, gx, count, slope):  # type: ignore[no-untyped-def]
    i = first_of_thread()
    for _ in range(EACH):
        if i < count:
            gx[i] = formulas.leaky_relu_grad(y[i], gy[i], slope)
        i = index(i + index(THREADS))


@kernel("x: in, y: out, count: index")
def _tanh(x, y, count):  # type: ignore[no-untyped-def]
    i = first_of_thread()
    for _ in range(EACH):
        if i < count:
            y[i] = formulas.tanh(x[i])
        i = index(i + index(THREADS))


@kernel("y: in, gy: in, gx: out, count: index")
def _tanh_grad(y, gy, gx, count):  # type: ignore[no-untyped-def]
    i = first_of_thread()
    for _ in range(EACH):
        if i < count:
            gx[i] = formulas.tanh_grad(y[i], gy[i])
        i = index(i + index(THREADS))


@kernel("x: in, y: out, count: index")
def _sigmoid(x, y, count):  # type: ignore[no-untyped-def]
    i = first_of_thread()
    for _ in range(EACH):
        if i < count:
            y[i] = formulas.sigmoid(x[i])
        i = index(i + index(THREADS))


@kernel("x: in, y: out, count: index")
def _softplus(x, y, count):  # type: ignore[no-untyped-def]
    i = first_of_thread()
    for _ in range(EACH):
        if i < count:
            y[i] = formulas.softplus(x[i])
        i = index(i + index(THREADS))


@kernel("x: in, t: in, y: out, count: index")
def _bce_with_logits(x, t, y, count):  # type: ignore[no-untyped-def]
    i = first_of_thread()
    for _ in range(EACH):
        if i < count:
            y[i] = formulas.bce_with_logits(x[i], t[i])
        i = index(i + index(THREADS))


@kernel("x: in, t: in, gy: in, gx: out, count: index")
def _bce_with_logits_grad(x, t, gy, gx, count):  # type: ignore[no-untyped-def]
    i = first_of_thread()
    for _ in range(EACH):
        if i < count:
            gx[i] = formulas.bce_with_logits_grad(x[i], t[i], gy[i])
        i = index(i + index(THREADS))
