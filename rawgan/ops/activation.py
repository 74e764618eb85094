"""Activation functions."""

import math
from typing import Any

import rawgan_kernels as kernels
from rawgan.autograd import Gradients, Op, is_recording
from rawgan.errors import ArgumentError, ShapeError, described, shapes
from rawgan.ops.arguments import as_tensors, broadcast_shape, call_hint, is_number, operands
from rawgan.ops.elementary import exp
from rawgan.ops.reduce import unbroadcast
from rawgan.ops.registry import between, case, nonzero, normal, op
from rawgan.ops.selection import where
from rawgan.tensor import Tensor
from rawgan_kernels import array_module


class LeakyReLU(Op):
    """y = x where x > 0, slope · x elsewhere.

    Backward: gx = gy where x > 0, slope · gy elsewhere
    Source:   Maas, Hannun, Ng 2013
    """

    keeps_rounded = True

    def __init__(self, slope: float) -> None:
        self.slope = slope

    def forward(self, x: Any) -> Any:
        return kernels.leaky_relu(x, self.slope)

    def backward(self, gy: Tensor) -> Gradients:
        (x,) = self.inputs
        return (LeakyReLUGrad(self.slope)(x, gy),)


class LeakyReLUGrad(Op):
    """gx = gy where x > 0, slope · gy elsewhere. y may stand for x: both are positive in the same places.

    With a slope of 0, gx is 0 where x ≤ 0, even if gy is infinite: relu is constant there.

    Backward: ggy = ggx where x > 0, slope · ggx elsewhere; x has no influence, except at 0
    """

    keeps_rounded = True

    def __init__(self, slope: float) -> None:
        self.slope = slope

    def forward(self, x: Any, gy: Any) -> Any:
        return kernels.leaky_relu_grad(x, gy, self.slope)

    def backward(self, ggx: Tensor) -> Gradients:
        x, _ = self.inputs
        return None, LeakyReLUGrad(self.slope)(x, ggx) if self.needs[1] else None


@op(
    case("default slope", nonzero(3, 4)),
    case("largest slope", nonzero(3, 4), slope=1.0),
)
def leaky_relu(x: Any, slope: float = 0.2) -> Tensor:
    """x where x > 0, slope · x elsewhere.

    Shapes: x any → the same
    Raises: ArgumentError unless 0 ≤ slope ≤ 1
    Source: Maas, Hannun, Ng 2013; slope 0.2 after Radford et al. 2016

    >>> leaky_relu(Tensor([-1.0, 2.0]))
    Tensor([-0.2,  2. ], float32)
    """
    return LeakyReLU(checked_slope("leaky_relu", slope))(*as_tensors(x))


@op(case("away from 0", nonzero(3, 4)), method=True)
def relu(x: Any) -> Tensor:
    """x where x > 0, 0 elsewhere: a leaky ReLU with slope 0.

    Shapes: x any → the same

    >>> relu(Tensor([-1.0, 2.0]))
    Tensor([0., 2.], float32)
    """
    return LeakyReLU(0.0)(*as_tensors(x))


def checked_slope(op: str, slope: float) -> float:
    """The slope as a float. Raises: ArgumentError unless it is a number, and 0 ≤ slope ≤ 1."""
    if not (is_number(slope) and 0 <= slope <= 1):
        raise ArgumentError(
            f"{op}: slope must be a number between 0 and 1, but is {described(slope)}{call_hint(op, slope)}"
        )
    return float(slope)


def before_activation(op: Any, gy: Tensor) -> Tensor:
    """Gradient with respect to the value to which an op applied leaky_relu with `op.slope`, in the same pass."""
    if op.slope == 1:
        return gy
    packed = op.packed_output
    if packed is None or is_recording():
        return LeakyReLUGrad(op.slope)(op.output, gy)
    return Tensor.wrap(packed.combined(gy._array, lambda y, gy: kernels.leaky_relu_grad(y, gy, op.slope)))


class Tanh(Op):
    """y = tanh x.

    Backward: gx = gy · (1 − y²)
    """

    uses_inputs = False
    keeps_output = True

    def forward(self, x: Any) -> Any:
        return kernels.tanh(x)

    def backward(self, gy: Tensor) -> Gradients:
        y = self.output
        if not is_recording():
            return (Tensor.wrap(kernels.tanh_grad(y._array, gy._array)),)
        return (gy * (1 - y * y),)


@op(case("any", normal(3, 4)), method=True)
def tanh(x: Any) -> Tensor:
    """Hyperbolic tangent, between −1 and 1.

    Shapes: x any → the same

    >>> tanh(Tensor([0.0]))
    Tensor([0.], float32)
    """
    return Tanh()(*as_tensors(x))


class Sigmoid(Op):
    """y = 1 / (1 + e^−x).

    Backward: gx = gy · y · σ(−x), which unlike y · (1 − y) keeps its precision where y is nearly 1
    """

    keeps_output = True

    def forward(self, x: Any) -> Any:
        return kernels.sigmoid(x)

    def backward(self, gy: Tensor) -> Gradients:
        (x,) = self.inputs
        return (gy * self.output * sigmoid(-x),)


