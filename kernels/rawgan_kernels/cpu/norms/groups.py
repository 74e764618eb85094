"""Normalisation over the pixels and the channels of a group, with the activation after it: group norm.

The passes over memory are those of `channels`, an image being a group there; here a group is a part of the channels.
Between the passes, the few numbers of each channel are joined to those of its group, in float64.

Backward, with P the mean of gamma · g · (x − mean) over the group, and g the gradient before the activation,

    gx = scale · g − mean(gamma · g) / std − (x − mean) · P / std³          scale = gamma / std, std = √(var + eps)
"""

from typing import Any

import numpy as np

from rawgan_kernels.cpu.compile.compiled import compiled
from rawgan_kernels.cpu.norms import channels
from rawgan_kernels.cpu.norms.channels import KINDS, scaled
from rawgan_kernels.cpu.run.columns import PANEL, Grid, block_at
from rawgan_kernels.cpu.run.launch import run
from rawgan_kernels.cpu.vector.exponentials import formulas
from rawgan_kernels.cpu.vector.pointers import pointer

Array = np.ndarray[Any, Any]

_MEAN, _SCALE, _BETA, _MEAN_G, _K = (i * PANEL for i in range(KINDS))


def forward(x: Array, gamma: Array, beta: Array, y: Array, groups: int, cut: Grid, eps: float, slope: float) -> Any:
    """Write y, flat as x is; → mean, var (images, groups)."""
    parts, rows, sums = channels.scratch(cut, x.dtype)
    arguments = x, x, y, parts, rows, sums, slope, cut
    run(channels.block_moments, cut.blocks, arguments)
    mean, var = (moment.astype(x.dtype) for moment in _moments(parts, groups, cut))
    channels.write_out(rows, cut, _spread(mean, cut), _spread(var, cut), gamma, beta, eps)
    run(channels.apply, cut.blocks, arguments)
    return mean, var


def backward(
    x: Array, gy: Array, gamma: Array, beta: Array, gx: Array, mean: Array, var: Array, cut: Grid, eps: float,
    slope: float,
) -> Any:  # fmt: skip
    """Write gx, flat as x is; → gradients of gamma and beta (channels,), in float64."""
    parts, rows, sums = channels.scratch(cut, x.dtype)
    arguments = x, gy, gx, parts, rows, sums, slope, cut
    channels.write_out(rows, cut, _spread(mean, cut), _spread(var, cut), gamma, beta, eps)
    run(channels.block_sums, cut.blocks, arguments)
    totals, products = parts.reshape(2, cut.groups, cut.row_blocks, cut.channels).sum(axis=2)
    inv_std = 1 / np.sqrt(var.astype(np.float64) + eps)
    away = _means(totals * gamma, mean, cut) * inv_std
    tilt = _means(products * gamma, mean, cut) * inv_std**3
    _write(rows, cut, _MEAN_G, _spread(away, cut))
    _write(rows, cut, _K, _spread(tilt, cut))
    run(_apply_grad, cut.blocks, arguments)
    return (products * _spread(inv_std, cut)).sum(axis=0), totals.sum(axis=0)


def _moments(parts: Array, groups: int, cut: Grid) -> tuple[Array, Array]:
    """Mean and variance (images, groups) of the moments of each channel of each block."""
    pixels, whole = cut.size // cut.channels, cut.rows * cut.width // cut.channels
    means, squares = parts.reshape(2, cut.groups, cut.row_blocks, groups, -1)
    counts = np.minimum(whole, pixels - whole * np.arange(cut.row_blocks)).reshape(-1, 1, 1)
    each = cut.size // groups
    mean = (means * counts).sum(axis=(1, 3)) / each
    away = means - mean[:, None, :, None]
    return mean, (squares + away * away * counts).sum(axis=(1, 3)) / each


def _means(totals: Array, like: Array, cut: Grid) -> Array:
    """Means over each group (images, groups), of the sums over each channel (images, channels)."""
    images, groups = like.shape
    return totals.reshape(images, groups, -1).sum(axis=2) / (cut.size // groups)


def _spread(x: Array, cut: Grid) -> Array:
    """A number of each group, for each of its channels."""
    return np.repeat(x, cut.channels // x.shape[1], axis=1)


def _write(rows: Array, cut: Grid, kind: int, x: Array) -> None:
    """Write a number of each channel for every column of a wide row."""
    wide = np.zeros((cut.groups, cut.panels * PANEL), x.dtype)
    wide[:, : cut.width] = np.tile(x, cut.width // cut.channels)
    rows[:, kind : kind + PANEL] = wide.reshape(-1, PANEL)


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
            to[i] = k[_SCALE + i] * g - k[_MEAN_G + i] - (row[i] - k[_MEAN + i]) * k[_K + i]
