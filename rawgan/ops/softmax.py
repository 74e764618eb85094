"""Softmax, its logarithm, and the logarithm of a sum of exponentials, over any axes.

The kernels work along the last axis. Other axes are moved there, and joined into one.
"""

import math
from typing import Any

import rawgan_kernels as kernels
from rawgan.autograd import Gradients, Op, is_recording
from rawgan.ops.arguments import Axis, as_tensors, axes_of, flag
from rawgan.ops.elementary import exp
from rawgan.ops.reduce import Reduction, sum
from rawgan.ops.registry import case, normal, op
from rawgan.tensor import Tensor
from rawgan_kernels import array_module


class Softmax(Op):
    """y = e^x / Σ e^x, with the sum over `axes`.

    Backward: gx = y · (gy − Σ y · gy)
    """

    uses_inputs = False
    keeps_output = True

    def __init__(self, axes: tuple[int, ...]) -> None:
        self.axes = axes

    def forward(self, x: Any) -> Any:
        return _along(self.axes, kernels.softmax, x)

    def backward(self, gy: Tensor) -> Gradients:
        y = self.output
        if not is_recording():
            return (Tensor.wrap(_along(self.axes, kernels.softmax_grad, y._array, gy._array)),)
        return (y * (gy - sum(y * gy, self.axes, keepdims=True)),)


@op(
    case("last axis", normal(2, 3)),
    case("an axis in front", normal(2, 3, 2), axis=0),
    case("two axes", normal(2, 3, 2), axis=(0, 2)),
    method=True,
)
def softmax(x: Any, axis: Axis = -1) -> Tensor:
    """e^x / Σ e^x: numbers between 0 and 1 whose sum over `axis` (an int, several, or None for all) is 1.

    Exact for every finite x, as the largest is subtracted first. −∞, as of a mask, gives 0 and gets no gradient; a row
    of −∞ alone gives NaN.

    Shapes: x any → the same
    Raises: ArgumentError for an axis that x does not have

    >>> softmax(Tensor([[0.0, 0.0], [1000.0, 0.0]]))
    Tensor([[0.5, 0.5],
            [1. , 0. ]], float32)
    """
    (x,) = as_tensors(x)
    return Softmax(axes_of("softmax", x, axis))(x)


class LogSoftmax(Op):
    """y = log softmax(x) = x − log Σ e^x, with the sum over `axes`.

    Backward: gx = gy − e^y · Σ gy
    """

    uses_inputs = False
    keeps_output = True

    def __init__(self, axes: tuple[int, ...]) -> None:
        self.axes = axes

    def forward(self, x: Any) -> Any:
        return _along(self.axes, kernels.log_softmax, x)

    def backward(self, gy: Tensor) -> Gradients:
        y = self.output
        if not is_recording():
            return (Tensor.wrap(_along(self.axes, kernels.log_softmax_grad, y._array, gy._array)),)
        return (gy - exp(y) * sum(gy, self.axes, keepdims=True),)


@op(
    case("last axis", normal(2, 3)),
    case("an axis in front", normal(2, 3, 2), axis=0),
    case("two axes", normal(2, 3, 2), axis=(0, 2)),
    method=True,
)
def log_softmax(x: Any, axis: Axis = -1) -> Tensor:
    """log softmax(x) over `axis` (an int, several, or None for all), also where softmax(x) rounds to 0 or 1.

    Shapes: x any → the same
    Raises: ArgumentError for an axis that x does not have

    >>> log_softmax(Tensor([[1000.0, 0.0]]))
    Tensor([[    0., -1000.]], float32)
    """
    (x,) = as_tensors(x)
    return LogSoftmax(axes_of("log_softmax", x, axis))(x)


class LogSumExp(Reduction):
    """y = log Σ e^x, with the sum over `axes`.

    Shapes:   x any → y without `axes`, or with them of length 1
    Backward: gx = gy · e^(x − y), which is gy · softmax(x)
    """

    keeps_output = True

    def forward(self, x: Any) -> Any:
        y = kernels.logsumexp(_rows(x, self.axes))
        return y.reshape(self.kept(x.shape)) if self.keepdims else y

    def backward(self, gy: Tensor) -> Gradients:
        (x,) = self.inputs
        y = self.output
        if is_recording():
            return (self.spread(gy) * exp(x - self.spread(y)),)
        rows = _rows(x._array, self.axes)
        array = kernels.logsumexp_grad(rows, *(each._array.reshape(rows.shape[:-1]) for each in (y, gy)))
        return (Tensor.wrap(_back(array, x.shape, self.axes)),)


@op(
    case("everything", normal(2, 3)),
    case("an axis kept", normal(2, 3), axis=-1, keepdims=True),
    case("two axes", normal(2, 3, 2), axis=(0, 2)),
    method=True,
)
def logsumexp(x: Any, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """log Σ e^x over `axis` (an int, several, or None for all), without overflow: a smooth maximum; −∞ for no elements.

    Shapes: x any → without `axis`, or with it of length 1 if keepdims
    Raises: ArgumentError for an axis that x does not have

    >>> logsumexp(Tensor([[0.0, 0.0], [1000.0, 0.0]]), axis=1)
    Tensor([6.931472e-01, 1.000000e+03], float32)
    """
    (x,) = as_tensors(x)
    return LogSumExp(axes_of("logsumexp", x, axis), flag("logsumexp", "keepdims", keepdims))(x)


# --- axes to the end and back ----------------------------------------------------------------------------------------


def _along(axes: tuple[int, ...], kernel: Any, *arrays: Any) -> Any:
    """The result of a kernel that works along the last axis, for `axes` of arrays of one shape."""
    if axes == (arrays[0].ndim - 1,):
        return kernel(*arrays)
    return _back(kernel(*(_rows(x, axes) for x in arrays)), arrays[0].shape, axes)


def _rows(x: Any, axes: tuple[int, ...]) -> Any:
    """Shapes: x any → (*the other axes, all of `axes`)"""
    if axes == (x.ndim - 1,):
        return x
    others = tuple(axis for axis in range(x.ndim) if axis not in axes)
    kept = tuple(x.shape[axis] for axis in others)
    return x.transpose(*others, *axes).reshape(*kept, math.prod(x.shape[axis] for axis in axes))


def _back(rows: Any, shape: tuple[int, ...], axes: tuple[int, ...]) -> Any:
    """The inverse of `_rows`, in one piece of memory."""
    if axes == (len(shape) - 1,):
        return rows
    order = (*(axis for axis in range(len(shape)) if axis not in axes), *axes)
    moved = rows.reshape([shape[axis] for axis in order])
    inverse = sorted(range(len(shape)), key=order.__getitem__)
    return array_module(rows).ascontiguousarray(moved.transpose(*inverse)).reshape(shape)
