"""Dropout."""

from typing import Any

import numpy as np

from rawgan.errors import ArgumentError, described
from rawgan.ops.arguments import as_tensors, call_hint, checked_generator, is_number
from rawgan.ops.registry import case, normal, op
from rawgan.tensor import Tensor
from rawgan_kernels import array_module


@op(
    case(
        "fixed mask", normal(3, 4), call=lambda dropout, x, rate: dropout(x, rate, np.random.default_rng(3)), rate=0.4
    ),
)
def dropout(x: Any, rate: float, rng: np.random.Generator) -> Tensor:
    """Set each element to 0 with probability `rate`, and scale the others by 1 / (1 − rate) to keep the mean.

    Shapes: x any → the same
    Raises: ArgumentError unless 0 ≤ rate < 1 and rng is a generator
    Source: Srivastava et al. 2014

    >>> dropout(Tensor([1.0, 1.0, 1.0, 1.0]), 0.5, np.random.default_rng(0))
    Tensor([2., 2., 2., 0.], float32)
    """
    (x,) = as_tensors(x)
    rate, rng = checked_rate("dropout", rate), checked_generator("dropout", rng)
    kept = (rng.random(x.shape, dtype=np.float32) >= rate) / (1 - rate)
    return x * Tensor.wrap(array_module(x._array).asarray(kept.astype(x.dtype)))


def checked_rate(op: str, rate: float) -> float:
    """The rate as a float. Raises: ArgumentError unless it is a number, and 0 ≤ rate < 1."""
    if not (is_number(rate) and 0 <= rate < 1):
        raise ArgumentError(
            f"{op}: rate must be a number, at least 0 and less than 1, but is {described(rate)}{call_hint(op, rate)}"
        )
    return float(rate)
