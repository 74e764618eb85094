"""Matrix products. See `twins`."""

import math
from typing import Any

import torch
from samples import NotApplicable
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.nn.functional import scaled_dot_product_attention
from twins import twin

from rawgan import Tensor, ops


@twin("matmul", "matmul", "mv", "dot")
def product(a: Tensor, b: Tensor) -> Tensor:
    """A vector on the left is a row, on the right a column."""
    y = ops.matmul(a if a.ndim > 1 else a[None], b if b.ndim > 1 else b[:, None])
    if b.ndim == 1:
        y = y[..., 0]
    if a.ndim == 1:
        y = y[..., 0] if b.ndim == 1 else y[..., 0, :]
    return y


@twin("matmul", "addmm", "addmv", "baddbmm")
def added(x: Tensor, a: Tensor, b: Tensor, beta: float, alpha: float) -> Tensor:
    """β · x + α · a @ b."""
    return beta * x + alpha * product(a, b)


@twin("linear", "nn.functional.linear")
def linear(x: Tensor, w: Tensor, b: Tensor | None = None) -> Tensor:
    """PyTorch's weights are (out, in), and it has any number of axes for the batch."""
    rows = ops.reshape(x, (math.prod(x.shape[:-1]), x.shape[-1]))
    return ops.reshape(ops.linear(rows, ops.transpose(w), b), (*x.shape[:-1], w.shape[0]))


def by_formula(*args: Any, **kwargs: Any) -> torch.Tensor:
    """PyTorch's attention by its formula: its fast kernel has no second derivative."""
    with sdpa_kernel(SDPBackend.MATH):
        return scaled_dot_product_attention(*args, **kwargs)


@twin("attention", "nn.functional.scaled_dot_product_attention", theirs=by_formula)
def attention(
    q: Tensor, k: Tensor, v: Tensor, attn_mask: Any = None, dropout_p: float = 0.0, is_causal: bool = False,
    enable_gqa: bool = False, scale: float | None = None,
) -> Tensor:  # fmt: skip
    """Without a mask and dropout; in groups of heads, each key has an axis of its own for the queries that share it."""
    if attn_mask is not None or is_causal:
        raise NotApplicable("a mask")
    if dropout_p:
        raise NotApplicable("dropout of weights")
    if not enable_gqa:
        return ops.attention(q, k, v, scale=scale)
    groups = k.shape[-3]
    grouped = ops.reshape(q, (*q.shape[:-3], groups, q.shape[-3] // groups, *q.shape[-2:]))
    y = ops.attention(grouped, k[..., None, :, :], v[..., None, :, :], scale=scale)
    return ops.reshape(y, (*q.shape[:-1], v.shape[-1]))


twin("matmul", "__rmatmul__")(lambda a, b: product(b, a))
twin("matmul", "mm", "bmm")(ops.matmul)
