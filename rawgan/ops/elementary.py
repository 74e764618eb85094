"""Powers, exponentials, logarithms, roots, sine and cosine, element by element."""

from numbers import Integral
from typing import Any

import numpy as np

from rawgan.arrays import FLOATS
from rawgan.autograd import Gradients, Op
from rawgan.errors import ArgumentError, described
from rawgan.ops.arguments import as_tensors, is_number, operands
from rawgan.ops.arithmetic import Binary
from rawgan.ops.registry import between, case, nonzero, normal, op
from rawgan.ops.selection import where
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


class Power(Binary):
    """y = aᵇ.

    Shapes:   a, b broadcast → y
    Backward: ga = b · aᵇ⁻¹ · gy, gb = log a · y · gy; at a = 0, ga is 0 if b is 0, and gb is 0 if b ≥ 0
    """

    keeps_output = True

    @property
    def name(self) -> str:
        """As of the function."""
        return "Pow"

    def forward(self, a: Any, b: Any) -> Any:
        return a**b

    def backward(self, gy: Tensor) -> Gradients:
        a, b = self.inputs
        ga = gb = None
        if self.needs[0]:
            ga = gy * (b * Power()(_one_where((a == 0) & (b == 0), a), b - 1))
        if self.needs[1]:
            gb = gy * (self.output * log(_one_where((a == 0) & (b >= 0), a)))
        return self.gradients(ga, gb)


def _one_where(mask: Any, x: Tensor) -> Tensor:
    """x, but 1 where a power and its logarithm would be 0 · ∞."""
    return where(mask, 1, x) if mask.any() else x


@op(
    case("cubed", normal(2, 3), exponent=3),
    case("squared", normal(2, 3), exponent=2),
    case("to the first", normal(2, 3), exponent=1),
    case("to the zeroth", normal(2, 3), exponent=0),
    case("fraction", between(0.5, 2, 2, 3), exponent=-1.5),
    case("a Tensor as exponent", between(0.5, 2, 2, 3), normal(3)),
    case("a number as base", normal(3), call=lambda _, x: 2**x),
    method=True,
)
def pow(x: Any, exponent: Any) -> Tensor:
    """x to the power of a number, or of a Tensor or array that broadcasts with x: `x ** exponent`.

    Where a Tensor is the exponent, its gradient is NaN for x < 0, as there is no real logarithm.

    >>> pow(Tensor([1.0, 2.0]), 3), 2 ** Tensor([1.0, 2.0])
    (Tensor([1., 8.], float32), Tensor([2., 4.], float32))
    """
    if isinstance(exponent, np.ndarray) and not exponent.ndim:
        exponent = exponent.item()
    if is_number(exponent) or isinstance(exponent, bool):
        return Pow(int(exponent) if isinstance(exponent, Integral) else float(exponent))(*as_tensors(x))
    return Power()(*operands(x, exponent))


class Exp(Op):
    """y = eˣ.

    Backward: gx = y · gy
    """

    uses_inputs = False
    keeps_output = True

    def forward(self, x: Any) -> Any:
        return array_module(x).exp(x)

    def backward(self, gy: Tensor) -> Gradients:
        return (gy * self.output,)


@op(case("any", normal(2, 3)), method=True)
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


@op(case("positive", between(0.3, 3, 2, 3)), method=True)
def log(x: Any) -> Tensor:
    """Natural logarithm.

    >>> log(Tensor([1.0]))
    Tensor([0.], float32)
    """
    return Log()(*as_tensors(x))


class Expm1(Op):
    """y = eˣ − 1.

    Backward: gx = eˣ · gy
    """

    def forward(self, x: Any) -> Any:
        return array_module(x).expm1(x)

    def backward(self, gy: Tensor) -> Gradients:
        (x,) = self.inputs
        return (gy * exp(x),)


@op(case("any", normal(2, 3)), method=True)
def expm1(x: Any) -> Tensor:
    """eˣ − 1, right to its last digits near 0, where `exp(x) - 1` is not.

    >>> expm1(Tensor([1e-10]))
    Tensor([1.e-10], float32)
    """
    return Expm1()(*as_tensors(x))


class Log1p(Op):
    """y = log(1 + x).

    Backward: gx = gy / (1 + x)
    """

    def forward(self, x: Any) -> Any:
        return array_module(x).log1p(x)

    def backward(self, gy: Tensor) -> Gradients:
        (x,) = self.inputs
        return (gy / (1 + x),)


@op(case("above −1", between(-0.7, 2, 2, 3)), method=True)
def log1p(x: Any) -> Tensor:
    """log(1 + x), right to its last digits near 0, where `log(1 + x)` is not.

    >>> log1p(Tensor([1e-10]))
    Tensor([1.e-10], float32)
    """
    return Log1p()(*as_tensors(x))


class Sqrt(Op):
    """y = √x.

    Backward: gx = gy / 2y
    """

    uses_inputs = False
    keeps_output = True

    def forward(self, x: Any) -> Any:
        return array_module(x).sqrt(x)

    def backward(self, gy: Tensor) -> Gradients:
        return (gy / (2 * self.output),)


@op(case("positive", between(0.3, 3, 2, 3)), method=True)
def sqrt(x: Any) -> Tensor:
    """Square root; its slope at 0 is infinite.

    >>> sqrt(Tensor([4.0]))
    Tensor([2.], float32)
    """
    return Sqrt()(*as_tensors(x))


class Rsqrt(Op):
    """y = 1 / √x.

    Backward: gx = −gy · y / 2x
    """

    keeps_output = True

    def forward(self, x: Any) -> Any:
        return 1 / array_module(x).sqrt(x)

    def backward(self, gy: Tensor) -> Gradients:
        (x,) = self.inputs
        return (gy * (self.output / (-2 * x)),)


@op(case("positive", between(0.3, 3, 2, 3)), method=True)
def rsqrt(x: Any) -> Tensor:
    """1 / √x.

    >>> rsqrt(Tensor([4.0]))
    Tensor([0.5], float32)
    """
    return Rsqrt()(*as_tensors(x))


class Sin(Op):
    """y = sin x.

    Backward: gx = cos x · gy
    """

    def forward(self, x: Any) -> Any:
        return array_module(x).sin(x)

    def backward(self, gy: Tensor) -> Gradients:
        (x,) = self.inputs
        return (gy * cos(x),)


@op(case("any", normal(2, 3)), method=True)
def sin(x: Any) -> Tensor:
    """Sine of x, in radians.

    >>> sin(Tensor([0.0, np.pi / 2]))
    Tensor([0., 1.], float32)
    """
    return Sin()(*as_tensors(x))


class Cos(Op):
    """y = cos x.

    Backward: gx = −sin x · gy
    """

    def forward(self, x: Any) -> Any:
        return array_module(x).cos(x)

    def backward(self, gy: Tensor) -> Gradients:
        (x,) = self.inputs
        return (-(gy * sin(x)),)


@op(case("any", normal(2, 3)), method=True)
def cos(x: Any) -> Tensor:
    """Cosine of x, in radians.

    >>> cos(Tensor([0.0, np.pi]))
    Tensor([ 1., -1.], float32)
    """
    return Cos()(*as_tensors(x))


class Abs(Op):
    """y = |x|.

    Backward: gx = sign(x) · gy, which is 0 at 0
    """

    def forward(self, x: Any) -> Any:
        return array_module(x).abs(x)

    def backward(self, gy: Tensor) -> Gradients:
        (x,) = self.inputs
        return (gy * Tensor.wrap(array_module(x._array).sign(x._array)),)


@op(case("away from 0", nonzero(2, 3)), method=True)
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

    uses_inputs = False
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
