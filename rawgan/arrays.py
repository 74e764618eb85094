"""Arrays from outside: converted to what the engine and its kernels take, or refused.

Kernels read memory as it lies. So they take plain NumPy or CuPy arrays, aligned, in this machine's byte order. An array
of another kind is converted here if that loses nothing, and refused otherwise.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from rawgan.errors import ArgumentError, DeviceError, DTypeError, shapes, shown
from rawgan_kernels import array_module

FLOATS = ("float32", "float64")

LAST = 2**63 - 1
"""Largest integer of an array of numbers of rows or classes."""

_NATIVE = tuple(np.dtype(name) for name in FLOATS)
_FLOAT_NUMBERS = tuple(dtype.num for dtype in _NATIVE)  # a dtype's name is slow to ask for

_WAYS_OUT = {
    "c": "take its real part, data.real, or abs(data)",
    "V": "take one of its fields: data['name']",
    "O": "it holds Python objects; if they are numbers, convert them: data.astype('float32')",
    **dict.fromkeys("SUT", "it holds text; convert it: data.astype('float32')"),
    **dict.fromkeys("mM", "it holds dates or times; divide them by a unit of time"),
}


def floats(data: Any, what: str) -> Any:
    """The array itself if it is a plain one of float32 or float64; otherwise one with the same numbers, if possible.

    Copied are arrays in another byte order and those that do not lie on the boundaries of their numbers. Subclasses of
    ndarray (memory maps, matrices) become plain arrays that share their memory, and so do other libraries' arrays on
    the CPU. Numbers of Python or NumPy and nested lists become float32, a floating-point number of NumPy keeps its
    dtype. `what` names the argument in errors.

    Raises: DTypeError for another dtype, a masked array, or something that is no array

    >>> floats(np.array([1.0, 2.0], ">f4"), "x").dtype
    dtype('float32')
    """
    if data.__class__ is np.ndarray and data.dtype in _NATIVE and data.flags.aligned:
        return data
    array = plain(data, what)
    dtype = array.dtype
    if dtype.num not in _FLOAT_NUMBERS or not hasattr(data, "dtype"):
        if _is_number(data, dtype.kind):
            return array.astype(np.float32)
        if dtype.num not in _FLOAT_NUMBERS:
            way_out = _WAYS_OUT.get(dtype.kind, "convert it: data.astype('float32')")
            raise DTypeError(
                f"{what} is {dtype}, but only float32 and float64 have gradients\n{shapes(data=array)}   {way_out}"
            )
    if dtype not in _NATIVE:
        return array.astype(dtype.newbyteorder("="))
    return array.copy() if array.__class__ is np.ndarray and not array.flags.aligned else array


def plain(data: Any, what: str) -> Any:
    """A NumPy or CuPy array, of no subclass, with the values of any array, number or nested lists.

    Raises: DTypeError for a masked array, whose masked values would come back as numbers, or for something that is no
        array

    >>> plain([[1, 2]], "x")
    array([[1, 2]])
    """
    if isinstance(data, np.ndarray):
        if isinstance(data, np.ma.MaskedArray):
            raise DTypeError(
                f"{what} is a masked array, and its mask would be lost\n"
                f"{shapes(data=data)}   fill it, data.filled(0), and multiply what is computed by ~data.mask"
            )
        return np.asarray(data)
    if isinstance(data, np.generic):
        return np.asarray(data)
    if array_module(data) is not np:
        return data
    if hasattr(data, "__array__"):  # PyTorch's, pandas', …
        try:
            return np.asarray(data)
        except Exception as error:  # each library has its own reasons
            raise DTypeError(f"{what} is {_kind(data)}, which does not become a NumPy array\n  {error}") from None
    return _from_numbers(data, what)


def integers(data: Any, what: str, like: Any) -> Any:
    """Convert numbers of rows or classes to an int64 array on the device of the array `like`.

    Raises: DTypeError unless these are integers, DeviceError if they are on a GPU but `like` is not, ArgumentError if
        one has no room in 64 bits

    >>> integers(np.array([1, 0], ">u2"), "labels", np.zeros(2))
    array([1, 0])
    """
    array = _of_numbers(data, what)
    if array.dtype.kind not in "iu":
        mask = ": of a mask, np.flatnonzero(mask) gives the numbers" if array.dtype.kind == "b" else ""
        raise DTypeError(f"{what} must be integers, but are {array.dtype}{mask}")
    xp = array_module(like)
    if xp is np and array_module(array) is not np:
        raise DeviceError(f"{what} are on a GPU, but the array is not\n{shapes(array=like, given=array)}")
    if array.dtype.kind == "u" and array.dtype.itemsize == 8 and array.size and int(array.max()) > LAST:
        raise _too_large(what, int(array.max()))
    return xp.asarray(array.astype(np.int64, copy=False))


def listed(data: Any, what: str) -> Any:
    """A plain array of numbers of elements; an empty list becomes one of int64, for NumPy takes no numbers for floats.

    Raises: DTypeError as `plain`, ArgumentError for an integer that has no room in 64 bits

    >>> listed([], "indices").dtype, listed([2, 0], "indices")
    (dtype('int64'), array([2, 0]))
    """
    array = _of_numbers(data, what)
    return array.astype(np.int64) if isinstance(data, list | tuple) and not array.size else array


def constant(array: Any) -> Any:
    """A copy that cannot be written to (on a GPU: one that nobody else has).

    >>> constant(np.zeros(3)).flags.writeable
    False
    """
    copy = array.copy()
    if isinstance(copy, np.ndarray):
        copy.flags.writeable = False
    return copy


def is_writable(array: Any) -> bool:
    """True if the array may be written to. Compiled kernels write through an address, past NumPy's own check.

    >>> is_writable(np.broadcast_to(1.0, (3,)))
    False
    """
    return getattr(array.flags, "writeable", True)  # CuPy has no read-only arrays


def overlap(arrays: Sequence[Any]) -> tuple[int, int] | None:
    """Positions of two arrays that share an element in memory; None if there are none.

    An array of which two elements are one, as with a stride of 0, has its position twice.

    >>> x = np.zeros(6)
    >>> overlap([x[::2], x[1::2]])
    >>> overlap([x[:4], x[4:], x[3:]])
    (0, 2)
    """
    for index, array in enumerate(arrays):
        if _repeats(array):
            return index, index
    bounds = sorted((*_bounds(array), index) for index, array in enumerate(arrays) if array.size)
    for place, (_, end, one) in enumerate(bounds):
        for start, _, other in bounds[place + 1 :]:
            if start >= end:
                break
            if array_module(arrays[one]).shares_memory(arrays[one], arrays[other]):
                return min(one, other), max(one, other)
    return None


def _repeats(array: Any) -> bool:
    """True if two elements of the array may be one in memory: a stride is shorter than the elements within it."""
    reach = array.itemsize
    for stride, length in sorted((abs(stride), n) for stride, n in zip(array.strides, array.shape, strict=True)):
        if length > 1:
            if stride < reach:
                return array.size > 0
            reach += stride * (length - 1)
    return False


def _bounds(array: Any) -> tuple[int, int]:
    """Addresses of the first byte of an array and of the first byte behind it."""
    pointer = array.ctypes.data if isinstance(array, np.ndarray) else array.data.ptr
    reaches = [stride * (n - 1) for stride, n in zip(array.strides, array.shape, strict=True)]
    return pointer + sum(r for r in reaches if r < 0), pointer + sum(r for r in reaches if r > 0) + array.itemsize


def _from_numbers(data: Any, what: str) -> np.ndarray[Any, Any]:
    if isinstance(data, list | tuple) and any(isinstance(row, np.ma.MaskedArray) for row in data):
        raise DTypeError(
            f"{what} has a masked array among its rows, and its mask would be lost\n  fill it: row.filled(0)"
        )
    try:
        array = np.asarray(data)
    except DTypeError:
        raise DTypeError(
            f"{what} is {type(data).__name__} of Tensors; concatenate joins them, x.numpy() and x.item() give numbers"
        ) from None
    except (TypeError, ValueError):  # rows of different lengths
        array = None
    if array is None or array.dtype.kind not in "biuf":  # NumPy would make numbers of None and "1.5" as well
        raise DTypeError(
            f"{what} is {type(data).__name__}; give an array, a number, or nested lists of numbers "
            "whose rows have equal lengths"
        )
    return array


def _is_number(data: Any, kind: str) -> bool:
    """True for numbers of Python, which have no dtype, and for integers of NumPy, which stand for such."""
    return (isinstance(data, np.generic) and kind in "biu") or (
        not hasattr(data, "dtype") and not hasattr(data, "__array__")
    )


def _of_numbers(data: Any, what: str) -> Any:
    """`plain(data, what)`, but for integers that have no room in 64 bits, of which NumPy makes objects, or floats."""
    try:
        array = plain(data, what)
    except DTypeError:
        array = None
        if (large := _large_integer(data)) is None:
            raise
    else:
        large = _large_integer(data) if array.dtype.kind == "f" else None
    if large is not None:
        raise _too_large(what, large)
    return array


def _large_integer(data: Any) -> int | None:
    """The first integer, alone or in lists, that has no room in 64 bits."""
    pending, entered = [data], set()
    while pending:
        each = pending.pop()
        if isinstance(each, list | tuple) and id(each) not in entered:
            entered.add(id(each))
            pending += reversed(each)
        elif isinstance(each, int) and not -LAST - 1 <= each <= LAST:
            return each
    return None


def _too_large(what: str, number: int) -> ArgumentError:
    return ArgumentError(f"{what} must be integers of at most 64 bits, but one is {shown(number)}")


def _kind(data: Any) -> str:
    return f"{type(data).__module__.partition('.')[0]}.{type(data).__name__}"
