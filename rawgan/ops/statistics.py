"""Variance and standard deviation over axes."""

import math
from typing import Any

import numpy as np

from rawgan.autograd import Gradients
from rawgan.errors import ArgumentError, described, shapes
from rawgan.ops.arguments import Axis, as_tensors, axes_of, flag, is_number
from rawgan.ops.elementary import sqrt
from rawgan.ops.reduce import Reduction, mean
from rawgan.ops.registry import case, normal, op
from rawgan.ops.selection import where
from rawgan.tensor import Tensor


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
