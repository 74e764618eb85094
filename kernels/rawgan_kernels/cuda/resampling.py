"""Resizing and separable filtering: one pass along the height and one along the width, a thread for each number."""

from functools import lru_cache
from typing import Any

from rawgan_kernels.arrays import array_module
from rawgan_kernels.cuda.compile.language import cuda_kernel, index, number, position
from rawgan_kernels.cuda.run.graph import sent
from rawgan_kernels.cuda.run.launch import blocks_for, launch
from rawgan_kernels.cuda.run.memory import empty, flat
from rawgan_kernels.dispatch import implements
from rawgan_kernels.resampling import Map, table


@implements
def resample(x: Any, rows: Map, columns: Map) -> Any:
    return _along(2, _along(1, x, rows), columns)


def _along(axis: int, x: Any, map: Map) -> Any:
    xp, (first, count, weights) = array_module(x), _values(map)
    y = empty(x, (*x.shape[:axis], map.output, *x.shape[axis + 1 :]))
    inner = y[:1, :1, :1].size if axis == 2 else y[:1, :1].size
    if y.size:
        launch(
            _weighted_sums, blocks_for(y.size), flat(x), sent(xp, first, "int64"), sent(xp, count, "int64"),
            sent(xp, weights, x.dtype.name), flat(y), y.size, map.size, map.output, inner, len(weights) // map.output,
        )  # fmt: skip
    return y


@lru_cache(maxsize=256)
def _values(map: Map) -> tuple[tuple[int, ...], tuple[int, ...], tuple[float, ...]]:
    """The table as tuples, a weight at least for each output: arrays on a GPU are looked up by their values."""
    first, count, weights = table(map)
    return tuple(first.tolist()), tuple(count.tolist()), tuple(weights.ravel().tolist()) or (0.0,) * map.output


@cuda_kernel(
    "x: in, first: rows, count: rows, weights: in, y: out, total: index, size: index, output: index, inner: index, "
    "terms: index"
)
def _weighted_sums(x, first, count, weights, y, total, size, output, inner, terms):  # type: ignore[no-untyped-def]
    """One number of y, (outer, output, inner): the sum over its terms in x, (outer, size, inner)."""
    at = position()
    if at < total:
        rest, column = index(at // inner), index(at % inner)
        outer, row = index(rest // output), index(rest % output)
        source = index((outer * size + index(first[row])) * inner + column)
        found = number(0)
        for k in range(index(count[row])):
            found += weights[index(row * terms + index(k))] * x[source]
            source = index(source + inner)
        y[at] = found
