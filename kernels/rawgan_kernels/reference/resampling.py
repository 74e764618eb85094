"""Resizing and separable filtering: a sparse linear map along the height, and one along the width."""

from typing import Any

import numpy as np

from rawgan_kernels.arrays import array_module
from rawgan_kernels.dispatch import implements
from rawgan_kernels.resampling import Map, table


@implements
def resample(x: Any, rows: Map, columns: Map) -> Any:
    return _along(2, _along(1, x, rows), columns)


def _along(axis: int, x: Any, map: Map) -> Any:
    """y[i] = Σ x[first[i] + k] · weights[i, k] along one axis, term by term over all outputs that have a k-th one."""
    xp, (first, count, weights) = array_module(x), table(map)
    x = x.swapaxes(0, axis)
    y = xp.zeros((map.output, *x.shape[1:]), x.dtype)
    for k in range(weights.shape[1]):
        outputs = np.flatnonzero(count > k)
        scale = xp.asarray(weights[outputs, k].astype(x.dtype)).reshape(-1, 1, 1, 1)
        y[xp.asarray(outputs)] += x[xp.asarray(first[outputs] + k)] * scale
    return xp.ascontiguousarray(y.swapaxes(0, axis))
