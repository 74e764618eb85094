"""Images sampled between their pixels, at places of a grid, and the gradients.

The places are taken by chunks. First, their pixels and distances are computed, in vector registers. Then pixels are
added, without a branch: a pixel beyond the image is replaced by a row of zeros, or by a row that is thrown away. Loops
over the channels are compiled for three channels, and once for any number. Images of one channel are sampled in vector
registers, too, once the numbers of the pixels lie side by side.

A block is a chunk. Several places may add to one pixel of the input gradient, so there a block is a whole image, or a
few of its channels if there are few images.
"""

from functools import lru_cache
from typing import Any

import numpy as np

from rawgan_kernels.cpu.compile.compiled import SUMS, compiled
from rawgan_kernels.cpu.run import pool
from rawgan_kernels.cpu.run.launch import run, threads
from rawgan_kernels.cpu.sampling import GROUPS
from rawgan_kernels.cpu.vector.exponentials import constant, one, zero
from rawgan_kernels.cpu.vector.pointers import pointer, shifted
from rawgan_kernels.cpu.vector.rows import clear
from rawgan_kernels.dispatch import implements
from rawgan_kernels.places import FAR, PADDINGS, axis_of

Array = np.ndarray[Any, Any]

CHUNK = 512
"""Places of a chunk: what is known of them fits the first-level cache, and they take some µs."""

NUMBERS, PIXELS = 8 * CHUNK, 5 * CHUNK
"""Rows of a chunk: distances and slopes of both axes, four values; four pixels, and places in memory."""

_far, _half = constant(FAR, FAR), constant(0.5, 0.5)
_ZEROS, _BORDER, _REFLECTION = range(len(PADDINGS))


@implements
def grid_sample(x: Array, grid: Array, padding: str, aligned: bool) -> Array:
    y = pool.empty((*grid.shape[:3], x.shape[3]), x.dtype)
    if y.size:
        _over_chunks(_sample, x, grid, y, y, padding, aligned)
    return y


@implements
def grid_sample_grid_grad(x: Array, grid: Array, gy: Array, padding: str, aligned: bool) -> Array:
    if not gy.size:
        return np.zeros(grid.shape, grid.dtype)
    ggrid = pool.empty(grid.shape, grid.dtype)
    _over_chunks(_grid_grad, x, grid, gy, ggrid, padding, aligned)
    return ggrid


