"""Bodies of layer norm: each sample is normalised over its values, with one gamma and beta for each value.

Arrays count as (samples, values). A block is as many samples as make it worth a thread, and all passes over a sample
follow each other while it is in the cache. Backward, the gradients of gamma and beta are sums over the samples: over
`GROUP` samples in the array's dtype, then in float64, in an order that does not depend on the number of threads.
"""

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

CACHED = 1 << 12
"""Elements that stay in the first-level cache from one pass to the next."""


def forward(x: Array, gamma: Array, beta: Array, y: Array, eps: float, slope: float) -> tuple[Array, Array]:
    """Write y (samples · values,); → mean, var (samples,)."""
    mean, var = np.empty((2, x.size // len(gamma)), x.dtype)
    each = max(1, BLOCK // len(gamma))
    inv_std = np.empty((threads(), GROUP), x.dtype)
    run(_forward, -(-len(mean) // each), (x, gamma, beta, y, mean, var, inv_std, each, eps, slope))
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
    scratch = pool.empty((threads(), 2 * len(gamma) + GROUP), x.dtype)
    run(_backward, blocks, (x, gy, gamma, beta, gx, parts, scratch, mean, var, GROUP * each, eps, slope))
    total = parts[0] if blocks == 1 else np.add.reduce(parts, axis=0)
    return total[: len(gamma)].astype(x.dtype), total[len(gamma) :].astype(x.dtype)


_FLOAT64 = np.dtype(np.float64)


# --- forward -------------------------------------------------------------------------------------------------------


@compiled
def _forward(arguments, block, thread):  # type: ignore[no-untyped-def]
    x, gamma, beta, y, means, variances, inv_stds, each, eps, slope = arguments
    number, count, stop = x.dtype.type, len(gamma), min((block + 1) * each, len(means))
    by, shift, inv_std = pointer(gamma, 0), pointer(beta, 0), pointer(inv_stds, thread * GROUP)
    together = min(GROUP, max(1, CACHED // count))
    for first in range(block * each, stop, together):
        samples = min(together, stop - first)
        mean, var = pointer(means, first), pointer(variances, first)
        for i in range(samples):
            mean[i], var[i] = _moments(pointer(x, (first + i) * count), count, number)
        _inverse(var, inv_std, samples, eps, number)
        for i in range(samples):
            at = (first + i) * count
            row_normalised(pointer(x, at), pointer(y, at), by, shift, mean[i], inv_std[i], number(slope), count)


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


@compiled
def _inverse(var, inv_std, samples, eps, number):  # type: ignore[no-untyped-def]
    """1 / std of each sample."""
    for i in range(samples):
        inv_std[i] = number(1 / np.sqrt(np.float64(var[i]) + eps))


# --- backward ------------------------------------------------------------------------------------------------------


@compiled
def _backward(arguments, block, thread):  # type: ignore[no-untyped-def]
    x, gy, gamma, beta, gx, parts, scratch, means, variances, each, eps, slope = arguments
    number, count, stop = x.dtype.type, len(gamma), min((block + 1) * each, len(means))
    by, totals = pointer(gamma, 0), pointer(parts, block * 2 * count)
    sums, inv_std = pointer(scratch, thread * scratch.shape[1]), pointer(scratch, thread * scratch.shape[1] + 2 * count)
    clear(totals, 2 * count)
    for first in range(block * each, stop, GROUP):
        samples, at = min(GROUP, stop - first), first * count
        row, g, to, mean = pointer(x, at), pointer(gy, at), pointer(gx, at), pointer(means, first)
        _inverse(pointer(variances, first), inv_std, samples, eps, number)
        if slope != 1:
            _before_activation(row, g, to, by, pointer(beta, 0), mean, inv_std, samples, count, number(slope))
            g = to
        clear(sums, 2 * count)
        for i in range(0, samples - 1, 2):
            a, p = shifted(row, i * count), shifted(g, i * count)
            _pair(a, p, shifted(to, i * count), by, sums, shifted(mean, i), shifted(inv_std, i), count, number)
        if samples % 2:
            i = samples - 1
            _single(
                shifted(row, i * count), shifted(g, i * count), shifted(to, i * count), by, sums, mean[i], inv_std[i],
                count, number,
            )  # fmt: skip
        for i in range(2 * count):
            totals[i] += sums[i]


@compiled
def _pair(row, g, to, by, ggamma, mean, inv_std, count, number):  # type: ignore[no-untyped-def]
    """gx of two samples; add to the gradients of gamma and, after them, of beta."""
    total, product, other_total, other_product = 0.0, 0.0, 0.0, 0.0
    for at in range(0, count, CHUNK):
        sums = pair_products(
            shifted(row, at), shifted(g, at), count, shifted(by, at), shifted(ggamma, at), shifted(ggamma, count + at),
            (mean[0], mean[1]), (inv_std[0], inv_std[1]), min(CHUNK, count - at),
        )  # fmt: skip
        total += sums[0]
        product += sums[1]
        other_total += sums[2]
        other_product += sums[3]
    share = 1.0 / count
    row_grad(row, g, to, by, mean[0], inv_std[0], number(total * share), number(product * share), count)
    other_mean_g, other_mean_product = number(other_total * share), number(other_product * share)
    row, g, to = shifted(row, count), shifted(g, count), shifted(to, count)
    row_grad(row, g, to, by, mean[1], inv_std[1], other_mean_g, other_mean_product, count)


@compiled
def _single(row, g, to, by, ggamma, mean, inv_std, count, number):  # type: ignore[no-untyped-def]
    """gx of a sample; add to the gradients of gamma and, after them, of beta."""
    total, product = 0.0, 0.0
    for at in range(0, count, CHUNK):
        sums = row_products(
            shifted(row, at), shifted(g, at), count, shifted(by, at), shifted(ggamma, at), shifted(ggamma, count + at),
            (mean,), (inv_std,), min(CHUNK, count - at),
        )  # fmt: skip
        total += sums[0]
        product += sums[1]
    share = 1.0 / count
    row_grad(row, g, to, by, mean, inv_std, number(total * share), number(product * share), count)


@compiled(fastmath={"nsz"})  # without "contract": forward and backward must find the same sign
def _before_activation(row, g, to, gamma, beta, mean, inv_std, samples, count, slope):  # type: ignore[no-untyped-def]
    """Write the gradients before the activation, of samples."""
    for sample in range(samples):
        at = sample * count
        for i in range(count):
            z = (row[at + i] - mean[sample]) * (inv_std[sample] * gamma[i]) + beta[i]
            to[at + i] = formulas.leaky_relu_grad(z, g[at + i], slope)
