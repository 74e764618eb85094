"""Element-wise arithmetic with broadcasting.

Where broadcasting repeated an input, its gradient is the sum over the repetitions: `unbroadcast` takes it.
"""

from typing import Any

import rawgan_kernels as kernels
from rawgan.autograd import Gradients, Op
from rawgan.ops.arguments import as_tensors, broadcast_shape, operands
from rawgan.ops.reduce import Share, unbroadcast
from rawgan.ops.registry import apart, between, case, nonzero, normal, op
from rawgan.tensor import Tensor
from rawgan_kernels import array_module


class Binary(Op):
    """An op of two inputs that broadcast against each other."""

    def __call__(self, a: Tensor, b: Tensor) -> Tensor:  # type: ignore[override]  # exactly two
        if a._array.shape != b._array.shape:
            function = "".join(f"_{each}" if each.isupper() else each for each in self.name).lower().lstrip("_")
            broadcast_shape(function, a=a, b=b)
        return super().__call__(a, b)

    def gradients(self, ga: Tensor | None, gb: Tensor | None) -> Gradients:
        """Gradients of the inputs, summed over repetitions, from those of the broadcast inputs."""
        return tuple(
            unbroadcast(g, shape) if g is not None else None for g, shape in zip((ga, gb), self.shapes, strict=True)
        )


class Add(Binary):
    """y = a + b.

    Shapes:   a, b broadcast → y
    Backward: ga = gy, gb = gy
    """

    uses_inputs = False

    def forward(self, a: Any, b: Any) -> Any:
        if a.shape == b.shape or (a.ndim and b.shape in (a.shape[-1:], (*a.shape[:-1], 1))):
            return kernels.add(a, b)
        return a + b

    def backward(self, gy: Tensor) -> Gradients:
        return self.gradients(gy if self.needs[0] else None, gy if self.needs[1] else None)


@op(
    case("same shapes", normal(2, 3), normal(2, 3)),
    case("broadcasting both", normal(4, 1, 3), normal(2, 1)),
    case("a number to an array", normal(), normal(2, 2)),
)
def add(a: Any, b: Any) -> Tensor:
    """a + b, element by element. Shapes: any two that broadcast.

    >>> add(Tensor([1.0, 2.0]), 3)
    Tensor([4., 5.], float32)
    """
    return Add()(*operands(a, b))


class Sub(Binary):
    """y = a − b.

    Shapes:   a, b broadcast → y
    Backward: ga = gy, gb = −gy
    """

    uses_inputs = False

    def forward(self, a: Any, b: Any) -> Any:
        return a - b

    def backward(self, gy: Tensor) -> Gradients:
        return self.gradients(gy if self.needs[0] else None, neg(gy) if self.needs[1] else None)


@op(
    case("same shapes", normal(2, 3), normal(2, 3)),
    case("broadcasting the second", normal(2, 3), normal(1, 3)),
)
def sub(a: Any, b: Any) -> Tensor:
    """a − b, element by element. Shapes: any two that broadcast.

    >>> sub(1, Tensor([1.0, 2.0]))
    Tensor([ 0., -1.], float32)
    """
    return Sub()(*operands(a, b))


class Neg(Op):
    """y = −x.

    Backward: gx = −gy
    """

    uses_inputs = False

    def forward(self, x: Any) -> Any:
        return -x

    def backward(self, gy: Tensor) -> Gradients:
        return (neg(gy),)


@op(case("any", normal(2, 3)))
def neg(x: Any) -> Tensor:
    """−x.

    >>> neg(Tensor([1.0, -2.0]))
    Tensor([-1.,  2.], float32)
    """
    return Neg()(*as_tensors(x))


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


@op(
    case("same shapes", normal(2, 3), normal(2, 3)),
    case("broadcasting both", normal(3, 1), normal(1, 4)),
    case("with itself", normal(3), call=lambda mul, x: mul(x, x)),
    case("by a Python number", normal(3), call=lambda _, x: 2.5 * x),
)
def mul(a: Any, b: Any) -> Tensor:
    """a · b, element by element. Shapes: any two that broadcast.

    >>> mul(Tensor([1.0, 2.0]), Tensor([[2.0], [3.0]]))
    Tensor([[2., 4.],
            [3., 6.]], float32)
    """
    return Mul()(*operands(a, b))


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


@op(
    case("same shapes", normal(2, 3), nonzero(2, 3)),
    case("broadcasting both", normal(2, 1, 3), nonzero(4, 1)),
)
def div(a: Any, b: Any) -> Tensor:
    """a / b, element by element. Shapes: any two that broadcast.

    >>> div(Tensor([1.0, 2.0]), 2)
    Tensor([0.5, 1. ], float32)
    """
    return Div()(*operands(a, b))


