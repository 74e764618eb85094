"""Normalisation: subtract the mean, divide by the standard deviation, scale and shift, then apply the activation.

Batch, layer and instance norm are one formula, with averages over different axes.
"""

from typing import Any

from rawgan_kernels.arrays import array_module
from rawgan_kernels.dispatch import implements
from rawgan_kernels.reference.activation import leaky_relu, leaky_relu_grad

Axes = tuple[int, ...]


@implements
def normalize(x: Any, gamma: Any, beta: Any, axes: Axes, eps: float, slope: float) -> tuple[Any, Any, Any]:
    mean = _mean(x, axes)
    y = x - mean
    var = _mean(y * y, axes)
    return leaky_relu(_scaled(y, gamma, beta, var, eps), slope), mean, var


@implements
def normalize_grad(
    x: Any, gy: Any, gamma: Any, beta: Any, mean: Any, var: Any, axes: Axes, eps: float, slope: float
) -> tuple[Any, Any, Any]:
    """With x̂ = (x − mean) / std, gy before the activation, and g = gamma · gy:

        gx = (g − mean(g) − x̂ · mean(g · x̂)) / std

    The activation passes gy on where y > 0, and slope · gy elsewhere. y is computed again by the formula of the forward
    pass, so its sign is the same to the last bit.
    """
    xp = array_module(x)
    x_hat = x - mean
    if slope != 1:
        gy = leaky_relu_grad(_scaled(x_hat, gamma, beta, var, eps), gy, slope)
    inv_std = 1 / xp.sqrt(var + eps)
    x_hat *= inv_std
    shared = tuple(range(x.ndim - gamma.ndim))  # axes along which gamma and beta are repeated
    product = gy * x_hat
    gbeta, ggamma = _sum(gy, shared), _sum(product, shared)
    product *= gamma
    x_hat *= _mean(product, axes)
    gx = gy * gamma
    gx -= _mean(gx, axes) + x_hat
    gx *= inv_std
    return gx, ggamma.reshape(gamma.shape), gbeta.reshape(gamma.shape)


def _scaled(centred: Any, gamma: Any, beta: Any, var: Any, eps: float) -> Any:
    """The value that the activation is applied to."""
    return centred * (gamma * (1 / array_module(var).sqrt(var + eps))) + beta


def _sum(x: Any, axes: Axes) -> Any:
    """Sum one axis at a time, the last first: the rounding error grows far slower than a running sum's."""
    for axis in sorted(axes, reverse=True):
        x = x.sum(axis=axis, keepdims=True)
    return x


def _mean(x: Any, axes: Axes) -> Any:
    count = 1
    for axis in axes:
        count *= x.shape[axis]
    return _sum(x, axes) / count
