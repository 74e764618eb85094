"""Axes removed, added, joined, moved and turned around."""

import math
from typing import Any

from rawgan.autograd import Gradients, Op
from rawgan.errors import ArgumentError, ShapeError, described, shapes
from rawgan.ops.arguments import Axis, as_tensors, axes_in_order, axes_of, is_whole, one_axis
from rawgan.ops.indexing import slice_
from rawgan.ops.registry import case, normal, op
from rawgan.ops.shape import Shape, reshape, transpose
from rawgan.tensor import Tensor
from rawgan_kernels import array_module


@op(
    case("every axis of length 1", normal(1, 3, 1)),
    case("one, from the back", normal(1, 3, 1), axis=-1),
    method=True,
)
def squeeze(x: Any, axis: Axis = None) -> Tensor:
    """x without axes of length 1: all of them, or those in `axis`.

    Raises: ShapeError if an axis in `axis` is of another length

    >>> squeeze(Tensor([[[1.0], [2.0]]])).shape, squeeze(Tensor([[[1.0], [2.0]]]), axis=0).shape
    ((2,), (2, 1))
    """
    (x,) = as_tensors(x)
    axes = [axis for axis, n in enumerate(x.shape) if n == 1] if axis is None else axes_of("squeeze", x, axis)
    if any(x.shape[each] != 1 for each in axes):
        raise ShapeError(f"squeeze: only axes of length 1 can be left out\n{shapes(x=x, axis=axis)}")
    return reshape(x, tuple(n for each, n in enumerate(x.shape) if each not in axes))


@op(
    case("two, of the result", normal(2, 3), axis=(0, -1)),
    case("in between", normal(2, 3), axis=1),
)
def expand_dims(x: Any, axis: int | tuple[int, ...]) -> Tensor:
    """x with a new axis of length 1 at each place in `axis`, counted in the result. `x[:, None]` is another way.

    Raises: ArgumentError for an axis that the result does not have

    >>> expand_dims(Tensor([1.0, 2.0]), axis=-1).shape
    (2, 1)
    """
    (x,) = as_tensors(x)
    given = axis if isinstance(axis, tuple | list) else (axis,)
    rank = x.ndim + len(given)
    places = {int(a) % rank for a in given if is_whole(a) and -rank <= a < rank}
    if len(places) != len(given):
        raise ArgumentError(
            f"expand_dims: axis must name new axes among the {rank} of the result, each once\n{shapes(x=x, axis=axis)}"
        )
    lengths = iter(x.shape)
    return reshape(x, tuple(1 if place in places else next(lengths) for place in range(rank)))


@op(
    case("everything", normal(2, 3)),
    case("the last two of three", normal(2, 3, 2), start_axis=1),
    method=True,
)
def flatten(x: Any, start_axis: int = 0, end_axis: int = -1) -> Tensor:
    """x with the axes from `start_axis` to `end_axis` joined into one; `flatten(x, 1)` makes a vector of each sample.

    Shapes: (2, 3, 4) → (24,), from axis 1 → (2, 12); a number → (1,)
    Raises: ArgumentError for axes that x does not have, or in the wrong order

    >>> flatten(Tensor([[1.0, 2.0], [3.0, 4.0]]))
    Tensor([1., 2., 3., 4.], float32)
    """
    (x,) = as_tensors(x)
    if not x.ndim:
        x = reshape(x, (1,))
    start, end = one_axis("flatten", x, start_axis, "start_axis"), one_axis("flatten", x, end_axis, "end_axis")
    if start > end:
        raise ArgumentError(
            f"flatten: start_axis must not come after end_axis\n{shapes(x=x, start_axis=start_axis, end_axis=end_axis)}"
        )
    return reshape(x, (*x.shape[:start], math.prod(x.shape[start : end + 1]), *x.shape[end + 1 :]))


@op(
    case("first and last", normal(2, 3, 4), axis1=0, axis2=-1),
    method=True,
)
def swapaxes(x: Any, axis1: int, axis2: int) -> Tensor:
    """x with two axes exchanged.

    Raises: ArgumentError for an axis that x does not have

    >>> swapaxes(Tensor([[[1.0], [2.0]]]), 0, 1).shape
    (2, 1, 1)
    """
    (x,) = as_tensors(x)
    first, second = one_axis("swapaxes", x, axis1, "axis1"), one_axis("swapaxes", x, axis2, "axis2")
    order = list(range(x.ndim))
    order[first], order[second] = second, first
    return transpose(x, tuple(order))


