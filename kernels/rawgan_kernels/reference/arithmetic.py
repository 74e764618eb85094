"""Sums: of two arrays, number by number, and of all numbers of a channel."""

from typing import Any

from rawgan_kernels.dispatch import implements


@implements
def add(a: Any, b: Any) -> Any:
    return a + b


@implements
def channel_sum(x: Any) -> Any:
    """y[k] = Σ x[…, k], one axis after the other: the rounding error grows far slower than a running sum's."""
    while x.ndim > 1:
        x = x.sum(axis=-2)
    return x
