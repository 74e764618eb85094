"""Normalisation over the pixels and the channels of a group, with the activation after it: group and instance norm.

A group is a part of the channels of an image; in instance norm, a single channel. As in `channels`, the first pass
takes the mean of each channel of a block, and the sum of squares around it, with a provisional mean subtracted; the
second writes y. Between them, the few numbers of each channel are joined to those of its group, in float64. An image is
often so small that this takes as long as the passes: the numbers lie in rows, and are taken a whole register at a time.

Where there are enough images for all threads, a block is an image, and all its passes follow each other while it is in
the cache; else each pass is divided into blocks of rows. The bits are the same.

Backward, with P the mean of gamma · g · (x − mean) over the group, and g the gradient before the activation,

    gx = scale · g − mean(gamma · g) / std − (x − mean) · P / std³          scale = gamma / std, std = √(var + eps)
"""

from typing import Any

import numpy as np

from rawgan_kernels.cpu.compile.compiled import SUMS, compiled
from rawgan_kernels.cpu.norms import group_passes
from rawgan_kernels.cpu.norms.group_passes import apply, apply_grad, block_moments, block_sums, numbers
from rawgan_kernels.cpu.run import pool
from rawgan_kernels.cpu.run.columns import PANEL, Grid, grid_of
from rawgan_kernels.cpu.run.launch import run, threads
from rawgan_kernels.cpu.vector.norm_rows import BETA, KINDS, MEAN, MEAN_G, SCALE, SLOPE_G
from rawgan_kernels.cpu.vector.pointers import pointer, shifted

Array = np.ndarray[Any, Any]

SHARE = 4
"""Images for each thread from which on a block is an image."""


def forward(x: Array, gamma: Array, beta: Array, y: Array, groups: int, cut: Grid, eps: float, slope: float) -> Any:
    """Write y, flat as x is; → mean, var (images, groups)."""
    images, parts, rows, sums = _scratch(cut, x.dtype)
    mean, var = np.empty((2, cut.groups, groups), x.dtype)
    passes = x, x, y, parts, rows, sums, slope, cut[:]
    arguments = x, passes, mean, var, gamma, beta, eps
    if images:
        run(_image, cut.groups, arguments)
    else:
        run(block_moments, cut.blocks, passes)
        run(_join_moments, cut.groups, arguments, parallel=False)
        run(apply, cut.blocks, passes)
    return mean, var


def backward(
    x: Array, gy: Array, gamma: Array, beta: Array, gx: Array, mean: Array, var: Array, cut: Grid, eps: float,
    slope: float,
) -> Any:  # fmt: skip
    """Write gx, flat as x is; → gradients of gamma and beta (channels,), in float64."""
    images, parts, rows, sums = _scratch(cut, x.dtype)
    passes = x, gy, gx, parts, rows, sums, slope, cut[:]
    arguments = x, passes, mean, var, gamma, beta, eps
    if images:
        run(_image_grad, cut.groups, arguments)
    else:
        run(_start, cut.groups, arguments, parallel=False)
        run(block_sums, cut.blocks, passes)
        run(_join_sums, cut.groups, arguments, parallel=False)
        run(apply_grad if mean.shape[1] < cut.channels else group_passes.apply_channel_grad, cut.blocks, passes)
    # Each image's sums are in the row of its first block.
    ggamma, gbeta = np.empty((2, cut.channels))
    _add_up(parts, cut.row_blocks, ggamma, gbeta)
    return ggamma, gbeta


def _scratch(cut: Grid, dtype: np.dtype[Any]) -> tuple[bool, Array, Array, Array]:
    """True if a block is an image. Memory for two numbers for each channel of each part of the rows; for the numbers
    that each column is normalised with, for each image or, where a block is an image, for each thread; and for three
    sums of each column of a block, for each thread."""
    team = threads()
    images = cut.groups >= SHARE * team
    parts = pool.empty((2, cut.groups * cut.row_blocks, cut.channels), _FLOAT64)
    rows = np.empty((team if images else cut.groups, cut.panels * KINDS * PANEL), dtype)
    return images, parts, rows, np.empty((team, 3 * PANEL), dtype)


_FLOAT64 = np.dtype(np.float64)


