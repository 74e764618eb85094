"""Norms of vectors, and distances and angles between them."""

import math
from typing import Any

import numpy as np

from rawgan.autograd import Gradients
from rawgan.autograd.checks import check_alike
from rawgan.errors import ArgumentError, ShapeError, described, shapes
from rawgan.ops.arguments import Axis, as_tensors, axes_of, flag, is_number, operands
from rawgan.ops.arithmetic import maximum
from rawgan.ops.elementary import abs
from rawgan.ops.reduce import Reduction, broadcast_to, max, min, sum
from rawgan.ops.registry import apart, case, nonzero, normal, op
from rawgan.ops.rounding import sign
from rawgan.ops.selection import where
from rawgan.tensor import Tensor
from rawgan_kernels import array_module


class Norm(Reduction):
    """y = (Σ |x|ᵖ)^(1/p) over `axes`, for an order p other than 0, 1 and ±∞.

    The sum is in double precision: the square of a large float32 number would overflow, and the sum of many drift.

    Shapes:   x any → y without `axes`, or with them of length 1
    Backward: gx = gy · sign(x) · (|x| / y)ᵖ⁻¹, and 0 where that has no value: where y is 0, and for p < 2 where x is 0
    """

    keeps_output = True

    def __init__(self, axes: tuple[int, ...], keepdims: bool, order: float) -> None:
        super().__init__(axes, keepdims)
        self.order = order

    def forward(self, x: Any) -> Any:
        with np.errstate(divide="ignore"):  # for p < 0, 0ᵖ is ∞
            powers = array_module(x).abs(x).astype(np.float64) ** self.order
            total = powers.sum(axis=self.axes, keepdims=self.keepdims)
            return (total ** (1 / self.order)).astype(x.dtype)

    def backward(self, gy: Tensor) -> Gradients:
        (x,) = self.inputs
        y = self.spread(self.output)
        none = y._array == 0
        if self.order == 2:
            return (self.spread(gy) * where(none, 0, x / where(none, 1, y)),)
        if self.order < 2:
            none = none | (x._array == 0)
        ratio = where(none, 1, abs(x)) / where(none, 1, y)
        return (self.spread(gy) * where(none, 0, sign(x) * ratio ** (self.order - 1)),)


