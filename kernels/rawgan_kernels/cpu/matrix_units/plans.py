"""Convolutions as matrix products: which windows of which image give which pixels.

A convolution and its gradient with respect to x are one kind of sweep. Windows of the image x, or gy, are rows of a
matrix; the product with a matrix of weights gives pixels of y, or gx:

    conv2d              y[i, j]   sees the pixels (i·stride + a·dilation − top, …) of x at taps (a, b)
    conv2d_input_grad   gx[p, q]  sees the pixels ((p + top − a·dilation) / stride, …) of gy, where these are whole

In the second case, pixels fall into stride × stride phases, by the remainder of p + top and of q + left. All pixels
(m·stride + r − top, …) of a phase see the same taps, at the distances (a·dilation − r) / stride from m. So each phase
is a convolution of stride 1, and nothing is added up where windows overlap.

Taps are taken in chunks. A chunk is a list of runs: numbers that are next to each other both in the image and in a row
of the matrix.
"""

from collections.abc import Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np

from rawgan_kernels.cpu.matrix_units.packing import PANEL, padded
from rawgan_kernels.window import Window, span

Array = np.ndarray[Any, Any]
Taps = list[tuple[int, int]]
"""Taps of one axis: their number, and their place in pixels from the origin of the window."""


class Axis(NamedTuple):
    """Pixels of one phase along one axis, from number `first` on; number m is at m·step + offset in the result."""

    first: int
    pixels: int
    offset: int
    taps: Taps


class Geometry(NamedTuple):
    """Places of windows and pixels along both axes, in pixels."""

    step: int
    """From window to window, from row to row."""
    step_across: int
    origin: int
    """Of window 0 in the image."""
    origin_across: int
    reach: int
    """Rows of the image that a window spans."""
    reach_across: int
    result_step: int
    """From one window's pixel of the result to the next one's."""
    result_step_across: int
    low: int
    """Number of the first window."""
    low_across: int
    rows: int
    """Windows of all phases, down and across."""
    columns: int
    width: int
    """Width of the part of the image that is swept."""


class Plan(NamedTuple):
    """A sweep, in the tables and numbers that compiled code takes."""

    geometry: Geometry
    phases: Array
    """(phases, 8): first row, rows, first column, columns, offset of the row and the column of the result, first chunk,
    chunks."""
    chunks: Array
    """(chunks, 6): first run, runs, depth, depth filled up, first tap, the depths of all chunks before."""
    runs: Array
    """(runs, 2): place in the image, in numbers from the origin of the window; length in numbers."""
    taps: Array
    """(taps,): their numbers, as they lie in the weights, in the order of the chunks."""
    depth: int
    """The depths of all chunks, filled up."""
    deepest: int
    """The largest of them."""


@lru_cache(maxsize=256)
def forward(window: Window, channels: int, chunk: int) -> Plan:
    """The plan of a convolution of an image with so many channels, in chunks of about so many numbers of depth."""
    axes = [
        [Axis(0, count, 0, [(a, a * dilation) for a in range(kernel)])]
        for count, kernel, dilation in zip(window.output, window.kernel, window.dilation, strict=True)
    ]
    origins = tuple(-before for before, _ in window.padding)
    reaches = tuple(span(kernel, dilation) for kernel, dilation in zip(window.kernel, window.dilation, strict=True))
    return _plan(axes, window, window.stride, origins, reaches, (1, 1), channels, chunk)


