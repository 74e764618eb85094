"""Ops that choose between values, element by element."""

from typing import Any

import numpy as np

from rawgan.arrays import constant, plain
from rawgan.autograd import Gradients, Op
from rawgan.errors import ArgumentError, DeviceError, DTypeError, shapes
from rawgan.ops.arguments import as_tensors, broadcast_shape, is_number, operands
from rawgan.ops.reduce import unbroadcast
from rawgan.ops.registry import apart, case, normal, op
from rawgan.tensor import Tensor
from rawgan_kernels import array_module

# Of three numbers, for the cases below.
MASK = np.array([True, False, True])


class Where(Op):
    """y = a where the mask is true, b elsewhere.

    Shapes:   mask, a, b broadcast → y
    Backward: ga = gy where the mask is true, 0 elsewhere, and gb the other way round: 0, even if gy is infinite
    """

    uses_inputs = False

    def __init__(self, mask: Any) -> None:
        self.mask = mask

    def forward(self, a: Any, b: Any) -> Any:
        return array_module(a).where(self.mask, a, b)

    def backward(self, gy: Tensor) -> Gradients:
        zero = Tensor.wrap(array_module(gy._array).zeros((), gy.dtype))
        return (
            unbroadcast(Where(self.mask)(gy, zero), self.shapes[0]) if self.needs[0] else None,
            unbroadcast(Where(self.mask)(zero, gy), self.shapes[1]) if self.needs[1] else None,
        )


@op(
    case("same shapes", normal(2, 3), normal(2, 3), call=lambda where, a, b: where(MASK, a, b)),
    case("broadcasting both", normal(2, 1), normal(3), call=lambda where, a, b: where(MASK, a, b)),
    case("a mask of more axes", normal(3), call=lambda where, a: where(np.stack([MASK, ~MASK]), a, 0)),
    case("NaN that is not selected", normal(3), call=lambda where, a: where(MASK, a, [np.nan, 0, np.nan])),
)
def where(condition: Any, a: Any, b: Any) -> Tensor:
    """a where the condition is true, b elsewhere, element by element: `where(x > 0, x, 0.1 * x)`.

    The condition is an array of bool, as comparisons of Tensors give it; in other numbers, 0 is false. What is not
    selected has no influence, NaN or not, and a gradient of 0. An infinite slope there still makes NaN of that 0:
    instead of `where(x > 0, log(x), 0)`, write `where(x > 0, log(where(x > 0, x, 1)), 0)`.

    Shapes: any three that broadcast
    Raises: ShapeError if they do not, DTypeError for a condition that is not made of numbers

    >>> x = Tensor([-1.0, 2.0])
    >>> where(x > 0, x, 0)
    Tensor([0., 2.], float32)
    """
    a, b = operands(a, b)
    mask = condition._array if isinstance(condition, Tensor) else plain(condition, "where: condition")
    if mask.dtype.kind not in "biuf":
        raise DTypeError(f"where: condition must be an array of bool, but is of {mask.dtype}\n{shapes(condition=mask)}")
    broadcast_shape("where", condition=mask, a=a, b=b)
    xp = array_module(a._array)
    if xp is np and array_module(mask) is not np:
        raise DeviceError(f"where: the condition is on a GPU, but a is not\n{shapes(condition=mask, a=a, b=b)}")
    mask = xp.asarray(mask)
    return Where(constant(mask if mask.dtype == bool else mask != 0))(a, b)


class Clip(Op):
    """y = x, but at least `low` and at most `high`, two numbers; NaN stays NaN.

    Backward: gx = gy where low ≤ x ≤ high, 0 elsewhere
    """

    def __init__(self, low: float, high: float) -> None:
        self.low, self.high = low, high

    def forward(self, x: Any) -> Any:
        return array_module(x).clip(x, self.low, self.high)

    def backward(self, gy: Tensor) -> Gradients:
        (x,) = self.inputs
        return (where((x >= self.low) & (x <= self.high), gy, 0),)


@op(
    case("two numbers", apart(3, 4), min=-0.35, max=0.25),
    case("a number from above", apart(3, 4), max=0.25),
    case("two Tensors", apart(3, 4), apart(4, offset=-0.35), apart(3, 1, offset=0.25)),
    case("a Tensor from below", apart(3, 4), apart(4, offset=0.05), call=lambda clip, x, low: clip(x, min=low)),
    method=True,
)
def clip(x: Any, min: Any = None, max: Any = None) -> Tensor:
    """x, but at least `min` and at most `max`: numbers, Tensors, arrays, or None for no bound on that side.

    Where x lies beyond a bound, the gradient is the bound's; at the bound, it is x's. If min is above max, y is max.

    Shapes: any three that broadcast
    Raises: ArgumentError without any bound, ShapeError unless the shapes broadcast

    >>> clip(Tensor([-2.0, 0.5, 2.0]), -1, 1)
    Tensor([-1. ,  0.5,  1. ], float32)
    """
    if min is None and max is None:
        raise ArgumentError("clip: give min, max or both")
    if all(bound is None or is_number(bound) for bound in (min, max)):
        return Clip(-np.inf if min is None else float(min), np.inf if max is None else float(max))(*as_tensors(x))
    x, low, high = operands(x, -np.inf if min is None else min, np.inf if max is None else max)
    broadcast_shape("clip", x=x, min=low, max=high)
    # NaN is not below a bound, and nothing is below NaN: then y is NaN.
    y = x if min is None else where((x < low) | (low != low), low, x)
    return y if max is None else where((y > high) | (high != high), high, y)