@op(case("any", normal(3, 4)), method=True)
def sigmoid(x: Any) -> Tensor:
    """1 / (1 + e^−x): the probability that belongs to a logit.

    Shapes: x any → the same

    >>> sigmoid(Tensor([0.0]))
    Tensor([0.5], float32)
    """
    return Sigmoid()(*as_tensors(x))


class Softplus(Op):
    """y = log(1 + e^x).

    Backward: gx = gy · σ(x)
    """

    def forward(self, x: Any) -> Any:
        return kernels.softplus(x)

    def backward(self, gy: Tensor) -> Gradients:
        (x,) = self.inputs
        return (gy * sigmoid(x),)


@op(case("any", normal(3, 4)))
def softplus(x: Any) -> Tensor:
    """log(1 + e^x), a smooth ReLU, without overflow: −log σ(−x).

    Shapes: x any → the same

    >>> softplus(Tensor([-1000.0, 0.0, 1000.0]))
    Tensor([0.000000e+00, 6.931472e-01, 1.000000e+03], float32)
    """
    return Softplus()(*as_tensors(x))


class SiLU(Op):
    """y = x · σ(x), with σ(x) = 1 / (1 + e^−x).

    Backward: gx = gy · σ(x) · (1 + x · σ(−x))
    Source:   Elfwing, Uchibe, Doya 2018; also known as swish
    """

    def forward(self, x: Any) -> Any:
        return kernels.silu(x)

    def backward(self, gy: Tensor) -> Gradients:
        (x,) = self.inputs
        if not is_recording():
            return (Tensor.wrap(kernels.silu_grad(x._array, gy._array)),)
        return (gy * (sigmoid(x) * (1 + x * sigmoid(-x))),)


@op(case("any", normal(3, 4)))
def silu(x: Any) -> Tensor:
    """x · σ(x), a smooth ReLU that dips below 0.

    Shapes: x any → the same

    >>> silu(Tensor([-1000.0, 0.0, 1000.0]))
    Tensor([  -0.,    0., 1000.], float32)
    """
    return SiLU()(*as_tensors(x))


class ELU(Op):
    """y = x where x > 0, alpha · (e^x − 1) elsewhere.

    Backward: gx = gy where x > 0, alpha · e^x · gy elsewhere
    Source:   Clevert, Unterthiner, Hochreiter 2016
    """

    def __init__(self, alpha: float) -> None:
        self.alpha = alpha

    def forward(self, x: Any) -> Any:
        return kernels.elu(x, self.alpha)

    def backward(self, gy: Tensor) -> Gradients:
        (x,) = self.inputs
        return (where(x > 0, gy, gy * (self.alpha * exp(where(x > 0, 0, x)))),)


@op(case("default alpha", nonzero(3, 4)), case("another", nonzero(3, 4), alpha=0.3))
def elu(x: Any, alpha: float = 1.0) -> Tensor:
    """x where x > 0, alpha · (e^x − 1) elsewhere: a ReLU with a mean nearer to 0.

    Shapes: x any → the same
    Raises: ArgumentError unless alpha is a finite number
    Source: Clevert, Unterthiner, Hochreiter 2016

    >>> elu(Tensor([-1000.0, 2.0]))
    Tensor([-1.,  2.], float32)
    """
    if not (is_number(alpha) and math.isfinite(alpha)):
        raise ArgumentError(f"elu: alpha must be a finite number, but is {described(alpha)}{call_hint('elu', alpha)}")
    return ELU(float(alpha))(*as_tensors(x))


class PReLU(Op):
    """y = x where x > 0, slope · x elsewhere, with a slope that is learned.

    Shapes:   x any, slope broadcasts to x → y as x
    Backward: gx = gy where x > 0, slope · gy elsewhere; gslope = x · gy where x ≤ 0, summed over what shares a slope
    Source:   He, Zhang, Ren, Sun 2015
    """

    def forward(self, x: Any, slope: Any) -> Any:
        xp = array_module(x)
        return xp.where(x > 0, x, slope * xp.minimum(x, 0))

    def backward(self, gy: Tensor) -> Gradients:
        x, slope = self.inputs
        positive = x > 0
        gx = where(positive, gy, slope * gy) if self.needs[0] else None
        gslope = unbroadcast(where(positive, 0, x) * where(positive, 0, gy), slope.shape) if self.needs[1] else None
        return gx, gslope


@op(case("one for each channel", nonzero(3, 4), between(0.1, 0.5, 4)), case("one", nonzero(3, 4), normal(1)))
def prelu(x: Any, slope: Any) -> Tensor:
    """x where x > 0, slope · x elsewhere: a leaky ReLU whose slope is a parameter.

    Shapes: x (…, C), slope (C,), (1,) or any other that broadcasts to x → as x
    Raises: ShapeError unless slope broadcasts to the shape of x
    Source: He, Zhang, Ren, Sun 2015

    >>> prelu(Tensor([[-1.0, -1.0, 2.0]]), Tensor([0.1, 0.2, 0.3]))
    Tensor([[-0.1, -0.2,  2. ]], float32)
    """
    x, slope = operands(x, slope)
    if broadcast_shape("prelu", x=x, slope=slope) != x.shape:
        raise ShapeError(f"prelu: slope must broadcast to the shape of x\n{shapes(x=x, slope=slope)}")
    return PReLU()(x, slope)
