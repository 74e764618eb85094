"""Sums so far and linear recurrences along the middle one of three axes, in float64."""

from typing import Any

import numpy as np

from rawgan_kernels.arrays import array_module
from rawgan_kernels.dispatch import implements


@implements
def cumsum(x: Any, reverse: bool) -> Any:
    turn = np.s_[:, :: -1 if reverse else 1]
    return x[turn].cumsum(axis=1, dtype="float64")[turn].astype(x.dtype)


@implements
def scan(a: Any, b: Any, reverse: bool) -> Any:
    y = b.astype("float64")
    n = a.shape[1]
    for i in reversed(range(n - 1)) if reverse else range(1, n):
        before, factor = (i + 1, i + 1) if reverse else (i - 1, i)
        y[:, i] += a[:, factor] * y[:, before]
    return array_module(a).ascontiguousarray(y.astype(a.dtype))
