"""Normalisation over the pixels of each channel, with the activation after it: batch norm and instance norm.

For (groups, pixels, channels), one group being the whole batch or one image. See `columns` for the blocks.

**Forward**, two passes. The first takes of each block the mean and the sum of squares around it; then, in float64,

    mean = Σ nᵦ · meanᵦ / n          n · var = Σ (squaresᵦ + nᵦ · (meanᵦ − mean)²)

Within a block, a provisional mean is subtracted from the numbers, that of the first eighth of its rows; in the end the
sums are corrected for it. (The mean of m out of n numbers is at most √(n / m) standard deviations from that of all.) So
memory is read once, and still nothing cancels as it does in E[x²] − E[x]². The second pass computes

    y = leaky_relu((x − mean) · scale + beta)          scale = gamma / √(var + eps)

**Backward**, two passes: the sums of g and g · (x − mean) over each channel, g being the gradient past the activation;
then, with the mean of g and k = mean(g · (x − mean)) / (var + eps),

    gx = scale · (g − mean(g) − (x − mean) · k)

Both want the sign of what the activation saw. It is computed again, from x, by the function that computed it the first
time; that function multiplies and adds in two roundings wherever it is compiled, so the sign is the same.

What a channel needs to be normalised is written out for a whole wide row, `PANEL` numbers of each kind.

Layer norm is another matter, as its means run along the rows: `layer_norm`.
"""

from functools import lru_cache
from math import prod
from typing import Any

import numpy as np

from rawgan_kernels.cpu.compile.compiled import compiled
from rawgan_kernels.cpu.norms import layer
from rawgan_kernels.cpu.run import pool
from rawgan_kernels.cpu.run.columns import PANEL, Grid, block_at, fold, grid
from rawgan_kernels.cpu.run.launch import run, threads
from rawgan_kernels.cpu.vector.exponentials import formulas
from rawgan_kernels.cpu.vector.rows import clear
from rawgan_kernels.cpu.vector.simd import pointer, shifted
from rawgan_kernels.dispatch import implements
from rawgan_kernels.errors import MissingKernel

_FLOAT64 = np.dtype(np.float64)

Array = np.ndarray[Any, Any]
Axes = tuple[int, ...]


@implements
def normalize(x: Array, gamma: Array, beta: Array, axes: Axes, eps: float, slope: float) -> tuple[Array, Array, Array]:
    y, gamma, beta = pool.empty(x.shape, x.dtype), gamma.ravel(), beta.ravel()
    kept, cut = _plan(x.shape, gamma.size, axes)
    if not x.size:
        mean, var = np.full((2, *kept), np.nan, x.dtype)
        return y, mean, var
    if cut is None:
        mean, var = layer.forward(x.ravel(), gamma, beta, y.reshape(-1), float(eps), float(slope))
        return y, mean.reshape(kept), var.reshape(kept)
    flat = x.ravel()
    parts, rows, sums = _scratch(cut, x.dtype)
    arguments = flat, flat, y.reshape(-1), parts, rows, sums, float(slope), cut
    run(_block_moments, cut.blocks, arguments)
    mean, var = np.empty((2, cut.groups, cut.channels), x.dtype)
    _combine_moments(parts, cut, mean, var, rows, gamma, beta, float(eps))
    run(_apply, cut.blocks, arguments)
    return y, mean.reshape(kept), var.reshape(kept)


