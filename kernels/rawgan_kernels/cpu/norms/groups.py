"""Normalisation over the pixels and the channels of a group, with the activation after it: group and instance norm.

A group is a part of the channels of an image; in instance norm, a single channel. The passes over memory are those of
`channels`. Between them, the few numbers of each channel are joined to those of its group, in float64.

Where there are enough images for all threads, a block is an image, and all its passes follow each other while it is in
the cache; else each pass is divided into blocks of rows. The bits are the same.

Backward, with P the mean of gamma · g · (x − mean) over the group, and g the gradient before the activation,

    gx = scale · g − mean(gamma · g) / std − (x − mean) · P / std³          scale = gamma / std, std = √(var + eps)
"""

from typing import Any

import numpy as np

from rawgan_kernels.cpu.compile.compiled import compiled
from rawgan_kernels.cpu.norms import channels
from rawgan_kernels.cpu.norms.channels import KINDS, apply, apply_grad, block_moments, block_sums, scaled
from rawgan_kernels.cpu.run.columns import PANEL, Grid, block_at, fold
from rawgan_kernels.cpu.run.launch import run, threads
from rawgan_kernels.cpu.vector.exponentials import formulas
from rawgan_kernels.cpu.vector.pointers import pointer, shifted
from rawgan_kernels.cpu.vector.rows import clear

Array = np.ndarray[Any, Any]

_MEAN, _SCALE, _BETA, _MEAN_G, _K = (i * PANEL for i in range(KINDS))

SHARE = 4
"""Images for each thread from which on a block is an image."""


def forward(x: Array, gamma: Array, beta: Array, y: Array, groups: int, cut: Grid, eps: float, slope: float) -> Any:
    """Write y, flat as x is; → mean, var (images, groups)."""
    parts, rows, sums = channels.scratch(cut, x.dtype)
    mean, var = np.empty((2, cut.groups, groups), x.dtype)
    passes = x, x, y, parts, rows, sums, slope, cut
    arguments = x, passes, mean, var, gamma, beta, eps
    if cut.groups >= SHARE * threads():
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
    parts, rows, sums = channels.scratch(cut, x.dtype)
    passes = x, gy, gx, parts, rows, sums, slope, cut
    arguments = x, passes, mean, var, gamma, beta, eps
    if cut.groups >= SHARE * threads():
        run(_image_grad, cut.groups, arguments)
    else:
        run(_start, cut.groups, arguments, parallel=False)
        run(_linear_sums if slope == 1 else block_sums, cut.blocks, passes)
        run(_join_sums, cut.groups, arguments, parallel=False)
        run(apply_grad if mean.shape[1] == cut.channels else _apply_grad, cut.blocks, passes)
    ggamma, gbeta = np.zeros((2, cut.channels))
    _add_up(parts, cut, var, eps, ggamma, gbeta)
    return ggamma, gbeta


# --- images --------------------------------------------------------------------------------------------------------


@compiled
def _image(arguments, image, thread):  # type: ignore[no-untyped-def]
    _, passes, _, _, _, _, _ = arguments
    cut = passes[7]
    each = cut.row_blocks * cut.panels
    for block in range(image * each, (image + 1) * each):
        block_moments(passes, block, thread)
    _join_moments(arguments, image, thread)
    for block in range(image * each, (image + 1) * each):
        apply(passes, block, thread)


@compiled
def _image_grad(arguments, image, thread):  # type: ignore[no-untyped-def]
    _, passes, mean, _, _, _, _ = arguments
    cut = passes[7]
    each = cut.row_blocks * cut.panels
    _start(arguments, image, thread)
    if passes[6] == 1:
        for block in range(image * each, (image + 1) * each):
            _linear_sums(passes, block, thread)
    else:
        for block in range(image * each, (image + 1) * each):
            block_sums(passes, block, thread)
    _join_sums(arguments, image, thread)
    if mean.shape[1] == cut.channels:
        for block in range(image * each, (image + 1) * each):
            apply_grad(passes, block, thread)
    else:
        for block in range(image * each, (image + 1) * each):
            _apply_grad(passes, block, thread)


@compiled
def _join_moments(arguments, image, thread):  # type: ignore[no-untyped-def]
    """Mean and variance of the groups of an image, from the moments of each channel of each block, in their order."""
    _, passes, mean, var, _, _, _ = arguments
    _, _, _, parts, _, _, _, cut = passes
    each, pixels, whole = cut.channels // mean.shape[1], cut.size // cut.channels, cut.rows * cut.width // cut.channels
    first = image * cut.row_blocks
    for group in range(mean.shape[1]):
        total, squares = 0.0, 0.0
        for block in range(cut.row_blocks):
            count = min(whole, pixels - block * whole)
            for channel in range(group * each, (group + 1) * each):
                total += parts[0, first + block, channel] * count
        middle = total / (pixels * each)
        for block in range(cut.row_blocks):
            count = min(whole, pixels - block * whole)
            for channel in range(group * each, (group + 1) * each):
                away = parts[0, first + block, channel] - middle
                squares += parts[1, first + block, channel] + away * away * count
        mean[image, group], var[image, group] = middle, squares / (pixels * each)
    _start(arguments, image, thread)


