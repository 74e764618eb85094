"""The conv triple for 4×4 taps and stride 2, in about 2.5 times fewer multiplications.

**Phases.** Along one axis, output i sees the padded image q at 2i … 2i + 3:

    y[i] = q[2i]·w[0] + q[2i + 1]·w[1] + q[2i + 2]·w[2] + q[2i + 3]·w[3]

Split q into its even and odd pixels, e[i] = q[2i] and o[i] = q[2i + 1]. Then y is a sum of two convolutions of two taps
and stride 1:

    y[i] = e[i]·w[0] + e[i + 1]·w[2]   +   o[i]·w[1] + o[i + 1]·w[3]

In two dimensions there are four phases, each with 2×2 taps; together they act like 4·C channels.

**Points.** Each of these convolutions is computed tile by tile as in `toom_cook`: a tile of m outputs of one phase
comes from m + 1 inputs and takes m + 1 multiplications instead of 2·m. A tile of 4×4 takes 25 instead of 64. A hat
marks arrays transformed along the rows and along the columns, and t is a tile of an image:

    X̂ = Cᵀ x C      ŵ = G w Gᵀ      ŷ = A y Aᵀ      all (point, …), 5×5 points at most

    conv2d              ŷ'[p, t, k] = Σ_c  X̂[p, t, c] · ŵ[p, c, k]      y  = Aᵀ ŷ' A
    conv2d_input_grad   X̂'[p, t, c] = Σ_k  ŷ[p, t, k] · ŵ[p, c, k]      gx = C X̂' Cᵀ, where tiles overlap added up
    conv2d_weight_grad  ŵ'[p, c, k] = Σ_t  X̂[p, t, c] · ŷ[p, t, k]      gw = Gᵀ ŵ' G

c runs over phases and channels, 4·C in all, and p over the points. In the middle are matrix products, one for each
point, which take most of the time: 2 · points · tiles · 4·C · K operations.

**Blocks.** One thread transforms a block of images (about 64 tiles), multiplies it and transforms it back, so that the
results in between stay in its caches. For each point, a panel of ŵ (4·C rows, two vectors wide) stays in the
first-level cache while it is multiplied with all tiles; the tiles of that point stay in the second-level cache for all
panels. Where 4 does not divide the size, tiles of several kinds (4×4, 4×3, 3×4, 3×3) share the points they have in
common, and so the panels of ŵ.

The weight gradient is in `winograd_weight_grad`.

**Precision.** The transforms subtract numbers of similar size: in float32 the error is about 4 times that of the plain
sum. An infinite or NaN pixel would spread over its tile (∞ − ∞), and a huge one may overflow. Both leave numbers in the
result that are not finite; the caller then computes it again by the plain sum, which puts NaN and infinity in the right
places.
"""

from typing import Any

import numpy as np

from rawgan_kernels.cpu.compile.compiled import compiled
from rawgan_kernels.cpu.convolutions.tiles import (
    POINTS,
    code_for,
    layout,
    transform_turned_weights,
    transform_weights,
    transform_x,
    transform_x_back,
    transform_y,
    transform_y_back,
    turn,
)
from rawgan_kernels.cpu.convolutions.toom_cook import tile_sizes
from rawgan_kernels.cpu.run import pool
from rawgan_kernels.cpu.run.launch import run, threads
from rawgan_kernels.cpu.vector.panel import multiply_panel
from rawgan_kernels.cpu.vector.pointers import pointer
from rawgan_kernels.cpu.vector.registers import PANEL_BYTES
from rawgan_kernels.cpu.vector.rows import all_finite, finish_rows
from rawgan_kernels.window import Window

Array = np.ndarray[Any, Any]

TILES_AT_ONCE = 64
"""Rows of the matrix products of a block: many for each panel of ŵ that is fetched, few enough for the caches."""

WEIGHT_BYTES = 32 << 20
"""Memory for ŵ of conv2d. If it does not suffice, the channels of the result are computed in parts."""

TURNED_BYTES = 16 << 20
"""The same of conv2d_input_grad, which comes when a training step needs most memory, and takes no longer in parts."""


