"""What the ops share in reading their arguments."""

from numbers import Real
from typing import Any

import numpy as np

from rawgan.arrays import plain
from rawgan.errors import ArgumentError, ShapeError, shapes
from rawgan.tensor import Tensor
from rawgan_kernels import array_module

Axis = int | tuple[int, ...] | None


def as_tensors(*values: Any) -> list[Tensor]:
    """Tensors; numbers and nested lists take the dtype and device of the first Tensor, or else of the first array."""
    for value in values:
        if value.__class__ is not Tensor:
            break
    else:
        return list(values)
    like = _reference(values)
    reference = like if isinstance(like, Tensor) else Tensor(like)
    xp = array_module(reference._array)
    tensors = []
    for value in values:
        if value is like:
            tensors.append(reference)
        elif isinstance(value, Tensor):
            tensors.append(value)
        elif isinstance(value, Real | np.bool_):  # np.float64 is a number too
            tensors.append(Tensor.wrap(xp.full((), float(value), reference.dtype)))
        elif isinstance(value, list | tuple):
            tensors.append(Tensor.wrap(xp.asarray(plain(value, "Tensor: data").astype(reference.dtype))))
        else:
            tensors.append(Tensor(value))
    return tensors


def operands(*values: Any) -> list[Tensor]:
    """As `as_tensors`, for element-wise ops: there, arrays of integers or bool (masks, labels), too, take that dtype.

    So does an array without axes, which is one number.

    >>> operands(Tensor([1.5, 2.5]), np.array([True, False]))[1]
    Tensor([1., 0.], float32)
    """
    for value in values:
        if not isinstance(value, Tensor):
            break
    else:
        return list(values)
    like = _reference(values)
    return as_tensors(*(value if value is like else _beside(like, value) for value in values))


def _reference(values: tuple[Any, ...]) -> Any:
    """The one that says which dtype and device the others take: a Tensor, else an array or number of a float dtype."""
    for value in values:
        if isinstance(value, Tensor):
            return value
    floating = [v for v in values if getattr(getattr(v, "dtype", None), "kind", "") == "f"]
    return next((v for v in floating if v.shape), floating[0] if floating else values[0])


def _beside(like: Any, value: Any) -> Any:
    if isinstance(value, Tensor | Real | np.bool_) or not hasattr(value, "dtype") or not hasattr(like, "dtype"):
        return value
    array = plain(value, "Tensor: data")
    if array.dtype.kind in "biu" or (array.dtype.kind == "f" and not array.ndim):
        return array.astype(like.dtype)
    return array


def axes_of(op: str, x: Tensor, axis: Axis) -> tuple[int, ...]:
    """`axis` as a sorted tuple of axes counted from the front; every axis if None."""
    if axis is None:
        return tuple(range(x.ndim))
    given = (int(axis),) if isinstance(axis, int | np.integer) else tuple(axis)
    if any(not -x.ndim <= a < x.ndim for a in given):
        raise ArgumentError(f"{op}: axis is out of range for {x.ndim} axes\n{shapes(x=x, axis=axis)}")
    axes = tuple(sorted(a % x.ndim for a in given))
    if len(set(axes)) != len(axes):
        raise ArgumentError(f"{op}: axis names one axis twice\n{shapes(x=x, axis=axis)}")
    return axes


def check_rank(op: str, rank: int, **tensors: tuple[Tensor, str]) -> None:
    """Raise a ShapeError unless each Tensor, given with its layout, has `rank` axes."""
    for name, (x, layout) in tensors.items():
        if x.ndim != rank:
            listing = shapes(**{each: tensor for each, (tensor, _) in tensors.items()})
            raise ShapeError(f"{op}: {name} must have {rank} axes, {layout}, but has {x.ndim}\n{listing}")
