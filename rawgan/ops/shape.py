"""Ops that move elements without changing them. Each one's backward moves them back."""

import math
from typing import Any

import numpy as np

from rawgan.autograd import Gradients, Op
from rawgan.errors import ArgumentError, ShapeError, described, shapes
from rawgan.ops.arguments import as_tensors, axes_of, check_size, is_number, is_whole, shape_of
from rawgan.ops.registry import case, normal, op
from rawgan.tensor import Tensor
from rawgan_kernels import array_module

Shape = tuple[int, ...]


class Reshape(Op):
    """y = x in another shape, elements in the same (row-major) order.

    Backward: gx = gy in x's shape
    """

    uses_inputs = False
    view_of = 0

    def __init__(self, shape: Shape) -> None:
        self.shape = shape

    def forward(self, x: Any) -> Any:
        return x.reshape(self.shape)

    def backward(self, gy: Tensor) -> Gradients:
        return (reshape(gy, self.shapes[0]),)


@op(
    case("free length", normal(2, 6), shape=(3, -1)),
    case("to a number", normal(1, 1), shape=()),
)
def reshape(x: Any, shape: Shape) -> Tensor:
    """The same elements in another shape; one length may be −1, for all elements that are left.

    Raises: ShapeError if the number of elements differs, ArgumentError unless `shape` is a tuple of integers

    >>> reshape(Tensor([1.0, 2.0, 3.0, 4.0]), (2, -1))
    Tensor([[1., 2.],
            [3., 4.]], float32)
    """
    (x,) = as_tensors(x)
    shape = shape_of("reshape", _unpacked(shape))
    known = math.prod(n for n in shape if n != -1)
    free = shape.count(-1)
    if free > 1 or any(n < -1 for n in shape) or (x.size != known if not free else known == 0 or x.size % known):
        raise ShapeError(f"reshape: {x.size} elements do not fit\n{shapes(x=x, shape=shape)}")
    return Reshape(tuple(x.size // known if n == -1 else n for n in shape))(x)


class Transpose(Op):
    """y[i, j, …] = x with its axes in the order `axes`.

    Backward: gx = gy with its axes put back
    """

    uses_inputs = False
    view_of = 0

    def __init__(self, axes: Shape) -> None:
        self.axes = axes

    def forward(self, x: Any) -> Any:
        return x.transpose(self.axes)

    def backward(self, gy: Tensor) -> Gradients:
        return (transpose(gy, tuple(int(axis) for axis in np.argsort(self.axes))),)


@op(
    case("reversed", normal(2, 3, 4)),
    case("a cycle", normal(2, 3, 4), axes=(1, 2, 0)),
    case("from the back", normal(2, 3, 4), axes=(-1, 0, -2)),
)
def transpose(x: Any, axes: Shape | None = None) -> Tensor:
    """x with its axes in another order; reversed if `axes` is None.

    Raises: ArgumentError unless `axes` names each axis once

    >>> transpose(Tensor([[1.0, 2.0], [3.0, 4.0]]))
    Tensor([[1., 3.],
            [2., 4.]], float32)
    """
    (x,) = as_tensors(x)
    given = tuple(reversed(range(x.ndim))) if axes is None else _unpacked(axes)
    listed = isinstance(given, tuple | list) and all(is_whole(a) for a in given)
    order = tuple(int(a) + x.ndim if a < 0 else int(a) for a in given) if listed else ()
    if not listed or sorted(order) != list(range(x.ndim)):
        raise ArgumentError(f"transpose: axes must name each of the {x.ndim} axes once\n{shapes(x=x, axes=axes)}")
    return Transpose(order)(x)


def _unpacked(numbers: Any) -> Any:
    """Integers given one by one, or as one tuple of them."""
    one = isinstance(numbers, tuple | list) and len(numbers) == 1
    return numbers[0] if one and isinstance(numbers[0], tuple | list) else numbers


class Concatenate(Op):
    """y = the inputs, one after the other along `axis`.

    Backward: each input gets its part of gy
    """

    uses_inputs = False

    def __init__(self, axis: int) -> None:
        self.axis = axis

    def forward(self, *xs: Any) -> Any:
        return array_module(xs[0]).concatenate(xs, axis=self.axis)

    def backward(self, gy: Tensor) -> Gradients:
        parts: list[Tensor | None] = []
        start = 0
        for needed, shape in zip(self.needs, self.shapes, strict=True):
            stop = start + shape[self.axis]
            parts.append(gy[(slice(None),) * self.axis + (slice(start, stop),)] if needed else None)
            start = stop
        return tuple(parts)


@op(
    case("first axis", normal(2, 3), normal(1, 3), call=lambda join, *xs: join(xs)),
    case("three along the last", normal(2, 1), normal(2, 3), normal(2, 2), call=lambda join, *xs: join(xs, -1)),
)
def concatenate(xs: list[Tensor] | tuple[Tensor, ...], axis: int = 0) -> Tensor:
    """Join Tensors along `axis`, the only axis along which their lengths may differ.

    Raises: ShapeError if other lengths differ or there is nothing to join, ArgumentError unless `xs` is a list

    >>> concatenate([Tensor([1.0]), Tensor([2.0, 3.0])])
    Tensor([1., 2., 3.], float32)
    """
    if not isinstance(xs, tuple | list):
        raise ArgumentError(
            f"concatenate: xs must be a list of Tensors, but is {described(xs)}\n  write concatenate([a, b])"
        )
    if not xs:
        raise ShapeError("concatenate: there is nothing to join; give at least one Tensor")
    tensors = as_tensors(*xs)
    if not is_whole(axis):
        raise ArgumentError(f"concatenate: axis must be an integer, but is {described(axis)}")
    (along,) = axes_of("concatenate", tensors[0], axis)
    rests = {x.shape[:along] + x.shape[along + 1 :] + (x.ndim,) for x in tensors}
    if len(rests) > 1:
        listing = shapes(**{f"xs[{index}]": x for index, x in enumerate(tensors)}, axis=along)
        raise ShapeError(f"concatenate: lengths may differ only along axis {along}\n{listing}")
    return Concatenate(along)(*tensors)


class Pad(Op):
    """y = x with `value` around it: (before, after) elements along each axis.

    Backward: gx = gy without the border
    """

    uses_inputs = False

    def __init__(self, widths: tuple[tuple[int, int], ...], value: float) -> None:
        self.widths, self.value = widths, value

    def forward(self, x: Any) -> Any:
        shape = tuple(n + before + after for n, (before, after) in zip(x.shape, self.widths, strict=True))
        y = array_module(x).full(shape, self.value, x.dtype)
        y[self._inside(x.shape)] = x
        return y

    def backward(self, gy: Tensor) -> Gradients:
        return (gy[self._inside(self.shapes[0])],)

    def _inside(self, shape: Shape) -> tuple[slice, ...]:
        return tuple(slice(before, before + n) for n, (before, _) in zip(shape, self.widths, strict=True))


@op(
    case("uneven", normal(2, 3), widths=((1, 0), (2, 1))),
    case("with a value", normal(3), widths=((1, 1),), value=2.0),
)
def pad(x: Any, widths: tuple[tuple[int, int], ...], value: float = 0.0) -> Tensor:
    """x with a border of `value`: (before, after) elements along each axis.

    Raises: ArgumentError unless there is one pair of numbers ≥ 0 for each axis

    >>> pad(Tensor([1.0, 2.0]), ((1, 2),))
    Tensor([0., 1., 2., 0., 0.], float32)
    """
    (x,) = as_tensors(x)
    pairs = widths if isinstance(widths, tuple | list) else ()
    if len(pairs) != x.ndim or not all(_is_pair(pair) for pair in pairs):
        raise ArgumentError(
            f"pad: widths must be {x.ndim} pairs (before, after) of integers ≥ 0\n{shapes(x=x, widths=widths)}"
        )
    if not is_number(value):
        raise ArgumentError(f"pad: value must be a number, but is {described(value)}")
    numbers = tuple((int(before), int(after)) for before, after in pairs)
    check_size("pad", tuple(n + sum(pair) for n, pair in zip(x.shape, numbers, strict=True)), x=x, widths=widths)
    return Pad(numbers, value)(x)


def _is_pair(pair: Any) -> bool:
    return isinstance(pair, tuple | list) and len(pair) == 2 and all(is_whole(n) and n >= 0 for n in pair)
