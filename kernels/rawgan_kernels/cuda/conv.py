"""The conv triple: windows laid out as rows of a matrix, and one product by cuBLAS.

    y  = leaky_relu(windows(x) @ w + b)         windows: (N·I·J, A·B·C), a row for each window of x
    gw = windows(x)ᵀ @ gy
    gx = for each pixel, the sum of (gy @ wᵀ) over all windows that contain it, at its place in the window

cuBLAS computes; the kernels here move data, with one thread for each number of gx, and for one or four of the windows.
Each thread of gx collects the terms of its pixel, instead of each window handing its terms out: no two threads add to
one number, and the bits are the same each time. Where windows would take too much memory, the images are taken in turn.

The matrix of windows is A·B / stride² times as large as x; it is written once and read once. At a reduced precision its
numbers are rounded when they are written, in a format of `factors`.
"""

import math
from typing import Any

from rawgan_kernels.arrays import array_module
from rawgan_kernels.cuda.compile.language import cuda_kernel, formulas, index, number, position
from rawgan_kernels.cuda.run.cublas import product
from rawgan_kernels.cuda.run.factors import BF16_BITS, EXACT, HALF, NOWHERE, Format, rounded_bits
from rawgan_kernels.cuda.run.launch import blocks_for, launch
from rawgan_kernels.cuda.run.memory import empty, flat
from rawgan_kernels.dispatch import implements
from rawgan_kernels.window import Window

WORD = 0xFFFFFFFF
"""The bits of a number of 32."""

WINDOW_BYTES = 1 << 28
"""Bytes of memory for windows; as many images as fit are taken at a time."""


@implements
def conv2d(x: Any, w: Any, window: Window, b: Any = None, slope: float = 1.0) -> Any:
    return convolved(x, w, window, b, slope, EXACT)


@implements
def conv2d_input_grad(gy: Any, w: Any, window: Window, b: Any = None, slope: float = 1.0) -> Any:
    return input_grad(gy, w, window, b, slope, EXACT)


@implements
def conv2d_weight_grad(x: Any, gy: Any, window: Window) -> Any:
    return weight_grad(x, gy, window, EXACT)


# --- with factors in a format -----------------------------------------------------------------------------------------


def convolved(x: Any, w: Any, window: Window, b: Any, slope: float, form: Format) -> Any:
    """conv2d, of factors in a format."""
    xp, n, k = array_module(x), len(x), w.shape[3]
    x, y = xp.ascontiguousarray(x), empty(x, (n, *window.output, k))
    weights = form.factor(_matrices(w, window.groups))
    for images in _in_turn(x, window, form.itemsize(x)):
        # (G, N·I·J, A·B·C/G) @ (G, A·B·C/G, K/G) → (G, N·I·J, K/G)
        product(_windows(x[images], window, form), weights, _by_group(y[images], window.groups), tf32=form.tf32)
    if b is not None or slope != 1:
        bias = empty(y, (k,)) if b is None else flat(b)
        launch(_finish, blocks_for(y.size), flat(y), bias, y.size, k, b is not None, slope)
    return y


def input_grad(gy: Any, w: Any, window: Window, b: Any, slope: float, form: Format) -> Any:
    """conv2d_input_grad, of factors in a format."""
    (n, i, j, _), groups = gy.shape, window.groups
    taps, c = math.prod(window.kernel), w.shape[2] * groups
    gx, weights = empty(gy, (n, *window.size, c)), form.factor(_matrices(w, groups)).transpose(0, 2, 1)
    bias = empty(gy, (c,)) if b is None else flat(b)
    for images in _in_turn(gx, window, gx.itemsize):
        # (G, N·I·J, K/G) @ (G, K/G, A·B·C/G) → (G, N·I·J, A·B·C/G)
        part, rows = gx[images], len(gx[images]) * i * j
        seen = empty(gy, (groups, rows, taps * w.shape[2]))
        product(form.factor(_by_group(gy[images], groups)), weights, seen, tf32=form.tf32)
        launch(
            _collect, blocks_for(part.size), flat(seen), bias, flat(part), part.size, rows,
            *_geometry(window, c), b is not None, slope,
        )  # fmt: skip
    return gx


def weight_grad(x: Any, gy: Any, window: Window, form: Format) -> Any:
    """conv2d_weight_grad, of factors in a format."""
    xp, groups = array_module(x), window.groups
    x, c, k = xp.ascontiguousarray(x), x.shape[3] // groups, gy.shape[3]
    gw = empty(x, (*window.kernel, c, k))
    if not len(x):
        gw.fill(0)
    for images in _in_turn(x, window, form.itemsize(x)):
        # (G, A·B·C/G, N·I·J) @ (G, N·I·J, K/G) → (G, A·B·C/G, K/G)
        windows, rows = _windows(x[images], window, form), form.factor(_by_group(gy[images], groups))
        product(windows.transpose(0, 2, 1), rows, _matrices(gw, groups), images.start > 0, form.tf32)
    return gw


