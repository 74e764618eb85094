"""Arrays for kernels: contiguous ones, from CuPy's pool of memory."""

from typing import Any

from rawgan_kernels import array_module


def empty(like: Any, shape: tuple[int, ...], dtype: Any = None) -> Any:
    """An array of numbers that are whatever was there before, of the library that `like` is of, and its dtype."""
    return array_module(like).empty(shape, like.dtype if dtype is None else dtype)


def empty_like(x: Any) -> Any:
    """The same, of x's shape."""
    return empty(x, x.shape)


def flat(x: Any) -> Any:
    """x as one contiguous row: itself where it lies like that, else a copy."""
    return array_module(x).ascontiguousarray(x).reshape(-1)
