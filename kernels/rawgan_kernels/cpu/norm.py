"""Normalisation over the pixels of each channel, with the activation after it: batch norm and instance norm.

For (groups, pixels, channels), one group being the whole batch or one image. See `columns` for the blocks.

**Forward**, two passes. The first takes of each block the mean and the sum of squares around that mean (while the block
is in the cache, so memory is read once); the blocks' are put together in float64:

    mean = Σ nᵦ · meanᵦ / n          n · var = Σ (squaresᵦ + nᵦ · (meanᵦ − mean)²)

which has none of the cancellation of E[x²] − E[x]². The second computes y = leaky_relu((x − mean) · scale + beta) with
scale = gamma / √(var + eps).

**Backward**, two passes: the sums of g and g · (x − mean) over each channel, g being the gradient past the activation;
then, with the mean of g and k = mean(g · (x − mean)) / (var + eps),

    gx = scale · (g − mean(g) − (x − mean) · k)

Both want the sign of what the activation saw. It is computed again, from x, by the function that computed it the first
time; that function multiplies and adds in two roundings wherever it is compiled, so the sign is the same.

What a channel needs to be normalised is written out for a whole wide row, `PANEL` numbers of each kind.

Layer norm is another matter, as its means run along the rows: `layer_norm`.
"""

from math import prod
from typing import Any

import numpy as np

from rawgan_kernels import MissingKernel
from rawgan_kernels.cpu import buffers, layer_norm
from rawgan_kernels.cpu.columns import PANEL, Grid, block_at, fold, grid
from rawgan_kernels.cpu.compiling import kernel
from rawgan_kernels.cpu.launch import run, threads
from rawgan_kernels.cpu.rows import clear
from rawgan_kernels.cpu.simd import pointer, shifted

Array = np.ndarray[Any, Any]
Axes = tuple[int, ...]


def normalize(x: Array, gamma: Array, beta: Array, axes: Axes, eps: float, slope: float) -> tuple[Array, Array, Array]:
    """y = leaky_relu(gamma · (x − mean) / √(var + eps) + beta), with mean and biased variance over `axes`.

    Shapes: x any; gamma, beta the trailing axes of x → y as x; mean, var as x with `axes` of size 1
    Flops:  9 · x.size
    Bytes:  x + y
    """
    y, gamma, beta = buffers.empty(x.shape, x.dtype), gamma.ravel(), beta.ravel()
    kept = tuple(1 if axis in axes else length for axis, length in enumerate(x.shape))
    if not x.size:
        mean, var = np.full((2, *kept), np.nan, x.dtype)
        return y, mean, var
    if _is_layer_norm(x, gamma, axes):
        mean, var = layer_norm.forward(x.ravel(), gamma, beta, y.reshape(-1), float(eps), float(slope))
        return y, mean.reshape(kept), var.reshape(kept)
    cut = _grid(x, axes)
    flat = x.ravel()
    parts, rows, sums = _scratch(cut, x.dtype)
    arguments = flat, flat, y.reshape(-1), parts, rows, sums, float(slope), cut
    run(_block_moments, cut.blocks, arguments)
    mean, var = _moments_together(parts, cut, x.dtype)
    _fill(rows, cut, mean, _scale(gamma, var, eps), beta)
    run(_apply, cut.blocks, arguments)
    return y, mean.reshape(kept), var.reshape(kept)


