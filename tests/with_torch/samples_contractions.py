"""Diagonals, and sums of products along axes. See `twins`."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from samples import Array, NotApplicable, vector
from twins import twin

from rawgan import Tensor, ops

# --- diagonals ---------------------------------------------------------------------------------------------


@twin("diagonal", "diagonal", "diagonal_copy")
def diagonal(x: Tensor, offset: int = 0, dim1: int = 0, dim2: int = 1) -> Tensor:
    """PyTorch calls axes dimensions."""
    return ops.diagonal(x, offset, dim1, dim2)


@twin("diagonal", "linalg.diagonal")
def last_diagonal(x: Tensor, *, offset: int = 0, dim1: int = -2, dim2: int = -1) -> Tensor:
    """Of the last two axes."""
    return ops.diagonal(x, offset, dim1, dim2)


@twin("expand_dims", "diag_embed")
def embedded(x: Tensor, offset: int = 0, dim1: int = -2, dim2: int = -1) -> Tensor:
    """Each vector as the diagonal of a matrix."""
    n = x.shape[-1]
    matrices = x[..., None] * np.eye(n)
    widths = (max(0, -offset), max(0, offset)), (max(0, offset), max(0, -offset))
    return ops.moveaxis(ops.pad(matrices, ((0, 0),) * (x.ndim - 1) + widths), (-2, -1), (dim1, dim2))


# --- contractions ------------------------------------------------------------------------------------------


@twin("einsum", "linalg.vecdot")
def vecdot(x: Tensor, y: Tensor, dim: int = -1) -> Tensor:
    """Sum of products along an axis, over all others as they broadcast."""
    return ops.einsum("...i,...i", ops.moveaxis(x, dim, -1), ops.moveaxis(y, dim, -1))


@twin("einsum", "tensordot")
def tensordot(x: Tensor, y: Tensor, dims: Any) -> Tensor:
    """The axes of each that are summed over get letters of their own."""
    of_x, of_y = (range(x.ndim - dims, x.ndim), range(dims)) if isinstance(dims, int) else dims
    left, right = list("abcdef"[: x.ndim]), list("uvwxyz"[: y.ndim])
    for a, b in zip(of_x, of_y, strict=True):
        right[b] = left[a]
    kept = [letter for letter in left + right if (letter in left) != (letter in right)]
    return ops.einsum(f"{''.join(left)},{''.join(right)}->{''.join(kept)}", x, y)


@twin("einsum", "addr")
def outer_added(x: Tensor, a: Tensor, b: Tensor, beta: float = 1, alpha: float = 1) -> Tensor:
    """β · x + α · a bᵀ."""
    return beta * x + alpha * ops.einsum("i,j->ij", a, b)


@twin("einsum", "addbmm")
def products_added(x: Tensor, a: Tensor, b: Tensor, beta: float = 1, alpha: float = 1) -> Tensor:
    """The sum of all products of matrices."""
    return beta * x + alpha * ops.einsum("nij,njk->ik", a, b)


@twin("einsum", "nn.functional.bilinear")
def bilinear(x: Tensor, y: Tensor, w: Tensor, b: Tensor | None = None) -> Tensor:
    """Each output is a quadratic form."""
    z = ops.einsum("...i,kij,...j->...k", x, w, y)
    return z if b is None else z + b


@twin("einsum", "linalg.multi_dot")
def chain(xs: Sequence[Tensor]) -> Tensor:
    """A product of many, in the cheapest order; a vector is a row in front and a column behind."""
    letters = "abcdefgh"
    terms = [letters[i : i + 2] for i in range(len(xs))]
    if xs[0].ndim == 1:
        terms[0] = terms[0][1:]
    if xs[-1].ndim == 1:
        terms[-1] = terms[-1][:1]
    outer = (terms[0][0] if xs[0].ndim == 2 else "") + (terms[-1][-1] if xs[-1].ndim == 2 else "")
    return ops.einsum(f"{','.join(terms)}->{outer}", *xs)


@twin("einsum", "kron")
def kron(x: Tensor, y: Tensor) -> Tensor:
    """Each element of x, times all of y."""
    return ops.reshape(ops.einsum("ij,kl->ikjl", x, y), (x.shape[0] * y.shape[0], x.shape[1] * y.shape[1]))


@twin("einsum", "cov")
def covariance(x: Tensor, correction: int = 1, fweights: Array | None = None, aweights: Tensor | None = None) -> Tensor:
    """Of variables in rows, weighted by counts and by importance."""
    rows = x if x.ndim == 2 else x[None]
    if aweights is not None and aweights.dtype != x.dtype:
        raise NotApplicable("weights of another dtype")
    w: Any = Tensor(np.ones(rows.shape[1]) if fweights is None else fweights.astype(float))
    total, norm = w, float(rows.shape[1] if fweights is None else fweights.sum())
    if aweights is not None:
        total = w * aweights
    sum_of_weights = ops.sum(total)
    if aweights is None:
        divisor: Any = norm - correction
    else:
        divisor = sum_of_weights - correction * ops.sum(total * aweights) / sum_of_weights
    centred = rows - ops.einsum("in,n->i", rows, total)[:, None] / sum_of_weights
    y = ops.einsum("in,n,jn->ij", centred, total, centred) / divisor
    return ops.squeeze(y) if x.ndim < 2 or len(rows) == 1 else y


@twin("roll", "linalg.cross")
def cross(x: Tensor, y: Tensor, dim: int = -1) -> Tensor:
    """Of vectors in space: a₂ b₃ − a₃ b₂, and so on around."""

    def around(v: Tensor, by: int) -> Tensor:
        return ops.roll(v, by, dim)

    return around(x, -1) * around(y, 1) - around(x, 1) * around(y, -1)


@twin("cumprod", "linalg.vander")
def powers(x: Tensor, N: int | None = None) -> Tensor:
    """1, x, x², …"""
    x = vector(x)
    n = x.shape[-1] if N is None else N
    each = ops.broadcast_to(x[..., None], (*x.shape, n - 1))
    return ops.concatenate([Tensor(np.ones((*x.shape, 1))), ops.cumprod(each, -1)], -1)


twin("diag", "diag")(ops.diag)
twin("diag", "diagflat")(lambda x, offset=0: ops.diag(ops.flatten(x), offset))
twin("einsum", "einsum")(lambda xs, spec: ops.einsum(spec, *xs))
twin("einsum", "inner")(lambda x, y: ops.einsum("i,i", x, y) if x.ndim else x * y)
twin("einsum", "outer")(lambda x, y: ops.einsum("i,j->ij", x, y))
twin("einsum", "vdot")(lambda x, y: ops.einsum("i,i", x, y))
twin("tril", "tril")(lambda x, diagonal=0: ops.tril(x, diagonal))
twin("triu", "triu")(lambda x, diagonal=0: ops.triu(x, diagonal))
