"""Elements by index, along one axis or several; the backward pass adds up the gradients of each.

`x[…]` with arrays in its index ends here, too: see `indexing`.
"""

import math
from typing import Any

import numpy as np

from rawgan.arrays import constant, integers, listed
from rawgan.autograd import Gradients, Op
from rawgan.errors import ArgumentError, DTypeError, ShapeError, shapes
from rawgan.ops.arguments import as_tensors, is_whole, one_axis
from rawgan.ops.registry import case, normal, op
from rawgan.ops.shape import Shape, reshape
from rawgan.tensor import Tensor
from rawgan_kernels import array_module

ALL = slice(None)

Indices = tuple[Any, ...]
"""For each axis of an array either `ALL` or indices ≥ 0, in arrays that nobody can write to and that broadcast."""

BLOCK = 1 << 16
"""Elements that are added at a time: their places, in int64, fit the second-level cache."""


class Take(Op):
    """y = x[indices]: elements of x by index, along those axes that have an array of indices.

    The axes of the arrays stand in y where those of x were; in front if other axes were in between, as in NumPy.
    `distinct` says that no element is taken twice.

    Backward: gx[r] = Σ gy[i] over all i with indices[i] = r
    """

    uses_inputs = False

    def __init__(self, indices: Indices, distinct: bool = False) -> None:
        self.indices, self.distinct = indices, distinct

    def forward(self, x: Any) -> Any:
        axes = _axes(self.indices)
        return x.take(self.indices[axes[0]], axis=axes[0]) if len(axes) == 1 else x[self.indices]

    def backward(self, gy: Tensor) -> Gradients:
        return (Untake(self.indices, self.shapes[0], self.distinct)(gy),)


