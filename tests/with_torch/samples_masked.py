"""Reductions of the elements that a mask keeps: those that it does not are replaced, so their gradient is 0.

See `twins`.
"""

import math
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from samples import Array, NotApplicable, vector
from twins import twin

from rawgan import Tensor, ops


def kept(x: Tensor, mask: Array | None, value: float) -> Tensor:
    """x where the mask is true, a value elsewhere."""
    return x if mask is None else ops.where(mask, x, value)


def axes(x: Tensor, dim: Any) -> Any:
    """PyTorch has axes of numbers, and reduces all axes if there are none in `dim`."""
    return None if dim == () or x.ndim == 0 else dim


def count(x: Tensor, mask: Array | None, dim: Any, keepdim: bool) -> Array:
    """Number of elements that the mask keeps."""
    seen = np.broadcast_to(True if mask is None else mask, x.shape)
    return seen.sum(axis=axes(x, dim), keepdims=keepdim and x.ndim > 0)


def reduced(
    op: Callable[..., Tensor],
    neutral: float,
    x: Tensor,
    dim: Any = None,
    *,
    keepdim: bool = False,
    mask: Array | None = None,
) -> Tensor:
    """A reduction; those that give infinities for no elements are not compared there."""
    if math.isinf(neutral) and not count(x, mask, dim, keepdim).all():
        raise NotApplicable("the largest of nothing, which is infinite")
    return op(kept(x, mask, neutral), axes(x, dim), keepdim)


@twin("where", "masked.mean")
def mean(x: Tensor, dim: Any = None, *, keepdim: bool = False, mask: Array | None = None) -> Tensor:
    """Sum divided by number."""
    n = count(x, mask, dim, keepdim)
    if not n.all():
        raise NotApplicable("the mean of nothing, which is NaN")
    return reduced(ops.sum, 0.0, x, dim, keepdim=keepdim, mask=mask) / n


@twin("where", "masked.var")
def variance(
    x: Tensor,
    dim: Any = None,
    unbiased: bool | None = None,
    *,
    correction: int | None = None,
    keepdim: bool = False,
    mask: Array | None = None,
) -> Tensor:
    """Mean square of the differences from the mean; the number is corrected by 1 unless told otherwise."""
    less = int(unbiased is not False) if correction is None else correction
    n = count(x, mask, dim, True)
    if (n <= max(less, 0)).any():
        raise NotApplicable("the variance of too few elements")
    centred = x - reduced(ops.sum, 0.0, x, dim, keepdim=True, mask=mask) / n
    return reduced(ops.sum, 0.0, centred**2, dim, keepdim=keepdim, mask=mask) / (count(x, mask, dim, keepdim) - less)


def extreme(
    op: Callable[..., Any],
    worst: float,
    x: Tensor,
    dim: int | None = None,
    *,
    keepdim: bool = False,
    mask: Array | None = None,
) -> Any:
    """The number of the largest, or smallest, among those that are kept; a float in PyTorch."""
    return op(kept(x, mask, worst), axes(x, dim), keepdim and x.ndim > 0).astype(x.dtype)


def along(op: Callable[..., Tensor], neutral: float, x: Tensor, dim: int, *, mask: Array | None = None) -> Tensor:
    """A function of vectors; those without any element are not compared where it is NaN there."""
    if math.isinf(neutral) and not count(x, mask, dim, True).all():
        raise NotApplicable("a softmax of nothing, which is NaN")
    y = op(vector(kept(x, mask, neutral)), dim)
    return y if x.ndim else y[0]


for name, op, neutral in (
    ("sum", ops.sum, 0.0),
    ("prod", ops.prod, 1.0),
    ("amax", ops.max, -math.inf),
    ("amin", ops.min, math.inf),
    ("logsumexp", ops.logsumexp, -math.inf),
):
    twin("where", f"masked.{name}")(partial(reduced, op, neutral))

twin("where", "masked.argmax")(partial(extreme, ops.argmax, -math.inf))
twin("where", "masked.argmin")(partial(extreme, ops.argmin, math.inf))
twin("where", "masked.std")(lambda *args, **kwargs: ops.sqrt(variance(*args, **kwargs)))
twin("where", "masked.softmax")(partial(along, ops.softmax, -math.inf))
twin("where", "masked.softmin")(partial(along, lambda x, axis: ops.softmax(-x, axis), math.inf))
twin("where", "masked.cumsum")(partial(along, ops.cumsum, 0.0))
twin("where", "masked.cumprod")(partial(along, ops.cumprod, 1.0))
