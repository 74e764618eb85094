"""Matrix products."""

import math
from typing import Any

import numpy as np

import rawgan_kernels as kernels
from rawgan.autograd import Gradients, Op
from rawgan.autograd.checks import check_alike
from rawgan.errors import ShapeError, shapes
from rawgan.ops.arguments import as_tensors
from rawgan.ops.arithmetic import add
from rawgan.ops.reduce import unbroadcast
from rawgan.ops.registry import case, normal, op
from rawgan.ops.shape import reshape, transpose
from rawgan.tensor import Tensor


class MatMul(Op):
    """y = a @ b: matrices in the last two axes, the axes in front broadcast.

    Shapes:   a (…, M, K), b (…, K, N) → y (…, M, N)
    Backward: ga = gy @ bᵀ    (M, N) @ (N, K) → (M, K)
              gb = aᵀ @ gy    (K, M) @ (M, N) → (K, N)
    Flops:    2 · M · K · N for each matrix
    """

    keeps_rounded = True

    def forward(self, a: Any, b: Any) -> Any:
        return kernels.matmul(a, b)

    def backward(self, gy: Tensor) -> Gradients:
        a, b = self.inputs
        ga = unbroadcast(gy @ _flip(b), a.shape) if self.needs[0] else None
        gb = unbroadcast(_flip(a) @ gy, b.shape) if self.needs[1] else None
        return ga, gb


@op(
    case("matrices", normal(2, 3), normal(3, 4)),
    case("many matrices and one", normal(2, 2, 3), normal(3, 2)),
    case("broadcasting both", normal(3, 1, 2, 4), normal(2, 4, 1)),
    case("a vector and matrices", normal(3), normal(2, 3, 4)),
    case("two vectors", normal(3), normal(3)),
)
def matmul(a: Any, b: Any) -> Tensor:
    """Matrix product over the last two axes; the axes in front broadcast. A vector a is a row, a vector b a column.

    Shapes: a (…, M, K), b (…, K, N) → (…, M, N); a (K,) → (…, N); b (K,) → (…, M); both → ()
    Raises: ShapeError for a number, or inner lengths that differ

    >>> matmul(Tensor([[1.0, 2.0]]), Tensor([[3.0], [4.0]]))
    Tensor([[11.]], float32)
    """
    a, b = as_tensors(a, b)
    if not a.ndim or not b.ndim:
        raise ShapeError(f"matmul: both inputs need an axis; a number is multiplied by *\n{shapes(a=a, b=b)}")
    rows = b.shape[-2] if b.ndim > 1 else b.shape[0]
    if a.shape[-1] != rows:
        raise ShapeError(f"matmul: a has {a.shape[-1]} columns but b has {rows} rows\n{shapes(a=a, b=b)}")
    try:
        np.broadcast_shapes(a.shape[:-2], b.shape[:-2])
    except ValueError:
        raise ShapeError(f"matmul: the axes in front of the matrices do not broadcast\n{shapes(a=a, b=b)}") from None
    if a.ndim > 1 and b.ndim > 1:
        return MatMul()(a, b)
    row, column = a.shape if a.ndim > 1 else (1, *a.shape), b.shape if b.ndim > 1 else (*b.shape, 1)
    y = MatMul()(reshape(a, row), reshape(b, column))
    kept = y.shape[:-2] + (y.shape[-2:-1] if a.ndim > 1 else ()) + (y.shape[-1:] if b.ndim > 1 else ())
    return reshape(y, kept)


@op(
    case("bias", normal(3, 4), normal(4, 2), normal(2)),
    case("no bias", normal(3, 4), normal(4, 2)),
)
def linear(x: Tensor, w: Tensor, b: Tensor | None = None) -> Tensor:
    """y = x @ w + b, the fully connected layer, along the last axis of x.

    Shapes: x (N, in), or with any axes before the last, (…, in); w (in, out), b (out,) → (N, out), (…, out)
    Raises: ShapeError if the ranks or lengths do not fit

    >>> linear(Tensor([[1.0, 2.0]]), Tensor([[3.0], [4.0]]), Tensor([0.5]))
    Tensor([[11.5]], float32)
    """
    x, w = as_tensors(x, w)
    if not x.ndim or w.ndim != 2:
        raise ShapeError(f"linear: x must be (N, in), or (…, in), and w (in, out)\n{shapes(x=x, w=w)}")
    if x.shape[-1] != w.shape[0]:
        raise ShapeError(
            f"linear: x has {x.shape[-1]} features but w takes {w.shape[0]}\n"
            f"{shapes(x=(x, _features(x)), w=(w, '(in, out)'))}{_linear_hint(x, w)}"
        )
    if b is not None:
        _, b = as_tensors(x, b)
        if b.shape != (w.shape[1],):
            listing = shapes(x=(x, _features(x)), w=(w, "(in, out)"), b=(b, "(out,)"))
            raise ShapeError(f"linear: b must have one number for each of {w.shape[1]} outputs\n{listing}")
    check_alike("linear", x=x, w=w, b=b)
    rows = x if x.ndim == 2 else reshape(x, (math.prod(x.shape[:-1]), x.shape[-1]))
    y = matmul(rows, w) if b is None else add(matmul(rows, w), b)
    return y if x.ndim == 2 else reshape(y, (*x.shape[:-1], w.shape[1]))


def _features(x: Tensor) -> str:
    return {1: "(in,)", 2: "(N, in)"}.get(x.ndim, "(N, …, in)")


def _linear_hint(x: Tensor, w: Tensor) -> str:
    """Advice for a likely mistake."""
    if x.shape[-1] == w.shape[1]:
        return "\n  if w is laid out as PyTorch's, (out, in), pass w.T"
    if x.ndim > 2 and math.prod(x.shape[1:]) == w.shape[0]:
        return "\n  make a vector of each sample first: nn.Flatten(), or reshape"
    return ""


def _flip(x: Tensor) -> Tensor:
    """Transpose the last two axes."""
    return transpose(x, (*range(x.ndim - 2), x.ndim - 1, x.ndim - 2))