class Untake(Op):
    """y[r] = Σ x[i] over all i with indices[i] = r, added in the order of i; 0 where there is none.

    Take and Untake are each other's backward.

    Backward: gx[i] = gy[indices[i]]
    """

    uses_inputs = False

    def __init__(self, indices: Indices, shape: Shape, distinct: bool = False) -> None:
        self.indices, self.shape, self.distinct = indices, shape, distinct

    def forward(self, x: Any) -> Any:
        if self.distinct:
            y = array_module(x).zeros(self.shape, x.dtype)
            y[self.indices] = x
            return y
        axes = _axes(self.indices)
        others = [axis for axis in range(len(self.shape)) if axis not in axes]
        number: Any = 0  # of a row: an element of the axes that are counted, in row-major order
        for axis in axes:
            number = number * self.shape[axis] + self.indices[axis]
        start = axes[0] if axes[-1] - axes[0] == len(axes) - 1 else 0  # where Take has put the axes of the numbers
        places = range(start, start + number.ndim)
        rows = x.transpose((*places, *(axis for axis in range(x.ndim) if axis not in places)))
        count, width = (math.prod(self.shape[axis] for axis in some) for some in (axes, others))
        sums = self._sums(rows.reshape(number.size, width), number.reshape(-1), count)
        order = [*axes, *others]
        return sums.reshape([self.shape[axis] for axis in order]).transpose([order.index(a) for a in range(len(order))])

    def _sums(self, rows: Any, number: Any, count: int) -> Any:
        """Add up the rows of each number. Shapes: rows (I, C), number (I,) → (count, C)."""
        xp = array_module(rows)
        width = rows.shape[1]
        y = xp.zeros((count, width), rows.dtype)
        flat, columns = y.reshape(-1), xp.arange(width)
        step = max(1, BLOCK // max(width, 1)) if xp is np else max(1, len(rows))
        for first in range(0, len(rows), step):  # NumPy adds single numbers five times faster than rows
            part = slice(first, first + step)
            xp.add.at(flat, (number[part, None] * width + columns).reshape(-1), rows[part].reshape(-1))
        return y

    def backward(self, gy: Tensor) -> Gradients:
        return (Take(self.indices, self.distinct)(gy),)


def _axes(indices: Indices) -> list[int]:
    return [axis for axis, numbers in enumerate(indices) if numbers is not ALL]


@op(
    case("a row twice", normal(4, 2), indices=np.array([3, 0, 3])),
    case("indices with two axes", normal(2, 4, 2), indices=np.array([[1, 1], [0, -1]]), axis=-2),
    case("of everything", normal(2, 3), indices=[5, 0, 5], axis=None),
)
def take(x: Any, indices: Any, axis: int | None = 0) -> Tensor:
    """Elements along `axis` by index: rows by default, as in an embedding; of the flat array if None.

    Negative indices count from the end. `gather` takes other indices for each row.

    Shapes: x (…, R, …), indices integers of any shape S → (…, *S, …)
    Raises: DTypeError if the indices are not integers, ArgumentError if one is not in −R … R − 1

    >>> take(Tensor([[1.0], [2.0], [3.0]]), [2, 0])
    Tensor([[3.],
            [1.]], float32)
    """
    (x,) = as_tensors(x)
    if axis is None:
        x, axis = reshape(x, (x.size,)), 0
    if not x.ndim:
        raise ShapeError(f"take: x has no rows to take\n{shapes(x=x)}")
    along = one_axis("take", x, axis)
    return Take((ALL,) * along + (numbers_of("take: indices", x, along, indices),))(x)


@op(
    case("a column of each row", normal(3, 4), indices=np.array([[2], [0], [2]]), axis=1),
    case("repeated, from the end", normal(2, 3, 2), indices=np.array([[[0], [-1], [0], [1]]]), axis=1),
)
def gather(x: Any, indices: Any, axis: int) -> Tensor:
    """One element along `axis` for each index: y[i, j] = x[i, indices[i, j]] along the last of two axes.

    NumPy's take_along_axis. PyTorch's gather is the same for indices of x's shape but for `axis`. `argsort`, `topk` and
    `argmax(keepdims=True)` return such indices.

    Shapes: x (…, R, …), indices (…, S, …), whose other lengths broadcast → (…, S, …)
    Raises: DTypeError if the indices are not integers, ArgumentError if one is not in −R … R − 1, ShapeError if the
        shapes do not fit

    >>> gather(Tensor([[1.0, 2.0], [3.0, 4.0]]), [[1], [0]], axis=1)
    Tensor([[2.],
            [3.]], float32)
    """
    (x,) = as_tensors(x)
    if is_whole(indices) and not is_whole(axis):
        raise ArgumentError(f"gather: indices come first: gather(x, indices, axis={indices})\n{shapes(x=x, axis=axis)}")
    along = one_axis("gather", x, axis)
    numbers = numbers_of("gather: indices", x, along, indices)
    return Take(along_axis("gather", x, numbers, along))(x)


def along_axis(op: str, x: Tensor, numbers: Any, axis: int) -> Indices:
    """Indices of one element for each of `numbers`: others count up. Raises: ShapeError if the shapes do not fit."""
    fits = numbers.ndim == x.ndim and all(
        axis == other or n == m or 1 in (n, m) for other, (n, m) in enumerate(zip(x.shape, numbers.shape, strict=True))
    )
    if not fits:
        raise ShapeError(
            f"{op}: indices must have x's lengths, or 1, along all axes but axis {axis}\n"
            f"{shapes(x=x, indices=numbers, axis=axis)}   take has the same indices for every row"
        )
    arange = array_module(x._array).arange
    counting = [arange(n).reshape([-1 if a == other else 1 for a in range(x.ndim)]) for other, n in enumerate(x.shape)]
    return (*counting[:axis], numbers, *counting[axis + 1 :])


def numbers_of(what: str, x: Tensor, axis: int, indices: Any, *, from_end: bool = True) -> Any:
    """Indices 0 … n − 1 along an axis, in an array that nobody can write to; negative ones are resolved.

    Raises: DTypeError unless these are integers, ArgumentError if one is not in −n … n − 1, or, unless they may count
        from the end, in 0 … n − 1
    """
    if isinstance(indices, Tensor):
        raise DTypeError(
            f"{what} must be integers, but are {indices.dtype}\n"
            "  a list given to a Module becomes a Tensor of floats: give an array of integers, np.array([0, 1])"
        )
    given, n, least = listed(indices, what), x.shape[axis], 0
    if given.size and given.dtype.kind in "iu":
        least, most = int(given.min()), int(given.max())
        lowest = -n if from_end else 0
        if least < lowest or most >= n:
            raise ArgumentError(
                f"{what} must lie in {lowest} … {n - 1}, but go from {least} to {most}\n"
                f"{shapes(**{'x' if from_end else 'table': x}, indices=given)}"
            )
    numbers = integers(given, what, x._array)
    if least < 0:
        numbers = numbers + n * (numbers < 0)
    return constant(numbers)  # the backward pass needs them as they are now
