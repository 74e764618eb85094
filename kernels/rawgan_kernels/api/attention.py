"""Attention of queries to keys, and its gradients."""
# mypy: disable-error-code="empty-body"

from math import prod

import numpy as np

from rawgan_kernels.arrays import Array
from rawgan_kernels.dispatch import kernel


def _scores(q: Array, k: Array) -> int:
    return q.size // max(q.shape[-1], 1) * k.shape[-2]


@kernel(
    flops=lambda q, k, v, scale: 2 * _scores(q, k) * (q.shape[-1] + v.shape[-1] + 4),
    nbytes=lambda q, k, v, scale: q.nbytes + k.nbytes + v.nbytes + prod(q.shape[:-1]) * (v.shape[-1] + 1) * q.itemsize,
    factors=("q", "k", "v"),
)
def attention(q: Array, k: Array, v: Array, scale: float, /) -> tuple[Array, Array]:
    """y = softmax(s) @ v with the scores s = scale · q @ kᵀ, and lse = log Σ exp s over the keys.

    The scores are never in memory as a whole, only block by block.

    Shapes: q (…, L, D), k (…, S, D), v (…, S, E), S ≥ 1, the same axes in front → y (…, L, E); lse (…, L)
    Source: Vaswani et al. 2017; Milakov, Gimelshein 2018; Dao et al. 2022

    >>> attention(np.zeros((1, 1)), np.ones((2, 1)), np.array([[1.0], [3.0]]), 1.0)
    (array([[2.]]), array([0.69314718]))
    """


@kernel(
    flops=lambda q, k, v, y, lse, gy, scale: 2 * _scores(q, k) * (3 * q.shape[-1] + 2 * v.shape[-1] + 4),
    nbytes=lambda q, k, v, y, lse, gy, scale: (
        2 * (q.nbytes + k.nbytes + v.nbytes + y.nbytes) + lse.nbytes  # gradients are as large as their arrays
    ),
    factors=("q", "k", "v", "gy"),
)
def attention_grad(
    q: Array, k: Array, v: Array, y: Array, lse: Array, gy: Array, scale: float, /
) -> tuple[Array, Array, Array]:
    """Gradients of attention with respect to q, k and v, from its results y and lse.

    With the weights p = exp(s − lse), which are computed again block by block:
    gv = pᵀ @ gy;  gs = p · (gy @ vᵀ − Σ gy · y);  gq = scale · gs @ k;  gk = scale · gsᵀ @ q.

    Shapes: q (…, L, D), k (…, S, D), v (…, S, E), y, gy (…, L, E), lse (…, L) → gq as q, gk as k, gv as v

    >>> q, k, v = np.zeros((1, 1)), np.array([[1.0], [-1.0]]), np.array([[1.0], [3.0]])
    >>> y, lse = attention(q, k, v, 1.0)
    >>> gq, gk, gv = attention_grad(q, k, v, y, lse, np.ones((1, 1)), 1.0)
    >>> gq, gv
    (array([[-1.]]), array([[0.5],
           [0.5]]))
    """
