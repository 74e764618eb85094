"""Products, and sums and products of all elements so far."""

import math
from typing import Any

import numpy as np

import rawgan_kernels as kernels
from rawgan.autograd import Gradients, Op, is_recording
from rawgan.ops.arguments import Axis, as_tensors, axes_of, flag, one_axis
from rawgan.ops.registry import case, nonzero, normal, op
from rawgan.ops.shape import concatenate, reshape, transpose
from rawgan.tensor import Tensor
from rawgan_kernels import array_module

LONG = 16
"""Numbers of a row that are multiplied one after the other, at most if their number is even."""


class CumSum(Op):
    """y[i] = Σ x[j] over j ≤ i along `axis`; over j ≥ i if `reverse`. float32 is summed in float64, and rounded once.

    Backward: gx[j] = Σ gy[i] over i ≥ j: the sum from the other end
    """

    uses_inputs = False

    def __init__(self, axis: int, reverse: bool = False) -> None:
        self.axis, self.reverse = axis, reverse

    def forward(self, x: Any) -> Any:
        return kernels.cumsum(_lines(x, self.axis), self.reverse).reshape(x.shape)

    def backward(self, gy: Tensor) -> Gradients:
        return (CumSum(self.axis, not self.reverse)(gy),)


class Scan(Op):
    """y[i] = a[i] · y[i−1] + b[i] along `axis`, with y[0] = b[0]; if `reverse`, y[i] = a[i+1] · y[i+1] + b[i].

    Each of the two is the transpose of the other, as a map from b to y, so it is the other's backward.

    Backward: gb = the other one of gy; ga[i] = gb[i] · y[i−1]; if `reverse`, ga[i] = gb[i−1] · y[i]; ga[0] = 0
    """

    keeps_output = True

    def __init__(self, axis: int, reverse: bool = False) -> None:
        self.axis, self.reverse = axis, reverse

    def forward(self, a: Any, b: Any) -> Any:
        return kernels.scan(_lines(a, self.axis), _lines(b, self.axis), self.reverse).reshape(a.shape)

    def backward(self, gy: Tensor) -> Gradients:
        a, _ = self.inputs
        gb, ga = Scan(self.axis, not self.reverse)(a, gy), None
        if self.needs[0]:
            earlier, later = (gb, self.output) if self.reverse else (self.output, gb)
            ga = later * _shifted(earlier, self.axis, 0.0)
        return ga, gb


class CumProd(Op):
    """y[i] = Π x[j] over j ≤ i along `axis`. float32 is multiplied in float64, and rounded once.

    Backward: gx[i] = Π x[j] over j < i, times s[i] = gy[i] + x[i+1] · s[i+1]: nothing is divided by an x that may be 0
    """

    keeps_output = True

    def __init__(self, axis: int) -> None:
        self.axis = axis

    def forward(self, x: Any) -> Any:
        lines = _lines(x, self.axis)
        first = array_module(x).zeros_like(lines)
        first[:, :1] = lines[:, :1]
        return kernels.scan(lines, first, False).reshape(x.shape)

    def backward(self, gy: Tensor) -> Gradients:
        (x,) = self.inputs
        return (_shifted(self.output, self.axis, 1.0) * Scan(self.axis, reverse=True)(x, gy),)


