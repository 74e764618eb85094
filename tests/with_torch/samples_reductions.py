"""Softmax and reductions. See `twins`."""

import math
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import torch
from samples import NotApplicable
from twins import twin

from rawgan import Tensor, ops


def of_dtype(x: Tensor, dtype: Any) -> Tensor:
    """PyTorch may convert its input first."""
    return x if dtype is None else ops.astype(x, str(dtype).removeprefix("torch."))


def along(x: Tensor, dim: Any) -> Any:
    """PyTorch takes a number to have an axis 0, too, and no axes for all of them."""
    return None if x.ndim == 0 or (isinstance(dim, list | tuple) and not dim) else dim


@twin("softmax", "softmax", "softmax.with_dtype")
def softmax(x: Tensor, dim: int, dtype: Any = None) -> Tensor:
    """Converted first."""
    return ops.softmax(of_dtype(x, dtype), along(x, dim))


@twin("softmax", "torch.ops.aten._safe_softmax.default")
def safe_softmax(x: Tensor, dim: int) -> Tensor:
    """PyTorch's gives 0 for a row of −∞ alone, rawgan's NaN, as PyTorch's other softmax."""
    if not np.isfinite(x.numpy().max(dim)).all():
        raise NotApplicable("a softmax of nothing, which is 0")
    return ops.softmax(x, dim)


@twin("softmax", "nn.functional.softmin", "nn.functional.softmin.with_dtype")
def softmin(x: Tensor, dim: int, dtype: Any = None) -> Tensor:
    """Softmax of the negative."""
    return softmax(-x, dim, dtype)


@twin("log_softmax", "log_softmax", "log_softmax.with_dtype")
def log_softmax(x: Tensor, dim: int, dtype: Any = None) -> Tensor:
    """Converted first."""
    return ops.log_softmax(of_dtype(x, dtype), along(x, dim))


@twin("logsumexp", "logsumexp")
def logsumexp(x: Tensor, dim: Any, keepdim: bool = False) -> Tensor:
    """Over several axes."""
    return ops.logsumexp(x, along(x, dim), keepdim)


# --- variance -----------------------------------------------------------------------------------------


@twin("var", "var", "var.unbiased")
def var(
    x: Tensor,
    unbiased: bool = True,
    dim: Any = None,
    keepdim: bool = False,
    correction: float | None = None,
    op: Callable[..., Tensor] = ops.var,
) -> Tensor:
    """PyTorch's correction is 1 unless another one is given."""
    return op(x, along(x, dim), keepdim, int(unbiased) if correction is None else correction)


twin("std", "std", "std.unbiased")(partial(var, op=ops.std))


@twin("var", "var_mean", "var_mean.unbiased")
def var_mean(x: Tensor, *args: Any, op: Callable[..., Tensor] = ops.var, **kwargs: Any) -> list[Tensor]:
    """Both, as PyTorch gives them in one call."""
    return [var(x, *args, op=op, **kwargs), var(x, *args, op=lambda x, *along: ops.mean(x, *along[:2]), **kwargs)]


twin("std", "std_mean", "std_mean.unbiased")(partial(var_mean, op=ops.std))


# --- norms and distances -------------------------------------------------------------------------------


@twin("norm", "norm", "norm.fro", "norm.inf")
def norm(x: Tensor, p: Any = "fro", dim: Any = None, keepdim: bool = False) -> Tensor:
    """Of all elements, whatever the order."""
    return ops.norm(x, 2 if p == "fro" else p, along(x, dim), keepdim)


@twin("norm", "linalg.vector_norm")
def vector_norm(x: Tensor, ord: float = 2, dim: Any = None, keepdim: bool = False) -> Tensor:
    """Of all elements, whatever the order."""
    return ops.norm(x, ord, along(x, dim), keepdim)


@twin("norm", "linalg.norm.subgradients_at_zero")
def norm_at_zero(x: Tensor, ord: Any = None, dim: Any = None, keepdim: bool = False) -> Tensor:
    """First derivatives are compared where PyTorch's second ones are numbers."""
    if x.size and ord not in (0, 1, math.inf, -math.inf) and (x.ndim == 1 or ord != -1):
        raise NotApplicable("a second derivative at 0, which is NaN in PyTorch")
    return linalg_norm(x, ord, dim, keepdim)


@twin("norm", "linalg.norm")
def linalg_norm(x: Tensor, ord: Any = None, dim: Any = None, keepdim: bool = False) -> Tensor:
    """Without an order, of all elements; with one, two axes are a matrix."""
    if not x.size and ord == 3.5:
        raise NotApplicable("a norm of nothing, whose second derivative is NaN in PyTorch")
    if ord is None:
        return ops.norm(x, 2, dim, keepdim)
    if (x.ndim if dim is None else np.size(dim)) == 2:
        return matrix_norm(x, ord, (0, 1) if dim is None else dim, keepdim)
    return ops.norm(x, ord, dim, keepdim)


@twin("norm", "linalg.matrix_norm")
def matrix_norm(x: Tensor, ord: Any = "fro", dim: Any = (-2, -1), keepdim: bool = False) -> Tensor:
    """The largest or smallest norm of order 1 of columns or rows."""
    rows, columns = (axis % x.ndim for axis in dim)
    if ord in ("nuc", 2, -2):
        raise NotApplicable("singular values")
    if ord == "fro":
        return ops.norm(x, 2, (rows, columns), keepdim)
    inner, outer = (rows, columns) if math.fabs(ord) == 1 else (columns, rows)
    each = ops.norm(x, 1, inner, keepdims=True)
    y = (ops.max if ord > 0 else ops.min)(each, outer, keepdims=True)
    return y if keepdim else ops.sum(y, (rows, columns))


@twin("norm", "dist")
def dist(a: Tensor, b: Tensor, p: float = 2) -> Tensor:
    """Of the difference."""
    return ops.norm(a - b, p)


@twin("norm", "nn.functional.pairwise_distance")
def pairwise_distance(a: Tensor, b: Tensor, p: float = 2.0, eps: float = 1e-6, keepdim: bool = False) -> Tensor:
    """Of the difference, which PyTorch keeps away from 0."""
    return ops.norm(a - b + eps, p, -1, keepdim)


def cdist_in_torch(a: torch.Tensor, b: torch.Tensor, p: float, compute_mode: str) -> torch.Tensor:
    """As a norm of differences: PyTorch's own cdist has no second derivative."""
    y = torch.linalg.vector_norm(a.unsqueeze(-2) - b.unsqueeze(-3), p, -1)
    torch.testing.assert_close(torch.cdist(a, b, p, compute_mode), y)
    return y


@twin("cdist", "cdist", theirs=cdist_in_torch)
def cdist(a: Tensor, b: Tensor, p: float, compute_mode: str) -> Tensor:
    """PyTorch's modes are ways to compute it."""
    return ops.cdist(a, b, p)


@twin("normalize", "nn.functional.normalize")
def normalize(x: Tensor, p: float = 2.0, dim: int = 1, eps: float = 1e-12) -> Tensor:
    """Along the second axis."""
    return ops.normalize(x, p, along(x, dim), eps)


@twin("cosine_similarity", "nn.functional.cosine_similarity")
def cosine_similarity(a: Tensor, b: Tensor, dim: int = 1, eps: float = 1e-8) -> Tensor:
    """Along the second axis."""
    return ops.cosine_similarity(a, b, along(a, dim), eps)