@implements
def normalize_grad(
    x: Array, gy: Array, gamma: Array, beta: Array, mean: Array, var: Array, axes: Axes, eps: float, slope: float
) -> tuple[Array, Array, Array]:
    gx, shape, gamma, beta = pool.empty(x.shape, x.dtype), gamma.shape, gamma.ravel(), beta.ravel()
    mean, var = mean.ravel(), var.ravel()
    _, cut = _plan(x.shape, gamma.size, axes)
    if not x.size:
        ggamma, gbeta = np.zeros((2, *shape), x.dtype)
        return gx, ggamma, gbeta
    if cut is None:
        ggamma, gbeta = layer.backward(
            x.ravel(), gy.ravel(), gamma, beta, gx.reshape(-1), mean, var, float(eps), float(slope)
        )
        return gx, ggamma.reshape(shape), gbeta.reshape(shape)
    mean, var = mean.reshape(-1, cut.channels), var.reshape(-1, cut.channels)
    parts, rows, sums = _scratch(cut, x.dtype)
    arguments = x.ravel(), gy.ravel(), gx.reshape(-1), parts, rows, sums, float(slope), cut
    _write_out(rows, cut, mean, var, gamma, beta, float(eps))
    run(_block_sums, cut.blocks, arguments)
    ggamma, gbeta = np.zeros((2, cut.channels))
    _combine_sums(parts, cut, var, float(eps), rows, ggamma, gbeta)
    run(_apply_grad, cut.blocks, arguments)
    return gx, ggamma.astype(x.dtype), gbeta.astype(x.dtype)


@lru_cache(maxsize=256)  # a network asks for the same few in every step
def _plan(shape: tuple[int, ...], gamma_size: int, axes: Axes) -> tuple[tuple[int, ...], Grid | None]:
    """The shape of the statistics, and the blocks of x: None where there are none, in layer norm and in empty arrays.

    In layer norm the mean is over the axes of gamma, and not over pixels of a channel.
    """
    kept = tuple(1 if axis in axes else length for axis, length in enumerate(shape))
    axes = tuple(sorted(axes))
    first, over = axes[0], [shape[axis] for axis in axes]
    if 0 in shape or (axes == tuple(range(first, len(shape))) and gamma_size == prod(over)):
        return kept, None
    if axes == tuple(range(first, len(shape) - 1)) and gamma_size == shape[-1]:
        return kept, grid(prod(shape[:first]), prod(over), shape[-1])
    raise MissingKernel(
        f"backend 'cpu' has batch, instance and layer norm, but not the mean of {shape} over the axes {axes} with a "
        f"gamma of {gamma_size}; use('reference') has every norm"
    )


def _scratch(cut: Grid, dtype: np.dtype[Any]) -> tuple[Array, Array, Array]:
    """Two numbers for each channel of each part of the rows; what is needed of each column of each panel; three sums
    of each column of a block, for each thread."""
    parts = pool.empty((2, cut.groups * cut.row_blocks, cut.channels), _FLOAT64)
    rows = pool.empty((cut.groups * cut.panels, KINDS * PANEL), dtype)
    return parts, rows, pool.empty((threads(), 3 * PANEL), dtype)


# --- what a channel needs ------------------------------------------------------------------------------------------

KINDS = 5
_MEAN, _SCALE, _BETA, _MEAN_G, _K = (i * PANEL for i in range(KINDS))
"""Where in the rows of a panel each kind of number begins."""


@compiled(fastmath={"nsz"})  # not "contract": see above
def scaled(x, mean, scale, beta):  # type: ignore[no-untyped-def]
    """What the activation sees."""
    return (x - mean) * scale + beta


