"""Matrix products. See `twins`."""

import math

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


twin("matmul", "__rmatmul__")(lambda a, b: product(b, a))
twin("matmul", "mm", "bmm")(ops.matmul)
