"""`x[…]`: slices, which are views, and arrays of numbers or masks, which copy."""

import operator
from collections.abc import Iterator
from typing import Any

import numpy as np

from rawgan.arrays import LAST, constant, listed
from rawgan.autograd import Gradients, Op
from rawgan.errors import ArgumentError, DeviceError, DTypeError, ShapeError, described, shapes, shown
from rawgan.ops.arguments import as_tensors, is_whole
from rawgan.ops.registry import case, normal, op
from rawgan.ops.shape import Shape
from rawgan.ops.taking import ALL, Take, numbers_of
from rawgan.tensor import Tensor
from rawgan_kernels import array_module


class Slice(Op):
    """y = x[index], of integers, slices, … and None.

    Backward: gx = 0 except gx[index] = gy
    """

    uses_inputs = False
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

    uses_inputs = False

    def __init__(self, index: Any, shape: Shape) -> None:
        self.index, self.shape = index, shape

    def forward(self, x: Any) -> Any:
        y = array_module(x).zeros(self.shape, x.dtype)
        y[self.index] = x
        return y

    def backward(self, gy: Tensor) -> Gradients:
        return (Slice(self.index)(gy),)


MASK = np.array([[True, False, True], [False, True, False]])


@op(
    case("steps", normal(5, 4), index=(slice(None, None, 2), slice(3, 0, -1))),
    case("integer and new axis", normal(2, 3, 4), index=(-1, None, ..., 1)),
    case("numbers twice, between slices", normal(2, 4, 3), index=(slice(1, None), [[1, 1], [-1, 0]], slice(2))),
    case("two arrays apart", normal(3, 2, 4), index=([2, 0, 2], None, slice(None), np.array([[1], [-1]]))),
    case("a mask and an integer", normal(2, 3, 2), index=(MASK, 1)),
)
def slice_(x: Any, index: Any) -> Tensor:
    """x[index], as in NumPy: integers, slices, … and None; arrays or lists of integers; masks of bool.

    Without arrays, the result is a view. An element that is taken several times gets the sum of its gradients.

    Raises: ArgumentError for an index out of range, ShapeError for masks or arrays whose shapes do not fit, DTypeError
        for an index of another kind, such as a Tensor

    >>> x = Tensor([[1.0, 2.0], [3.0, 4.0]])
    >>> x[:, 0]
    Tensor([1., 3.], float32)
    >>> x[[1, 0, 1], [0, 0, 1]], x[x > 1.5]
    (Tensor([3., 1., 4.], float32), Tensor([2., 3., 4.], float32))
    """
    (x,) = as_tensors(x)
    parts = index if isinstance(index, tuple) else (index,)
    for part in parts:
        if not (part is None or part is Ellipsis or isinstance(part, slice) or is_whole(part)):
            return _with_arrays(x, parts)
    return Slice(_checked(x, parts))(x)


def _checked(x: Tensor, parts: tuple[Any, ...]) -> tuple[Any, ...]:
    """An index without arrays, which could be written to before the backward pass. Raises: ArgumentError."""
    try:
        fixed = tuple([_fixed(part) for part in parts])
        np.broadcast_to(0, x.shape)[fixed]  # nothing is allocated: this only asks whether the index fits
    except (IndexError, TypeError, ValueError, OverflowError) as error:
        large = next((part for part in parts if is_whole(part) and abs(part) > LAST), None)
        fault = error if large is None else f"index {shown(large)} is out of bounds"
        raise ArgumentError(f"slice: {fault}\n{shapes(x=x, index=parts if len(parts) > 1 else parts[0])}") from None
    return fixed


def _fixed(part: Any) -> Any:
    """A part of an index without arrays: x[:n] takes one for n."""
    if not isinstance(part, slice):
        return part
    return slice(*[None if n is None else operator.index(n) for n in (part.start, part.stop, part.step)])


def _with_arrays(x: Tensor, parts: tuple[Any, ...]) -> Tensor:
    """x[parts] with an array among the parts: first the slices and new axes, as a view, and then the arrays.

    NumPy takes an integer beside an array for an array, too: it decides where the axes of the arrays come to stand.
    """
    view: list[Any] = []
    indices: list[Any] = []
    distinct = True
    for part, axis in _placed(x, [_read(x, part) for part in parts]):
        if part is None or isinstance(part, slice):
            view.append(part)
            indices.append(ALL)
        elif is_whole(part) or part.dtype.kind != "b":
            view.append(ALL)
            indices.append(numbers_of("slice: indices", x, axis, part))
            distinct = distinct and indices[-1].size == 1
        elif part.ndim == 0:  # all of a new axis, or nothing of it
            view.append(None)
            indices.append(constant(array_module(x._array).arange(int(part))))
        else:
            if part.shape != x.shape[axis : axis + part.ndim]:
                raise ShapeError(
                    "slice: a mask must have the lengths of the axes that it stands for, "
                    f"here from axis {axis} on\n{shapes(x=x, mask=part)}"
                )
            view += [ALL] * part.ndim
            indices += [constant(numbers) for numbers in part.nonzero()]
    arrays = [numbers for numbers in indices if numbers is not ALL]
    try:
        np.broadcast_shapes(*[numbers.shape for numbers in arrays])
    except ValueError:
        listing = shapes(x=x, **{f"array {number}": each for number, each in enumerate(arrays)})
        raise ShapeError(f"slice: the arrays of an index must broadcast against each other\n{listing}") from None
    if any(part != ALL for part in view):
        x = Slice(_checked(x, tuple(view)))(x)
    return Take(tuple(indices), distinct)(x)


def _read(x: Tensor, part: Any) -> Any:
    """A part of an index; lists and other libraries' arrays as arrays of integers or bool on the device of x."""
    if part is None or part is Ellipsis or isinstance(part, slice) or is_whole(part):
        return part
    if isinstance(part, Tensor):
        raise DTypeError(
            f"slice: indices must be integers or bool, but are a Tensor of {part.dtype}\n"
            "  a comparison, such as x > 0, gives a mask; x.numpy().astype(int) gives integers"
        )
    array = listed(part, "slice: an index")
    if array.dtype.kind not in "biu":
        raise DTypeError(f"slice: indices must be integers or bool, but are {array.dtype}\n{shapes(x=x, index=array)}")
    xp = array_module(x._array)
    if xp is np and array_module(array) is not np:
        raise DeviceError(f"slice: indices are on a GPU, but x is not\n{shapes(x=x, indices=array)}")
    return xp.asarray(array)


def _placed(x: Tensor, parts: list[Any]) -> Iterator[tuple[Any, int]]:
    """Each part of an index and the axis of x at which it begins; slices stand in for … and for axes at the end."""
    dots = [part for part in parts if part is Ellipsis]
    missing = x.ndim - sum(map(_length, parts))
    if missing < 0 or len(dots) > 1:
        listing = ", ".join("..." if part is Ellipsis else described(part) for part in parts)
        fault = 'an index has one "..." at most' if len(dots) > 1 else f"the index is for {x.ndim - missing} axes"
        raise ArgumentError(f"slice: {fault}\n{shapes(x=x)}   index ({listing})")
    if not dots:
        parts = [*parts, Ellipsis]
    axis = 0
    for part in parts:
        if part is Ellipsis:
            for _ in range(missing):
                yield ALL, axis
                axis += 1
        else:
            yield part, axis
            axis += _length(part)


def _length(part: Any) -> int:
    """Number of axes of x that a part of an index stands for."""
    if part is None or part is Ellipsis:
        return 0
    return int(part.ndim) if getattr(part, "dtype", None) == np.bool_ else 1