@compiled
def _start(arguments, image, thread):  # type: ignore[no-untyped-def]
    """Write the mean, the scale and beta of every column of a wide row."""
    _, passes, mean, var, gamma, beta, eps = arguments
    _, _, _, _, rows, _, _, cut = passes
    each = cut.channels // mean.shape[1]
    for group in range(mean.shape[1]):
        std = np.sqrt(np.float64(var[image, group]) + eps)
        for channel in range(group * each, (group + 1) * each):
            row, at = rows[image * cut.panels + channel // PANEL], channel % PANEL
            row[_MEAN + at], row[_SCALE + at], row[_BETA + at] = mean[image, group], gamma[channel] / std, beta[channel]
    row = rows[image * cut.panels]
    for kind in range(3):
        _repeat(row, kind * PANEL, cut)


@compiled
def _repeat(row, start, cut):  # type: ignore[no-untyped-def]
    """Copy the numbers of the channels to the other columns of a wide row, if it is wider than they are many."""
    for column in range(start + cut.channels, start + cut.width):
        row[column] = row[column - cut.channels]


@compiled
def _join_sums(arguments, image, thread):  # type: ignore[no-untyped-def]
    """Add up the sums of the blocks, in their order; then write two more numbers of every column of a wide row."""
    _, passes, mean, var, gamma, _, eps = arguments
    _, _, _, parts, rows, _, _, cut = passes
    first, groups, pixels = image * cut.row_blocks, mean.shape[1], cut.size // cut.channels
    each = cut.channels // groups
    sums, products = parts[0, first], parts[1, first]
    for block in range(first + 1, first + cut.row_blocks):
        for channel in range(cut.channels):
            sums[channel] += parts[0, block, channel]
            products[channel] += parts[1, block, channel]
    for group in range(groups):
        away, tilt = 0.0, 0.0
        for channel in range(group * each, (group + 1) * each):
            away += sums[channel] * gamma[channel]
            tilt += products[channel] * gamma[channel]
        inv_std = 1 / np.sqrt(var[image, group] + eps)
        away *= inv_std / (pixels * each)
        tilt *= inv_std * inv_std * inv_std / (pixels * each)
        for channel in range(group * each, (group + 1) * each):
            row, at = rows[image * cut.panels + channel // PANEL], channel % PANEL
            if each == 1:
                away, tilt = sums[channel] / pixels, products[channel] / pixels / (var[image, group] + eps)
            row[_MEAN_G + at], row[_K + at] = away, tilt
    row = rows[image * cut.panels]
    _repeat(row, _MEAN_G, cut)
    _repeat(row, _K, cut)


@compiled
def _linear_sums(arguments, block, thread):  # type: ignore[no-untyped-def]
    """`block_sums` without an activation."""
    x, gy, _, parts, rows, scratch, _, grid = arguments
    part, first, columns, start, end = block_at(grid, block)
    width, stop = grid.width, min(start + grid.rows * grid.width, end)
    k = pointer(rows, (part // grid.row_blocks * grid.panels + first // PANEL) * rows.shape[1])
    sums = pointer(scratch, thread * scratch.shape[1])
    clear(sums, 2 * PANEL)
    at = start + first
    while at + width + columns <= stop:  # two rows at a time
        a, b, p, q = pointer(x, at), pointer(x, at + width), pointer(gy, at), pointer(gy, at + width)
        for i in range(columns):
            mean = k[_MEAN + i]
            sums[i] += p[i] + q[i]
            sums[PANEL + i] += p[i] * (a[i] - mean) + q[i] * (b[i] - mean)
        at += 2 * width
    for rest in range(at, stop, width):
        row, gradient = pointer(x, rest), pointer(gy, rest)
        for i in range(min(columns, stop - rest)):
            sums[i] += gradient[i]
            sums[PANEL + i] += gradient[i] * (row[i] - k[_MEAN + i])
    place = part * grid.channels + first
    fold(sums, pointer(parts, place), grid.channels, columns)
    fold(shifted(sums, PANEL), pointer(parts, parts.shape[1] * grid.channels + place), grid.channels, columns)


@compiled(entry=True)
def _add_up(parts, cut, var, eps, ggamma, gbeta):  # type: ignore[no-untyped-def]
    """Gradients of gamma and beta (C,) of all images."""
    groups = var.shape[1]
    each = cut.channels // groups
    for image in range(cut.groups):
        sums, products = parts[0, image * cut.row_blocks], parts[1, image * cut.row_blocks]
        for group in range(groups):
            std = np.sqrt(var[image, group] + eps)
            for channel in range(group * each, (group + 1) * each):
                gbeta[channel] += sums[channel]
                ggamma[channel] += products[channel] / std


@compiled
def _apply_grad(arguments, block, thread):  # type: ignore[no-untyped-def]
    x, gy, gx, _, rows, _, slope, grid = arguments
    slope = x.dtype.type(slope)
    part, first, columns, start, end = block_at(grid, block)
    stop = min(start + grid.rows * grid.width, end)
    k = pointer(rows, (part // grid.row_blocks * grid.panels + first // PANEL) * rows.shape[1])
    for at in range(start + first, stop, grid.width):
        row, gradient, to = pointer(x, at), pointer(gy, at), pointer(gx, at)
        if slope == 1:
            for i in range(min(columns, stop - at)):
                to[i] = k[_SCALE + i] * gradient[i] - k[_MEAN_G + i] - (row[i] - k[_MEAN + i]) * k[_K + i]
            continue
        for i in range(min(columns, stop - at)):
            z = scaled(row[i], k[_MEAN + i], k[_SCALE + i], k[_BETA + i])
            g = formulas.leaky_relu_grad(z, gradient[i], slope)
            to[i] = k[_SCALE + i] * g - k[_MEAN_G + i] - (row[i] - k[_MEAN + i]) * k[_K + i]
