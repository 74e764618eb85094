"""Products, and sums and products of all elements so far."""

import math
from typing import Any

from rawgan.autograd import Gradients, Op
from rawgan.ops.arguments import Axis, as_tensors, axes_of, flag, one_axis
from rawgan.ops.reduce import sum
from rawgan.ops.registry import case, nonzero, normal, op
from rawgan.ops.shape import concatenate, reshape, transpose
from rawgan.tensor import Tensor


class CumSum(Op):
    """y[i] = Σ x[j] over j ≤ i along `axis`; over j ≥ i if `reverse`. float32 is summed in float64, and rounded once.

    Backward: gx[j] = Σ gy[i] over i ≥ j: the sum from the other end
    """

    def __init__(self, axis: int, reverse: bool = False) -> None:
        self.axis, self.reverse = axis, reverse

    def forward(self, x: Any) -> Any:
        turn = (slice(None),) * self.axis + (slice(None, None, -1 if self.reverse else 1),)
        return x[turn].cumsum(axis=self.axis, dtype="float64")[turn].astype(x.dtype, copy=False)

    def backward(self, gy: Tensor) -> Gradients:
        return (CumSum(self.axis, not self.reverse)(gy),)


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

    Computed without division, so that its derivatives are right at 0, too: in log₂ n steps, each of which doubles the
    number of factors, y[i] ← y[i] · y[i − 2ᵏ].

    Raises: ArgumentError for an axis that x does not have
    Source: Hillis, Steele 1986

    >>> cumprod(Tensor([1.0, 2.0, 3.0]))
    Tensor([1., 2., 6.], float32)
    """
    (x,) = as_tensors(x)
    if axis is None:
        x, axis = reshape(x, (x.size,)), 0
    along = one_axis("cumprod", x, axis)
    front, step = (slice(None),) * along, 1
    while step < x.shape[along]:
        head, early, late = (x[(*front, part)] for part in (slice(step), slice(-step), slice(step, None)))
        x = concatenate([head, late * early], along)
        step *= 2
    return x


@op(
    case("two axes", normal(2, 3, 5), axis=(0, -1)),
    case("zeros", normal(3, 4), call=lambda prod, x: prod(x * [[0, 1, 0, 1], [1, 1, 0, 1], [1, 1, 1, 1]], 1, True)),
    case("everything", normal(2, 2)),
    method=True,
)
def prod(x: Any, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """Product of all elements along `axis`: an int, several, or None for all. Of no elements, it is 1.

    Computed in pairs, x₀ · x₄, x₁ · x₅, …, until one is left: without division, so that its derivatives are right at 0.

    Raises: ArgumentError for an axis that x does not have

    >>> prod(Tensor([2.0, 3.0, 4.0]))
    Tensor(24., float32)
    """
    (x,) = as_tensors(x)
    axes, kept = axes_of("prod", x, axis), flag("prod", "keepdims", keepdims)
    shape = tuple(1 if each in axes else n for each, n in enumerate(x.shape) if kept or each not in axes)
    n = math.prod(x.shape[each] for each in axes)
    x = transpose(x, (*axes, *(each for each in range(x.ndim) if each not in axes)))
    x = reshape(x, (n, *x.shape[len(axes) :]))
    while n > 1:
        half = n // 2
        x = concatenate([x[:half] * x[half : 2 * half], x[2 * half :]]) if n % 2 else x[:half] * x[half:]
        n -= half
    return reshape(x if n else sum(x, 0) + 1, shape)
