"""Dropout."""

from typing import Any

import numpy as np

from rawgan.errors import ArgumentError, ShapeError, described, shapes
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
    return x * _mask(x, x.shape, rate, rng)


@op(
    case(
        "fixed mask",
        normal(3, 2, 4),
        call=lambda dropout, x, rate: dropout(x, rate, np.random.default_rng(3)),
        rate=0.4,
    ),
)
def dropout2d(x: Any, rate: float, rng: np.random.Generator) -> Tensor:
    """Set whole channels of an image to 0 with probability `rate`, and scale the others by 1 / (1 − rate).

    Neighbouring pixels are correlated, so dropping single ones would hide little.

    Shapes: x (N, …, C), such as images (N, H, W, C) → the same
    Raises: ArgumentError unless 0 ≤ rate < 1 and rng is a generator, ShapeError for less than two axes
    Source: Tompson et al. 2015

    >>> dropout2d(Tensor([[[1.0, 1.0, 1.0], [1.0, 1.0, 1.0]]]), 0.5, np.random.default_rng(1))
    Tensor([[[0., 2., 2.],
             [0., 2., 2.]]], float32)
    """
    (x,) = as_tensors(x)
    rate, rng = checked_rate("dropout2d", rate), checked_generator("dropout2d", rng)
    if x.ndim < 2:
        raise ShapeError(f"dropout2d: x must be (N, …, C), but has {x.ndim} axes\n{shapes(x=x)}")
    return x * _mask(x, (x.shape[0], *(1,) * (x.ndim - 2), x.shape[-1]), rate, rng)


def _mask(x: Tensor, shape: tuple[int, ...], rate: float, rng: np.random.Generator) -> Tensor:
    """0 with probability `rate`, else 1 / (1 − rate); dtype and device are those of x."""
    kept = (rng.random(shape, dtype=np.float32) >= rate) / (1 - rate)
    return Tensor.wrap(array_module(x._array).asarray(kept.astype(x.dtype)))


def checked_rate(op: str, rate: float) -> float:
    """The rate as a float. Raises: ArgumentError unless it is a number, and 0 ≤ rate < 1."""
    if not (is_number(rate) and 0 <= rate < 1):
        raise ArgumentError(
            f"{op}: rate must be a number, at least 0 and less than 1, but is {described(rate)}{call_hint(op, rate)}"
        )
    return float(rate)
