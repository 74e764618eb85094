"""Bodies of layer norm: each sample is normalised over its values, with one gamma and beta for each value.

Arrays count as (samples, values). A block is as many samples as make it worth a thread, and all passes over a sample
follow each other while it is in the cache. Backward, the gradients of gamma and beta are sums over the samples: over
`GROUP` samples in the array's dtype, then in float64, in an order that does not depend on the number of threads.
"""

from math import sqrt
from typing import Any

import numpy as np

from rawgan_kernels.cpu.compile.compiled import compiled
from rawgan_kernels.cpu.run import pool
from rawgan_kernels.cpu.run.launch import run, threads
from rawgan_kernels.cpu.vector.exponentials import formulas
from rawgan_kernels.cpu.vector.norm_rows import (
    CHUNK,
    pair_products,
    row_grad,
    row_moments,
    row_normalised,
    row_products,
    row_sum,
)
from rawgan_kernels.cpu.vector.pointers import pointer, shifted
from rawgan_kernels.cpu.vector.rows import clear

Array = np.ndarray[Any, Any]

BLOCK = 1 << 14
"""Elements of a block, about. They take a few µs, long enough to be worth a thread."""

GROUP = 16
"""Samples whose gradients of gamma and beta are added up in the dtype of x."""


def forward(x: Array, gamma: Array, beta: Array, y: Array, eps: float, slope: float) -> tuple[Array, Array]:
    """Write y (samples · values,); → mean, var (samples,)."""
    mean, var = np.empty((2, x.size // len(gamma)), x.dtype)
    each = max(1, BLOCK // len(gamma))
    run(_forward, -(-len(mean) // each), (x, gamma, beta, y, mean, var, each, eps, slope))
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
    groups = -(-len(mean) // GROUP)
    each = max(1, BLOCK // (GROUP * len(gamma)))
    blocks = -(-groups // each)
    parts = pool.empty((blocks, 2 * len(gamma)), _FLOAT64)
    sums = pool.empty((threads(), 2 * len(gamma)), x.dtype)
    run(_backward, blocks, (x, gy, gamma, beta, gx, parts, sums, mean, var, GROUP * each, eps, slope))
    ggamma, gbeta = np.add.reduce(parts, axis=0).astype(x.dtype).reshape(2, -1)
    return ggamma, gbeta


_FLOAT64 = np.dtype(np.float64)


# --- forward -------------------------------------------------------------------------------------------------------


@compiled
def _forward(arguments, block, thread):  # type: ignore[no-untyped-def]
    x, gamma, beta, y, means, variances, each, eps, slope = arguments
    number, count = x.dtype.type, len(gamma)
    slope, by, shift = number(slope), pointer(gamma, 0), pointer(beta, 0)
    for sample in range(block * each, min((block + 1) * each, len(means))):
        row, to = pointer(x, sample * count), pointer(y, sample * count)
        mean, var = _moments(row, count, number)
        means[sample], variances[sample] = mean, var
        row_normalised(row, to, by, shift, mean, number(1 / sqrt(var + eps)), slope, count)


@compiled
def _moments(row, count, number):  # type: ignore[no-untyped-def]
    """Mean and biased variance of a row."""
    total = 0.0
    for start in range(0, count, CHUNK):
        total += row_sum(shifted(row, start), min(CHUNK, count - start))
    mean = number(total / count)
    rest, squares = 0.0, 0.0
    for start in range(0, count, CHUNK):
        sums = row_moments(shifted(row, start), mean, min(CHUNK, count - start))
        rest += sums[0]
        squares += sums[1]
    rest /= count
    if rest - rest != 0:
        rest = 0.0  # the mean of infinite numbers is infinite, not NaN
    return number(mean + rest), number(squares / count - rest * rest)


# --- backward ------------------------------------------------------------------------------------------------------


@compiled
def _backward(arguments, block, thread):  # type: ignore[no-untyped-def]
    x, gy, gamma, _, _, parts, sums, means, _, each, _, _ = arguments
    count = len(gamma)
    totals, start = pointer(parts, block * 2 * count), pointer(sums, thread * 2 * count)
    clear(totals, 2 * count)
    stop = min((block + 1) * each, len(means))
    for group in range(block * each, stop, GROUP):
        clear(start, 2 * count)
        end = min(group + GROUP, stop)
        for sample in range(group, end - 1, 2):
            _pair(arguments, sample, start)
        if (end - group) % 2:
            _single(arguments, end - 1, start)
        for i in range(2 * count):
            totals[i] += start[i]


@compiled
def _pair(arguments, sample, ggamma):  # type: ignore[no-untyped-def]
    """gx of two samples; add to the gradients of gamma and, after them, of beta."""
    x, _, gamma, _, gx, _, _, means, variances, _, eps, _ = arguments
    number, count, by, at = x.dtype.type, len(gamma), pointer(gamma, 0), sample * len(gamma)
    row, to = pointer(x, at), pointer(gx, at)
    gradient = _before_activation(arguments, sample, 2)
    mean, inv_std = means[sample], number(1 / sqrt(variances[sample] + eps))
    other_mean, other_inv_std = means[sample + 1], number(1 / sqrt(variances[sample + 1] + eps))
    total, product, other_total, other_product = 0.0, 0.0, 0.0, 0.0
    for start in range(0, count, CHUNK):
        sums = pair_products(
            shifted(row, start), shifted(gradient, start), count, shifted(by, start), shifted(ggamma, start),
            shifted(ggamma, count + start), (mean, other_mean), (inv_std, other_inv_std), min(CHUNK, count - start),
        )  # fmt: skip
        total += sums[0]
        product += sums[1]
        other_total += sums[2]
        other_product += sums[3]
    row_grad(row, gradient, to, by, mean, inv_std, number(total / count), number(product / count), count)
    row_grad(
        shifted(row, count), shifted(gradient, count), shifted(to, count), by, other_mean, other_inv_std,
        number(other_total / count), number(other_product / count), count,
    )  # fmt: skip


@compiled
def _single(arguments, sample, ggamma):  # type: ignore[no-untyped-def]
    """gx of a sample; add to the gradients of gamma and, after them, of beta."""
    x, _, gamma, _, gx, _, _, means, variances, _, eps, _ = arguments
    number, count, by, at = x.dtype.type, len(gamma), pointer(gamma, 0), sample * len(gamma)
    row = pointer(x, at)
    gradient = _before_activation(arguments, sample, 1)
    mean, inv_std = means[sample], number(1 / sqrt(variances[sample] + eps))
    total, product = 0.0, 0.0
    for start in range(0, count, CHUNK):
        sums = row_products(
            shifted(row, start), shifted(gradient, start), count, shifted(by, start), shifted(ggamma, start),
            shifted(ggamma, count + start), (mean,), (inv_std,), min(CHUNK, count - start),
        )  # fmt: skip
        total += sums[0]
        product += sums[1]
    row_grad(row, gradient, pointer(gx, at), by, mean, inv_std, number(total / count), number(product / count), count)


@compiled(fastmath={"nsz"})  # without "contract": forward and backward must find the same sign
def _before_activation(arguments, sample, samples):  # type: ignore[no-untyped-def]
    """Pointer to the gradient before the activation, of samples; with an activation it is put into gx first."""
    x, gy, gamma, beta, gx, _, _, means, variances, _, eps, slope = arguments
    number, count = x.dtype.type, len(gamma)
    if slope == 1:
        return pointer(gy, sample * count)
    for each in range(sample, sample + samples):
        row, gradient, to = pointer(x, each * count), pointer(gy, each * count), pointer(gx, each * count)
        mean, inv_std = means[each], number(1 / sqrt(variances[each] + eps))
        for i in range(count):
            z = (row[i] - mean) * (inv_std * gamma[i]) + beta[i]
            to[i] = formulas.leaky_relu_grad(z, gradient[i], number(slope))
    return pointer(gx, sample * count)
