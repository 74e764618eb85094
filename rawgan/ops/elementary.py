"""Functions of one number, element by element."""

from numbers import Integral, Real
from typing import Any

import numpy as np

from rawgan.arrays import FLOATS
from rawgan.autograd import Gradients, Op
from rawgan.errors import ArgumentError, described
from rawgan.ops.arguments import as_tensors
from rawgan.ops.registry import between, case, nonzero, normal, op
from rawgan.tensor import Tensor
from rawgan_kernels import array_module


class Pow(Op):
    """y = xᵉ for a number e.

    Backward: gx = e · xᵉ⁻¹ · gy
    """

    def __init__(self, exponent: float) -> None:
        self.exponent = exponent

    def forward(self, x: Any) -> Any:
        return x**self.exponent

    def backward(self, gy: Tensor) -> Gradients:
        (x,) = self.inputs
        if self.exponent == 0:
            return (None,)  # a constant; x⁻¹ would make 0 · ∞ of it at 0
        if self.exponent == 1:
            return (gy,)
        return (gy * (self.exponent * x ** (self.exponent - 1)),)


@op(
    case("cubed", normal(2, 3), exponent=3),
    case("squared", normal(2, 3), exponent=2),
    case("to the first", normal(2, 3), exponent=1),
    case("to the zeroth", normal(2, 3), exponent=0),
    case("fraction", between(0.5, 2, 2, 3), exponent=-1.5),
)
def pow(x: Any, exponent: float) -> Tensor:
    """x to the power of a number. For an exponent that is a Tensor, write `exp(exponent * log(x))`.

    Raises: ArgumentError if the exponent is not a number

    >>> pow(Tensor([1.0, 2.0]), 3)
    Tensor([1., 8.], float32)
    """
    if isinstance(exponent, np.ndarray) and not exponent.ndim:
        exponent = exponent.item()
    if not isinstance(exponent, Real):
        raise ArgumentError(
            f"pow: the exponent must be a number, but is {type(exponent).__name__}\n"
            "  for x > 0, exp(exponent * log(x)) takes a Tensor"
        )
    return Pow(int(exponent) if isinstance(exponent, Integral) else float(exponent))(*as_tensors(x))


class Exp(Op):
    """y = eˣ.

    Backward: gx = y · gy
    """

    keeps_output = True

    def forward(self, x: Any) -> Any:
        return array_module(x).exp(x)

    def backward(self, gy: Tensor) -> Gradients:
        return (gy * self.output,)


@op(case("any", normal(2, 3)))
def exp(x: Any) -> Tensor:
    """e to the power of x.

    >>> exp(Tensor([0.0]))
    Tensor([1.], float32)
    """
    return Exp()(*as_tensors(x))


class Log(Op):
    """y = log x, the natural logarithm.

    Backward: gx = gy / x
    """

    def forward(self, x: Any) -> Any:
        return array_module(x).log(x)

    def backward(self, gy: Tensor) -> Gradients:
        (x,) = self.inputs
        return (gy / x,)


@op(case("positive", between(0.3, 3, 2, 3)))
def log(x: Any) -> Tensor:
    """Natural logarithm.

    >>> log(Tensor([1.0]))
    Tensor([0.], float32)
    """
    return Log()(*as_tensors(x))


class Sqrt(Op):
    """y = √x.

    Backward: gx = gy / 2y
    """

    keeps_output = True

    def forward(self, x: Any) -> Any:
        return array_module(x).sqrt(x)

    def backward(self, gy: Tensor) -> Gradients:
        return (gy / (2 * self.output),)


@op(case("positive", between(0.3, 3, 2, 3)))
def sqrt(x: Any) -> Tensor:
    """Square root; its slope at 0 is infinite.

    >>> sqrt(Tensor([4.0]))
    Tensor([2.], float32)
    """
    return Sqrt()(*as_tensors(x))


class Abs(Op):
    """y = |x|.

    Backward: gx = sign(x) · gy, which is 0 at 0
    """

    def forward(self, x: Any) -> Any:
        return array_module(x).abs(x)

    def backward(self, gy: Tensor) -> Gradients:
        (x,) = self.inputs
        return (gy * Tensor.wrap(array_module(x._array).sign(x._array)),)


@op(case("away from 0", nonzero(2, 3)))
def abs(x: Any) -> Tensor:
    """Absolute value.

    >>> abs(Tensor([-4.0, 2.0]))
    Tensor([4., 2.], float32)
    """
    return Abs()(*as_tensors(x))


class AsType(Op):
    """y = x in another floating-point dtype.

    Backward: gx = gy in x's dtype
    """

    keeps_dtype = False

    def __init__(self, dtype: str) -> None:
        self.dtype = dtype

    def forward(self, x: Any) -> Any:
        self.original = x.dtype.name
        return x.astype(self.dtype)

    def backward(self, gy: Tensor) -> Gradients:
        return (astype(gy, self.original),)


@op(case("its own dtype", normal(2, 3), call=lambda astype, x: astype(x, x.dtype)), method=True)
def astype(x: Any, dtype: Any) -> Tensor:
    """x converted to `"float32"` or `"float64"`: nothing else converts between them.

    Raises: ArgumentError for any other dtype

    >>> astype(Tensor([1.0]), "float64")
    Tensor([1.], float64)
    """
    try:
        name = repr(dtype) if dtype is None else np.dtype(dtype).name  # None is float64 to NumPy
    except (TypeError, ValueError, SyntaxError, DeprecationWarning):  # NumPy reads text as a list of types
        name = described(dtype)
    if name not in FLOATS:
        raise ArgumentError(f"astype: dtype is {name}; choose float32 or float64")
    return AsType(name)(*as_tensors(x))
