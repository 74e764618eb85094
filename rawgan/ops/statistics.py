"""Variance, standard deviation and products over axes."""

import math
from typing import Any

import numpy as np

from rawgan.autograd import Gradients
from rawgan.errors import ArgumentError, described, shapes
from rawgan.ops.arguments import Axis, as_tensors, axes_of, flag, is_number
from rawgan.ops.elementary import sqrt
from rawgan.ops.reduce import Reduction, mean
from rawgan.ops.registry import case, nonzero, normal, op
from rawgan.ops.selection import where
from rawgan.ops.shape import concatenate, reshape, transpose
from rawgan.tensor import Tensor
from rawgan_kernels import array_module


class Var(Reduction):
    """y = Σ (x − mean)² / (n − correction) over `axes`, of n numbers each.

    Both sums are in double precision: those of many float32 numbers would drift.

    Shapes:   x any → y without `axes`, or with them of length 1
    Backward: gx = gy · 2 · (x − mean) / (n − correction)
    """

    def __init__(self, axes: tuple[int, ...], keepdims: bool, correction: float) -> None:
        super().__init__(axes, keepdims)
        self.correction = correction

    def forward(self, x: Any) -> Any:
        self.count = math.prod(x.shape[axis] for axis in self.axes)
        biased = x.var(axis=self.axes, dtype=np.float64, keepdims=self.keepdims)
        return (biased * (self.count / (self.count - self.correction))).astype(x.dtype)

    def backward(self, gy: Tensor) -> Gradients:
        (x,) = self.inputs
        centred = x - mean(x, self.axes, keepdims=True)
        return (self.spread(gy) * (centred * (2 / (self.count - self.correction))),)


@op(
    case("everything", normal(2, 3)),
    case("an axis, unbiased", normal(3, 4), axis=0, correction=1),
    case("two axes kept", normal(2, 3, 4), axis=(0, 2), keepdims=True),
    method=True,
)
def var(x: Any, axis: Axis = None, keepdims: bool = False, correction: float = 0) -> Tensor:
    """Variance over `axis` (an int, several, or None for all): the mean of (x − mean)².

    The divisor is the number of elements minus `correction`: 0 as in NumPy; 1, PyTorch's default, makes the variance
    unbiased.

    Shapes: x any → without `axis`, or with it of length 1 if keepdims
    Raises: ArgumentError for an axis that x does not have, or unless correction is below the number of elements

    >>> x = Tensor([[1.0, 3.0], [2.0, 6.0]])
    >>> var(x, axis=1), var(x, axis=1, correction=1)
    (Tensor([1., 4.], float32), Tensor([2., 8.], float32))
    """
    return _var("var", x, axis, keepdims, correction)


@op(
    case("everything", normal(2, 3)),
    case("an axis, unbiased", normal(3, 4), axis=0, correction=1),
    case("two axes kept", normal(2, 3, 4), axis=(0, 2), keepdims=True),
    method=True,
)
def std(x: Any, axis: Axis = None, keepdims: bool = False, correction: float = 0) -> Tensor:
    """Standard deviation over `axis`, the root of `var`, with a gradient of 0 where all elements are equal.

    Shapes: x any → without `axis`, or with it of length 1 if keepdims
    Raises: ArgumentError for an axis that x does not have, or unless correction is below the number of elements

    >>> std(Tensor([[1.0, 3.0], [2.0, 6.0]]), axis=1)
    Tensor([1., 2.], float32)
    """
    return root(_var("std", x, axis, keepdims, correction))


def _var(op: str, x: Any, axis: Axis, keepdims: bool, correction: float) -> Tensor:
    (x,) = as_tensors(x)
    axes = axes_of(op, x, axis)
    keepdims = flag(op, "keepdims", keepdims)
    count = math.prod(x.shape[axis] for axis in axes)
    if not (is_number(correction) and -math.inf < correction < count):
        raise ArgumentError(
            f"{op}: correction must be a number below {count}, the number of elements, but is {described(correction)}\n"
            f"{shapes(x=x, axis=axis)}"
        )
    return Var(axes, keepdims, float(correction))(x)


def root(x: Tensor) -> Tensor:
    """√x for x ≥ 0, with a slope of 0 at 0 instead of ∞."""
    none = x._array == 0
    return where(none, 0, sqrt(where(none, 1, x))) if none.any() else sqrt(x)


@op(
    case("everything", nonzero(2, 3)),
    case("two axes kept", normal(2, 3, 2), axis=(0, 2), keepdims=True),
    case("an axis, zeros", normal(2, 3), axis=1, call=lambda prod, x, axis: prod(x * [1.0, 0.0, 1.0], axis)),
    method=True,
)
def prod(x: Any, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """Product over `axis` (an int, several, or None for all); 1 for no numbers.

    Halves are multiplied until one number is left. So derivatives of every order are right at 0, too.

    Shapes: x any → without `axis`, or with it of length 1 if keepdims
    Raises: ArgumentError for an axis that x does not have

    >>> prod(Tensor([[1.0, 2.0], [3.0, 4.0]]), axis=0)
    Tensor([3., 8.], float32)
    """
    (x,) = as_tensors(x)
    axes = axes_of("prod", x, axis)
    keepdims = flag("prod", "keepdims", keepdims)
    kept = tuple(axis for axis in range(x.ndim) if axis not in axes)
    lengths = tuple(x.shape[axis] for axis in kept)
    y = reshape(transpose(x, (*axes, *kept)), (math.prod(x.shape[axis] for axis in axes), *lengths))
    while len(y) > 1:
        half = len(y) // 2
        pairs = y[:half] * y[half : 2 * half]
        y = concatenate([pairs, y[2 * half :]], 0) if len(y) % 2 else pairs
    if not len(y):
        y = concatenate([y, Tensor.wrap(array_module(x._array).ones((1, *lengths), x.dtype))], 0)
    return reshape(y, tuple(1 if axis in axes else n for axis, n in enumerate(x.shape)) if keepdims else lengths)
