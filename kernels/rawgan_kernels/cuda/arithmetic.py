"""Sums: of two arrays, number by number, and of all numbers of a channel."""

from typing import Any

from rawgan_kernels.cuda.compile.language import THREADS, cuda_kernel, index
from rawgan_kernels.cuda.run.columns import column_sums, grid, parts, total_sums
from rawgan_kernels.cuda.run.elementwise import EACH, apply, first_of_thread
from rawgan_kernels.cuda.run.launch import launch
from rawgan_kernels.cuda.run.memory import empty, flat
from rawgan_kernels.dispatch import implements


@implements
def add(a: Any, b: Any) -> Any:
    return apply(_add, (a, b))


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