@compiled
def _write_out(rows, cut, mean, var, gamma, beta, eps):  # type: ignore[no-untyped-def]
    """The mean, the scale and beta of every column of a wide row."""
    for group in range(cut.groups):
        for column in range(cut.width):
            channel = column % cut.channels
            row, at = rows[group * cut.panels + column // PANEL], column % PANEL
            row[_MEAN + at] = mean[group, channel]
            row[_SCALE + at] = gamma[channel] / np.sqrt(np.float64(var[group, channel]) + eps)
            row[_BETA + at] = beta[channel]


# --- forward -------------------------------------------------------------------------------------------------------


@compiled
def _block_moments(arguments, block, thread):  # type: ignore[no-untyped-def]
    """The mean of each channel of a block, and the sum of squares around it: around a provisional mean at first."""
    x, _, _, parts, _, scratch, _, grid = arguments
    part, first, columns, start, end = block_at(grid, block)
    channels, width = grid.channels, grid.width
    stop = min(start + grid.rows * width, end)
    place = part * channels + first
    total, squares = pointer(parts, place), pointer(parts, parts.shape[1] * channels + place)
    sums = pointer(scratch, thread * scratch.shape[1])  # of the numbers, less the provisional mean; that mean; squares
    clear(sums, 3 * PANEL)
    sample = min(start + max(1, (stop - start) // width // 8) * width, stop)
    for at in range(start + first, sample, width):
        row = pointer(x, at)
        for i in range(min(columns, sample - at)):
            sums[i] += row[i]
    fold(sums, total, channels, columns)
    count = (sample - start) // channels
    for i in range(0, columns, channels):
        for channel in range(min(channels, columns)):
            mean = total[channel] / count
            sums[PANEL + i + channel] = mean if mean - mean == 0 else 0.0  # else ∞ − ∞ would make NaN of infinite means
    clear(sums, PANEL)
    at = start + first
    while at + 3 * width + columns <= stop:  # four rows at a time: the sums are loaded and stored once for them all
        a, b, c, d = pointer(x, at), pointer(x, at + width), pointer(x, at + 2 * width), pointer(x, at + 3 * width)
        for i in range(columns):
            mean = sums[PANEL + i]
            p, q, r, s = a[i] - mean, b[i] - mean, c[i] - mean, d[i] - mean
            sums[i] += (p + q) + (r + s)
            sums[2 * PANEL + i] += (p * p + q * q) + (r * r + s * s)
        at += 4 * width
    for rest in range(at, stop, width):
        row = pointer(x, rest)
        for i in range(min(columns, stop - rest)):
            centred = row[i] - sums[PANEL + i]
            sums[i] += centred
            sums[2 * PANEL + i] += centred * centred
    fold(sums, total, channels, columns)
    fold(shifted(sums, 2 * PANEL), squares, channels, columns)
    count = (stop - start) // channels
    for channel in range(min(channels, columns)):
        rest = total[channel] / count
        squares[channel] -= rest * rest * count
        total[channel] = sums[PANEL + channel] + rest


@compiled
def _combine_moments(parts, cut, mean, var, rows, gamma, beta, eps):  # type: ignore[no-untyped-def]
    """Mean and variance (groups, C) from those of the blocks, in the order of the blocks; then what columns need."""
    pixels, whole = cut.size // cut.channels, cut.rows * cut.width // cut.channels
    total, squares = np.empty(cut.channels), np.empty(cut.channels)
    for group in range(cut.groups):
        total[:] = 0
        squares[:] = 0
        for block in range(cut.row_blocks):
            of_block, count = parts[0, group * cut.row_blocks + block], min(whole, pixels - block * whole)
            for channel in range(cut.channels):
                total[channel] += of_block[channel] * count
        for block in range(cut.row_blocks):
            part, count = group * cut.row_blocks + block, min(whole, pixels - block * whole)
            for channel in range(cut.channels):
                away = parts[0, part, channel] - total[channel] / pixels
                squares[channel] += parts[1, part, channel] + away * away * count
        for channel in range(cut.channels):
            mean[group, channel], var[group, channel] = total[channel] / pixels, squares[channel] / pixels
    _write_out(rows, cut, mean, var, gamma, beta, eps)


@compiled
def _apply(arguments, block, thread):  # type: ignore[no-untyped-def]
    x, _, y, _, rows, _, slope, grid = arguments
    slope = x.dtype.type(slope)
    part, first, columns, start, end = block_at(grid, block)
    stop = min(start + grid.rows * grid.width, end)
    k = pointer(rows, (part // grid.row_blocks * grid.panels + first // PANEL) * rows.shape[1])
    for at in range(start + first, stop, grid.width):
        row, to = pointer(x, at), pointer(y, at)
        for i in range(min(columns, stop - at)):
            z = scaled(row[i], k[_MEAN + i], k[_SCALE + i], k[_BETA + i])
            to[i] = formulas.leaky_relu(z, slope)


# --- backward ------------------------------------------------------------------------------------------------------


@compiled
def _block_sums(arguments, block, thread):  # type: ignore[no-untyped-def]
    """Σ g and Σ g · (x − mean) over each channel of a block."""
    x, gy, _, parts, rows, scratch, slope, grid = arguments
    slope, width = x.dtype.type(slope), grid.width
    part, first, columns, start, end = block_at(grid, block)
    stop = min(start + grid.rows * width, end)
    k = pointer(rows, (part // grid.row_blocks * grid.panels + first // PANEL) * rows.shape[1])
    sums = pointer(scratch, thread * scratch.shape[1])
    clear(sums, 2 * PANEL)
    at = start + first
    while at + width + columns <= stop:  # two rows at a time
        a, b, gradient_a, gradient_b = pointer(x, at), pointer(x, at + width), pointer(gy, at), pointer(gy, at + width)
        for i in range(columns):
            mean, scale, beta = k[_MEAN + i], k[_SCALE + i], k[_BETA + i]
            p = formulas.leaky_relu_grad(scaled(a[i], mean, scale, beta), gradient_a[i], slope)
            q = formulas.leaky_relu_grad(scaled(b[i], mean, scale, beta), gradient_b[i], slope)
            sums[i] += p + q
            sums[PANEL + i] += p * (a[i] - mean) + q * (b[i] - mean)
        at += 2 * width
    for rest in range(at, stop, width):
        row, gradient = pointer(x, rest), pointer(gy, rest)
        for i in range(min(columns, stop - rest)):
            z = scaled(row[i], k[_MEAN + i], k[_SCALE + i], k[_BETA + i])
            g = formulas.leaky_relu_grad(z, gradient[i], slope)
            sums[i] += g
            sums[PANEL + i] += g * (row[i] - k[_MEAN + i])
    place = part * grid.channels + first
    fold(sums, pointer(parts, place), grid.channels, columns)
    fold(shifted(sums, PANEL), pointer(parts, parts.shape[1] * grid.channels + place), grid.channels, columns)


@compiled
def _combine_sums(parts, cut, var, eps, rows, ggamma, gbeta):  # type: ignore[no-untyped-def]
    """The sums of the blocks, in their order → gradients of gamma and beta (C,), and for every column of a wide row the
    mean of g and k."""
    pixels = cut.size // cut.channels
    for group in range(cut.groups):
        sums, products = parts[0, group * cut.row_blocks], parts[1, group * cut.row_blocks]
        for block in range(1, cut.row_blocks):
            of_block = parts[:, group * cut.row_blocks + block]
            for channel in range(cut.channels):
                sums[channel] += of_block[0, channel]
                products[channel] += of_block[1, channel]
        for channel in range(cut.channels):
            gbeta[channel] += sums[channel]
            ggamma[channel] += products[channel] / np.sqrt(var[group, channel] + eps)
        for column in range(cut.width):
            channel = column % cut.channels
            row, at = rows[group * cut.panels + column // PANEL], column % PANEL
            row[_MEAN_G + at] = sums[channel] / pixels
            row[_K + at] = products[channel] / pixels / (var[group, channel] + eps)


@compiled
def _apply_grad(arguments, block, thread):  # type: ignore[no-untyped-def]
    x, gy, gx, _, rows, _, slope, grid = arguments
    slope = x.dtype.type(slope)
    part, first, columns, start, end = block_at(grid, block)
    stop = min(start + grid.rows * grid.width, end)
    k = pointer(rows, (part // grid.row_blocks * grid.panels + first // PANEL) * rows.shape[1])
    for at in range(start + first, stop, grid.width):
        row, gradient, to = pointer(x, at), pointer(gy, at), pointer(gx, at)
        for i in range(min(columns, stop - at)):
            z = scaled(row[i], k[_MEAN + i], k[_SCALE + i], k[_BETA + i])
            g = formulas.leaky_relu_grad(z, gradient[i], slope)
            to[i] = k[_SCALE + i] * (g - k[_MEAN_G + i] - (row[i] - k[_MEAN + i]) * k[_K + i])
