"""Sums: of two arrays, and of everything that one channel holds."""

from typing import Any

from rawgan_kernels.dispatch import implements


@implements
def add(a: Any, b: Any) -> Any:
    """y = a + b.

    Shapes: a any, b the same → y the same
    Flops:  a.size
    Bytes:  a + b + y
    """
    return a + b


@implements
def channel_sum(x: Any) -> Any:
    """y[k] = Σ x[…, k]: the gradient of a bias.

    One axis at a time, the last first: a cascade, whose rounding error grows far slower than a running sum's.

    Shapes: x (…, K) → y (K,)
    Flops:  x.size
    Bytes:  x
    """
    while x.ndim > 1:
        x = x.sum(axis=-2)
    return x
