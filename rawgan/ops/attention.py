"""Attention: a mean of values, weighted by how well queries fit keys."""

import math
from typing import Any

import numpy as np

import rawgan_kernels as kernels
from rawgan.autograd import Gradients, Op, is_recording
from rawgan.autograd.checks import check_alike
from rawgan.errors import ArgumentError, ShapeError, described, shapes
from rawgan.ops.arguments import as_tensors, is_number
from rawgan.ops.elementary import exp
from rawgan.ops.linear import matmul
from rawgan.ops.reduce import broadcast_to, max, sum
from rawgan.ops.registry import case, normal, op
from rawgan.ops.shape import transpose
from rawgan.tensor import Tensor


class Attention(Op):
    """y = p @ v with the weights p = softmax(s) along the keys, and the scores s = scale · q @ kᵀ.

    Shapes:   q (…, L, D), k (…, S, D), v (…, S, E) → y (…, L, E)
    Backward: gv = pᵀ @ gy                        (S, L) @ (L, E) → (S, E)
              gs = p · (gy @ vᵀ − Σ gy · y)       (L, E) @ (E, S) → (L, S), the sum over E
              gq = scale · gs @ k                 (L, S) @ (S, D) → (L, D)
              gk = scale · gsᵀ @ q                (S, L) @ (L, D) → (S, D)
    Memory:   O(L · E), not O(L · S): weights are computed block by block, and again in the backward pass, from
              lse = log Σ exp s of each query. Only a recorded walk, for second derivatives, has them as a whole.
    Flops:    2 · L · S · (D + E), and 2 · L · S · (3 · D + 2 · E) backward
    Speed:    0.8 of the time of PyTorch's fused kernel, forward and backward, for 32 images of 1024 places and 64
              channels, on one core and on two of an AMD EPYC. All products run on the register tile of convolutions,
              and the scores of a block, turned so that each lane of a vector is a query, never leave the second-level
              cache: see `rawgan_kernels.cpu.attention`. `python -m bench kernels --kernel attention attention_grad`
    Source:   Vaswani et al. 2017; Milakov, Gimelshein 2018 for the softmax in one pass; Dao et al. 2022
    """

    keeps_output = True

    def __init__(self, scale: float) -> None:
        self.scale = scale

    def forward(self, q: Any, k: Any, v: Any) -> Any:
        y, self.lse = kernels.attention(q, k, v, self.scale)
        return y

    def backward(self, gy: Tensor) -> Gradients:
        q, k, v = self.inputs
        if not is_recording():
            arrays = kernels.attention_grad(
                q._array, k._array, v._array, self.output._array, self.lse, gy._array, self.scale
            )
            gq, gk, gv = (Tensor.wrap(array) for array in arrays)
            return gq, gk, gv
        s = self.scale * matmul(q, _turned(k))
        e = exp(s - max(s, -1, keepdims=True).detach())
        p = e / sum(e, -1, keepdims=True)
        gp = matmul(gy, _turned(v))
        gs = self.scale * p * (gp - sum(gp * p, -1, keepdims=True))
        return matmul(gs, k), matmul(_turned(gs), q), matmul(_turned(p), gy)


@op(
    case("images", normal(2, 3, 4), normal(2, 5, 4), normal(2, 5, 2)),
    case("one image and a scale", normal(3, 2), normal(2, 2), normal(2, 3), scale=0.3),
    case("heads that share keys", normal(2, 2, 2, 3), normal(2, 1, 3, 3), normal(3, 1)),
)
def attention(query: Any, key: Any, value: Any, *, scale: float | None = None) -> Tensor:
    """Scaled dot-product attention: for each query, the mean of the values, weighted by softmax(scale · query · key).

    The scale is 1 / √D unless given. The axes in front, such as images and heads, broadcast. Memory grows with L and
    with S, not with L · S; only second derivatives have all weights in memory.

    Shapes: query (…, L, D), key (…, S, D), value (…, S, E) → (…, L, E)
    Raises: ShapeError if the shapes do not fit, or without keys; ArgumentError for a scale that is not a finite number
    Source: Vaswani et al. 2017; Dao et al. 2022

    >>> attention(Tensor([[0.0]]), Tensor([[1.0], [-1.0]]), Tensor([[1.0], [3.0]]))
    Tensor([[2.]], float32)
    """
    query, key, value = as_tensors(query, key, value)
    listing = shapes(query=(query, "(…, L, D)"), key=(key, "(…, S, D)"), value=(value, "(…, S, E)"))
    if query.ndim < 2 or key.ndim < 2 or value.ndim < 2:
        raise ShapeError(f"attention: query, key and value need at least 2 axes\n{listing}")
    if query.shape[-1] != key.shape[-1]:
        raise ShapeError(f"attention: query has {query.shape[-1]} channels but key has {key.shape[-1]}\n{listing}")
    if key.shape[-2] != value.shape[-2]:
        raise ShapeError(f"attention: key has {key.shape[-2]} rows but value has {value.shape[-2]}\n{listing}")
    if not key.shape[-2] or not query.shape[-1]:
        raise ShapeError(f"attention: there must be at least one key, and one channel\n{listing}")
    check_alike("attention", query=query, key=key, value=value)
    if scale is None:
        scale = 1 / math.sqrt(query.shape[-1])
    if not (is_number(scale) and math.isfinite(scale)):
        raise ArgumentError(f"attention: scale must be a finite number, or None, but is {described(scale)}")
    fronts = [x.shape[:-2] for x in (query, key, value)]
    if fronts[0] != fronts[1] or fronts[0] != fronts[2]:
        try:
            front = np.broadcast_shapes(*fronts)
        except ValueError:
            raise ShapeError(f"attention: the axes in front do not broadcast\n{listing}") from None
        query, key, value = (broadcast_to(x, (*front, *x.shape[-2:])) for x in (query, key, value))
    return Attention(float(scale))(query, key, value)


def _turned(x: Tensor) -> Tensor:
    return transpose(x, (*range(x.ndim - 2), x.ndim - 1, x.ndim - 2))
