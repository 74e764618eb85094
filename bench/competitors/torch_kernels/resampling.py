"""Resizing and filtering."""

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from bench.competitors.torch_kernels.counterpart import NoCounterpart, Run, counterpart
from rawgan_kernels.resampling import Filter, Interpolation


@counterpart
def resample(x: Tensor, rows: Any, columns: Any) -> Run:
    """functional.interpolate, or a depthwise convolution; filters that enlarge are transposed ones."""
    channels = x.shape[1]
    if isinstance(rows, Interpolation) and isinstance(columns, Interpolation):
        size, mode = (rows.output, columns.output), rows.mode
        return lambda: functional.interpolate(x, size, mode=mode, antialias=rows.antialias)
    if not (isinstance(rows, Filter) and isinstance(columns, Filter)):
        raise NoCounterpart("a map that is no interpolation and no filter")
    w = torch.outer(torch.tensor(rows.taps), torch.tensor(columns.taps)).to(x.dtype)
    (up, down), taps = ((rows.up, columns.up), (rows.down, columns.down)), w.shape
    w = w.expand(channels, 1, *taps).contiguous()
    pads = (*columns.padding, *rows.padding)
    if up == (1, 1):
        flipped = w.flip(2, 3)
        if pads[::2] == pads[1::2]:
            return lambda: functional.conv2d(x, flipped, None, down, pads[2::-2], 1, channels)
        return lambda: functional.conv2d(functional.pad(x, pads), flipped, None, down, 0, 1, channels)
    crop = taps[0] - 1 - rows.padding[0], taps[1] - 1 - columns.padding[0]
    extra = [
        map.output - ((map.size - 1) * map.up + k - 2 * c)
        for map, k, c in zip((rows, columns), taps, crop, strict=True)
    ]
    if down != (1, 1) or min(*crop, *extra) < 0:
        raise NoCounterpart("a filter that enlarges and shrinks, or pads")
    return lambda: functional.conv_transpose2d(x, w, None, up, crop, extra, channels)
