"""The weight gradient of `winograd`.

    ŵ'[p, c, k] = Σ_t  X̂[p, t, c] · ŷ[p, t, k]      gw = Gᵀ ŵ' G

The sum is over all tiles t. Where X̂ and ŷ are not much larger than ŵ', the blocks are parts of ŵ': each thread computes
all points of some channels, transforms them back while they are in its second-level cache, and adds them to gw in the
order of the images. For large images, X̂ and ŷ would go to memory and back, which takes longer than the products: there,
the blocks are ranges of images, and a thread adds up ŵ' over its images, a few at a time. Sums are taken in the same
order for any number of threads.
"""

from typing import Any

import numpy as np

from rawgan_kernels.cpu.compile.compiled import compiled
from rawgan_kernels.cpu.convolutions.tiles import (
    G_BACK,
    G_BACK_ADD,
    POINTS,
    code_for,
    layout,
    transform,
    transform_x,
    transform_y,
)
from rawgan_kernels.cpu.convolutions.winograd import image_numbers, scratch_rows, split_scratch
from rawgan_kernels.cpu.run import pool
from rawgan_kernels.cpu.run.launch import run
from rawgan_kernels.cpu.vector.panel import multiply_panel
from rawgan_kernels.cpu.vector.pointers import pointer, shifted
from rawgan_kernels.cpu.vector.registers import PANEL_BYTES
from rawgan_kernels.cpu.vector.rows import accumulate, all_finite, clear, copy, finish_rows
from rawgan_kernels.window import Window

Array = np.ndarray[Any, Any]

GRADIENT_BYTES = 16 << 20
"""Memory for X̂ and ŷ of the weight gradient. Images that do not fit at once are taken in turn."""

BLOCK_C, BLOCK_K = 32, 64
"""Channels of a block of ŵ'. All its points take 200 KiB in float32. Its rows of X̂ and ŷ are stored together: rows that
are a power of two apart would push each other out of the first-level cache."""

LARGE_IMAGES = 12
"""Size of X̂ and ŷ relative to that of ŵ' from which on the blocks are ranges of images; measured."""

IMAGES_BYTES = 1 << 20
"""Memory for X̂ and ŷ of the images that a range adds to ŵ' at a time."""

RANGES = 16
"""Ranges of images, at most; fixed, so that the number of threads does not matter."""

SUMS_BYTES = 32 << 20
"""Memory for ŵ' of all ranges. If it does not suffice, the blocks are parts of ŵ'."""


