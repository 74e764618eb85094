"""Bodies of normalisation over the pixels of each channel, with the activation after it: batch norm and instance norm.

Arrays count as (groups, pixels, channels), a group being the whole batch or one image; `run.columns` cuts them into
blocks.

**Forward**, two passes. The first takes the mean of each block, and the sum of squares around it; then, in float64,

    mean = Σ nᵦ · meanᵦ / n          n · var = Σ (squaresᵦ + nᵦ · (meanᵦ − mean)²)

Within a block, a provisional mean is subtracted from the numbers, that of the first eighth of its rows; in the end the
sums are corrected for it. (The mean of m out of n numbers is at most √(n / m) standard deviations from the mean of
all.) So memory is read once, and still nothing cancels as it does in E[x²] − E[x]². The second pass computes

    y = leaky_relu((x − mean) · scale + beta)          scale = gamma / √(var + eps)

**Backward**, two passes: the sums of g and g · (x − mean) over each channel, where g is the gradient before the
activation; then, with the mean of g and k = mean(g · (x − mean)) / (var + eps),

    gx = scale · (g − mean(g) − (x − mean) · k)

Both passes need the sign of the value before the activation. `scaled` computes it again from x, as in the forward pass:
it multiplies and adds in two roundings wherever it is compiled, so the sign is the same.

The numbers that a channel is normalised with are written out for a whole wide row, `PANEL` of each kind.
"""

from typing import Any

import numpy as np

from rawgan_kernels.cpu.compile.compiled import compiled
from rawgan_kernels.cpu.run import pool
from rawgan_kernels.cpu.run.columns import PANEL, Grid, block_at, fold, grid_of
from rawgan_kernels.cpu.run.launch import run, threads
from rawgan_kernels.cpu.vector.exponentials import formulas
from rawgan_kernels.cpu.vector.pointers import pointer, shifted
from rawgan_kernels.cpu.vector.rows import clear

Array = np.ndarray[Any, Any]

_FLOAT64 = np.dtype(np.float64)

FEW = 1 << 16
"""Elements up to which one thread does everything in one launch: to wake the others for each pass takes longer."""


def forward(x: Array, gamma: Array, beta: Array, y: Array, cut: Grid, eps: float, slope: float) -> tuple[Array, Array]:
    """Write y, flat as x is; → mean, var (groups, channels)."""
    mean, var = np.empty((2, cut.groups, cut.channels), x.dtype)
    if x.size <= FEW:
        parts, rows, sums = _scratch(cut, x.dtype, 1)
        run(_forward, 1, (x, y, parts, rows, sums, slope, cut[:], mean, var, gamma, beta, eps))
    else:
        parts, rows, sums = _scratch(cut, x.dtype, threads())
        passes = x, x, y, parts, rows, sums, slope, cut[:]
        run(_block_moments, cut.blocks, passes)
        _combine_moments(parts, cut[:], mean, var, rows, gamma, beta, eps)
        run(_apply, cut.blocks, passes)
    return mean, var


def backward(
    x: Array, gy: Array, gamma: Array, beta: Array, gx: Array, mean: Array, var: Array, cut: Grid, eps: float,
    slope: float,
) -> tuple[Array, Array]:  # fmt: skip
    """Write gx, flat as x is; → gradients of gamma and beta (channels,)."""
    ggamma, gbeta = np.empty((2, cut.channels), x.dtype)
    if x.size <= FEW:
        parts, rows, sums = _scratch(cut, x.dtype, 1)
        run(_backward, 1, (x, gy, gx, parts, rows, sums, slope, cut[:], mean, var, gamma, beta, eps, ggamma, gbeta))
    else:
        parts, rows, sums = _scratch(cut, x.dtype, threads())
        passes = x, gy, gx, parts, rows, sums, slope, cut[:]
        _write_out(rows, cut[:], mean, var, gamma, beta, eps)
        run(_block_sums, cut.blocks, passes)
        _combine_sums(parts, cut[:], var, eps, rows, ggamma, gbeta)
        run(_apply_grad, cut.blocks, passes)
    return ggamma, gbeta