@op(
    case("one to the end", normal(2, 3, 4), source=0, destination=-1),
    case("two at once", normal(2, 3, 4), source=(0, 2), destination=(1, 0)),
    method=True,
)
def moveaxis(x: Any, source: int | tuple[int, ...], destination: int | tuple[int, ...]) -> Tensor:
    """x with axes moved elsewhere; the others keep their order. `moveaxis(x, 1, -1)` makes NHWC of NCHW.

    Raises: ArgumentError unless source and destination name equally many axes, each once

    >>> moveaxis(Tensor([[[1.0, 2.0, 3.0]]]), -1, 0).shape
    (3, 1, 1)
    """
    (x,) = as_tensors(x)
    sources = axes_in_order("moveaxis", x, source, "source")
    destinations = axes_in_order("moveaxis", x, destination, "destination")
    if len(sources) != len(destinations):
        raise ArgumentError(
            "moveaxis: source and destination must name equally many axes\n"
            f"{shapes(x=x, source=source, destination=destination)}"
        )
    order = [axis for axis in range(x.ndim) if axis not in sources]
    for place, axis in sorted(zip(destinations, sources, strict=True)):
        order.insert(place, axis)
    return transpose(x, tuple(order))


@op(
    case("one axis", normal(2, 3), axis=-1),
    case("all axes", normal(2, 3)),
    method=True,
)
def flip(x: Any, axis: Axis = None) -> Tensor:
    """x in reverse order along `axis` (an int, several, or None for all): a view.

    `flip(x, 2)` mirrors images from left to right.

    >>> flip(Tensor([1.0, 2.0, 3.0]))
    Tensor([3., 2., 1.], float32)
    """
    (x,) = as_tensors(x)
    axes = axes_of("flip", x, axis)
    return slice_(x, tuple(slice(None, None, -1 if each in axes else 1) for each in range(x.ndim)))


class Roll(Op):
    """y[i] = x[i − shift] along each axis of `axes`, counted around its end.

    Backward: gx[i] = gy[i + shift]
    """

    uses_inputs = False

    def __init__(self, shifts: Shape, axes: Shape) -> None:
        self.shifts, self.axes = shifts, axes

    def forward(self, x: Any) -> Any:
        return array_module(x).roll(x, self.shifts, self.axes)

    def backward(self, gy: Tensor) -> Gradients:
        return (Roll(tuple(-shift for shift in self.shifts), self.axes)(gy),)


@op(
    case("one axis", normal(2, 3), shift=1, axis=1),
    case("two axes, backwards", normal(2, 3), shift=(-4, 1), axis=(1, 0)),
    case("everything", normal(2, 3), shift=2),
    method=True,
)
def roll(x: Any, shift: int | tuple[int, ...], axis: Axis = None) -> Tensor:
    """x moved by `shift` elements along `axis`; what leaves at the end comes in at the front.

    With `axis` None the flat array is rolled, and one shift may be for several axes, as in NumPy.

    Raises: ArgumentError unless the shifts are integers, one for each axis

    >>> roll(Tensor([1.0, 2.0, 3.0]), 1)
    Tensor([3., 1., 2.], float32)
    """
    (x,) = as_tensors(x)
    shifts = tuple(shift) if isinstance(shift, tuple | list) else (shift,)
    if not all(is_whole(each) for each in shifts):
        raise ArgumentError(f"roll: shift must be an integer or several, but is {described(shift)}")
    if axis is None:
        flat = reshape(x, (x.size,))
        if len(shifts) != 1:
            raise ArgumentError(f"roll: several shifts need an axis for each\n{shapes(x=x, shift=shift)}")
        return reshape(Roll((int(shifts[0]),), (0,))(flat), x.shape)
    axes = axes_in_order("roll", x, axis)
    if len(shifts) not in (1, len(axes)):
        raise ArgumentError(f"roll: there must be one shift for each axis\n{shapes(x=x, shift=shift, axis=axis)}")
    if len(shifts) != len(axes):
        shifts = shifts * len(axes)
    return Roll(tuple(map(int, shifts)), axes)(x)
