"""Sums: of two arrays, and of all numbers of a channel."""

from typing import Any

from rawgan_kernels.cuda.compile.language import THREADS, cuda_kernel, index
from rawgan_kernels.cuda.run.columns import column_sums, grid, parts, total_sums
from rawgan_kernels.cuda.run.elementwise import EACH, apply, first_of_thread
from rawgan_kernels.cuda.run.launch import blocks_for, launch
from rawgan_kernels.cuda.run.memory import empty, empty_like, flat
from rawgan_kernels.dispatch import implements


@implements
def add(a: Any, b: Any) -> Any:
    if a.shape == b.shape:
        return apply(_add, (a, b))
    y = empty_like(a)
    if a.size:
        body = _add_row if b.shape == a.shape[-1:] else _add_column
        launch(body, blocks_for(a.size, EACH * THREADS), flat(a), flat(b), flat(y), a.size, a.shape[-1])
    return y


@implements
def channel_sum(x: Any) -> Any:
    y = empty(x, x.shape[-1:])
    if not x.size:
        y.fill(0)
        return y
    cut = grid(1, x.size // x.shape[-1], x.shape[-1])
    found = parts(x, cut, 1)
    launch(column_sums, cut.blocks, flat(x), found, cut.size, cut.width, cut.row_blocks)
    launch(total_sums, cut.channels, found, y, cut.width, cut.row_blocks, cut.channels)
    return y


# --- CUDA kernels ----------------------------------------------------------------------------------------------------


@cuda_kernel("a: in, b: in, y: out, count: index")
def _add(a, b, y, count):  # type: ignore[no-untyped-def]
    i = first_of_thread()
    for _ in range(EACH):
        if i < count:
            y[i] = a[i] + b[i]
        i = index(i + index(THREADS))


@cuda_kernel("a: in, b: in, y: out, count: index, channels: index")
def _add_row(a, b, y, count, channels):  # type: ignore[no-untyped-def]
    i = first_of_thread()
    for _ in range(EACH):
        if i < count:
            y[i] = a[i] + b[index(i % channels)]
        i = index(i + index(THREADS))


@cuda_kernel("a: in, b: in, y: out, count: index, channels: index")
def _add_column(a, b, y, count, channels):  # type: ignore[no-untyped-def]
    i = first_of_thread()
    for _ in range(EACH):
        if i < count:
            y[i] = a[i] + b[index(i // channels)]
        i = index(i + index(THREADS))
