"""Dropout."""

from typing import Any

import numpy as np

from rawgan.errors import ArgumentError
from rawgan.ops._arguments import as_tensors
from rawgan.tensor import Tensor
from rawgan_kernels import array_module


def dropout(x: Any, rate: float, rng: np.random.Generator) -> Tensor:
    """Set each element to 0 with probability `rate`, and scale the others by 1 / (1 − rate) to keep the mean.

    Shapes: x any → the same
    Raises: ArgumentError unless 0 ≤ rate < 1
    Source: Srivastava et al. 2014

    >>> dropout(Tensor([1.0, 1.0, 1.0, 1.0]), 0.5, np.random.default_rng(0))
    Tensor([2., 2., 2., 0.], float32)
    """
    if not 0 <= rate < 1:
        raise ArgumentError(f"dropout: rate must be at least 0 and less than 1, but is {rate}")
    (x,) = as_tensors(x)
    kept = (rng.random(x.shape, dtype=np.float32) >= rate) / (1 - rate)
    return x * Tensor.wrap(array_module(x._array).asarray(kept.astype(x.dtype)))