def normalize_grad(
    x: Array, gy: Array, gamma: Array, beta: Array, mean: Array, var: Array, axes: Axes, eps: float, slope: float
) -> tuple[Array, Array, Array]:
    """Gradients of normalize with respect to x, gamma and beta, the mean and the variance being functions of x.

    Shapes: x, gy any; gamma, beta its trailing axes; mean, var as x with `axes` of size 1
            → gx as x, ggamma, gbeta as gamma
    Flops:  18 · x.size
    Bytes:  x + gy + gx
    """
    gx, shape, gamma, beta = buffers.empty(x.shape, x.dtype), gamma.shape, gamma.ravel(), beta.ravel()
    mean, var = mean.ravel(), var.ravel()
    if not x.size:
        ggamma, gbeta = np.zeros((2, *shape), x.dtype)
        return gx, ggamma, gbeta
    if _is_layer_norm(x, gamma, axes):
        ggamma, gbeta = layer_norm.backward(
            x.ravel(), gy.ravel(), gamma, beta, gx.reshape(-1), mean, var, float(eps), float(slope)
        )
        return gx, ggamma.reshape(shape), gbeta.reshape(shape)
    cut = _grid(x, axes)
    mean, var = mean.reshape(-1, cut.channels), var.reshape(-1, cut.channels)
    scale = _scale(gamma, var, eps)
    parts, rows, sums = _scratch(cut, x.dtype)
    arguments = x.ravel(), gy.ravel(), gx.reshape(-1), parts, rows, sums, float(slope), cut
    _fill(rows, cut, mean, scale, beta)
    run(_block_sums, cut.blocks, arguments)
    sum_g, products = parts.reshape(2, cut.groups, cut.row_blocks, cut.channels).sum(axis=2)
    variance, pixels = var.astype(np.float64) + eps, cut.size // cut.channels
    _fill(rows, cut, mean, scale, beta, sum_g / pixels, products / pixels / variance)
    run(_apply_grad, cut.blocks, arguments)
    ggamma, gbeta = (products / np.sqrt(variance)).sum(axis=0), sum_g.sum(axis=0)
    return gx, ggamma.astype(x.dtype), gbeta.astype(x.dtype)


def _is_layer_norm(x: Array, gamma: Array, axes: Axes) -> bool:
    """Whether the mean is over the axes of gamma, and not over pixels of a channel."""
    axes = tuple(sorted(axes))
    if axes == tuple(range(axes[0], x.ndim)) and gamma.size == prod(x.shape[a] for a in axes):
        return True
    if axes == tuple(range(axes[0], x.ndim - 1)) and gamma.size == x.shape[-1]:
        return False
    raise MissingKernel(
        f"backend 'cpu' has batch, instance and layer norm, but not the mean of {x.shape} over the axes {axes} with a "
        f"gamma of {gamma.size}; use('reference') has every norm"
    )


def _grid(x: Array, axes: Axes) -> Grid:
    return grid(prod(x.shape[: min(axes)]), prod(x.shape[axis] for axis in axes), x.shape[-1])


def _scratch(cut: Grid, dtype: np.dtype[Any]) -> tuple[Array, Array, Array]:
    """Two numbers for each channel of each part of the rows; what is needed of each column of each panel; three sums
    of each column of a block, for each thread."""
    parts = buffers.empty((2, cut.groups * cut.row_blocks, cut.channels), np.dtype(np.float64))
    rows = buffers.empty((cut.groups * cut.panels, KINDS * PANEL), dtype)
    return parts, rows, buffers.empty((threads(), 3 * PANEL), dtype)


def _moments_together(parts: Array, cut: Grid, dtype: np.dtype[Any]) -> tuple[Array, Array]:
    """Mean and variance (groups, C) from those of the blocks, added up in order: along an axis that is not the last,
    NumPy does so."""
    pixels, whole = cut.size // cut.channels, cut.rows * cut.width // cut.channels
    counts = np.minimum(whole, pixels - whole * np.arange(cut.row_blocks))[:, None]
    means, squares = parts.reshape(2, cut.groups, cut.row_blocks, cut.channels)
    mean = (means * counts).sum(axis=1) / pixels
    away = means - mean[:, None]
    away *= away
    away *= counts
    away += squares
    return mean.astype(dtype), (away.sum(axis=1) / pixels).astype(dtype)


def _scale(gamma: Array, var: Array, eps: float) -> Array:
    return gamma / np.sqrt(var.astype(np.float64) + eps)


def _fill(rows: Array, cut: Grid, *kinds: Array) -> None:
    """Write numbers (groups, C) or (C,) out for every column of a wide row."""
    wide = np.empty((cut.groups, cut.panels * PANEL), rows.dtype)
    of_channels = wide[:, : cut.width].reshape(cut.groups, -1, cut.channels)
    for kind, numbers in enumerate(kinds):
        of_channels[...] = numbers.reshape(-1, 1, cut.channels)
        rows[:, kind * PANEL : (kind + 1) * PANEL] = wide.reshape(-1, PANEL)


