"""Comparisons of Tensors, element by element: arrays of bool, without gradients."""

import operator
from numbers import Real
from typing import Any

import numpy as np

from rawgan.arrays import plain
from rawgan.errors import DeviceError, DTypeError, ShapeError, shapes
from rawgan.tensor import Tensor
from rawgan_kernels import array_module

RELATIONS = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_METHODS = {"==": "__eq__", "!=": "__ne__", "<": "__gt__", "<=": "__ge__", ">": "__lt__", ">=": "__le__"}
"""Method of the right-hand side that is tried where a Tensor does not know the answer."""


def compare(relation: str, x: Tensor, other: Any) -> Any:
    """Array of bool: True where the relation holds. Numbers and nested lists are compared in x's dtype.

    Shapes: any two that broadcast
    Raises: ShapeError if they do not, DeviceError for arrays of two devices, DTypeError for an object that is no
            number, array or Tensor, and cannot compare itself with a Tensor

    >>> compare("==", Tensor([1.0, 2.0]), 2)
    array([False,  True])
    """
    a = x._array
    if isinstance(other, Tensor):
        b = other._array
    elif isinstance(other, Real | np.bool_):
        b = _number(other, a.dtype)
    elif isinstance(other, list | tuple) or hasattr(other, "__array__") or array_module(other) is not np:
        b = plain(other, f"{relation}: the right-hand side")
        if b.dtype.kind not in "biuf":
            raise DTypeError(
                f"{relation}: a Tensor is compared with numbers, not with {b.dtype}\n{shapes(x=x, other=b)}"
            )
        if isinstance(other, list | tuple):
            b = array_module(a).asarray(b.astype(a.dtype))
    else:
        method = getattr(type(other), _METHODS[relation], None)
        answer = NotImplemented if method is None else method(other, x)
        if answer is NotImplemented:
            raise DTypeError(
                f"{relation}: a Tensor is compared with numbers, arrays and Tensors, not with {type(other).__name__}"
                f"{'; `x is None` asks whether there is one' if other is None else ''}"
            )
        return answer
    if array_module(a) is not array_module(b):
        if b.ndim:
            raise DeviceError(f"{relation}: the two sides are on two devices\n{shapes(x=x, other=b)}   move one first")
        b = _number(b, a.dtype)
    if b.shape != a.shape:
        try:
            np.broadcast_shapes(a.shape, b.shape)
        except ValueError:
            raise ShapeError(
                f"{relation}: shapes do not broadcast: from the last axis on, lengths must agree or be 1\n"
                f"{shapes(x=x, other=b)}"
            ) from None
    return RELATIONS[relation](a, b)


def _number(value: Any, dtype: np.dtype[Any]) -> Any:
    """A number as a scalar of this dtype: with a CuPy array it is compared as one of Python's."""
    with np.errstate(over="ignore"):  # a number too large for the dtype compares as infinity
        try:
            return dtype.type(float(value))
        except OverflowError:  # an integer of hundreds of digits
            return dtype.type(np.inf if value > 0 else -np.inf)
