"""Weighted sums of pixels at given places, and the gradients: the channels of a pixel lie together, so rows are added.

A block of the sums is a part of the places of an image. Several of them may add to one pixel of the input gradient, so
there a block is a whole image, or a few of its channels if there are few images.
"""

from typing import Any

import numpy as np

from rawgan_kernels.cpu.compile.compiled import SUMS, compiled
from rawgan_kernels.cpu.run import pool
from rawgan_kernels.cpu.run.launch import run
from rawgan_kernels.cpu.vector.pointers import pointer
from rawgan_kernels.cpu.vector.rows import clear
from rawgan_kernels.dispatch import implements

Array = np.ndarray[Any, Any]

BLOCK = 1 << 14
"""Multiplications of a block, about: they take some µs, long enough to be worth a thread."""

GROUPS = 8
"""Blocks that an input gradient is divided into at least, if its images have so many channels."""


@implements
def sample_pixels(x: Array, weights: Array, at: Array) -> Array:
    y = pool.empty((*at.shape[:2], x.shape[2]), x.dtype)
    if not y.size:
        return y
    _over_places(_sample, x, y, weights, at)
    return y


@implements
def sample_pixels_weight_grad(x: Array, gy: Array, at: Array) -> Array:
    if not gy.size:
        return np.zeros(at.shape, x.dtype)
    gw = pool.empty(at.shape, x.dtype)
    _over_places(_weight_grad, x, gy, gw, at)
    return gw


@implements
def sample_pixels_input_grad(gy: Array, weights: Array, at: Array, pixels: int) -> Array:
    n, count, taps = at.shape
    channels = gy.shape[2]
    gx = pool.empty((n, pixels, channels), gy.dtype)
    if gx.size:
        each = -(-channels // -(-GROUPS // n)) if n < GROUPS else channels
        each = min(channels, -(-each // 16) * 16)
        flat = gx.reshape(-1), *(np.ascontiguousarray(a).reshape(-1) for a in (gy, weights, at))
        sizes = pixels, count, taps, channels, each
        run(_input_grad, n * -(-channels // each), (*flat, sizes), gy.size * taps > BLOCK)
    return gx


def _over_places(body: Any, x: Array, y: Array, weights: Array, at: Array) -> None:
    """Run a body over blocks of places; its result, one of the arrays, is new and so contiguous."""
    n, count, taps = at.shape
    channels = x.shape[2]
    each = max(1, BLOCK // (taps * channels))
    flat = (np.ascontiguousarray(a).reshape(-1) for a in (x, y, weights, at))
    sizes = x.shape[1], count, taps, channels, each
    run(body, n * -(-count // each), (*flat, sizes), n * count * taps * channels > BLOCK)


@compiled
def _sample(arguments, block, thread):  # type: ignore[no-untyped-def]
    x, y, weights, indices, sizes = arguments
    pixels, places, taps, channels, each = sizes
    parts = -(-places // each)
    image, first = block // parts, block % parts * each
    for place in range(image * places + first, image * places + min(first + each, places)):
        to = pointer(y, place * channels)
        clear(to, channels)
        for tap in range(place * taps, (place + 1) * taps):
            if indices[tap] >= 0:
                _add_row(to, pointer(x, (image * pixels + indices[tap]) * channels), weights[tap], channels)


@compiled(fastmath=SUMS)
def _weight_grad(arguments, block, thread):  # type: ignore[no-untyped-def]
    x, gy, gw, indices, sizes = arguments
    pixels, places, taps, channels, each = sizes
    parts = -(-places // each)
    image, first = block // parts, block % parts * each
    for place in range(image * places + first, image * places + min(first + each, places)):
        row = pointer(gy, place * channels)
        for tap in range(place * taps, (place + 1) * taps):
            found = gw.dtype.type(0)
            if indices[tap] >= 0:
                pixel = pointer(x, (image * pixels + indices[tap]) * channels)
                for c in range(channels):
                    found += pixel[c] * row[c]
            gw[tap] = found


@compiled
def _input_grad(arguments, block, thread):  # type: ignore[no-untyped-def]
    gx, gy, weights, indices, sizes = arguments
    pixels, places, taps, channels, each = sizes
    parts = -(-channels // each)
    image, start = block // parts, block % parts * each
    count = min(each, channels - start)
    for pixel in range(image * pixels, (image + 1) * pixels):
        clear(pointer(gx, pixel * channels + start), count)
    for place in range(image * places, (image + 1) * places):
        row = pointer(gy, place * channels + start)
        for tap in range(place * taps, (place + 1) * taps):
            if indices[tap] >= 0:
                at = (image * pixels + indices[tap]) * channels + start
                _add_row(pointer(gx, at), row, weights[tap], count)


@compiled
def _add_row(y, x, scale, length):  # type: ignore[no-untyped-def]
    """y[:length] += scale · x[:length]; both are pointers, and do not overlap."""
    for i in range(length):
        y[i] += scale * x[i]