@lru_cache(maxsize=256)
def backward(window: Window, channels: int, chunk: int) -> Plan:
    """The plan of the gradient with respect to the image, from a gradient with so many channels."""
    axes, origins, reaches = [], [], []
    for size, kernel, stride, (before, _), dilation in zip(
        window.size, window.kernel, window.stride, window.padding, window.dilation, strict=True
    ):
        furthest = max((a * dilation - a * dilation % stride) // stride for a in range(kernel))
        phases = []
        for r in range(stride):
            first, end = -((r - before) // stride), -((r - before - size) // stride)
            distances = [(a, (a * dilation - r) // stride) for a in range(kernel) if a * dilation % stride == r]
            places = [(a, furthest - distance) for a, distance in reversed(distances)]
            phases.append(Axis(first, max(0, end - first), r - before, places))
        axes.append(phases)
        origins.append(-furthest)
        reaches.append(furthest + 1)
    return _plan(axes, window, (1, 1), tuple(origins), tuple(reaches), window.stride, channels, chunk)


def _plan(
    axes: list[list[Axis]], window: Window, steps: tuple[int, int], origins: tuple[int, ...],
    reaches: tuple[int, ...], result_steps: tuple[int, int], channels: int, chunk: int,
) -> Plan:  # fmt: skip
    lows = [min(phase.first for phase in phases) for phases in axes]
    highs = [max(phase.first + phase.pixels for phase in phases) for phases in axes]
    counts = [high - low for low, high in zip(lows, highs, strict=True)]
    width = (counts[1] - 1) * steps[1] + reaches[1]
    phases: list[Any] = []
    chunks: list[Any] = []
    runs: list[tuple[int, int]] = []
    order: list[int] = []
    before = 0
    each = channels // window.groups
    for rows in axes[0]:
        for columns in axes[1]:
            taps = [
                (a * window.kernel[1] + b, (down * width + across) * channels)
                for a, down in rows.taps
                for b, across in columns.taps
            ]
            first_chunk = len(chunks)
            for part in _parts(taps, max(1, chunk // each)):
                found = _runs([place for _, place in part], each, joined=window.groups == 1)
                depth = len(part) * each
                chunks.append((len(runs), len(found), depth, padded(depth), len(order), before))
                runs += found
                order += [number for number, _ in part]
                before += padded(depth)
            phases.append(
                (*rows[:2], *columns[:2], rows.offset, columns.offset, first_chunk, len(chunks) - first_chunk)
            )
    geometry = Geometry._make((*steps, *origins, *reaches, *result_steps, *lows, *counts, width))
    deepest = max((row[3] for row in chunks), default=0)
    return Plan(geometry, _table(phases, 8), _table(chunks, 6), _table(runs, 2), np.array(order), before, deepest)


def _parts(taps: Taps, most: int) -> list[Taps]:
    """Taps in chunks of at most so many, as equal as possible."""
    count = -(-len(taps) // most)
    return [taps[i * len(taps) // count : (i + 1) * len(taps) // count] for i in range(count)]


def _runs(places: Sequence[int], length: int, joined: bool) -> list[tuple[int, int]]:
    """A run for each place, with those joined that follow each other."""
    runs: list[tuple[int, int]] = []
    for place in places:
        if joined and runs and sum(runs[-1]) == place:
            runs[-1] = runs[-1][0], runs[-1][1] + length
        else:
            runs.append((place, length))
    return runs


def _table(rows: list[Any], columns: int) -> Array:
    return np.array(rows, np.int64).reshape(len(rows), columns)


class Blocks(NamedTuple):
    """Division of a sweep into blocks: each of so many images, or of so many rows of windows of one image."""

    images: int
    rows: int
    number: int
    numbers: int
    """Numbers of the part of the images that a block sees."""
    pixels: int
    """Windows of a block in each phase, at most."""


def blocks(plan: Plan, count: int, channels: int, pixels: int, numbers: int) -> Blocks:
    """Blocks of about so many windows in each phase, and no more numbers of images than given, of `count` images."""
    of = plan.geometry
    whole = ((of.rows - 1) * of.step + of.reach) * of.width * channels
    if of.rows * of.columns <= pixels:
        images, rows = max(1, min(count, pixels // (of.rows * of.columns), numbers // max(1, whole))), of.rows
    else:
        images, rows = 1, max(1, pixels // of.columns)
    bands = -(-of.rows // rows)
    seen = images * ((rows - 1) * of.step + of.reach) * of.width * channels
    return Blocks(images, rows, -(-count // images) * bands, seen, images * rows * of.columns)


def panels(columns: int) -> int:
    """Panels of so many columns."""
    return -(-columns // PANEL)
