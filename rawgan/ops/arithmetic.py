"""Element-wise arithmetic with broadcasting.

Where broadcasting repeated an input, its gradient is the sum over the repetitions: `unbroadcast` takes it.
"""

from numbers import Integral, Real
from typing import Any

import numpy as np

import rawgan_kernels as kernels
from rawgan.arrays import FLOATS
from rawgan.autograd import Gradients, Op
from rawgan.errors import ArgumentError, ShapeError, described, shapes
from rawgan.ops.arguments import as_tensors, operands
from rawgan.ops.reduce import unbroadcast
from rawgan.tensor import Tensor
from rawgan_kernels import array_module


class Binary(Op):
    """An op of two inputs that broadcast against each other; `slopes` are the factors of the two gradients."""

    def __call__(self, a: Tensor, b: Tensor) -> Tensor:  # type: ignore[override]  # exactly two
        if a._array.shape != b._array.shape:
            try:
                np.broadcast_shapes(a.shape, b.shape)
            except ValueError:
                raise ShapeError(
                    f"{self.name.lower()}: shapes do not broadcast: from the last axis on, lengths must agree or be 1\n"
                    f"{shapes(a=a, b=b)}"
                ) from None
        return super().__call__(a, b)

    def gradients(self, ga: Tensor | None, gb: Tensor | None) -> Gradients:
        """The gradients of the broadcast inputs, brought back to the inputs' own shapes."""
        return tuple(
            unbroadcast(g, shape) if g is not None else None for g, shape in zip((ga, gb), self.shapes, strict=True)
        )


class Add(Binary):
    """y = a + b.

    Shapes:   a, b broadcast → y
    Backward: ga = gy, gb = gy
    """

    def forward(self, a: Any, b: Any) -> Any:
        return kernels.add(a, b) if a.shape == b.shape else a + b

    def backward(self, gy: Tensor) -> Gradients:
        return self.gradients(gy if self.needs[0] else None, gy if self.needs[1] else None)


class Sub(Binary):
    """y = a − b.

    Shapes:   a, b broadcast → y
    Backward: ga = gy, gb = −gy
    """

    def forward(self, a: Any, b: Any) -> Any:
        return a - b

    def backward(self, gy: Tensor) -> Gradients:
        return self.gradients(gy if self.needs[0] else None, neg(gy) if self.needs[1] else None)


class Mul(Binary):
    """y = a · b.

    Shapes:   a, b broadcast → y
    Backward: ga = gy · b, gb = gy · a
    """

    def forward(self, a: Any, b: Any) -> Any:
        return a * b

    def backward(self, gy: Tensor) -> Gradients:
        a, b = self.inputs
        return self.gradients(gy * b if self.needs[0] else None, gy * a if self.needs[1] else None)


class Div(Binary):
    """y = a / b.

    Shapes:   a, b broadcast → y
    Backward: ga = gy / b, gb = −gy · a / b²
    """

    def forward(self, a: Any, b: Any) -> Any:
        return a / b

    def backward(self, gy: Tensor) -> Gradients:
        a, b = self.inputs
        ga = gy / b
        return self.gradients(ga if self.needs[0] else None, -ga * (a / b) if self.needs[1] else None)


class Maximum(Binary):
    """y = max(a, b); NaN if either is.

    Shapes:   a, b broadcast → y
    Backward: the larger input gets gy; where they are equal, each gets half
    """

    def forward(self, a: Any, b: Any) -> Any:
        return array_module(a).maximum(a, b)

    def backward(self, gy: Tensor) -> Gradients:
        a, b = (x._array for x in self.inputs)
        share = Tensor.wrap((a > b) + (a == b) * gy.dtype.type(0.5))
        return self.gradients(gy * share if self.needs[0] else None, gy * (1 - share) if self.needs[1] else None)


class Neg(Op):
    """y = −x.

    Backward: gx = −gy
    """

    def forward(self, x: Any) -> Any:
        return -x

    def backward(self, gy: Tensor) -> Gradients:
        return (neg(gy),)


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


