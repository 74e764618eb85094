"""Normalisation: subtract the mean, divide by the standard deviation, scale and shift.

Batch, layer and instance norm are one formula that averages over different axes.
"""

from typing import Any

from rawgan_kernels import array_module

Axes = tuple[int, ...]


def normalize(x: Any, gamma: Any, beta: Any, axes: Axes, eps: float) -> tuple[Any, Any, Any]:
    """y = gamma · (x − mean) / √(var + eps) + beta, with mean and biased variance over `axes`.

    Shapes: x any; gamma, beta the trailing axes of x → y as x; mean, var as x with `axes` of size 1
    Flops:  8 · x.size
    Bytes:  x + y
    """
    xp = array_module(x)
    mean = _mean(x, axes)
    y = x - mean
    var = _mean(y * y, axes)
    y *= gamma * (1 / xp.sqrt(var + eps))
    y += beta
    return y, mean, var


def normalize_grad(x: Any, gy: Any, gamma: Any, mean: Any, var: Any, axes: Axes, eps: float) -> tuple[Any, Any, Any]:
    """Gradients of normalize with respect to x, gamma and beta, the mean and the variance being functions of x.

    With x̂ = (x − mean) / std and g = gamma · gy:   gx = (g − mean(g) − x̂ · mean(g · x̂)) / std

    Shapes: x, gy any; gamma its trailing axes; mean, var as x with `axes` of size 1 → gx as x, ggamma, gbeta as gamma
    Flops:  13 · x.size
    Bytes:  x + gy + gx
    """
    xp = array_module(x)
    inv_std = 1 / xp.sqrt(var + eps)
    x_hat = (x - mean) * inv_std
    shared = tuple(range(x.ndim - gamma.ndim))  # the axes along which gamma and beta are repeated
    product = gy * x_hat
    gbeta, ggamma = _sum(gy, shared), _sum(product, shared)
    product *= gamma
    x_hat *= _mean(product, axes)
    gx = gy * gamma
    gx -= _mean(gx, axes) + x_hat
    gx *= inv_std
    return gx, ggamma.reshape(gamma.shape), gbeta.reshape(gamma.shape)


def _sum(x: Any, axes: Axes) -> Any:
    """Sum one axis at a time, the last first: a cascade, whose rounding error grows far slower than a running sum's."""
    for axis in sorted(axes, reverse=True):
        x = x.sum(axis=axis, keepdims=True)
    return x


def _mean(x: Any, axes: Axes) -> Any:
    count = 1
    for axis in axes:
        count *= x.shape[axis]
    return _sum(x, axes) / count
