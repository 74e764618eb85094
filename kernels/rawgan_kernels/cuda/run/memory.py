"""Contiguous arrays for kernels, from CuPy's memory pool."""

from typing import Any

from rawgan_kernels.arrays import array_module


def empty(like: Any, shape: tuple[int, ...], dtype: Any = None) -> Any:
    """An uninitialised array, in the library and, unless given, the dtype of `like`."""
    return array_module(like).empty(shape, like.dtype if dtype is None else dtype)


def empty_like(x: Any) -> Any:
    """An uninitialised array with the library, shape and dtype of x."""
    return empty(x, x.shape)


def flat(x: Any) -> Any:
    """x as one contiguous row: a view if x is contiguous, else a copy."""
    return array_module(x).ascontiguousarray(x).reshape(-1)