class Exp(Op):
    """y = eˣ.

    Backward: gx = y · gy
    """

    keeps_output = True

    def forward(self, x: Any) -> Any:
        return array_module(x).exp(x)

    def backward(self, gy: Tensor) -> Gradients:
        return (gy * self.output,)


class Log(Op):
    """y = log x, the natural logarithm.

    Backward: gx = gy / x
    """

    def forward(self, x: Any) -> Any:
        return array_module(x).log(x)

    def backward(self, gy: Tensor) -> Gradients:
        (x,) = self.inputs
        return (gy / x,)


class Sqrt(Op):
    """y = √x.

    Backward: gx = gy / 2y
    """

    keeps_output = True

    def forward(self, x: Any) -> Any:
        return array_module(x).sqrt(x)

    def backward(self, gy: Tensor) -> Gradients:
        return (gy / (2 * self.output),)


class Abs(Op):
    """y = |x|.

    Backward: gx = sign(x) · gy, which is 0 at 0
    """

    def forward(self, x: Any) -> Any:
        return array_module(x).abs(x)

    def backward(self, gy: Tensor) -> Gradients:
        (x,) = self.inputs
        return (gy * Tensor.wrap(array_module(x._array).sign(x._array)),)


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


def add(a: Any, b: Any) -> Tensor:
    """a + b, element by element. Shapes: any two that broadcast.

    >>> add(Tensor([1.0, 2.0]), 3)
    Tensor([4., 5.], float32)
    """
    return Add()(*operands(a, b))


def sub(a: Any, b: Any) -> Tensor:
    """a − b, element by element. Shapes: any two that broadcast.

    >>> sub(1, Tensor([1.0, 2.0]))
    Tensor([ 0., -1.], float32)
    """
    return Sub()(*operands(a, b))


def mul(a: Any, b: Any) -> Tensor:
    """a · b, element by element. Shapes: any two that broadcast.

    >>> mul(Tensor([1.0, 2.0]), Tensor([[2.0], [3.0]]))
    Tensor([[2., 4.],
            [3., 6.]], float32)
    """
    return Mul()(*operands(a, b))


def div(a: Any, b: Any) -> Tensor:
    """a / b, element by element. Shapes: any two that broadcast.

    >>> div(Tensor([1.0, 2.0]), 2)
    Tensor([0.5, 1. ], float32)
    """
    return Div()(*operands(a, b))


def maximum(a: Any, b: Any) -> Tensor:
    """The larger of a and b, element by element. Shapes: any two that broadcast.

    >>> maximum(Tensor([-1.0, 2.0]), 0)
    Tensor([0., 2.], float32)
    """
    return Maximum()(*operands(a, b))


def neg(x: Any) -> Tensor:
    """−x.

    >>> neg(Tensor([1.0, -2.0]))
    Tensor([-1.,  2.], float32)
    """
    return Neg()(*as_tensors(x))


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


def exp(x: Any) -> Tensor:
    """e to the power of x.

    >>> exp(Tensor([0.0]))
    Tensor([1.], float32)
    """
    return Exp()(*as_tensors(x))


def log(x: Any) -> Tensor:
    """Natural logarithm.

    >>> log(Tensor([1.0]))
    Tensor([0.], float32)
    """
    return Log()(*as_tensors(x))


def sqrt(x: Any) -> Tensor:
    """Square root; its slope at 0 is infinite.

    >>> sqrt(Tensor([4.0]))
    Tensor([2.], float32)
    """
    return Sqrt()(*as_tensors(x))


def abs(x: Any) -> Tensor:
    """Absolute value.

    >>> abs(Tensor([-4.0, 2.0]))
    Tensor([4., 2.], float32)
    """
    return Abs()(*as_tensors(x))


def astype(x: Any, dtype: Any) -> Tensor:
    """x as `"float32"` or `"float64"`: the one way from one to the other.

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
