"""Weighted sums of pixels at given places, and the gradients: a thread for each number of the result.

Several places may take one pixel. So that the input gradient needs no atomic additions, whose order is never the same,
the taps are sorted by their pixels first: a thread then adds those of its pixel, one after the other.
"""

from typing import Any

from rawgan_kernels.arrays import array_module
from rawgan_kernels.cuda.compile.language import cuda_kernel, index, number, position
from rawgan_kernels.cuda.run.launch import blocks_for, launch
from rawgan_kernels.cuda.run.memory import empty, flat
from rawgan_kernels.dispatch import implements


@implements
def sample_pixels(x: Any, weights: Any, at: Any) -> Any:
    y = empty(x, (*at.shape[:2], x.shape[2]))
    sizes = x.shape[1], at.shape[1], at.shape[2], x.shape[2]
    if y.size:
        launch(_sample, blocks_for(y.size), flat(x), flat(weights), flat(at), flat(y), y.size, *sizes)
    return y


@implements
def sample_pixels_weight_grad(x: Any, gy: Any, at: Any) -> Any:
    gw = empty(x, at.shape)
    sizes = x.shape[1], at.shape[1], at.shape[2], x.shape[2]
    if gw.size:
        launch(_weight_grad, blocks_for(gw.size), flat(x), flat(gy), flat(at), flat(gw), gw.size, *sizes)
    return gw


@implements
def sample_pixels_input_grad(gy: Any, weights: Any, at: Any, pixels: int) -> Any:
    xp = array_module(gy)
    n, _, taps = at.shape
    gx = empty(gy, (n, pixels, gy.shape[2]))
    if not gx.size:
        return gx
    # Pixels are numbered through all images; taps that take none come last.
    pixel = xp.where(at < 0, n * pixels, at + pixels * xp.arange(n)[:, None, None]).reshape(-1)
    order = xp.argsort(pixel)  # stable in CuPy, and the same each time
    starts = xp.searchsorted(pixel[order], xp.arange(n * pixels + 1)).astype("int64")
    launch(
        _input_grad, blocks_for(gx.size), flat(gy), flat(weights), flat(order), flat(starts), flat(gx), gx.size, taps,
        gy.shape[2],
    )  # fmt: skip
    return gx


@cuda_kernel(
    "x: in, weights: in, indices: rows, y: out, total: index, pixels: index, places: index, taps: index, "
    "channels: index"
)
def _sample(x, weights, indices, y, total, pixels, places, taps, channels):  # type: ignore[no-untyped-def]
    at = position()
    if at < total:
        place, channel = index(at // channels), index(at % channels)
        first = index(index(place // places) * pixels)
        found = number(0)
        for k in range(taps):
            tap = index(place * taps + index(k))
            pixel = indices[tap]
            if pixel >= 0:
                found += weights[tap] * x[index(index(first + index(pixel)) * channels + channel)]
        y[at] = found


@cuda_kernel(
    "x: in, gy: in, indices: rows, gw: out, total: index, pixels: index, places: index, taps: index, channels: index"
)
def _weight_grad(x, gy, indices, gw, total, pixels, places, taps, channels):  # type: ignore[no-untyped-def]
    tap = position()
    if tap < total:
        place = index(tap // taps)
        found = number(0)
        pixel = indices[tap]
        if pixel >= 0:
            source = index(index(index(place // places) * pixels + index(pixel)) * channels)
            row = index(place * channels)
            for c in range(channels):
                found += x[index(source + index(c))] * gy[index(row + index(c))]
        gw[tap] = found


@cuda_kernel("gy: in, weights: in, order: rows, starts: rows, gx: out, total: index, taps: index, channels: index")
def _input_grad(gy, weights, order, starts, gx, total, taps, channels):  # type: ignore[no-untyped-def]
    at = position()
    if at < total:
        pixel, channel = index(at // channels), index(at % channels)
        found = number(0)
        for entry in range(index(starts[pixel]), index(starts[index(pixel + index(1))])):
            tap = index(order[index(entry)])
            found += weights[tap] * gy[index(index(tap // taps) * channels + channel)]
        gx[at] = found
