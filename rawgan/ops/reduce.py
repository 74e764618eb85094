"""Reductions over axes, and broadcasting, which is the backward of a sum."""

import math
from typing import Any

import rawgan_kernels as kernels
from rawgan.autograd import Gradients, Op
from rawgan.errors import ShapeError, shapes
from rawgan.ops.arguments import Axis, as_tensors, axes_of, check_size, flag, shape_of
from rawgan.ops.registry import apart, case, normal, op
from rawgan.ops.shape import Shape, reshape
from rawgan.tensor import Tensor
from rawgan_kernels import array_module


class Reduction(Op):
    """An op that removes `axes`, or keeps them with length 1."""

    def __init__(self, axes: tuple[int, ...], keepdims: bool) -> None:
        self.axes, self.keepdims = axes, bool(keepdims)

    def spread(self, y: Tensor) -> Tensor:
        """Repeat a Tensor of the result's shape over the reduced axes, back to the input's shape."""
        (shape,) = self.shapes
        return broadcast_to(reshape(y, self.kept(shape)), shape)

    def kept(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """The shape of an input with length 1 along the reduced axes."""
        return tuple(1 if axis in self.axes else n for axis, n in enumerate(shape))


class Sum(Reduction):
    """y = Σ x over `axes`.

    Shapes:   x any → y without `axes`, or with them of length 1
    Backward: gx = gy, repeated over `axes`
    """

    uses_inputs = False

    def forward(self, x: Any) -> Any:
        if self.axes and self.axes == tuple(range(x.ndim - 1)):  # over all but the channels
            y = kernels.channel_sum(x)
            return y.reshape((1,) * len(self.axes) + y.shape) if self.keepdims else y
        return x.sum(axis=self.axes, keepdims=self.keepdims)

    def backward(self, gy: Tensor) -> Gradients:
        return (self.spread(gy),)


@op(
    case("everything", normal(2, 3)),
    case("an axis from the back", normal(2, 3, 4), axis=-2),
    case("two axes kept", normal(2, 3, 4), axis=(0, 2), keepdims=True),
    method=True,
)
def sum(x: Any, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """Sum over `axis` (an int, several, or None for all).

    Shapes: x any → without `axis`, or with it of length 1 if keepdims
    Raises: ArgumentError for an axis that x does not have

    >>> sum(Tensor([[1.0, 2.0], [3.0, 4.0]]), axis=0)
    Tensor([4., 6.], float32)
    """
    (x,) = as_tensors(x)
    return Sum(axes_of("sum", x, axis), flag("sum", "keepdims", keepdims))(x)


@op(
    case("everything", normal(2, 3)),
    case("two axes", normal(2, 3, 4), axis=(1, 2)),
    case("an axis kept", normal(2, 3), axis=0, keepdims=True),
    method=True,
)
def mean(x: Any, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """Mean over `axis` (an int, several, or None for all).

    Shapes: x any → without `axis`, or with it of length 1 if keepdims
    Raises: ArgumentError for an axis that x does not have, ShapeError for the mean of no elements

    >>> mean(Tensor([[1.0, 2.0], [3.0, 4.0]]), axis=1)
    Tensor([1.5, 3.5], float32)
    """
    (x,) = as_tensors(x)
    axes = axes_of("mean", x, axis)
    return Sum(axes, flag("mean", "keepdims", keepdims))(x) / _count("mean", x, axes)


class Max(Reduction):
    """y = the largest x along `axes`; NaN if one of them is.

    Shapes:   x any → y without `axes`, or with them of length 1
    Backward: gx = gy at the largest element; where several are, each gets an equal share
    """

    keeps_output = True

    def forward(self, x: Any) -> Any:
        return x.max(axis=self.axes, keepdims=self.keepdims)

    def backward(self, gy: Tensor) -> Gradients:
        (x,) = self.inputs
        largest = x._array == self.spread(self.output.detach())._array
        share = largest.astype(x.dtype) / array_module(x._array).maximum(largest.sum(axis=self.axes, keepdims=True), 1)
        return (Share(share.astype(x.dtype))(self.spread(gy)),)


@op(
    case("everything", apart(2, 3)),
    case("two axes", apart(2, 3, 4), axis=(0, 2)),
    case("an axis kept", apart(2, 3), axis=-1, keepdims=True),
    method=True,
)
def max(x: Any, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """Largest element along `axis` (an int, several, or None for all).

    Shapes: x any → without `axis`, or with it of length 1 if keepdims
    Raises: ArgumentError for an axis that x does not have, ShapeError for the largest of no elements

    >>> max(Tensor([[1.0, 2.0], [3.0, 4.0]]), axis=1)
    Tensor([2., 4.], float32)
    """
    (x,) = as_tensors(x)
    axes = axes_of("max", x, axis)
    _count("max", x, axes)
    return Max(axes, flag("max", "keepdims", keepdims))(x)


class Min(Max):
    """y = the smallest x along `axes`; NaN if one of them is.

    Shapes:   x any → y without `axes`, or with them of length 1
    Backward: gx = gy at the smallest element; where several are, each gets an equal share
    """

    def forward(self, x: Any) -> Any:
        return x.min(axis=self.axes, keepdims=self.keepdims)


@op(
    case("everything", apart(2, 3)),
    case("two axes", apart(2, 3, 4), axis=(0, 2)),
    case("an axis kept", apart(2, 3), axis=-1, keepdims=True),
    method=True,
)
def min(x: Any, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """Smallest element along `axis` (an int, several, or None for all).

    Shapes: x any → without `axis`, or with it of length 1 if keepdims
    Raises: ArgumentError for an axis that x does not have, ShapeError for the smallest of no elements

    >>> min(Tensor([[1.0, 2.0], [3.0, 4.0]]), axis=1)
    Tensor([1., 3.], float32)
    """
    (x,) = as_tensors(x)
    axes = axes_of("min", x, axis)
    _count("min", x, axes)
    return Min(axes, flag("min", "keepdims", keepdims))(x)


class Share(Op):
    """y = share · x, and 0 where the share is 0, even if x is infinite: what was not selected has no gradient.

    Backward: gx = share · gy, likewise: it is its own backward
    """

    uses_inputs = False

    def __init__(self, share: Any) -> None:
        self.share = share

    def forward(self, x: Any) -> Any:
        return self.share * array_module(x).where(self.share == 0, 0, x)

    def backward(self, gy: Tensor) -> Gradients:
        return (Share(self.share)(gy),)


class BroadcastTo(Op):
    """y = x, repeated along its axes of length 1 and along new axes in front.

    Backward: gx = Σ gy over the repetitions: Sum and BroadcastTo are each other's backward
    """

    uses_inputs = False
    view_of = 0

    def __init__(self, shape: Shape) -> None:
        self.shape = shape

    def forward(self, x: Any) -> Any:
        return array_module(x).broadcast_to(x, self.shape)

    def backward(self, gy: Tensor) -> Gradients:
        return (unbroadcast(gy, self.shapes[0]),)


@op(
    case("new axes and length 1", normal(3, 1), shape=(2, 3, 4)),
    case("its own shape", normal(3, 2), shape=(3, 2)),
)
def broadcast_to(x: Any, shape: Shape) -> Tensor:
    """x repeated along axes of length 1, and along new axes in front, until it has `shape`.

    Raises: ShapeError if x does not broadcast to `shape`, ArgumentError unless that is a tuple of integers

    >>> broadcast_to(Tensor([1.0, 2.0]), (2, 2))
    Tensor([[1., 2.],
            [1., 2.]], float32)
    """
    (x,) = as_tensors(x)
    shape = shape_of("broadcast_to", shape)
    if x.shape == shape:
        return x
    padded = (1,) * (len(shape) - x.ndim) + x.shape
    if len(padded) != len(shape) or any(n not in (1, m) for n, m in zip(padded, shape, strict=True)):
        raise ShapeError(f"broadcast_to: from the last axis on, lengths must agree or be 1\n{shapes(x=x, shape=shape)}")
    try:
        return BroadcastTo(shape)(x)
    except ValueError:  # of NumPy, which allocates nothing here
        check_size("broadcast_to", shape, x=x, shape=shape)
        raise


def unbroadcast(g: Tensor, shape: tuple[int, ...]) -> Tensor:
    """Sum g over the axes along which an array of `shape` was repeated.

    Shapes: g any → `shape`, which must broadcast to g's

    >>> unbroadcast(Tensor([[1.0, 2.0], [3.0, 4.0]]), (2,))
    Tensor([4., 6.], float32)
    """
    if g.shape == shape:
        return g
    padded = (1,) * (g.ndim - len(shape)) + shape
    repeated = tuple(axis for axis, (n, m) in enumerate(zip(g.shape, padded, strict=True)) if n != m)
    return reshape(sum(g, repeated, keepdims=True), shape)


def _count(op: str, x: Tensor, axes: tuple[int, ...]) -> int:
    """Number of elements that are reduced to one. Raises: ShapeError if there are none."""
    count = math.prod(x.shape[axis] for axis in axes)
    if count == 0:
        raise ShapeError(f"{op}: there is nothing to reduce along axes {axes}\n{shapes(x=x)}")
    return count