def conv2d_weight_grad(
    x: Array, gy: Array, window: Window, gradient_bytes: int = GRADIENT_BYTES, images_bytes: int = IMAGES_BYTES
) -> Array | None:
    """The weights' gradient, or None if it is not finite. Shapes as in `api`."""
    code, n, c, k = code_for(x.dtype.char), len(x), x.shape[3], gy.shape[3]
    gw = pool.empty((4, 4, c, k), x.dtype)
    each = layout(window.output, 1).rows * (4 * c + k) * x.itemsize
    weights = POINTS * POINTS * gw.nbytes // 4
    if n * each >= LARGE_IMAGES * weights and weights <= SUMS_BYTES // RANGES:
        return _weight_grad_by_ranges(x, gy, gw, window, max(1, min(n, images_bytes // each)))
    plan = layout(window.output, max(1, min(n, gradient_bytes // each)))
    x_hat, y_hat = (pool.empty((plan.rows * width,), x.dtype) for width in (4 * c, k))
    image = scratch_rows(image_numbers(window, c, k), x.dtype)
    block = scratch_rows((POINTS * POINTS + 2 * POINTS) * BLOCK_C * BLOCK_K, x.dtype)
    columns = BLOCK_C if c % BLOCK_C == k % BLOCK_C == 0 else PANEL_BYTES // x.itemsize
    blocks = 4 * c // columns * -(-k // BLOCK_K)
    finite = np.empty(blocks, np.bool_)
    (top, _), (left, _) = window.padding
    for first in range(0, n, plan.images):
        images = min(n - first, plan.images)
        run(_transform_both, images, (x, gy, x_hat, y_hat, image, first, top, left, columns, plan, code))
        run(_multiply_tiles, blocks, (x_hat, y_hat, gw, block, finite, images, first > 0, columns, plan, code))
    return gw if finite.all() else None


def _weight_grad_by_ranges(x: Array, gy: Array, gw: Array, window: Window, images: int) -> Array | None:
    """gw as a sum over ranges of images, of which so many are transformed at a time; None if it is not finite."""
    code, n, c, k = code_for(x.dtype.char), len(x), x.shape[3], gy.shape[3]
    plan, panel = layout(window.output, images), PANEL_BYTES // x.itemsize
    ranges = min(RANGES, -(-n // images))
    sums = pool.empty((ranges, POINTS * POINTS * 4 * c * k), x.dtype)
    scratch = scratch_rows(plan.rows * (4 * c + k) + image_numbers(window, c, k), x.dtype)
    (top, _), (left, _) = window.padding
    run(_add_images, ranges, (x, gy, sums, scratch, top, left, plan, code))
    finite = np.empty(4 * c // panel, np.bool_)
    block = scratch_rows((POINTS * POINTS + 2 * POINTS) * panel * k, x.dtype)
    run(_add_ranges, 4 * c // panel, (sums, gw, block, finite, code))
    return gw if finite.all() else None


# --- blocks -----------------------------------------------------------------------------------------------------------


@compiled
def _transform_both(arguments, local, thread):  # type: ignore[no-untyped-def]
    """One image of x → X̂, and of gy → ŷ."""
    x, gy, x_hat, y_hat, scratch, first, top, left, columns, plan, code = arguments
    height, width = gy.shape[1], gy.shape[2]
    padded_end = 4 * (height + 1) * (width + 1) * x.shape[3]
    padded, half = scratch[thread, :padded_end], scratch[thread, padded_end:]
    transform_x(code, x, first + local, local, top, left, height, width, plan, x_hat, columns, padded, half)
    transform_y(code, gy, first + local, local, plan, y_hat, columns, half)


@compiled
def _multiply_tiles(arguments, unit, thread):  # type: ignore[no-untyped-def]
    """ŵ' = X̂ᵀ ŷ for each point, and gw = Gᵀ ŵ' G, or added to gw: one block of channels."""
    x_hat, y_hat, gw, scratch, finite, images, add, columns, plan, code = arguments
    c, k = gw.shape[2], gw.shape[3]
    blocks_k = -(-k // BLOCK_K)
    panel = PANEL_BYTES // gw.itemsize
    phase, c0 = unit // blocks_k * columns // c, unit // blocks_k * columns % c
    k0 = unit % blocks_k * BLOCK_K
    height, width = columns, min(BLOCK_K, k - k0)
    size = height * width
    block = scratch[thread]
    half = block[POINTS * POINTS * size :]
    x_rows = (phase * c + c0) // columns * plan.rows
    for p in range(POINTS):
        for q in range(POINTS):
            for at in range(0, width, panel):
                y_rows, y_column = (k0 + at) // columns * plan.rows, (k0 + at) % columns
                to = (p * POINTS + q) * size + at
                begun = False
                for kind in range(len(plan.kinds)):
                    m, n, first, each, stride = plan.kinds[kind]
                    if p <= m and q <= n:
                        row = first + (p * (n + 1) + q) * stride
                        multiply_panel(
                            code.multiply, pointer(x_hat, (x_rows + row) * columns), 1, columns,
                            pointer(y_hat, (y_rows + row) * columns + y_column), columns,
                            pointer(block, to), width, height, each * images, begun,
                        )  # fmt: skip
                        begun = True
                if not begun:
                    for i in range(height):
                        clear(pointer(block, to + i * width), panel)
    finite[unit] = _transform_weights_back(code, block, half, gw, phase, c0, height, k0, width, add)


@compiled
def _add_images(arguments, number, thread):  # type: ignore[no-untyped-def]
    """ŵ' = X̂ᵀ ŷ for each point, summed over a range of images."""
    x, gy, sums, scratch, top, left, plan, code = arguments
    c, (height, width, k) = x.shape[3], gy.shape[1:]
    panel = PANEL_BYTES // x.itemsize
    x_hat, y_hat, half, padded = split_scratch(scratch[thread], plan.rows, c, k, height, width)
    start, end = number * len(x) // len(sums), (number + 1) * len(x) // len(sums)
    clear(pointer(sums, number * sums.shape[1]), sums.shape[1])
    for first in range(start, end, plan.images):
        count = min(plan.images, end - first)
        for local in range(count):
            transform_x(code, x, first + local, local, top, left, height, width, plan, x_hat, 4 * c, padded, half)
            transform_y(code, gy, first + local, local, plan, y_hat, k, half)
        for p in range(POINTS):
            for q in range(POINTS):
                for at in range(0, k, panel):
                    to = number * sums.shape[1] + (p * POINTS + q) * 4 * c * k + at
                    for kind in range(len(plan.kinds)):
                        m, n, first_row, each, stride = plan.kinds[kind]
                        if p <= m and q <= n:
                            row = first_row + (p * (n + 1) + q) * stride
                            multiply_panel(
                                code.multiply, pointer(x_hat, row * 4 * c), 1, 4 * c,
                                pointer(y_hat, row * k + at), k, pointer(sums, to), k, 4 * c, each * count, True,
                            )  # fmt: skip


@compiled
def _add_ranges(arguments, unit, thread):  # type: ignore[no-untyped-def]
    """gw = Gᵀ ŵ' G for a panel of channels of one phase, ŵ' being the sum over all ranges."""
    sums, gw, scratch, finite, code = arguments
    c, k = gw.shape[2], gw.shape[3]
    panel = PANEL_BYTES // gw.itemsize
    size = panel * k
    block = scratch[thread]
    for point in range(POINTS * POINTS):
        at, to = (point * 4 * c + unit * panel) * k, pointer(block, point * size)
        copy(pointer(sums, at), to, size)
        for number in range(1, len(sums)):
            accumulate(pointer(sums, number * sums.shape[1] + at), to, size)
    phase, c0 = unit * panel // c, unit * panel % c
    half = block[POINTS * POINTS * size :]
    finite[unit] = _transform_weights_back(code, block, half, gw, phase, c0, panel, 0, k, False)


@compiled
def _transform_weights_back(code, block, half, gw, phase, c0, height, k0, width, add):  # type: ignore[no-untyped-def]
    """gw = Gᵀ ŵ' G, or added to gw, for a block (point, height, width) of one phase. Returns True if it is finite."""
    c, k = gw.shape[2], gw.shape[3]
    size, finite = height * width, True
    for p in range(POINTS):
        transform(
            code.transform, G_BACK, pointer(block, p * POINTS * size), size, pointer(half, 2 * p * size), size, size
        )
    for b in range(2):
        for i in range(height):
            at = pointer(half, b * size + i * width)
            to = pointer(gw, ((phase // 2 * 4 + phase % 2 + 2 * b) * c + c0 + i) * k + k0)
            transform(code.transform, G_BACK_ADD if add else G_BACK, at, 2 * size, to, 8 * c * k, width)
            for tap in (to, shifted(to, 8 * c * k)):
                finite &= all_finite(tap, width)
                finish_rows(tap, 1, width, tap, False, gw.dtype.type(1))  # −0 becomes 0
    return finite
