"""Arithmetic, elementary functions, activations and dropout. See `twins`."""

import math
from functools import partial
from typing import Any

import numpy as np
import torch
from samples import Array, NotApplicable, channels_first, channels_last
from torch.nn import functional
from twins import twin

from rawgan import Tensor, ops


@twin("astype", "to")
def cast(x: Tensor, *args: Any, memory_format: Any) -> Tensor:
    """Among the arguments are a dtype, or a tensor of it, and things that do not change numbers."""
    (like,) = (a for a in args if isinstance(a, torch.dtype | Tensor))
    return ops.astype(x, like.dtype if isinstance(like, Tensor) else str(like).removeprefix("torch."))


@twin("softplus", "nn.functional.softplus")
def softplus(x: Tensor, beta: float, threshold: float) -> Tensor:
    """PyTorch's is x itself where β · x is above the threshold."""
    near = Tensor((beta * x.numpy() <= threshold).astype(x.dtype))
    return near * ops.softplus(beta * x) / beta + (1 - near) * x


@twin("pow", "__rpow__")
def power_of(x: Tensor, base: Any) -> Tensor:
    """The base is the second argument."""
    numbers = base.numpy() if isinstance(base, Tensor) else base
    if np.any(numbers < 0):
        raise NotApplicable("fractional powers of negative numbers, which are NaN")
    return base**x


@twin("prelu", "nn.functional.prelu")
def prelu(x: Tensor, weight: Tensor) -> Tensor:
    """PyTorch's slopes are for the second axis."""
    return ops.prelu(x, ops.reshape(weight, (-1, *[1] * (x.ndim - 2)) if x.ndim else ()))


class KnownMask(np.random.Generator):
    """In place of a generator: 1 for what is kept, 0 for what is dropped."""

    def __init__(self, kept: Array) -> None:
        super().__init__(np.random.MT19937())
        self.kept = kept

    def random(self, shape: tuple[int, ...], dtype: Any) -> Array:
        """Numbers above or below the rate, in place of uniform ones."""
        return self.kept.reshape(shape).astype(dtype)


def seeded_dropout(*args: Any, **kwargs: Any) -> torch.Tensor:
    """PyTorch's dropout, with the same mask at every call."""
    torch.manual_seed(0)
    return functional.dropout(*args, **kwargs)


@twin("dropout", "nn.functional.dropout", theirs=seeded_dropout)
def dropout(x: Tensor, p: float = 0.5, training: bool = True) -> Tensor:
    """With the mask that PyTorch draws."""
    if training and p == 1:
        raise NotApplicable("a rate of 1, which leaves nothing")
    kept = seeded_dropout(torch.ones(x.shape, dtype=torch.float64), p, training).numpy() != 0
    return ops.dropout(x, p if training else 0.0, KnownMask(kept))  # type: ignore[arg-type]


def seeded_dropout2d(x: torch.Tensor, p: float = 0.5, training: bool = True) -> torch.Tensor:
    """PyTorch's dropout of channels, with the same mask at every call, and without its warnings about some shapes."""
    torch.manual_seed(0)
    return torch.feature_dropout(x, p, training)


@twin("dropout2d", "nn.functional.dropout2d", theirs=seeded_dropout2d)
def dropout2d(x: Tensor, p: float = 0.5, training: bool = True) -> Tensor:
    """With the mask that PyTorch draws."""
    if training and p == 1:
        raise NotApplicable("a rate of 1, which leaves nothing")
    kept = seeded_dropout2d(torch.ones(x.shape, dtype=torch.float64), p, training).numpy() != 0
    mask = KnownMask(kept[(slice(None), slice(None), *[0] * (x.ndim - 2))])
    return channels_first(ops.dropout2d(channels_last(x), p if training else 0.0, mask))  # type: ignore[arg-type]


twin("add", "add")(lambda a, b, alpha=1: ops.add(a, alpha * b))
twin("add", "__radd__")(lambda a, b: b + a)
twin("astype", "double")(lambda x, memory_format=None: ops.astype(x, "float64"))
twin("astype", "float")(lambda x, memory_format=None: ops.astype(x, "float32"))
twin("div", "div.no_rounding_mode", "true_divide")(ops.div)
twin("div", "__rdiv__")(lambda a, b: b / a)
twin("div", "reciprocal")(lambda x: 1 / x)
twin("clip", "clamp_min", "clamp")(ops.clip)
twin("clip", "clamp_max")(lambda x, high: ops.clip(x, max=high))
twin("elu", "nn.functional.elu")(lambda x, alpha=1.0: ops.elu(x, alpha))
twin("elu", "nn.functional.celu")(lambda x, alpha=1.0: alpha * ops.elu(x / alpha))
twin("elu", "nn.functional.selu")(lambda x: 1.0507009873554805 * ops.elu(x, 1.6732632423543772))
twin("erf", "erfc")(lambda x: 1 - ops.erf(x))
twin("exp", "exp2")(lambda x: ops.exp(x * math.log(2)))
twin("floor_divide", "div.floor_rounding")(lambda a, b, rounding_mode: ops.floor_divide(a, b))
twin("floor_divide", "floor_divide", theirs=partial(torch.div, rounding_mode="floor"))(ops.floor_divide)  # has slopes
twin("leaky_relu", "nn.functional.leaky_relu")(partial(ops.leaky_relu, slope=0.01))
twin("maximum", "max.binary")(ops.maximum)
twin("maximum", "fmax")(ops.maximum)
twin("minimum", "min.binary", "fmin")(ops.minimum)
twin("mul", "__rmul__")(lambda a, b: b * a)
twin("pow", "float_power")(ops.pow)
twin("pow", "square")(lambda x: ops.pow(x, 2))
twin("softplus", "nn.functional.logsigmoid")(lambda x: -ops.softplus(-x))
twin("softplus", "logaddexp")(lambda a, b: a + ops.softplus(b - a))
twin("sub", "sub")(lambda a, b, alpha=1: ops.sub(a, alpha * b))
twin("sub", "rsub")(lambda a, b, alpha=1: b - alpha * a)
twin("sub", "__rsub__")(lambda a, b: b - a)
twin("remainder", "__rmod__")(lambda a, b: b % a)
twin("round", "round.decimals_0", "round.decimals_3", "round.decimals_neg_3")(ops.round)
twin("where", "where")(lambda a, mask, b: ops.where(mask, a, b))
twin("where", "masked_fill")(lambda x, mask, value: ops.where(mask, value, x))
twin("tanh", "nn.functional.mish")(lambda x: x * ops.tanh(ops.softplus(x)))