# --- what a channel needs ------------------------------------------------------------------------------------------

KINDS = 5
_MEAN, _SCALE, _BETA, _MEAN_G, _K = (i * PANEL for i in range(KINDS))
"""Where in the rows of a panel each kind of number begins."""


@kernel(fastmath={"nsz"})  # not "contract": see above
def scaled(x, mean, scale, beta):  # type: ignore[no-untyped-def]
    """What the activation sees."""
    return (x - mean) * scale + beta


# --- forward -------------------------------------------------------------------------------------------------------


@kernel
def _block_moments(arguments, block, thread):  # type: ignore[no-untyped-def]
    """The mean of each channel of a block, and the sum of squares around it."""
    x, _, _, parts, _, scratch, _, grid = arguments
    part, first, columns, start, end = block_at(grid, block)
    channels, width = grid.channels, grid.width
    stop = min(start + grid.rows * width, end)
    count = (stop - start) // channels
    place = part * channels + first
    total, squares = pointer(parts, place), pointer(parts, parts.shape[1] * channels + place)
    sums = pointer(
        scratch, thread * scratch.shape[1]
    )  # of the numbers; then of the centred ones, the mean, the squares
    clear(sums, 3 * PANEL)
    for at in range(start + first, stop, width):
        row = pointer(x, at)
        for i in range(min(columns, stop - at)):
            sums[i] += row[i]
    fold(sums, total, channels, columns)
    for i in range(0, columns, channels):
        for channel in range(min(channels, columns)):
            sums[PANEL + i + channel] = total[channel] / count
    mean = shifted(sums, PANEL)
    clear(sums, PANEL)
    for at in range(start + first, stop, width):
        row = pointer(x, at)
        for i in range(min(columns, stop - at)):
            centred = row[i] - sums[PANEL + i]
            sums[i] += centred
            sums[2 * PANEL + i] += centred * centred
    fold(sums, total, channels, columns)
    fold(shifted(sums, 2 * PANEL), squares, channels, columns)
    for channel in range(min(channels, columns)):
        # The mean was rounded: what the centred numbers still add up to is how much it lacks. Of infinite numbers the
        # mean is infinite, though, and not NaN.
        rest = total[channel] if total[channel] - total[channel] == 0 else 0.0
        squares[channel] -= rest * rest / count
        total[channel] = mean[channel] + rest / count


@kernel
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
            to[i] = z if z > 0 else z * slope


# --- backward ------------------------------------------------------------------------------------------------------


@kernel
def _block_sums(arguments, block, thread):  # type: ignore[no-untyped-def]
    """Σ g and Σ g · (x − mean) over each channel of a block."""
    x, gy, _, parts, rows, scratch, slope, grid = arguments
    slope = x.dtype.type(slope)
    part, first, columns, start, end = block_at(grid, block)
    stop = min(start + grid.rows * grid.width, end)
    k = pointer(rows, (part // grid.row_blocks * grid.panels + first // PANEL) * rows.shape[1])
    sums = pointer(scratch, thread * scratch.shape[1])
    clear(sums, 2 * PANEL)
    for at in range(start + first, stop, grid.width):
        row, gradient = pointer(x, at), pointer(gy, at)
        for i in range(min(columns, stop - at)):
            z = scaled(row[i], k[_MEAN + i], k[_SCALE + i], k[_BETA + i])
            g = gradient[i] if z > 0 else gradient[i] * slope
            sums[i] += g
            sums[PANEL + i] += g * (row[i] - k[_MEAN + i])
    place = part * grid.channels + first
    fold(sums, pointer(parts, place), grid.channels, columns)
    fold(shifted(sums, PANEL), pointer(parts, parts.shape[1] * grid.channels + place), grid.channels, columns)


@kernel
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
            g = gradient[i] if z > 0 else gradient[i] * slope
            to[i] = k[_SCALE + i] * (g - k[_MEAN_G + i] - (row[i] - k[_MEAN + i]) * k[_K + i])
