"""Ops that select elements by number, and put them back."""

import operator
from typing import Any

import numpy as np

from rawgan.arrays import constant, integers
from rawgan.autograd import Gradients, Op
from rawgan.errors import ArgumentError, DTypeError, ShapeError, shapes
from rawgan.ops.arguments import as_tensors, is_whole
from rawgan.ops.registry import case, normal, op
from rawgan.tensor import Tensor
from rawgan_kernels import array_module

Shape = tuple[int, ...]


class Slice(Op):
    """y = x[index], of integers, slices, … and None.

    Backward: gx = 0 except gx[index] = gy
    """

    view_of = 0

    def __init__(self, index: Any) -> None:
        self.index = index

    def forward(self, x: Any) -> Any:
        return x[self.index]

    def backward(self, gy: Tensor) -> Gradients:
        return (Unslice(self.index, self.shapes[0])(gy),)


class Unslice(Op):
    """y = zeros of `shape`, except y[index] = x. Slice and Unslice are each other's backward.

    Backward: gx = gy[index]
    """

    def __init__(self, index: Any, shape: Shape) -> None:
        self.index, self.shape = index, shape

    def forward(self, x: Any) -> Any:
        y = array_module(x).zeros(self.shape, x.dtype)
        y[self.index] = x
        return y

    def backward(self, gy: Tensor) -> Gradients:
        return (Slice(self.index)(gy),)


@op(
    case("steps", normal(5, 4), index=(slice(None, None, 2), slice(3, 0, -1))),
    case("integer and new axis", normal(2, 3, 4), index=(-1, None, ..., 1)),
)
def slice_(x: Any, index: Any) -> Tensor:
    """x[index] for integers, slices, … and None; `take` selects by an array of numbers.

    Raises: ArgumentError for an index of another kind, or out of range

    >>> Tensor([[1.0, 2.0], [3.0, 4.0]])[:, 0]
    Tensor([1., 3.], float32)
    """
    (x,) = as_tensors(x)
    parts = index if isinstance(index, tuple) else (index,)
    for part in parts:
        if not (part is None or part is Ellipsis or isinstance(part, slice) or is_whole(part)):
            raise ArgumentError(
                f"slice: an index must be made of integers, slices, ... and None, but has {type(part).__name__}\n"
                "  take(x, indices) selects rows by an array of numbers"
            )
    try:
        fixed = tuple([_fixed(part) for part in parts])
        np.broadcast_to(0, x.shape)[fixed]  # nothing is allocated: this only asks whether the index fits
    except (IndexError, TypeError, ValueError) as error:
        raise ArgumentError(f"slice: {error}\n{shapes(x=x, index=index)}") from None
    return Slice(fixed)(x)


def _fixed(part: Any) -> Any:
    """A part of an index without arrays, which could be written to before the backward pass: x[:n] takes one for n."""
    if not isinstance(part, slice):
        return part
    return slice(*[None if n is None else operator.index(n) for n in (part.start, part.stop, part.step)])


class Take(Op):
    """y[i, …] = x[indices[i], …]: rows of x, by number.

    Backward: gx[r] = Σ gy[i] over all i with indices[i] = r
    """

    def __init__(self, indices: Any) -> None:
        self.indices = indices

    def forward(self, x: Any) -> Any:
        return x[self.indices]

    def backward(self, gy: Tensor) -> Gradients:
        return (Untake(self.indices, self.shapes[0])(gy),)


class Untake(Op):
    """y[r] = Σ x[i] over all i with indices[i] = r. Take and Untake are each other's backward.

    Backward: gx[i] = gy[indices[i]]
    """

    def __init__(self, indices: Any, shape: Shape) -> None:
        self.indices, self.shape = indices, shape

    def forward(self, x: Any) -> Any:
        xp = array_module(x)
        y = xp.zeros(self.shape, x.dtype)
        xp.add.at(y, self.indices, x)
        return y

    def backward(self, gy: Tensor) -> Gradients:
        return (Take(self.indices)(gy),)


@op(
    case("a row twice", normal(4, 2), indices=np.array([3, 0, 3])),
    case("indices with two axes", normal(4, 2, 2), indices=np.array([[1, 1], [0, 3]])),
)
def take(x: Any, indices: Any) -> Tensor:
    """Rows of x by number, as in an embedding.

    Shapes: x (R, …), indices integers of any shape S → (*S, …)
    Raises: DTypeError if the indices are not integers, ArgumentError if one is not in 0 … R − 1

    >>> take(Tensor([[1.0], [2.0], [3.0]]), np.array([2, 0]))
    Tensor([[3.],
            [1.]], float32)
    """
    (x,) = as_tensors(x)
    if not x.ndim:
        raise ShapeError(f"take: x has no rows to take\n{shapes(x=x)}")
    if isinstance(indices, Tensor):
        raise DTypeError(
            f"take: indices must be integers, but are {indices.dtype}\n"
            "  a list given to a Module becomes a Tensor of floats: give an array of integers, np.array([0, 1])"
        )
    indices = constant(integers(indices, "take: indices", x._array))  # the backward pass needs them as they are now
    if indices.size and not (int(indices.min()) >= 0 and int(indices.max()) < x.shape[0]):
        raise ArgumentError(
            f"take: indices must lie in 0 … {x.shape[0] - 1}, but go from {indices.min()} to {indices.max()}\n"
            f"{shapes(x=x, indices=indices)}"
        )
    return Take(indices)(x)