# --- images --------------------------------------------------------------------------------------------------------


@compiled
def _image(arguments, image, thread):  # type: ignore[no-untyped-def]
    _, passes, _, _, _, _, _ = arguments
    cut = grid_of(passes[7])
    each = cut.row_blocks * cut.panels
    for block in range(image * each, (image + 1) * each):
        block_moments(passes, block, thread)
    _join_moments(arguments, image, thread)
    for block in range(image * each, (image + 1) * each):
        apply(passes, block, thread)


@compiled
def _image_grad(arguments, image, thread):  # type: ignore[no-untyped-def]
    _, passes, mean, _, _, _, _ = arguments
    cut = grid_of(passes[7])
    each = cut.row_blocks * cut.panels
    _start(arguments, image, thread)
    for block in range(image * each, (image + 1) * each):
        block_sums(passes, block, thread)
    _join_sums(arguments, image, thread)
    if mean.shape[1] == cut.channels:
        for block in range(image * each, (image + 1) * each):
            group_passes.apply_channel_grad(passes, block, thread)
    else:
        for block in range(image * each, (image + 1) * each):
            apply_grad(passes, block, thread)


# --- numbers of a group --------------------------------------------------------------------------------------------


@compiled
def _join_moments(arguments, image, thread):  # type: ignore[no-untyped-def]
    """Mean and variance of the groups of an image, from the moments of each channel of each block, in their order."""
    _, passes, means, variances, _, _, _ = arguments
    _, _, _, parts, _, _, _, sizes = passes
    cut = grid_of(sizes)
    channels, groups, pixels = cut.channels, means.shape[1], cut.size // cut.channels
    whole, part = cut.rows * cut.width // channels, image * cut.row_blocks
    mean, squares = pointer(parts, part * channels), pointer(parts, (parts.shape[1] + part) * channels)
    for block in range(1, cut.row_blocks):
        before, count = block * whole, min(whole, pixels - block * whole)
        _merge_block(mean, squares, block * channels, channels, before, count)
    to_mean, to_var = pointer(means, image * groups), pointer(variances, image * groups)
    number = means.dtype.type
    if groups == channels:
        for channel in range(channels):
            to_mean[channel], to_var[channel] = number(mean[channel]), number(squares[channel] / pixels)
    else:
        each = channels // groups
        for group in range(groups):
            middle, var = _joined(shifted(mean, group * each), shifted(squares, group * each), each, pixels)
            to_mean[group], to_var[group] = number(middle), number(var)
    _start(arguments, image, thread)


@compiled
def _merge_block(mean, squares, at, channels, before, count):  # type: ignore[no-untyped-def]
    """Add the moments of one more block, `at` elements further on, to those of the blocks before (Chan et al. 1979)."""
    share, weight = count / (before + count), before * (count / (before + count))
    for channel in range(channels):
        away = mean[at + channel] - mean[channel]
        squares[channel] += squares[at + channel] + away * away * weight
        mean[channel] += away * share


@compiled(fastmath=SUMS)
def _joined(mean, squares, channels, pixels):  # type: ignore[no-untyped-def]
    """Mean and variance of a group from those of its channels."""
    total, within, between = 0.0, 0.0, 0.0
    for channel in range(channels):
        total += mean[channel]
        within += squares[channel]
    middle = total / channels
    for channel in range(channels):
        away = mean[channel] - middle
        between += away * away
    return middle, (within / pixels + between) / channels


