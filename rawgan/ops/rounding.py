"""Functions that are constant between their steps, so that their gradient is 0; and questions about numbers."""

from typing import Any

from rawgan.autograd import Gradients, Op
from rawgan.ops.arguments import LARGEST, as_tensors, integer
from rawgan.ops.registry import case, nonzero, op, without_gradient
from rawgan.tensor import Tensor
from rawgan_kernels import array_module


class Sign(Op):
    """y = 1 where x > 0, −1 where x < 0, 0 at 0; NaN stays NaN.

    Backward: none; y is constant between its steps
    """

    uses_inputs = False

    def forward(self, x: Any) -> Any:
        return array_module(x).sign(x)

    def backward(self, gy: Tensor) -> Gradients:
        return (None,)


@op(case("away from 0", nonzero(2, 3)), method=True)
def sign(x: Any) -> Tensor:
    """1, 0 or −1, the sign of x. Like all functions here, it has no gradient.

    >>> sign(Tensor([-0.5, 0.0, 2.0]))
    Tensor([-1.,  0.,  1.], float32)
    """
    return Sign()(*as_tensors(x))


class Floor(Op):
    """y = the largest integer ≤ x.

    Backward: none; y is constant between its steps
    """

    uses_inputs = False

    def forward(self, x: Any) -> Any:
        return array_module(x).floor(x)

    def backward(self, gy: Tensor) -> Gradients:
        return (None,)


@op(case("between integers", nonzero(2, 3)), method=True)
def floor(x: Any) -> Tensor:
    """Largest integer ≤ x.

    >>> floor(Tensor([-1.5, 1.5]))
    Tensor([-2.,  1.], float32)
    """
    return Floor()(*as_tensors(x))


class Ceil(Op):
    """y = the smallest integer ≥ x.

    Backward: none; y is constant between its steps
    """

    uses_inputs = False

    def forward(self, x: Any) -> Any:
        return array_module(x).ceil(x)

    def backward(self, gy: Tensor) -> Gradients:
        return (None,)


@op(case("between integers", nonzero(2, 3)), method=True)
def ceil(x: Any) -> Tensor:
    """Smallest integer ≥ x.

    >>> ceil(Tensor([-1.5, 1.5]))
    Tensor([-1.,  2.], float32)
    """
    return Ceil()(*as_tensors(x))


class Round(Op):
    """y = the nearest number with `decimals` digits after the point; of two, the one with an even last digit.

    Backward: none; y is constant between its steps
    """

    uses_inputs = False

    def __init__(self, decimals: int) -> None:
        self.decimals = decimals

    def forward(self, x: Any) -> Any:
        return array_module(x).round(x, self.decimals)

    def backward(self, gy: Tensor) -> Gradients:
        return (None,)


@op(case("between integers", nonzero(2, 3)), method=True)
def round(x: Any, decimals: int = 0) -> Tensor:
    """Nearest number with `decimals` digits after the point; of two, the one with an even last digit.

    To let a gradient pass as if nothing was rounded (Bengio et al. 2013), write `x + (round(x) - x).detach()`.

    >>> round(Tensor([0.5, 1.5, -1.25])), round(Tensor([-1.26]), 1)
    (Tensor([ 0.,  2., -1.], float32), Tensor([-1.3], float32))
    """
    return Round(max(-LARGEST, min(integer("round", "decimals", decimals), LARGEST)))(*as_tensors(x))


@without_gradient(method=True)
def isnan(x: Any) -> Any:
    """Array of bool: True where x is NaN.

    >>> isnan(Tensor([1.0, float("nan")]))
    array([False,  True])
    """
    (x,) = as_tensors(x)
    return array_module(x._array).isnan(x._array)


@without_gradient(method=True)
def isfinite(x: Any) -> Any:
    """Array of bool: False where x is NaN or infinite.

    >>> isfinite(Tensor([1.0, float("inf")]))
    array([ True, False])
    """
    (x,) = as_tensors(x)
    return array_module(x._array).isfinite(x._array)