@op(
    case("everything", normal(2, 3)),
    case("order 1 and an axis", nonzero(2, 3), ord=1, axis=0),
    case("order 1.5 and two axes kept", nonzero(2, 3, 2), ord=1.5, axis=(0, 2), keepdims=True),
    case("order 3", nonzero(2, 3), ord=3, axis=-1),
    case("order −1", nonzero(2, 3), ord=-1),
    case("order ∞", apart(2, 3, offset=1.0), ord=math.inf, axis=1),
    case("a zero in each vector", nonzero(3), call=lambda norm, x: norm(x[:, None] * [1.0, 0.0], axis=0)),
    method=True,
)
def norm(x: Any, ord: float = 2, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """(Σ |x|ᵖ)^(1/p), the norm of order p = `ord` of the vectors along `axis` (an int, several, or None for all).

    With ∞ the largest |x|, with −∞ the smallest, with 0 the number of elements that are not 0. The gradient at 0 is 0.
    Of matrices, it is the norm of all their elements, whatever the order.

    Shapes: x any → without `axis`, or with it of length 1 if keepdims
    Raises: ArgumentError for an axis that x does not have, or an order that is no number;
            ShapeError for an order of ±∞, or below 0, of no elements

    >>> norm(Tensor([[3.0, 4.0], [0.0, 0.0]]), axis=1), norm(Tensor([3.0, -4.0]), ord=math.inf)
    (Tensor([5., 0.], float32), Tensor(4., float32))
    """
    (x,) = as_tensors(x)
    return _norm("norm", x, ord, axis, keepdims)


def _norm(op: str, x: Tensor, ord: float, axis: Axis, keepdims: bool = False) -> Tensor:
    """`norm` for the sake of another op, which errors name."""
    if not is_number(ord) or math.isnan(ord):
        raise ArgumentError(f"{op}: ord must be a number, but is {described(ord)}")
    axes, keepdims = axes_of(op, x, axis), flag(op, "keepdims", keepdims)
    if (ord < 0 or ord == math.inf) and not math.prod(x.shape[axis] for axis in axes):
        raise ShapeError(f"{op}: no elements have no norm of order {ord}\n{shapes(x=x, axis=axis)}")
    if ord == math.inf:
        return max(abs(x), axes, keepdims)
    if ord == -math.inf:
        return min(abs(x), axes, keepdims)
    if ord == 1:
        return sum(abs(x), axes, keepdims)
    if ord == 0:
        return sum(abs(sign(x)), axes, keepdims)
    return Norm(axes, keepdims, float(ord))(x)


@op(
    case("last axis", normal(3, 4)),
    case("order 1 and an axis in front", nonzero(3, 2), ord=1, axis=0),
    method=True,
)
def normalize(x: Any, ord: float = 2, axis: Axis = -1, eps: float = 1e-12) -> Tensor:
    """x / max(‖x‖, eps), vectors of length 1 along `axis`; those of length 0 stay 0.

    Raises: ArgumentError for an axis that x does not have, an order that is no number, or unless eps > 0

    >>> normalize(Tensor([[3.0, 4.0], [0.0, 0.0]]))
    Tensor([[0.6, 0.8],
            [0. , 0. ]], float32)
    """
    (x,) = as_tensors(x)
    eps = _checked_eps("normalize", eps)
    return x / maximum(_norm("normalize", x, ord, axis, keepdims=True), eps)


@op(
    case("last axis", normal(3, 4), normal(3, 4)),
    case("broadcasting, an axis in front", normal(3, 1), normal(3, 2), axis=0),
)
def cosine_similarity(a: Any, b: Any, axis: Axis = -1, eps: float = 1e-8) -> Tensor:
    """Σ a · b / (max(‖a‖, eps) · max(‖b‖, eps)) over `axis`: the cosine of the angle between vectors, from −1 to 1.

    Shapes: any two that broadcast → that shape without `axis`
    Raises: ShapeError unless they broadcast; ArgumentError for an axis that they do not have, or unless eps > 0

    >>> cosine_similarity(Tensor([[1.0, 0.0], [3.0, 4.0]]), Tensor([1.0, 0.0]))
    Tensor([1. , 0.6], float32)
    """
    a, b = operands(a, b)
    check_alike("cosine_similarity", a=a, b=b)
    shape = _broadcast("cosine_similarity", a, b, a.shape, b.shape)
    a, b, eps = broadcast_to(a, shape), broadcast_to(b, shape), _checked_eps("cosine_similarity", eps)
    lengths = [maximum(_norm("cosine_similarity", x, 2, axis), eps) for x in (a, b)]
    return sum(a * b, axis) / (lengths[0] * lengths[1])


@op(
    case("matrices", normal(3, 2), normal(2, 2)),
    case("many matrices and one, order 1", apart(2, 2, 3), apart(3, 3, offset=0.05), ord=1),
    case("a point and itself", normal(2, 3), call=lambda cdist, x: cdist(x, x)),
)
def cdist(a: Any, b: Any, ord: float = 2) -> Tensor:
    """‖a[i] − b[j]‖ for all pairs of rows: their distances, in the norm of order `ord`, with a gradient of 0 at 0.

    All M · N · K differences are kept at a time.

    Shapes: a (…, M, K), b (…, N, K) → (…, M, N); the axes in front broadcast
    Raises: ShapeError unless the shapes fit, ArgumentError for an order that is no number

    >>> cdist(Tensor([[0.0, 0.0], [3.0, 0.0]]), Tensor([[0.0, 4.0]]))
    Tensor([[4.],
            [5.]], float32)
    """
    a, b = operands(a, b)
    check_alike("cdist", a=a, b=b)
    if a.ndim < 2 or b.ndim < 2 or a.shape[-1] != b.shape[-1]:
        raise ShapeError(f"cdist: a must be (…, M, K) and b (…, N, K)\n{shapes(a=a, b=b)}")
    _broadcast("cdist", a, b, a.shape[:-2], b.shape[:-2])
    return _norm("cdist", a[..., :, None, :] - b[..., None, :, :], ord, -1)


def _broadcast(op: str, a: Tensor, b: Tensor, *parts: tuple[int, ...]) -> tuple[int, ...]:
    """The shape that parts of the shapes of a and b broadcast to."""
    try:
        return np.broadcast_shapes(*parts)
    except ValueError:
        raise ShapeError(
            f"{op}: shapes do not broadcast: from the last axis on, lengths must agree or be 1\n{shapes(a=a, b=b)}"
        ) from None


def _checked_eps(op: str, eps: float) -> float:
    if not (is_number(eps) and 0 < eps < math.inf):
        raise ArgumentError(f"{op}: eps must be a number, more than 0 and finite, but is {described(eps)}")
    return float(eps)
