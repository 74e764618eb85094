"""What the ops share in reading their arguments."""

from numbers import Real
from typing import Any

import numpy as np

from rawgan.errors import ArgumentError, ShapeError, shapes
from rawgan.tensor import Tensor
from rawgan_kernels import array_module

Axis = int | tuple[int, ...] | None


def as_tensors(*values: Any) -> list[Tensor]:
    """Tensors as they are; a number takes the dtype and device of the first Tensor or array; arrays become Tensors."""
    for value in values:
        if value.__class__ is not Tensor:
            break
    else:
        return list(values)
    like = next((v for v in values if not isinstance(v, Real)), None)  # np.float64 is a number too
    if like is None:
        like = next((v for v in values if hasattr(v, "dtype")), values[0])
    reference = like if isinstance(like, Tensor) else Tensor(like)
    xp = array_module(reference._array)
    tensors = []
    for value in values:
        if value is like:
            tensors.append(reference)
        elif isinstance(value, Tensor):
            tensors.append(value)
        elif isinstance(value, Real):
            tensors.append(Tensor.wrap(xp.full((), float(value), reference.dtype)))
        else:
            tensors.append(Tensor(value))
    return tensors


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