def _scratch(cut: Grid, dtype: np.dtype[Any], team: int) -> tuple[Array, Array, Array]:
    """Memory for two numbers for each channel of each part of the rows; for the numbers that each column of each panel
    is normalised with; and for three sums of each column of a block, for each thread of a team."""
    parts = pool.empty((2, cut.groups * cut.row_blocks, cut.channels), _FLOAT64)
    rows = pool.empty((cut.groups * cut.panels, KINDS * PANEL), dtype)
    return parts, rows, pool.empty((team, 3 * PANEL), dtype)


# --- numbers that a channel is normalised with ---------------------------------------------------------------------

KINDS = 5
_MEAN, _SCALE, _BETA, _MEAN_G, _K = (i * PANEL for i in range(KINDS))
"""Position in the rows of a panel where each kind of number begins."""


@compiled(fastmath={"nsz"})  # without "contract": see above
def scaled(x, mean, scale, beta):  # type: ignore[no-untyped-def]
    """The value that the activation is applied to."""
    return (x - mean) * scale + beta


@compiled(entry=True)
def _write_out(rows, sizes, mean, var, gamma, beta, eps):  # type: ignore[no-untyped-def]
    _write(rows, grid_of(sizes), mean, var, gamma, beta, eps)


@compiled
def _write(rows, cut, mean, var, gamma, beta, eps):  # type: ignore[no-untyped-def]
    """Write the mean, the scale and beta of every column of a wide row."""
    for group in range(cut.groups):
        for channel in range(cut.channels):
            row, at = rows[group * cut.panels + channel // PANEL], channel % PANEL
            row[_MEAN + at] = mean[group, channel]
            row[_SCALE + at] = gamma[channel] / np.sqrt(np.float64(var[group, channel]) + eps)
            row[_BETA + at] = beta[channel]
        for kind in (_MEAN, _SCALE, _BETA):
            _repeat(rows, group * cut.panels, kind, cut)


@compiled
def _repeat(rows, panel, kind, cut):  # type: ignore[no-untyped-def]
    """Copy the numbers of the channels to the other columns of a wide row, which is a single panel then."""
    row = pointer(rows, panel * rows.shape[1] + kind)
    for column in range(cut.channels, cut.width):
        row[column] = row[column - cut.channels]


# --- forward -------------------------------------------------------------------------------------------------------


@compiled
def _block_moments(arguments, block, thread):  # type: ignore[no-untyped-def]
    """Mean of each channel of a block, and the sum of squares around it; at first around a provisional mean."""
    x, _, _, parts, _, scratch, _, sizes = arguments
    grid = grid_of(sizes)
    part, first, columns, start, end = block_at(grid, block)
    channels, width = grid.channels, grid.width
    stop = min(start + grid.rows * width, end)
    place = part * channels + first
    total, squares = pointer(parts, place), pointer(parts, parts.shape[1] * channels + place)
    sums = pointer(scratch, thread * scratch.shape[1])  # of x − provisional mean; that mean; squares
    clear(sums, 3 * PANEL)
    sample = min(start + max(1, (stop - start) // width // 8) * width, stop)
    for at in range(start + first, sample, width):
        row = pointer(x, at)
        for i in range(min(columns, sample - at)):
            sums[i] += row[i]
    fold(sums, total, channels, columns)
    count = (sample - start) // channels
    for channel in range(min(channels, columns)):
        mean = total[channel] / count
        sums[PANEL + channel] = mean if mean - mean == 0 else 0.0  # else ∞ − ∞ would make NaN of infinite means
    for i in range(channels, columns):
        sums[PANEL + i] = sums[PANEL + i - channels]
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


@compiled(entry=True)
def _combine_moments(parts, sizes, mean, var, rows, gamma, beta, eps):  # type: ignore[no-untyped-def]
    _join_moments(parts, grid_of(sizes), mean, var, rows, gamma, beta, eps)


@compiled
def _join_moments(parts, cut, mean, var, rows, gamma, beta, eps):  # type: ignore[no-untyped-def]
    """Mean and variance (groups, C), added up over the blocks in their order; then the numbers of every column."""
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
    _write(rows, cut, mean, var, gamma, beta, eps)


@compiled
def _apply(arguments, block, thread):  # type: ignore[no-untyped-def]
    x, _, y, _, rows, _, slope, sizes = arguments
    grid = grid_of(sizes)
    slope = x.dtype.type(slope)
    part, first, columns, start, end = block_at(grid, block)
    stop = min(start + grid.rows * grid.width, end)
    k = pointer(rows, (part // grid.row_blocks * grid.panels + first // PANEL) * rows.shape[1])
    for at in range(start + first, stop, grid.width):
        row, to = pointer(x, at), pointer(y, at)
        for i in range(min(columns, stop - at)):
            z = scaled(row[i], k[_MEAN + i], k[_SCALE + i], k[_BETA + i])
            to[i] = formulas.leaky_relu(z, slope)


@compiled
def _forward(arguments, block, thread):  # type: ignore[no-untyped-def]
    """All passes, one after the other."""
    x, y, parts, rows, scratch, slope, sizes, mean, var, gamma, beta, eps = arguments
    passes, cut = (x, x, y, parts, rows, scratch, slope, sizes), grid_of(sizes)
    blocks = cut.groups * cut.row_blocks * cut.panels
    for each in range(blocks):
        _block_moments(passes, each, 0)
    _join_moments(parts, cut, mean, var, rows, gamma, beta, eps)
    for each in range(blocks):
        _apply(passes, each, 0)


# --- backward ------------------------------------------------------------------------------------------------------


@compiled
def _block_sums(arguments, block, thread):  # type: ignore[no-untyped-def]
    """Σ g and Σ g · (x − mean) over each channel of a block."""
    x, gy, _, parts, rows, scratch, slope, sizes = arguments
    grid = grid_of(sizes)
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


@compiled(entry=True)
def _combine_sums(parts, sizes, var, eps, rows, ggamma, gbeta):  # type: ignore[no-untyped-def]
    _join_sums(parts, grid_of(sizes), var, eps, rows, ggamma, gbeta)


@compiled
def _join_sums(parts, cut, var, eps, rows, ggamma, gbeta):  # type: ignore[no-untyped-def]
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
            gbeta[channel] = sums[channel]
            ggamma[channel] = products[channel] / np.sqrt(var[group, channel] + eps)
        for channel in range(cut.channels):
            row, at = rows[group * cut.panels + channel // PANEL], channel % PANEL
            row[_MEAN_G + at] = sums[channel] / pixels
            row[_K + at] = products[channel] / pixels / (var[group, channel] + eps)
        for kind in (_MEAN_G, _K):
            _repeat(rows, group * cut.panels, kind, cut)


@compiled
def _apply_grad(arguments, block, thread):  # type: ignore[no-untyped-def]
    x, gy, gx, _, rows, _, slope, sizes = arguments
    grid = grid_of(sizes)
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


@compiled
def _backward(arguments, block, thread):  # type: ignore[no-untyped-def]
    """All passes, one after the other."""
    x, gy, gx, parts, rows, scratch, slope, sizes, mean, var, gamma, beta, eps, ggamma, gbeta = arguments
    passes, cut = (x, gy, gx, parts, rows, scratch, slope, sizes), grid_of(sizes)
    blocks = cut.groups * cut.row_blocks * cut.panels
    _write(rows, cut, mean, var, gamma, beta, eps)
    for each in range(blocks):
        _block_sums(passes, each, 0)
    _join_sums(parts, cut, var, eps, rows, ggamma, gbeta)
    for each in range(blocks):
        _apply_grad(passes, each, 0)
