"""Element-wise kernels: activations and the cross-entropy on logits.

Everything with an exponential is written so that it only ever sees e^(−|x|), which cannot overflow.
"""

from typing import Any

from rawgan_kernels.arrays import array_module
from rawgan_kernels.dispatch import implements


@implements
def leaky_relu(x: Any, slope: float) -> Any:
    """y = x where x > 0, slope · x elsewhere; as the slope is between 0 and 1, that is the larger of the two.

    Shapes: x any → y the same
    Flops:  x.size
    Bytes:  x + y
    """
    xp, slope = array_module(x), _rounded(slope, x)
    return xp.maximum(x, x * slope) if slope else xp.maximum(x, 0)  # 0 · −∞ would be NaN


@implements
def leaky_relu_grad(y: Any, gy: Any, slope: float) -> Any:
    """gx = gy where y > 0, slope · gy elsewhere: without a slope 0, whatever gy is.

    y is the output of leaky_relu or its input, whichever is still there: where one is positive, so is the other.

    Shapes: y any, gy the same → gx the same
    Flops:  y.size
    Bytes:  y + gy + gx
    """
    slope = _rounded(slope, y)
    return array_module(y).where(y > 0, gy, gy * slope if slope else 0)  # 0 · ∞ would be NaN


def _rounded(slope: float, x: Any) -> float:
    """The slope as x's dtype has it: float32 makes 0 of 1e-50."""
    return float(x.dtype.type(slope))


@implements
def tanh(x: Any) -> Any:
    """y = tanh x.

    Shapes: x any → y the same
    Flops:  6 · x.size
    Bytes:  x + y
    """
    return array_module(x).tanh(x)


@implements
def tanh_grad(y: Any, gy: Any) -> Any:
    """gx = gy · (1 − y²), where y = tanh x; as (1 − y) · (1 + y), which keeps its precision where y is nearly ±1.

    Shapes: y any, gy the same → gx the same
    Flops:  4 · y.size
    Bytes:  y + gy + gx
    """
    return gy * ((1 - y) * (1 + y))


@implements
def sigmoid(x: Any) -> Any:
    """y = 1 / (1 + e^−x), as e^x / (1 + e^x) where x < 0.

    Shapes: x any → y the same
    Flops:  4 · x.size
    Bytes:  x + y
    """
    xp = array_module(x)
    e = xp.exp(-xp.abs(x))
    return xp.where(x >= 0, 1, e) / (1 + e)


@implements
def softplus(x: Any) -> Any:
    """y = log(1 + e^x), as max(x, 0) + log(1 + e^−|x|).

    Shapes: x any → y the same
    Flops:  5 · x.size
    Bytes:  x + y
    """
    xp = array_module(x)
    return xp.maximum(x, 0) + xp.log1p(xp.exp(-xp.abs(x)))


@implements
def bce_with_logits(x: Any, t: Any) -> Any:
    """Cross-entropy between the target probability t and sigmoid(x): −t · log σ(x) − (1 − t) · log(1 − σ(x)).

    log σ(x) = −softplus(−x), and both softplus terms share log(1 + e^−|x|). Nothing is subtracted from anything of
    its own size, so the loss keeps its relative precision however sure the logit is.

    Shapes: x any, t the same → y the same
    Flops:  8 · x.size
    Bytes:  x + t + y
    """
    xp = array_module(x)
    return t * xp.maximum(-x, 0) + (1 - t) * xp.maximum(x, 0) + xp.log1p(xp.exp(-xp.abs(x)))


@implements
def bce_with_logits_grad(x: Any, t: Any, gy: Any) -> Any:
    """gx = gy · ((1 − t) · σ(x) − t · σ(−x)), the gradient of bce_with_logits with respect to x.

    That is gy · (σ(x) − t) without the cancellation: for a target of 0 or 1, one of the terms is zero.

    Shapes: x any; t, gy the same → gx the same
    Flops:  9 · x.size
    Bytes:  x + t + gy + gx
    """
    return gy * ((1 - t) * sigmoid(x) - t * sigmoid(-x))
