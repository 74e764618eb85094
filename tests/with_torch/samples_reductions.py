"""Softmax and reductions. See `twins`."""

from typing import Any

import numpy as np
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
