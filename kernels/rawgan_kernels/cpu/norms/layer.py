"""Bodies of layer norm: each sample is normalised over its values, with one gamma and beta for each value.

Arrays count as (samples, values). Forward, a block is one sample: its mean, the sum of squares around it and y are
computed while it is in the cache. Backward, a block is `GROUP` samples: the gradients of gamma and beta are sums over
the samples, so each block has a row of sums, and the rows are added up in order, whatever the number of threads.
"""

from math import sqrt
from typing import Any

import numpy as np

from rawgan_kernels.cpu.compile.compiled import SUMS, compiled
from rawgan_kernels.cpu.run.launch import run
from rawgan_kernels.cpu.vector.exponentials import formulas
from rawgan_kernels.cpu.vector.pointers import pointer

Array = np.ndarray[Any, Any]

GROUP = 16
"""Samples whose gradients of gamma and beta are added up by one thread."""


def forward(x: Array, gamma: Array, beta: Array, y: Array, eps: float, slope: float) -> tuple[Array, Array]:
    """Write y (samples · values,); → mean, var (samples,)."""
    mean, var = np.empty((2, x.size // len(gamma)), x.dtype)
    run(_forward, len(mean), (x, x, gamma, beta, y, mean[None], mean, var, eps, slope))
    return mean, var


def backward(
    x: Array,
    gy: Array,
    gamma: Array,
    beta: Array,
    gx: Array,
    mean: Array,
    var: Array,
    eps: float,
    slope: float,
) -> tuple[Array, Array]:
    """Write gx (samples · values,); → ggamma, gbeta (values,)."""
    parts = np.zeros((-(-len(mean) // GROUP), 2 * len(gamma)), x.dtype)
    run(_backward, len(parts), (x, gy, gamma, beta, gx, parts, mean, var, eps, slope))
    ggamma, gbeta = parts.sum(axis=0, dtype=np.float64).astype(x.dtype).reshape(2, -1)
    return ggamma, gbeta


@compiled(fastmath={"nsz"})  # without "contract": forward and backward must find the same sign
def _scaled(x, mean, inv_std, gamma, beta):  # type: ignore[no-untyped-def]
    """The value that the activation is applied to."""
    return (x - mean) * (inv_std * gamma) + beta


@compiled(fastmath=SUMS)
def _moments(row, count, number):  # type: ignore[no-untyped-def]
    """Mean and biased variance of a row."""
    total = number(0)
    for i in range(count):
        total += row[i]
    mean = total / number(count)
    rest, squares = number(0), number(0)
    for i in range(count):
        centred = row[i] - mean
        rest += centred
        squares += centred * centred
    rest /= number(count)
    if rest - rest != 0:
        rest = number(0)  # the mean of infinite numbers is infinite, not NaN
    return mean + rest, squares / number(count) - rest * rest


@compiled
def _forward(arguments, sample, thread):  # type: ignore[no-untyped-def]
    x, _, gamma, beta, y, _, means, variances, eps, slope = arguments
    number, count = x.dtype.type, len(gamma)
    row, to = pointer(x, sample * count), pointer(y, sample * count)
    mean, var = _moments(row, count, number)
    inv_std = number(1 / sqrt(var + eps))
    for i in range(count):
        z = _scaled(row[i], mean, inv_std, gamma[i], beta[i])
        to[i] = formulas.leaky_relu(z, number(slope))
    means[sample], variances[sample] = mean, var


@compiled(fastmath=SUMS)
def _gradient_sums(g, row, mean, gamma, gbeta, ggamma, inv_std, count, number):  # type: ignore[no-untyped-def]
    """Add to the gradients of beta and gamma. Returns the means of gamma · g and of gamma · g · x̂."""
    total, product = number(0), number(0)
    for i in range(count):
        x_hat = (row[i] - mean) * inv_std
        gbeta[i] += g[i]
        ggamma[i] += g[i] * x_hat
        total += g[i] * gamma[i]
        product += g[i] * gamma[i] * x_hat
    return total / number(count), product / number(count)


@compiled
def _backward(arguments, group, thread):  # type: ignore[no-untyped-def]
    x, gy, gamma, beta, gx, parts, means, variances, eps, slope = arguments
    number, count = x.dtype.type, len(gamma)
    ggamma, gbeta, k = pointer(parts, group * 2 * count), pointer(parts, (group * 2 + 1) * count), pointer(gamma, 0)
    for sample in range(group * GROUP, min((group + 1) * GROUP, len(means))):
        row, gradient, to = pointer(x, sample * count), pointer(gy, sample * count), pointer(gx, sample * count)
        mean, inv_std = means[sample], number(1 / sqrt(variances[sample] + eps))
        for i in range(count):  # gx first holds the gradient before the activation
            z = _scaled(row[i], mean, inv_std, gamma[i], beta[i])
            to[i] = formulas.leaky_relu_grad(z, gradient[i], number(slope))
        mean_g, mean_product = _gradient_sums(to, row, mean, k, gbeta, ggamma, inv_std, count, number)
        for i in range(count):
            x_hat = (row[i] - mean) * inv_std
            to[i] = inv_std * (gamma[i] * to[i] - mean_g - x_hat * mean_product)
