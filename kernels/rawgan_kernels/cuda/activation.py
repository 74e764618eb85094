"""Activations and the cross-entropy on logits: a formula for every number."""

from typing import Any

from rawgan_kernels.cuda.compile.language import THREADS, cuda_kernel, formulas, index, math
from rawgan_kernels.cuda.run.elementwise import EACH, apply, first_of_thread
from rawgan_kernels.dispatch import implements


@implements
def leaky_relu(x: Any, slope: float) -> Any:
    return apply(_leaky_relu, (x,), slope)


@implements
def leaky_relu_grad(y: Any, gy: Any, slope: float) -> Any:
    return apply(_leaky_relu_grad, (y, gy), slope)


@implements
def tanh(x: Any) -> Any:
    return apply(_tanh, (x,))


@implements
def tanh_grad(y: Any, gy: Any) -> Any:
    return apply(_tanh_grad, (y, gy))


@implements
def sigmoid(x: Any) -> Any:
    return apply(_sigmoid, (x,))


@implements
def softplus(x: Any) -> Any:
    return apply(_softplus, (x,))


@implements
def silu(x: Any) -> Any:
    return apply(_silu, (x,))


@implements
def silu_grad(x: Any, gy: Any) -> Any:
    return apply(_silu_grad, (x, gy))


@implements
def elu(x: Any, alpha: float) -> Any:
    return apply(_elu, (x,), alpha)


@implements
def erf(x: Any) -> Any:
    return apply(_erf, (x,))


@implements
def gelu(x: Any) -> Any:
    return apply(_gelu, (x,))


@implements
def gelu_grad(x: Any, gy: Any) -> Any:
    return apply(_gelu_grad, (x, gy))


@implements
def bce_with_logits(x: Any, t: Any) -> Any:
    return apply(_bce_with_logits, (x, t))


@implements
def bce_with_logits_grad(x: Any, t: Any, gy: Any) -> Any:
    return apply(_bce_with_logits_grad, (x, t, gy))


# --- CUDA kernels ----------------------------------------------------------------------------------------------------


@cuda_kernel("x: in, y: out, count: index, slope: number")
def _leaky_relu(x, y, count, slope):  # type: ignore[no-untyped-def]
    i = first_of_thread()
    for _ in range(EACH):
        if i < count:
            y[i] = formulas.leaky_relu(x[i], slope)
        i = index(i + index(THREADS))


@cuda_kernel("y: in, gy: in, gx: out, count: index, slope: number")
def _leaky_relu_grad(y, gy, gx, count, slope):  # type: ignore[no-untyped-def]
    i = first_of_thread()
    for _ in range(EACH):
        if i < count:
            gx[i] = formulas.leaky_relu_grad(y[i], gy[i], slope)
        i = index(i + index(THREADS))


@cuda_kernel("x: in, y: out, count: index")
def _tanh(x, y, count):  # type: ignore[no-untyped-def]
    i = first_of_thread()
    for _ in range(EACH):
        if i < count:
            y[i] = formulas.tanh(x[i])
        i = index(i + index(THREADS))


@cuda_kernel("y: in, gy: in, gx: out, count: index")
def _tanh_grad(y, gy, gx, count):  # type: ignore[no-untyped-def]
    i = first_of_thread()
    for _ in range(EACH):
        if i < count:
            gx[i] = formulas.tanh_grad(y[i], gy[i])
        i = index(i + index(THREADS))


@cuda_kernel("x: in, y: out, count: index")
def _sigmoid(x, y, count):  # type: ignore[no-untyped-def]
    i = first_of_thread()
    for _ in range(EACH):
        if i < count:
            y[i] = formulas.sigmoid(x[i])
        i = index(i + index(THREADS))


@cuda_kernel("x: in, y: out, count: index")
def _softplus(x, y, count):  # type: ignore[no-untyped-def]
    i = first_of_thread()
    for _ in range(EACH):
        if i < count:
            y[i] = formulas.softplus(x[i])
        i = index(i + index(THREADS))


@cuda_kernel("x: in, y: out, count: index")
def _silu(x, y, count):  # type: ignore[no-untyped-def]
    i = first_of_thread()
    for _ in range(EACH):
        if i < count:
            y[i] = formulas.silu(x[i])
        i = index(i + index(THREADS))


@cuda_kernel("x: in, gy: in, gx: out, count: index")
def _silu_grad(x, gy, gx, count):  # type: ignore[no-untyped-def]
    i = first_of_thread()
    for _ in range(EACH):
        if i < count:
            gx[i] = formulas.silu_grad(x[i], gy[i])
        i = index(i + index(THREADS))


@cuda_kernel("x: in, y: out, count: index, alpha: number")
def _elu(x, y, count, alpha):  # type: ignore[no-untyped-def]
    i = first_of_thread()
    for _ in range(EACH):
        if i < count:
            y[i] = formulas.elu(x[i], alpha)
        i = index(i + index(THREADS))


@cuda_kernel("x: in, y: out, count: index")
def _erf(x, y, count):  # type: ignore[no-untyped-def]
    i = first_of_thread()
    for _ in range(EACH):
        if i < count:
            y[i] = math.erf(x[i])
        i = index(i + index(THREADS))


@cuda_kernel("x: in, y: out, count: index")
def _gelu(x, y, count):  # type: ignore[no-untyped-def]
    i = first_of_thread()
    for _ in range(EACH):
        if i < count:
            y[i] = formulas.gelu(x[i])
        i = index(i + index(THREADS))


@cuda_kernel("x: in, gy: in, gx: out, count: index")
def _gelu_grad(x, gy, gx, count):  # type: ignore[no-untyped-def]
    i = first_of_thread()
    for _ in range(EACH):
        if i < count:
            gx[i] = formulas.gelu_grad(x[i], gy[i])
        i = index(i + index(THREADS))


@cuda_kernel("x: in, t: in, y: out, count: index")
def _bce_with_logits(x, t, y, count):  # type: ignore[no-untyped-def]
    i = first_of_thread()
    for _ in range(EACH):
        if i < count:
            y[i] = formulas.bce_with_logits(x[i], t[i])
        i = index(i + index(THREADS))


@cuda_kernel("x: in, t: in, gy: in, gx: out, count: index")
def _bce_with_logits_grad(x, t, gy, gx, count):  # type: ignore[no-untyped-def]
    i = first_of_thread()
    for _ in range(EACH):
        if i < count:
            gx[i] = formulas.bce_with_logits_grad(x[i], t[i], gy[i])
        i = index(i + index(THREADS))