def _matrices(w: Any, groups: int) -> Any:
    """Weights of each group as a matrix: (G, A·B·C/G, K/G)."""
    a, b, c, k = w.shape
    return w.reshape(a * b * c, groups, k // groups).transpose(1, 0, 2)


def _by_group(y: Any, groups: int) -> Any:
    """(N, I, J, K) → (G, N·I·J, K/G)"""
    k = y.shape[3]
    return y.reshape(-1, groups, k // groups).transpose(1, 0, 2)


def _windows(x: Any, window: Window, form: Format) -> Any:
    """Every window of x as one row: (G, N·I·J, A·B·C/G), with zeros behind rows and columns as the format asks."""
    (i, j), (a, b), groups, c = window.output, window.kernel, window.groups, x.shape[3]
    rows = len(x) * i * j
    wide_rows, width = form.filled_up(rows), form.filled_up(a * b * c // groups)
    windows = empty(x, (groups, wide_rows, width), form.dtype)
    shape = rows, wide_rows, width, *_geometry(window, c)
    source, to, count = flat(x), flat(windows), windows.size
    one_by_one = x.dtype != "float32" or c // groups % 4 != 0
    if not one_by_one:
        count, to = count // 4, to.view("int64")
    if form.name == "bf16":
        launch(_lay_out_bf16 if one_by_one else _lay_out_four_bf16, blocks_for(count), source, to, count, *shape)
    else:
        launch(_lay_out if one_by_one else _lay_out_four, blocks_for(count), source, to, form.drop, count, *shape)
    return windows


def _geometry(window: Window, channels: int) -> tuple[int, ...]:
    (h, w), (i, j), (a, b), (s, t), (d, e) = window.size, window.output, window.kernel, window.stride, window.dilation
    (top, _), (left, _) = window.padding
    return h, w, channels, i, j, a, b, s, t, top, left, d, e, window.groups


def _in_turn(x: Any, window: Window, itemsize: int) -> list[slice]:
    """Slices of the images of x whose windows, of numbers of so many bytes, fit `WINDOW_BYTES`."""
    (i, j), (a, b) = window.output, window.kernel
    step = max(1, WINDOW_BYTES // max(1, i * j * a * b * x.shape[3] * itemsize))
    return [slice(first, first + step) for first in range(0, len(x), step)]


# --- functions that kernels call --------------------------------------------------------------------------------------


def source_of(  # type: ignore[no-untyped-def]
    at, rows, wide_rows, width, height, across_image, channels, i, j, a, b, s, t, top, left, d, e, groups
):
    """Index in x of one number of the windows, (group, image, i, j, a, b, channel of the group); NOWHERE for a zero."""
    each = index(channels // groups)
    line, column = index(at // width), index(at % width)
    group, row = index(line // wide_rows), index(line % wide_rows)
    rest, channel = index(column // each), index(column % each)
    down, across = index(rest // b), index(rest % b)
    outside = down >= a or row >= rows
    row, column_out = index(row // j), index(row % j)
    image, row_out = index(row // i), index(row % i)
    v, u = index(row_out * s + down * d), index(column_out * t + across * e)  # in the padded image
    found = index(NOWHERE)
    if not outside and v >= top and u >= left and v < index(top + height) and u < index(left + across_image):
        which = index((image * height + (v - top)) * across_image + (u - left))
        found = index(which * channels + group * each + channel)
    return found


def pair(x, at, drop):  # type: ignore[no-untyped-def]
    """A number of an array and the next one, with `drop` bits rounded away, as one of 64 bits."""
    low, high = int(x[at]), int(x[index(at + index(1))])
    if drop != index(0):
        low, high = rounded_bits(low, drop), rounded_bits(high, drop)
    return low & WORD | high << 32


# --- CUDA kernels -----------------------------------------------------------------------------------------------------

WINDOWS = (
    "count: index, rows: index, wide_rows: index, width: index, height: index, across_image: index, channels: index, "
    "i: index, j: index, a: index, b: index, s: index, t: index, top: index, left: index, d: index, e: index, "
    "groups: index"
)


@cuda_kernel("x: bits, windows: bits, drop: index, " + WINDOWS)
def _lay_out(  # type: ignore[no-untyped-def]
    x, windows, drop, count, rows, wide_rows, width, height, across_image, channels, i, j, a, b, s, t, top, left, d, e,
    groups,
):  # fmt: skip
    """A number of the windows, with `drop` bits rounded away; float64 stays as it is, with 0."""
    at = position()
    if at < count:
        found = source_of(
            at, rows, wide_rows, width, height, across_image, channels, i, j, a, b, s, t, top, left, d, e, groups
        )
        value = 0
        if found != index(NOWHERE):
            value = x[found]
            if drop != index(0):
                value = rounded_bits(value, drop)
        windows[at] = value


@cuda_kernel("x: bits, windows: halves, " + WINDOWS)
def _lay_out_bf16(  # type: ignore[no-untyped-def]
    x, windows, count, rows, wide_rows, width, height, across_image, channels, i, j, a, b, s, t, top, left, d, e,
    groups,
):  # fmt: skip
    at = position()
    if at < count:
        found = source_of(
            at, rows, wide_rows, width, height, across_image, channels, i, j, a, b, s, t, top, left, d, e, groups
        )
        windows[at] = rounded_bits(x[found], BF16_BITS) >> BF16_BITS & HALF if found != index(NOWHERE) else 0


@cuda_kernel("x: bits, words: rows, drop: index, " + WINDOWS)
def _lay_out_four(  # type: ignore[no-untyped-def]
    x, words, drop, count, rows, wide_rows, width, height, across_image, channels, i, j, a, b, s, t, top, left, d, e,
    groups,
):  # fmt: skip
    """Four channels of a pixel, float32 with `drop` bits rounded away: the place of one is computed for all.

    They are two pairs, half the channels apart, each written as one number of 64 bits: so neighbouring threads write
    neighbouring pairs.
    """
    at = position()
    if at < count:
        each = index(channels // groups)
        quarter = index(each // index(4))
        first = index(index(at // quarter) * each + index(index(at % quarter) * index(2)))
        found = source_of(
            first, rows, wide_rows, width, height, across_image, channels, i, j, a, b, s, t, top, left, d, e, groups
        )
        near, far = 0, 0
        if found != index(NOWHERE):
            near, far = pair(x, found, drop), pair(x, index(found + each // index(2)), drop)
        words[index(first // index(2))] = near
        words[index(index(first // index(2)) + quarter)] = far


@cuda_kernel("x: bits, words: rows, " + WINDOWS)
def _lay_out_four_bf16(  # type: ignore[no-untyped-def]
    x, words, count, rows, wide_rows, width, height, across_image, channels, i, j, a, b, s, t, top, left, d, e, groups
):
    """Four channels of a pixel: the place of the first is computed for all, and they are written as one number."""
    at = position()
    if at < count:
        first = index(at * index(4))
        found = source_of(
            first, rows, wide_rows, width, height, across_image, channels, i, j, a, b, s, t, top, left, d, e, groups
        )
        four = 0
        if found != index(NOWHERE):
            four = rounded_bits(x[found], BF16_BITS) >> BF16_BITS & HALF
            four |= (rounded_bits(x[index(found + index(1))], BF16_BITS) >> BF16_BITS & HALF) << 16
            four |= (rounded_bits(x[index(found + index(2))], BF16_BITS) >> BF16_BITS & HALF) << 32
            four |= rounded_bits(x[index(found + index(3))], BF16_BITS) >> BF16_BITS << 48
        words[at] = four


@cuda_kernel(
    "seen: in, bias: in, gx: out, count: index, rows: index, height: index, width: index, channels: index, i: index, "
    "j: index, a: index, b: index, s: index, t: index, top: index, left: index, d: index, e: index, groups: index, "
    "biased: index, slope: number"
)
def _collect(  # type: ignore[no-untyped-def]
    seen, bias, gx, count, rows, height, width, channels, i, j, a, b, s, t, top, left, d, e, groups, biased, slope
):
    """One number of gx, (image, row, column, channel): the sum over the taps at which a window contains it."""
    at = position()
    if at < count:
        each = index(channels // groups)
        pixel, channel = index(at // channels), index(at % channels)
        group, inner = index(channel // each), index(channel % each)
        rest, u = index(pixel // width), index(index(pixel % width) + left)
        image, v = index(rest // height), index(index(rest % height) + top)
        total = number(0)
        for down in range(a):
            reach = index(index(down) * d)
            if v >= reach and index(index(v - reach) % s) == index(0) and index(index(v - reach) // s) < i:
                row = index((image * i + index(v - reach) // s) * j)
                for across in range(b):
                    side = index(index(across) * e)
                    if u >= side and index(index(u - side) % t) == index(0) and index(index(u - side) // t) < j:
                        which = index(group * rows + row + index(u - side) // t)
                        tap = index(index(down) * b + index(across))
                        total += seen[index((which * a * b + tap) * each + inner)]
        if biased != index(0):
            total += bias[channel]
        gx[at] = formulas.leaky_relu(total, slope)


@cuda_kernel("y: out, bias: in, count: index, channels: index, biased: index, slope: number")
def _finish(y, bias, count, channels, biased, slope):  # type: ignore[no-untyped-def]
    """y ← leaky_relu(y + bias)"""
    at = position()
    if at < count:
        value = y[at]
        if biased != index(0):
            value += bias[index(at % channels)]
        y[at] = formulas.leaky_relu(value, slope)