class Maximum(Binary):
    """y = max(a, b); NaN if either is.

    Shapes:   a, b broadcast → y
    Backward: the larger input gets gy; where they are equal, each gets half
    """

    def forward(self, a: Any, b: Any) -> Any:
        return array_module(a).maximum(a, b)

    def backward(self, gy: Tensor) -> Gradients:
        a, b = (x._array for x in self.inputs)
        share = (a > b) + (a == b) * gy.dtype.type(0.5)
        return self.gradients(
            Share(share)(gy) if self.needs[0] else None, Share(1 - share)(gy) if self.needs[1] else None
        )


@op(
    case("same shapes", apart(3, 4), apart(3, 4, offset=0.05)),
    case("broadcasting the second", apart(3, 4), apart(4, offset=0.05)),
    case("with a number", nonzero(3, 4), call=lambda maximum, x: maximum(x, 0)),
)
def maximum(a: Any, b: Any) -> Tensor:
    """The larger of a and b, element by element. Shapes: any two that broadcast.

    >>> maximum(Tensor([-1.0, 2.0]), 0)
    Tensor([0., 2.], float32)
    """
    return Maximum()(*operands(a, b))


class Minimum(Binary):
    """y = min(a, b); NaN if either is.

    Shapes:   a, b broadcast → y
    Backward: the smaller input gets gy; where they are equal, each gets half
    """

    def forward(self, a: Any, b: Any) -> Any:
        return array_module(a).minimum(a, b)

    def backward(self, gy: Tensor) -> Gradients:
        a, b = (x._array for x in self.inputs)
        share = (a < b) + (a == b) * gy.dtype.type(0.5)
        return self.gradients(
            Share(share)(gy) if self.needs[0] else None, Share(1 - share)(gy) if self.needs[1] else None
        )


@op(
    case("same shapes", apart(3, 4), apart(3, 4, offset=0.05)),
    case("broadcasting the first", apart(4, offset=0.05), apart(3, 4)),
)
def minimum(a: Any, b: Any) -> Tensor:
    """The smaller of a and b, element by element. Shapes: any two that broadcast.

    >>> minimum(Tensor([-1.0, 2.0]), 0)
    Tensor([-1.,  0.], float32)
    """
    return Minimum()(*operands(a, b))


class Remainder(Binary):
    """y = a − b · ⌊a / b⌋; it has b's sign, and NaN where b is 0.

    Shapes:   a, b broadcast → y
    Backward: ga = gy, gb = −⌊a / b⌋ · gy, as the quotient is constant between its steps
    """

    def forward(self, a: Any, b: Any) -> Any:
        return array_module(a).remainder(a, b)

    def backward(self, gy: Tensor) -> Gradients:
        a, b = (x._array for x in self.inputs)
        gb = -gy * Tensor.wrap(array_module(a).floor_divide(a, b)) if self.needs[1] else None
        return self.gradients(gy if self.needs[0] else None, gb)


@op(
    case("same shapes", between(1.3, 1.7, 3, 4), between(0.6, 0.62, 3, 4)),
    case("broadcasting a negative divisor", between(0.1, 0.4, 3, 4), between(-0.9, -0.5, 4)),
)
def remainder(a: Any, b: Any) -> Tensor:
    """Remainder of a divided by b, element by element, with b's sign: `a % b`. Shapes: any two that broadcast.

    >>> Tensor([-1.0, 7.0]) % 3
    Tensor([2., 1.], float32)
    """
    return Remainder()(*operands(a, b))


class FloorDivide(Binary):
    """y = ⌊a / b⌋, so that a = b · y + a % b; where b is 0, as a / b is.

    Shapes:   a, b broadcast → y
    Backward: none; y is constant between its steps
    """

    uses_inputs = False

    def forward(self, a: Any, b: Any) -> Any:
        return array_module(a).floor_divide(a, b)

    def backward(self, gy: Tensor) -> Gradients:
        return None, None


@op(
    case("same shapes", between(1.3, 1.7, 3, 4), between(0.6, 0.62, 3, 4)),
    case("broadcasting a negative divisor", between(0.1, 0.4, 3, 4), between(-0.9, -0.5, 4)),
)
def floor_divide(a: Any, b: Any) -> Tensor:
    """Largest integer ≤ a / b, element by element: `a // b`. No gradient. Shapes: any two that broadcast.

    >>> Tensor([-1.0, 7.0]) // 3
    Tensor([-1.,  2.], float32)
    """
    return FloorDivide()(*operands(a, b))
