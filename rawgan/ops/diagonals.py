"""Diagonals and triangles of matrices."""

from typing import Any

from rawgan.arrays import constant
from rawgan.autograd import Gradients, Op
from rawgan.errors import ArgumentError, ShapeError, shapes
from rawgan.ops.arguments import as_tensors, check_size, integer, one_axis
from rawgan.ops.reduce import sum
from rawgan.ops.registry import case, normal, op
from rawgan.ops.shape import transpose
from rawgan.ops.taking import ALL, Take, Untake
from rawgan.tensor import Tensor
from rawgan_kernels import array_module


@op(
    case("of a matrix", normal(3, 3)),
    case("above it, of two axes among three", normal(4, 2, 3), offset=1, axis1=2, axis2=0),
    method=True,
)
def diagonal(x: Any, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Tensor:
    """Elements x[i, i + offset] along two axes; the diagonal becomes the last axis of the result.

    Raises: ArgumentError unless these are two axes of x, and `offset` an integer

    >>> diagonal(Tensor([[1.0, 2.0], [3.0, 4.0]]))
    Tensor([1., 4.], float32)
    """
    (x,) = as_tensors(x)
    rows, columns, offset = _matrix("diagonal", x, offset, axis1, axis2)
    x = transpose(x, (*(axis for axis in range(x.ndim) if axis not in (rows, columns)), rows, columns))
    first = max(0, -offset)
    length = max(0, min(x.shape[-2] - first, x.shape[-1] - max(0, offset)))
    row = constant(array_module(x._array).arange(first, first + length))
    return Take((*[ALL] * (x.ndim - 2), row, constant(row + offset)), distinct=True)(x)


@op(
    case("of a vector", normal(3)),
    case("of a vector, below", normal(2), k=-1),
    case("of a matrix, above", normal(3, 4), k=1),
)
def diag(x: Any, k: int = 0) -> Tensor:
    """The matrix with a vector x as its diagonal k, and 0 elsewhere; of a matrix, its diagonal k.

    Shapes: (n,) → (n + |k|, n + |k|); (n, m) → the length of its diagonal k
    Raises: ShapeError unless x has 1 or 2 axes, ArgumentError unless k is an integer

    >>> diag(Tensor([1.0, 2.0]))
    Tensor([[1., 0.],
            [0., 2.]], float32)
    """
    (x,), k = as_tensors(x), integer("diag", "k", k)
    if x.ndim == 2:
        return diagonal(x, k)
    if x.ndim != 1:
        raise ShapeError(f"diag: x must be a vector or a matrix; diagonal takes any two axes\n{shapes(x=x)}")
    n = len(x) + abs(k)
    check_size("diag", (n, n), x=x, k=k)
    row = constant(array_module(x._array).arange(len(x)) + max(0, -k))
    return Untake((row, constant(row + k)), (n, n), distinct=True)(x)


@op(
    case("of a matrix", normal(3, 3)),
    case("below the diagonal, of several", normal(2, 3, 4), offset=-1, axis1=-2, axis2=-1),
    method=True,
)
def trace(x: Any, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Tensor:
    """Sum of the diagonal along two axes, Σ x[i, i + offset].

    Raises: ArgumentError unless these are two axes of x, and `offset` an integer

    >>> trace(Tensor([[1.0, 2.0], [3.0, 4.0]]))
    Tensor(5., float32)
    """
    (x,) = as_tensors(x)
    return sum(diagonal(x, *_matrix("trace", x, offset, axis1, axis2)[2:], axis1, axis2), -1)


class Triangle(Op):
    """y[…, i, j] = x[…, i, j] where j ≤ i + k, or where j ≥ i + k if `upper`; 0 elsewhere, even for NaN.

    Backward: gx = gy in the same triangle
    """

    uses_inputs = False

    def __init__(self, k: int, upper: bool) -> None:
        self.k, self.upper = k, upper

    def forward(self, x: Any) -> Any:
        xp = array_module(x)
        row, column = xp.arange(x.shape[-2])[:, None], xp.arange(x.shape[-1])
        kept = column >= row + self.k if self.upper else column <= row + self.k
        return xp.where(kept, x, xp.zeros((), x.dtype))

    def backward(self, gy: Tensor) -> Gradients:
        return (Triangle(self.k, self.upper)(gy),)


@op(
    case("of several matrices", normal(2, 3, 3)),
    case("and one more diagonal", normal(3, 4), k=1),
    method=True,
)
def tril(x: Any, k: int = 0) -> Tensor:
    """Lower triangles of the matrices in the last two axes: all elements up to diagonal k, and 0 above it.

    Raises: ShapeError for fewer than 2 axes, ArgumentError unless k is an integer

    >>> tril(Tensor([[1.0, 2.0], [3.0, 4.0]]))
    Tensor([[1., 0.],
            [3., 4.]], float32)
    """
    return _triangle("tril", x, k, upper=False)


@op(
    case("of several matrices", normal(2, 3, 3)),
    case("without the diagonal", normal(3, 4), k=1),
    method=True,
)
def triu(x: Any, k: int = 0) -> Tensor:
    """Upper triangles of the matrices in the last two axes: all elements from diagonal k on, and 0 below it.

    Raises: ShapeError for fewer than 2 axes, ArgumentError unless k is an integer

    >>> triu(Tensor([[1.0, 2.0], [3.0, 4.0]]), 1)
    Tensor([[0., 2.],
            [0., 0.]], float32)
    """
    return _triangle("triu", x, k, upper=True)


def _triangle(op: str, x: Any, k: int, upper: bool) -> Tensor:
    (x,) = as_tensors(x)
    if x.ndim < 2:
        raise ShapeError(f"{op}: x needs at least 2 axes\n{shapes(x=x)}")
    return Triangle(_within(x.shape[-2:], integer(op, "k", k)), upper)(x)


def _matrix(op: str, x: Tensor, offset: Any, axis1: Any, axis2: Any) -> tuple[int, int, int]:
    """The axes of rows and columns, and the offset. Raises: ArgumentError."""
    offset = integer(op, "offset", offset)
    rows, columns = one_axis(op, x, axis1, "axis1"), one_axis(op, x, axis2, "axis2")
    if rows == columns:
        raise ArgumentError(f"{op}: axis1 and axis2 are the same axis\n{shapes(x=x, axis1=axis1, axis2=axis2)}")
    return rows, columns, _within((x.shape[rows], x.shape[columns]), offset)


def _within(lengths: tuple[int, ...], k: int) -> int:
    """Number of a diagonal; of those outside the matrix, which are all alike, the nearest."""
    rows, columns = lengths
    return max(-rows, min(k, columns))
