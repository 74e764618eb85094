"""The error function, and GELU, which it defines."""

import math
from typing import Any

import rawgan_kernels as kernels
from rawgan.autograd import Gradients, Op, is_recording
from rawgan.ops.activation import sigmoid
from rawgan.ops.arguments import as_tensors, choice
from rawgan.ops.elementary import exp
from rawgan.ops.registry import case, normal, op
from rawgan.tensor import Tensor


class Erf(Op):
    """y = erf x = 2/√π · ∫ e^(−t²) dt, for t from 0 to x.

    Backward: gx = 2/√π · e^(−x²) · gy
    """

    def forward(self, x: Any) -> Any:
        return kernels.erf(x)

    def backward(self, gy: Tensor) -> Gradients:
        (x,) = self.inputs
        return (gy * (2 / math.sqrt(math.pi) * exp(-x * x)),)


@op(case("any", normal(3, 4)), method=True)
def erf(x: Any) -> Tensor:
    """Error function; (1 + erf(x / √2)) / 2 is the probability that a standard normal number is below x.

    Shapes: x any → the same

    >>> erf(Tensor([-10.0, 0.0, 10.0]))
    Tensor([-1.,  0.,  1.], float32)
    """
    return Erf()(*as_tensors(x))


class GELU(Op):
    """y = x · Φ(x), where Φ(x) = (1 + erf(x / √2)) / 2 is the probability that a standard normal number is below x.

    Backward: gx = gy · (Φ(x) + x · Φ'(x)), with Φ'(x) = e^(−x²/2) / √2π
    Source:   Hendrycks, Gimpel 2016
    """

    def forward(self, x: Any) -> Any:
        return kernels.gelu(x)

    def backward(self, gy: Tensor) -> Gradients:
        (x,) = self.inputs
        if not is_recording():
            return (Tensor.wrap(kernels.gelu_grad(x._array, gy._array)),)
        density = exp(-0.5 * (x * x)) / math.sqrt(2 * math.pi)
        return (gy * (0.5 * (1 + erf(x / math.sqrt(2))) + x * density),)


class TanhGELU(Op):
    """y = x · (1 + tanh u) / 2 = x · σ(2u), with u = √(2/π) · (x + 0.044715 · x³): nearly x · Φ(x).

    Backward: gx = gy · (σ(2u) + x · 2u' · σ(2u) · σ(−2u)), with u' = √(2/π) · (1 + 3 · 0.044715 · x²)
    Source:   Hendrycks, Gimpel 2016
    """

    def forward(self, x: Any) -> Any:
        return x * kernels.sigmoid(x * (LINEAR + CUBIC * (x * x)))

    def backward(self, gy: Tensor) -> Gradients:
        (x,) = self.inputs
        square = x * x
        exponent = x * (LINEAR + CUBIC * square)
        share = sigmoid(exponent)
        return (gy * (share * (1 + x * ((LINEAR + 3 * CUBIC * square) * sigmoid(-exponent)))),)


LINEAR = 2 * math.sqrt(2 / math.pi)
CUBIC = 0.044715 * LINEAR
"""2u = LINEAR · x + CUBIC · x³."""


@op(case("exact", normal(3, 4)), case("by tanh", normal(3, 4), approximate="tanh"))
def gelu(x: Any, approximate: str = "none") -> Tensor:
    """x · Φ(x), a smooth ReLU: Φ is the probability that a standard normal number is below x.

    With `approximate="tanh"`, Φ is (1 + tanh(√(2/π) · (x + 0.044715 · x³))) / 2, as in the networks of some papers.

    Shapes: x any → the same
    Raises: ArgumentError unless `approximate` is "none" or "tanh"
    Source: Hendrycks, Gimpel 2016

    >>> gelu(Tensor([-30.0, 0.0, 30.0]))
    Tensor([-0.,  0., 30.], float32)
    """
    kind = choice("gelu", "approximate", approximate, ("none", "tanh"))
    return (GELU() if kind == "none" else TanhGELU())(*as_tensors(x))
