"""Order: sorted elements, their numbers, quantiles. See `twins`."""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import torch
from samples import vector
from twins import twin

from rawgan import Tensor, ops


@twin("sort", "sort")
def ordered(x: Tensor, dim: int = -1, descending: bool = False, stable: bool = True) -> list[Any]:
    """Elements and their numbers; both of PyTorch's ways to sort equal ones agree with the stable one."""
    if not x.ndim:
        return [x, np.array(0)]
    return [ops.sort(x, dim, descending), ops.argsort(x, dim, descending)]


@twin("sort", "argsort")
def order(x: Tensor, dim: int = -1, descending: bool = False, stable: bool = True) -> Any:
    """Numbers alone."""
    return ordered(x, dim, descending)[1]


@twin("topk", "topk")
def largest(x: Tensor, k: int, dim: int = -1, largest: bool = True, sorted: bool = True) -> Any:
    """rawgan's are always sorted."""
    values, numbers = ops.topk(vector(x), k, dim, largest)
    return (values, numbers) if x.ndim else (values[0], numbers[0])


def extreme(function: Any, x: Tensor, dim: int | None = None, keepdim: bool = False) -> Any:
    """A number, which has no axes, is the largest along its first."""
    return function(x, dim, keepdim) if x.ndim else function(x)


@twin("sort", "kthvalue")
def kth(x: Tensor, k: int, dim: int = -1, keepdim: bool = False) -> Any:
    """The k-th smallest, and its number."""
    if not x.ndim:
        return x, np.array(0)
    numbers = np.take(ops.argsort(x, dim), [k - 1], dim)
    values = ops.gather(x, numbers, dim)
    return (values, numbers) if keepdim else (ops.squeeze(values, dim), numbers.squeeze(dim))


@twin("sort", "median", "nanmedian")
def median(x: Tensor, dim: int | None = None, keepdim: bool = False) -> Any:
    """The lower one of two, and its number unless it is that of everything."""
    if dim is None:
        return ops.sort(ops.flatten(x))[(x.size - 1) // 2]
    if not x.ndim:
        return x, np.array(0)
    return kth(x, (x.shape[dim] + 1) // 2, dim, keepdim)


@twin("sort", "quantile", "nanquantile")
def quantile(x: Tensor, q: Any, dim: int | None = None, keepdim: bool = False, interpolation: str = "linear") -> Tensor:
    """Between two of the sorted elements."""
    rank, axis = x.ndim, 0 if dim is None else dim
    x = ops.flatten(x) if dim is None else vector(x)
    places = q * (x.shape[axis] - 1)
    at = _numbers(places)
    rounding = {"lower": np.floor, "higher": np.ceil, "nearest": np.round}
    rows = ops.moveaxis(ops.sort(x, axis), axis, 0)
    below, above = (ops.take(rows, rounding.get(interpolation, f)(at).astype(int)) for f in (np.floor, np.ceil))
    share = places - np.floor(at) if interpolation == "linear" else Tensor(0.5 * (at != np.floor(at)))
    y = below + ops.reshape(share, (*at.shape, *[1] * (rows.ndim - 1))) * (above - below)
    if keepdim and dim is None:
        return ops.reshape(y, (*at.shape, *[1] * rank))
    return ops.expand_dims(y, at.ndim + axis % rank) if keepdim and rank else y


def _numbers(q: Any) -> Any:
    return q.numpy() if isinstance(q, Tensor) else np.asarray(q, float)


def both_extremes(x: Tensor, dim: int | None = None, keepdim: bool = False) -> Any:
    """The smallest and the largest."""
    axis = dim if x.ndim else None
    return -ops.max(-x, axis, keepdim), ops.max(x, axis, keepdim)


def with_number(function: Any, x: Tensor, dim: int, keepdim: bool = False) -> Any:
    """The element of that number, and the number."""
    if not x.ndim:
        return x, np.array(0)
    numbers = function(x, dim, keepdims=True)
    values = ops.gather(x, numbers, dim)
    return (values, numbers) if keepdim else (ops.squeeze(values, dim), numbers.squeeze(dim))


def product(x: Tensor, dim: int | None = None, keepdim: bool = False, dtype: torch.dtype | None = None) -> Tensor:
    """In a dtype of its own, if PyTorch is given one."""
    y = ops.prod(x, dim if x.ndim else None, keepdim)
    return y if dtype is None else ops.astype(y, str(dtype).removeprefix("torch."))


def accumulated(function: Callable[..., Tensor], x: Tensor, dim: int, dtype: torch.dtype | None = None) -> Tensor:
    """In a dtype of its own, if PyTorch is given one."""
    y = function(x, dim) if x.ndim else x
    return y if dtype is None else ops.astype(y, str(dtype).removeprefix("torch."))


twin("gather", "max.reduction_with_dim")(lambda x, dim, keepdim=False: with_number(ops.argmax, x, dim, keepdim))
twin("gather", "min.reduction_with_dim")(lambda x, dim, keepdim=False: with_number(ops.argmin, x, dim, keepdim))
twin("max", "aminmax")(both_extremes)
twin("max", "argmax")(lambda x, dim=None, keepdim=False: extreme(ops.argmax, x, dim, keepdim))
twin("max", "argmin")(lambda x, dim=None, keepdim=False: extreme(ops.argmin, x, dim, keepdim))
twin("prod", "prod")(product)
twin("sort", "msort")(lambda x: ops.sort(x, 0))
twin("cumsum", "cumsum")(partial(accumulated, ops.cumsum))
twin("cumprod", "cumprod")(partial(accumulated, ops.cumprod))
