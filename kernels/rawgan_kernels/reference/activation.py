"""Element-wise kernels: activations and the cross-entropy on logits.

Exponentials are always of −|x|, so they cannot overflow.
"""

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from rawgan_kernels.arrays import array_module
from rawgan_kernels.dispatch import implements


@implements
def leaky_relu(x: Any, slope: float) -> Any:
    """y = x where x > 0, slope · x elsewhere: as the slope is between 0 and 1, the larger of the two."""
    xp, slope = array_module(x), _rounded(slope, x)
    return xp.maximum(x, x * slope) if slope else xp.maximum(x, 0)  # 0 · −∞ would be NaN


@implements
def leaky_relu_grad(y: Any, gy: Any, slope: float) -> Any:
    slope = _rounded(slope, y)
    return array_module(y).where(y > 0, gy, gy * slope if slope else 0)  # 0 · ∞ would be NaN


def _rounded(slope: float, x: Any) -> float:
    """The slope in the dtype of x: in float32, 1e-50 is 0."""
    return float(x.dtype.type(slope))


@implements
def tanh(x: Any) -> Any:
    return array_module(x).tanh(x)


@implements
def tanh_grad(y: Any, gy: Any) -> Any:
    """gx = gy · (1 − y²), as gy · (1 − y) · (1 + y), which keeps its precision where y is nearly ±1."""
    return gy * ((1 - y) * (1 + y))


@implements
def sigmoid(x: Any) -> Any:
    """y = 1 / (1 + e^−x), as e^x / (1 + e^x) where x < 0."""
    xp = array_module(x)
    e = xp.exp(-xp.abs(x))
    return xp.where(x >= 0, 1, e) / (1 + e)


@implements
def softplus(x: Any) -> Any:
    """y = log(1 + e^x), as max(x, 0) + log(1 + e^−|x|)."""
    xp = array_module(x)
    return xp.maximum(x, 0) + xp.log1p(xp.exp(-xp.abs(x)))


@implements
def silu(x: Any) -> Any:
    return x * sigmoid(x)


@implements
def silu_grad(x: Any, gy: Any) -> Any:
    return gy * (sigmoid(x) * (1 + x * sigmoid(-x)))


@implements
def elu(x: Any, alpha: float) -> Any:
    xp = array_module(x)
    return xp.where(x > 0, x, alpha * xp.expm1(xp.minimum(x, 0)))


@implements
def erf(x: Any) -> Any:
    return _special(math.erf, x)


@implements
def gelu(x: Any) -> Any:
    return x * _normal_cdf(x)


@implements
def gelu_grad(x: Any, gy: Any) -> Any:
    density = array_module(x).exp(-(x * x) / 2) / math.sqrt(2 * math.pi)
    return gy * (_normal_cdf(x) + x * density)


def _normal_cdf(x: Any) -> Any:
    """Φ(x), from the tail Φ(−|x|) = erfc(|x| / √2) / 2, so that it is right to its last digits however small it is."""
    xp = array_module(x)
    tail = _special(math.erfc, xp.abs(x) / math.sqrt(2)) / 2
    return xp.where(x > 0, 1 - tail, tail)


def _special(function: Callable[[float], float], x: Any) -> Any:
    """A function of Python's `math` that NumPy lacks, for each number; CuPy has one of the same name."""
    if array_module(x) is not np:
        from cupyx.scipy import special

        return getattr(special, function.__name__)(x)
    return np.fromiter(map(function, x.ravel().tolist()), x.dtype, x.size).reshape(x.shape)


@implements
def bce_with_logits(x: Any, t: Any) -> Any:
    """−t · log σ(x) − (1 − t) · log(1 − σ(x)), with log σ(x) = −softplus(−x).

    Both softplus terms share log(1 + e^−|x|). No two numbers of similar size are subtracted, so the loss keeps its
    relative precision however large the logit is.
    """
    xp = array_module(x)
    return t * xp.maximum(-x, 0) + (1 - t) * xp.maximum(x, 0) + xp.log1p(xp.exp(-xp.abs(x)))


@implements
def bce_with_logits_grad(x: Any, t: Any, gy: Any) -> Any:
    """gx = gy · ((1 − t) · σ(x) − t · σ(−x)).

    That is gy · (σ(x) − t) without the cancellation: for a target of 0 or 1, one of the terms is zero.
    """
    return gy * ((1 - t) * sigmoid(x) - t * sigmoid(-x))