class Prod(Op):
    """y = Π x[i] over `axes`, which y keeps with length 1.

    Backward: gx[i] = gy times the products of all elements before i and after i; y / x[i] if that is a number
    """

    keeps_output = True

    def __init__(self, axes: tuple[int, ...]) -> None:
        self.axes = axes

    def forward(self, x: Any) -> Any:
        shape = tuple([1 if each in self.axes else n for each, n in enumerate(x.shape)])
        if self.axes != tuple(range(x.ndim - len(self.axes), x.ndim)):
            return x.prod(axis=self.axes, keepdims=True)
        n = math.prod(x.shape[each] for each in self.axes)
        x = x.reshape(x.size // n if n else math.prod(shape), n)
        while n > LONG and n % 2 == 0:  # in pairs: NumPy multiplies the numbers of a row one after the other
            n //= 2
            x = x[:, :n] * x[:, n:]
        return x.prod(axis=1).reshape(shape)

    def backward(self, gy: Tensor) -> Gradients:
        (x,), y = self.inputs, self.output
        if not is_recording():
            size = abs(y._array)
            if bool(((size >= np.finfo(y.dtype).tiny) & (size < np.inf)).all()):
                gx = y._array / x._array
                gx *= gy._array
                return (Tensor.wrap(gx),)
        order = *self.axes, *(each for each in range(x.ndim) if each not in self.axes)
        n = math.prod(x.shape[each] for each in self.axes)
        moved = transpose(x, order)
        rows = reshape(moved, (n, gy.size))
        zeros = Tensor.wrap(array_module(x._array).zeros((max(n - 1, 0), gy.size), x.dtype))
        last = concatenate([zeros, reshape(transpose(gy, order), (1, gy.size))])[:n]
        gx = _shifted(CumProd(0)(rows), 0, 1.0) * Scan(0, reverse=True)(rows, last)
        return (transpose(reshape(gx, moved.shape), tuple([order.index(each) for each in range(x.ndim)])),)


def _lines(x: Any, axis: int) -> Any:
    """x with three axes: those before, this one, those after. Shapes: (…, n, …) → (M, n, K)"""
    return x.reshape(math.prod(x.shape[:axis]), x.shape[axis], math.prod(x.shape[axis + 1 :]))


def _shifted(x: Tensor, axis: int, start: float) -> Tensor:
    """x moved by one along an axis: `start` comes first, and the last one is left out."""
    front = (slice(None),) * axis
    first = array_module(x._array).full_like(x._array[(*front, slice(1))], start)
    return concatenate([Tensor.wrap(first), x[(*front, slice(-1))]], axis)


@op(
    case("an axis", normal(2, 4), axis=1),
    case("everything", normal(2, 3)),
    method=True,
)
def cumsum(x: Any, axis: int | None = None) -> Tensor:
    """Sums of all elements up to each, along `axis`; of the flat array if None, as in NumPy.

    Raises: ArgumentError for an axis that x does not have

    >>> cumsum(Tensor([1.0, 2.0, 3.0]))
    Tensor([1., 3., 6.], float32)
    """
    (x,) = as_tensors(x)
    if axis is None:
        x, axis = reshape(x, (x.size,)), 0
    return CumSum(one_axis("cumsum", x, axis))(x)


@op(
    case("an axis", nonzero(2, 3), axis=1),
    case("a zero among five", normal(5), call=lambda cumprod, x: cumprod(x * [1, 1, 0, 1, 1], axis=0)),
    method=True,
)
def cumprod(x: Any, axis: int | None = None) -> Tensor:
    """Products of all elements up to each, along `axis`; of the flat array if None, as in NumPy.

    Nothing is divided, so its derivatives are right at 0, too.

    Raises: ArgumentError for an axis that x does not have

    >>> cumprod(Tensor([1.0, 2.0, 3.0]))
    Tensor([1., 2., 6.], float32)
    """
    (x,) = as_tensors(x)
    if axis is None:
        x, axis = reshape(x, (x.size,)), 0
    return CumProd(one_axis("cumprod", x, axis))(x)


@op(
    case("two axes", normal(2, 3, 5), axis=(0, -1)),
    case("zeros", normal(3, 4), call=lambda prod, x: prod(x * [[0, 1, 0, 1], [1, 1, 0, 1], [1, 1, 1, 1]], 1, True)),
    case("everything", normal(2, 2)),
    method=True,
)
def prod(x: Any, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """Product of all elements along `axis`: an int, several, or None for all. Of no elements, it is 1.

    Its derivatives are right at 0, too.

    Raises: ArgumentError for an axis that x does not have

    >>> prod(Tensor([2.0, 3.0, 4.0]))
    Tensor(24., float32)
    """
    (x,) = as_tensors(x)
    axes, kept = axes_of("prod", x, axis), flag("prod", "keepdims", keepdims)
    shape = tuple(1 if each in axes else n for each, n in enumerate(x.shape) if kept or each not in axes)
    return reshape(Prod(axes)(x), shape)