@compiled
def _start(arguments, image, thread):  # type: ignore[no-untyped-def]
    """Write the mean, the scale and beta of every column of a wide row."""
    _, passes, means, variances, gammas, betas, eps = arguments
    _, _, _, _, rows, _, _, sizes = passes
    cut = grid_of(sizes)
    channels, groups, number = cut.channels, means.shape[1], means.dtype.type
    mean, var = pointer(means, image * groups), pointer(variances, image * groups)
    k, each = numbers(rows, cut, image, thread), channels // groups
    for panel in range(cut.panels):
        first, row = panel * PANEL, shifted(k, panel * KINDS * PANEL)
        gamma, beta, count = pointer(gammas, first), pointer(betas, first), min(PANEL, channels - first)
        if each == 1:
            for i in range(count):
                row[MEAN + i] = mean[first + i]
                row[SCALE + i] = number(gamma[i] / np.sqrt(np.float64(var[first + i]) + eps))
        else:
            for group in range(first // each, (first + count - 1) // each + 1):
                middle, inv_std = mean[group], 1 / np.sqrt(np.float64(var[group]) + eps)
                for i in range(max(0, group * each - first), min(count, (group + 1) * each - first)):
                    row[MEAN + i] = middle
                    row[SCALE + i] = number(gamma[i] * inv_std)
        for i in range(count):
            row[BETA + i] = beta[i]
    for start in (MEAN, SCALE, BETA):
        _repeat(shifted(k, start), channels, cut.width)


@compiled
def _repeat(row, channels, width):  # type: ignore[no-untyped-def]
    """Copy the numbers of the channels to the other columns of a wide row, if it is wider than they are many."""
    for column in range(channels, width):
        row[column] = row[column - channels]


@compiled
def _join_sums(arguments, image, thread):  # type: ignore[no-untyped-def]
    """Add up the sums of the blocks, in their order, into the first; write two more numbers of every column of a wide
    row; then turn the first block's sums of products into gradients of gamma."""
    _, passes, means, variances, gammas, _, eps = arguments
    _, _, _, parts, rows, _, _, sizes = passes
    cut = grid_of(sizes)
    channels, groups, pixels = cut.channels, means.shape[1], cut.size // cut.channels
    each, part, number = channels // groups, image * cut.row_blocks, means.dtype.type
    sums, products = pointer(parts, part * channels), pointer(parts, (parts.shape[1] + part) * channels)
    for at in range(channels, cut.row_blocks * channels, channels):
        for channel in range(channels):
            sums[channel] += sums[at + channel]
        for channel in range(channels):
            products[channel] += products[at + channel]
    var, gamma = pointer(variances, image * groups), pointer(gammas, 0)
    k = numbers(rows, cut, image, thread)
    if each == 1:
        for panel in range(cut.panels):
            first, row = panel * PANEL, shifted(k, panel * KINDS * PANEL)
            for i in range(min(PANEL, channels - first)):
                square = np.float64(var[first + i]) + eps
                row[MEAN_G + i] = number(sums[first + i] / pixels)
                row[SLOPE_G + i] = number(products[first + i] / (pixels * square))
                products[first + i] /= np.sqrt(square)
    else:
        for group in range(groups):
            first, inv_std = group * each, 1 / np.sqrt(np.float64(var[group]) + eps)
            by = shifted(gamma, first)
            away = _weighted(shifted(sums, first), by, each) * (inv_std / (pixels * each))
            tilt = _weighted(shifted(products, first), by, each)
            tilt *= inv_std * inv_std * inv_std / (pixels * each)
            for channel in range(first, first + each):
                products[channel] *= inv_std
            for panel in range(first // PANEL, (first + each - 1) // PANEL + 1):
                row, start = shifted(k, panel * KINDS * PANEL), panel * PANEL
                for i in range(max(0, first - start), min(PANEL, first + each - start)):
                    row[MEAN_G + i], row[SLOPE_G + i] = number(away), number(tilt)
    for start in (MEAN_G, SLOPE_G):
        _repeat(shifted(k, start), channels, cut.width)


@compiled(fastmath=SUMS)
def _weighted(sums, gamma, channels):  # type: ignore[no-untyped-def]
    """Σ gamma · sums over the channels of a group."""
    total = 0.0
    for channel in range(channels):
        total += sums[channel] * gamma[channel]
    return total


@compiled(entry=True)
def _add_up(parts, row_blocks, ggamma, gbeta):  # type: ignore[no-untyped-def]
    """Gradients of gamma and beta (C,) of all images."""
    channels = len(gbeta)
    to_gamma, to_beta = pointer(ggamma, 0), pointer(gbeta, 0)
    for channel in range(channels):
        to_gamma[channel] = to_beta[channel] = 0.0
    for part in range(0, parts.shape[1], row_blocks):
        sums, products = pointer(parts, part * channels), pointer(parts, (parts.shape[1] + part) * channels)
        for channel in range(channels):
            to_beta[channel] += sums[channel]
        for channel in range(channels):
            to_gamma[channel] += products[channel]
