"""Comparison of arrays: bit by bit, or up to rounding, with the difference in words."""

from __future__ import annotations

from typing import Any

from rawgan_kernels import array_module

Array = Any


def same(a: Array, b: Array) -> bool:
    """True if two arrays agree in every bit."""
    return a.dtype == b.dtype and a.shape == b.shape and a.tobytes() == b.tobytes()


def close(got: Array, expected: Array, tolerance: float, least: float) -> bool:
    """True if two arrays differ by at most `tolerance`, relative to the largest number expected, or to `least`."""
    return distance(got, expected) <= tolerance * max(least, largest(expected))


def distance(got: Array, expected: Array) -> float:
    """The largest difference of two numbers; NaN at the same place in both arrays counts as no difference."""
    if got.shape != expected.shape:
        return float("inf")
    xp = array_module(expected)
    off = xp.where((got == expected) | (xp.isnan(got) & xp.isnan(expected)), 0, abs(got - expected))
    off = float(off.max()) if off.size else 0.0
    return off if off == off else float("inf")


def largest(array: Array) -> float:
    """The absolute value of the largest finite number."""
    xp = array_module(array)
    return float(xp.where(xp.isfinite(array), abs(array), 0).max()) if array.size else 0.0


def difference(got: Array, expected: Array) -> str:
    """The difference of two arrays in words."""
    if got.shape != expected.shape:
        return f"of shape {got.shape}"
    return f"off by {distance(got, expected):.3g} where the largest number is {largest(expected):.3g}"