@implements
def grid_sample_input_grad(gy: Array, grid: Array, size: tuple[int, int], padding: str, aligned: bool) -> Array:
    n, i, j, channels = gy.shape
    gx = pool.empty((n, *size, channels), gy.dtype)
    if gx.size:
        each = -(-channels // -(-GROUPS // n)) if n < GROUPS else channels
        each = min(channels, -(-each // 16) * 16)
        sizes = *size, i * j, channels, each, PADDINGS.index(padding)
        arrays = *_flat(gx, grid, gy, gy), *_scratch(size, channels, aligned, gy)
        run(_input_grad, n * -(-channels // each), (*arrays, sizes))
    return gx


def _over_chunks(body: Any, x: Array, grid: Array, second: Array, y: Array, padding: str, aligned: bool) -> None:
    """Run a body over chunks of places; y is new, and so contiguous."""
    n, h, w, channels = x.shape
    places = grid.shape[1] * grid.shape[2]
    arrays = *_flat(x, grid, second, y), *_scratch((h, w), channels, aligned, x)
    run(body, n * -(-places // CHUNK), (*arrays, (h, w, places, channels, channels, PADDINGS.index(padding))))


def _flat(*arrays: Array) -> tuple[Array, ...]:
    return tuple([np.ascontiguousarray(array).reshape(-1) for array in arrays])


def _scratch(size: tuple[int, int], channels: int, aligned: bool, like: Array) -> tuple[Array, ...]:
    """Constants of both axes; for each thread, `NUMBERS` and `PIXELS` of a chunk, and a row of zeros."""
    numbers, pixels = np.empty((threads(), NUMBERS), like.dtype), np.empty((threads(), PIXELS), np.int32)
    return _axes(size, aligned, like.dtype), numbers, pixels, np.zeros((threads(), channels), like.dtype)


@lru_cache(maxsize=64)  # a network needs the same few in every step
def _axes(size: tuple[int, int], aligned: bool, dtype: np.dtype[Any]) -> Array:
    return np.array([axis_of(n, aligned) for n in size], dtype)


# --- a chunk of places -----------------------------------------------------------------------------------------------


@compiled(inline=True, fastmath={"nsz"})
def _in_pixels(place, axis, padding):  # type: ignore[no-untyped-def]
    """A place in pixels, and its slope; see `places.in_pixels`. Rounded as there, so that centres of pixels are found
    exactly: no multiplication is fused with an addition.
    """
    factor, shift, low, span, last = axis
    none, unit, far = zero(place), one(place), _far(place)
    slope = factor if place == place else none
    at = ((place if place == place else -unit) + unit) * factor - shift
    slope = slope if abs(at) <= far else none
    at = at if at <= far else far
    at = at if at >= -far else -far
    if padding == _REFLECTION and span > none:
        mirrors = np.floor((at - low) / span)
        at = at - low - mirrors * span
        odd = mirrors != (unit + unit) * np.floor(mirrors * _half(place))
        at = (span - at if odd else at) + low
        slope = -slope if odd else slope
    if padding != _ZEROS:
        slope = slope if at > none and at < last else none
        at = at if at > none else none
        at = at if at < last else last
    return at, slope


@compiled
def _find_pixels(grid, count, axes, h, w, padding, distances, pixels):  # type: ignore[no-untyped-def]
    """Distances from the upper and left pixels, slopes of both, and the four pixels of each place; −1 is none.

    Each of these is a row of CHUNK numbers; `grid`, `distances` and `pixels` are pointers.
    """
    vertical = axes[0, 0], axes[0, 1], axes[0, 2], axes[0, 3], axes[0, 4]
    horizontal = axes[1, 0], axes[1, 1], axes[1, 2], axes[1, 3], axes[1, 4]
    height, width = np.uint32(h), np.uint32(w)
    if padding == _ZEROS:
        _find_each(grid, count, vertical, horizontal, height, width, _ZEROS, distances, pixels)
    elif padding == _BORDER:
        _find_each(grid, count, vertical, horizontal, height, width, _BORDER, distances, pixels)
    else:
        _find_each(grid, count, vertical, horizontal, height, width, _REFLECTION, distances, pixels)


@compiled(inline=True)
def _find_each(grid, count, vertical, horizontal, h, w, padding, distances, pixels):  # type: ignore[no-untyped-def]
    for k in range(count):
        down, down_slope = _in_pixels(grid[2 * k + 1], vertical, padding)
        along, along_slope = _in_pixels(grid[2 * k], horizontal, padding)
        top, left = np.floor(down), np.floor(along)
        distances[k], distances[CHUNK + k] = down - top, along - left
        distances[2 * CHUNK + k], distances[3 * CHUNK + k] = down_slope, along_slope
        i, j = np.int32(top), np.int32(left)
        # Unsigned, −1 is a large number. A plain 0 has 64 bits, and half as many fit a register.
        upper, lower = np.uint32(i) < h, np.uint32(np.int32(i + 1)) < h
        before, after = np.uint32(j) < w, np.uint32(np.int32(j + 1)) < w
        at = np.int32(i * np.int32(w) + j)
        none = np.int32(-1)
        pixels[k] = at if upper & before else none
        pixels[CHUNK + k] = np.int32(at + 1) if upper & after else none
        pixels[2 * CHUNK + k] = np.int32(at + np.int32(w)) if lower & before else none
        pixels[3 * CHUNK + k] = np.int32(at + np.int32(w) + 1) if lower & after else none


@compiled(inline=True)
def _row(x, pixel, channels, otherwise):  # type: ignore[no-untyped-def]
    """Pointer to the row of a pixel, or the other pointer for the number −1."""
    return shifted(x, pixel * channels) if pixel >= 0 else otherwise


@compiled(inline=True)
def _rows(x, pixels, k, channels, otherwise):  # type: ignore[no-untyped-def]
    return (
        _row(x, pixels[k], channels, otherwise), _row(x, pixels[CHUNK + k], channels, otherwise),
        _row(x, pixels[2 * CHUNK + k], channels, otherwise), _row(x, pixels[3 * CHUNK + k], channels, otherwise),
    )  # fmt: skip


@compiled(inline=True)
def _weights(distances, k):  # type: ignore[no-untyped-def]
    down, along = distances[k], distances[CHUNK + k]
    up, back = one(down) - down, one(along) - along
    return up * back, up * along, down * back, down * along


@compiled
def _find_values(x, pixels, count, values):  # type: ignore[no-untyped-def]
    """The numbers of the four pixels of each place, of an image with one channel; any number where there is none.

    Only the second loop takes one number at a time.
    """
    places, first = shifted(pixels, 4 * CHUNK), np.int32(0)
    for corner in range(4):
        row, found = shifted(pixels, corner * CHUNK), shifted(values, corner * CHUNK)
        for k in range(count):
            places[k] = row[k] if row[k] > first else first
        for k in range(count):
            found[k] = x[places[k]]


@compiled(inline=True)
def _values(values, pixels, k):  # type: ignore[no-untyped-def]
    """The values that were found for a place, 0 where there is no pixel."""
    a, b, c, d = values[k], values[CHUNK + k], values[2 * CHUNK + k], values[3 * CHUNK + k]
    return (
        a if pixels[k] >= 0 else zero(a), b if pixels[CHUNK + k] >= 0 else zero(b),
        c if pixels[2 * CHUNK + k] >= 0 else zero(c), d if pixels[3 * CHUNK + k] >= 0 else zero(d),
    )  # fmt: skip


# --- one block of each -----------------------------------------------------------------------------------------------


@compiled
def _sample(arguments, block, thread):  # type: ignore[no-untyped-def]
    x, grid, _, y, axes, distances, pixels, zeros, (h, w, places, channels, _, padding) = arguments
    parts = -(-places // CHUNK)
    image, first = block // parts, block % parts * CHUNK
    at, count = image * places + first, min(CHUNK, places - first)
    near, pixel = pointer(distances, thread * NUMBERS), pointer(pixels, thread * PIXELS)
    _find_pixels(pointer(grid, 2 * at), count, axes, h, w, padding, near, pixel)
    of, to = pointer(x, image * h * w * channels), pointer(y, at * channels)
    none = pointer(zeros, thread * channels)
    if channels == 1:
        values = shifted(near, 4 * CHUNK)
        _find_values(of, pixel, count, values)
        for k in range(count):
            wa, wb, wc, wd = _weights(near, k)
            a, b, c, d = _values(values, pixel, k)
            to[k] = wa * a + wb * b + (wc * c + wd * d)
    elif channels == 3:
        _sample_each(of, near, pixel, none, count, 3, to)
    else:
        _sample_each(of, near, pixel, none, count, channels, to)


@compiled(inline=True)
def _sample_each(x, distances, pixels, none, count, channels, y):  # type: ignore[no-untyped-def]
    for k in range(count):
        wa, wb, wc, wd = _weights(distances, k)
        a, b, c, d = _rows(x, pixels, k, channels, none)
        to = shifted(y, k * channels)
        for channel in range(channels):
            to[channel] = wa * a[channel] + wb * b[channel] + (wc * c[channel] + wd * d[channel])


@compiled(fastmath=SUMS)
def _grid_grad(arguments, block, thread):  # type: ignore[no-untyped-def]
    x, grid, gy, ggrid, axes, distances, pixels, zeros, (h, w, places, channels, _, padding) = arguments
    parts = -(-places // CHUNK)
    image, first = block // parts, block % parts * CHUNK
    at, count = image * places + first, min(CHUNK, places - first)
    near, pixel = pointer(distances, thread * NUMBERS), pointer(pixels, thread * PIXELS)
    _find_pixels(pointer(grid, 2 * at), count, axes, h, w, padding, near, pixel)
    of, row, to = pointer(x, image * h * w * channels), pointer(gy, at * channels), pointer(ggrid, 2 * at)
    none = pointer(zeros, thread * channels)
    if channels == 1:
        values = shifted(near, 4 * CHUNK)
        _find_values(of, pixel, count, values)
        for k in range(count):
            a, b, c, d = _values(values, pixel, k)
            _slopes(row[k] * a, row[k] * b, row[k] * c, row[k] * d, near, k, to)
    elif channels == 3:
        _grid_grad_each(of, row, near, pixel, none, count, 3, to)
    else:
        _grid_grad_each(of, row, near, pixel, none, count, channels, to)


@compiled(fastmath=SUMS, inline=True)
def _grid_grad_each(x, gy, distances, pixels, none, count, channels, ggrid):  # type: ignore[no-untyped-def]
    for k in range(count):
        a, b, c, d = _rows(x, pixels, k, channels, none)
        row = shifted(gy, k * channels)
        ga = gb = gc = gd = none[0]
        for channel in range(channels):
            g = row[channel]
            ga += g * a[channel]
            gb += g * b[channel]
            gc += g * c[channel]
            gd += g * d[channel]
        _slopes(ga, gb, gc, gd, distances, k, ggrid)


@compiled(fastmath=SUMS, inline=True)
def _slopes(ga, gb, gc, gd, distances, k, ggrid):  # type: ignore[no-untyped-def]
    """The gradient of a place, of those of its pixels' weights."""
    down, along = distances[k], distances[CHUNK + k]
    up, back = one(down) - down, one(along) - along
    ggrid[2 * k] = ((gb - ga) * up + (gd - gc) * down) * distances[3 * CHUNK + k]
    ggrid[2 * k + 1] = ((gc - ga) * back + (gd - gb) * along) * distances[2 * CHUNK + k]


@compiled
def _input_grad(arguments, block, thread):  # type: ignore[no-untyped-def]
    gx, grid, gy, _, axes, distances, pixels, dropped, (h, w, places, channels, each, padding) = arguments
    parts = -(-channels // each)
    image, start = block // parts, block % parts * each
    columns = min(each, channels - start)
    near, pixel = pointer(distances, thread * NUMBERS), pointer(pixels, thread * PIXELS)
    to, none = pointer(gx, image * h * w * channels + start), pointer(dropped, thread * channels)
    for row in range(h * w):
        clear(shifted(to, row * channels), columns)
    for first in range(0, places, CHUNK):
        at, count = image * places + first, min(CHUNK, places - first)
        _find_pixels(pointer(grid, 2 * at), count, axes, h, w, padding, near, pixel)
        of = pointer(gy, at * channels + start)
        if channels == 1:
            _spread_each(to, of, near, pixel, none, count, 1, 1)
        elif channels == 3:
            _spread_each(to, of, near, pixel, none, count, 3, 3)
        else:
            _spread_each(to, of, near, pixel, none, count, channels, columns)


@compiled(inline=True)
def _spread_each(gx, gy, distances, pixels, dropped, count, channels, columns):  # type: ignore[no-untyped-def]
    for k in range(count):
        wa, wb, wc, wd = _weights(distances, k)
        a, b, c, d = _rows(gx, pixels, k, channels, dropped)
        row = shifted(gy, k * channels)
        for channel in range(columns):  # one pixel after the other: several may be the row that is thrown away
            g = row[channel]
            a[channel] += wa * g
            b[channel] += wb * g
            c[channel] += wc * g
            d[channel] += wd * g