def applies(window: Window, channels: int, outputs: int, dtype: np.dtype[Any]) -> bool:
    """True if this way is open: 4×4 taps, stride 2, whole panels of channels, and at least 2×2 outputs."""
    panel = PANEL_BYTES // dtype.itemsize
    return (
        (window.kernel, window.stride, window.dilation, window.groups) == ((4, 4), (2, 2), (1, 1), 1)
        and channels % panel == 0
        and outputs % panel == 0
        and min(window.output) >= 2
    )


def _block_images(output: tuple[int, int], images: int) -> int:
    tiles = len(tile_sizes(output[0])) * len(tile_sizes(output[1]))
    return max(1, min(TILES_AT_ONCE // tiles, -(-images // threads())))


# --- both kernels --------------------------------------------------------------------------------------------------


def conv2d(
    x: Array, w: Array, window: Window, b: Array, slope: float, weight_bytes: int = WEIGHT_BYTES
) -> Array | None:
    """leaky_relu(conv2d(x, w) + b), or None if that is not finite. Shapes as in `api`; b is empty if there is none."""
    code, n, c, k = code_for(x.dtype.char), len(x), x.shape[3], w.shape[3]
    y = pool.empty((n, *window.output, k), x.dtype)
    if len(parts := channel_parts(k, w, weight_bytes)) > 1:
        for part in parts:
            of_part = conv2d(x, np.ascontiguousarray(w[..., part]), window, b[part], slope)
            if of_part is None:
                return None
            y[..., part] = of_part
        return y
    transformed, half = pool.empty((POINTS * POINTS * 4 * c * k,), x.dtype), _halves(x.dtype)
    run(transform_weights, k * x.itemsize // PANEL_BYTES, (w, transformed, half, code))
    plan = layout(window.output, _block_images(window.output, n))
    scratch = scratch_rows(plan.rows * (4 * c + k) + image_numbers(window, c, k), x.dtype)
    finite = np.empty(n, np.bool_)
    (top, _), (left, _) = window.padding
    run(_conv2d, -(-n // plan.images), (x, transformed, y, b, scratch, finite, slope, top, left, plan, code))
    return y if finite.all() else None


def conv2d_input_grad(
    gy: Array, w: Array, window: Window, b: Array, slope: float, weight_bytes: int = TURNED_BYTES
) -> Array | None:
    """leaky_relu(conv2d_input_grad(gy, w) + b), or None if that is not finite. Shapes as in `api`."""
    code, n, c, k = code_for(gy.dtype.char), len(gy), w.shape[2], gy.shape[3]
    gx = pool.empty((n, *window.size, c), gy.dtype)
    if len(parts := channel_parts(c, w, weight_bytes)) > 1:
        for part in parts:
            of_part = conv2d_input_grad(gy, np.ascontiguousarray(w[:, :, part]), window, b[part], slope)
            if of_part is None:
                return None
            gx[..., part] = of_part
        return gx
    turned = pool.empty((4, 4, k, c), gy.dtype)
    run(turn, 16, (w, turned))
    transformed, half = pool.empty((POINTS * POINTS * 4 * c * k,), gy.dtype), _halves(gy.dtype)
    run(transform_turned_weights, 4 * c * gy.itemsize // PANEL_BYTES, (turned, transformed, half, code))
    plan = layout(window.output, _block_images(window.output, n))
    scratch = scratch_rows(plan.rows * (4 * c + k) + image_numbers(window, c, k), gy.dtype)
    finite = np.empty(n, np.bool_)
    (top, _), (left, _) = window.padding
    run(
        _conv2d_input_grad,
        -(-n // plan.images),
        (gy, transformed, gx, b, scratch, finite, slope, top, left, plan, code),
    )
    return gx if finite.all() else None


def channel_parts(channels: int, w: Array, weight_bytes: int) -> list[slice]:
    """Parts of the result's channels whose transformed weights fit so many bytes."""
    count, panel = -(-POINTS * POINTS * w.nbytes // 4 // weight_bytes), PANEL_BYTES // w.itemsize
    step = -(-channels // (count * panel)) * panel
    return [slice(start, min(start + step, channels)) for start in range(0, channels, step)]


def _halves(dtype: np.dtype[Any]) -> Array:
    return scratch_rows(2 * POINTS * PANEL_BYTES // dtype.itemsize, dtype)


def scratch_rows(size: int, dtype: np.dtype[Any]) -> Array:
    """Memory with a row for each thread."""
    return pool.empty((threads(), size), dtype)


def image_numbers(window: Window, c: int, k: int) -> int:
    """Numbers of scratch memory for an image: padded, and transformed along one axis."""
    i, j = window.output
    return 4 * (i + 1) * (j + 1) * c + POINTS * max(2 * (j + 1) * c, j * k)


# --- products, one for each point ---------------------------------------------------------------------------------


@compiled
def _multiply_points(code, a, weights, c, images, plan, depth, width):  # type: ignore[no-untyped-def]
    """a (rows, depth), weights (point, panel, depth, panel) → c (rows, width), for the first `images` of a block."""
    panel = PANEL_BYTES // a.itemsize
    for p in range(POINTS):
        for q in range(POINTS):
            for at in range(0, width, panel):
                of_panel = (p * POINTS + q) * depth * width + at * depth
                for kind in range(len(plan.kinds)):
                    m, n, first, each, stride = plan.kinds[kind]
                    if p <= m and q <= n:
                        row = first + (p * (n + 1) + q) * stride
                        multiply_panel(
                            code.multiply, pointer(a, row * depth), depth, 1, pointer(weights, of_panel), panel,
                            pointer(c, row * width + at), width, each * images, depth, False,
                        )  # fmt: skip


@compiled
def _conv2d(arguments, block, thread):  # type: ignore[no-untyped-def]
    """One block of images of y."""
    x, weights, y, b, scratch, finite, slope, top, left, plan, code = arguments
    c, (height, width, k) = x.shape[3], y.shape[1:]
    start = block * plan.images
    count = min(plan.images, len(x) - start)
    x_hat, y_hat, half, padded = split_scratch(scratch[thread], plan.rows, c, k, height, width)
    for local in range(count):
        transform_x(code, x, start + local, local, top, left, height, width, plan, x_hat, 4 * c, padded, half)
    _multiply_points(code, x_hat, weights, y_hat, count, plan, 4 * c, k)
    for local in range(count):
        transform_y_back(code, y, start + local, local, plan, y_hat, half)
        image = pointer(y, (start + local) * height * width * k)
        finite[start + local] = all_finite(image, height * width * k)
        finish_rows(image, height * width, k, pointer(b, 0), len(b) > 0, y.dtype.type(slope))


@compiled
def _conv2d_input_grad(arguments, block, thread):  # type: ignore[no-untyped-def]
    """One block of images of gx."""
    gy, weights, gx, b, scratch, finite, slope, top, left, plan, code = arguments
    c, (height, width, k) = gx.shape[3], gy.shape[1:]
    pixels = gx.shape[1] * gx.shape[2]
    start = block * plan.images
    count = min(plan.images, len(gy) - start)
    x_hat, y_hat, half, padded = split_scratch(scratch[thread], plan.rows, c, k, height, width)
    for local in range(count):
        transform_y(code, gy, start + local, local, plan, y_hat, k, half)
    _multiply_points(code, y_hat, weights, x_hat, count, plan, k, 4 * c)
    for local in range(count):
        transform_x_back(code, gx, start + local, local, top, left, height, width, plan, x_hat, padded, half)
        image = pointer(gx, (start + local) * pixels * c)
        finite[start + local] = all_finite(image, pixels * c)
        finish_rows(image, pixels, c, pointer(b, 0), len(b) > 0, gx.dtype.type(slope))


@compiled
def split_scratch(scratch, rows, c, k, height, width):  # type: ignore[no-untyped-def]
    """A thread's scratch as X̂, ŷ, a half-transformed and a padded image."""
    x_end = rows * 4 * c
    y_end = x_end + rows * k
    padded_end = y_end + 4 * (height + 1) * (width + 1) * c
    return scratch[:x_end], scratch[x_end:y_end], scratch[padded_end:], scratch[y_end:padded_end]
