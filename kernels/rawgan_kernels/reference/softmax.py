"""Softmax, its logarithm and log Σ e^x along the last axis, and their gradients.

The largest number of a row is subtracted first: e^x then cannot overflow, and softmax does not change.
"""

import math
from typing import Any

from rawgan_kernels.arrays import array_module
from rawgan_kernels.dispatch import implements


@implements
def softmax(x: Any) -> Any:
    e = array_module(x).exp(_shifted(x))
    return e / e.sum(axis=-1, keepdims=True)


@implements
def softmax_grad(y: Any, gy: Any) -> Any:
    return y * (gy - (y * gy).sum(axis=-1, keepdims=True))


@implements
def log_softmax(x: Any) -> Any:
    xp, shifted = array_module(x), _shifted(x)
    sums = xp.exp(shifted).sum(axis=-1, keepdims=True)
    return shifted - xp.log(xp.maximum(sums, 1))  # they are at least 1, but for a row of no numbers


@implements
def log_softmax_grad(y: Any, gy: Any) -> Any:
    return gy - array_module(y).exp(y) * gy.sum(axis=-1, keepdims=True)


@implements
def logsumexp(x: Any) -> Any:
    """The largest number contributes e^0 = 1 to the sum; of infinite ones alone, the result is the largest."""
    xp = array_module(x)
    if not x.shape[-1]:
        return xp.full(x.shape[:-1], -math.inf, x.dtype)
    largest = x.max(axis=-1)
    shift = xp.where(xp.isfinite(largest), largest, 0)
    return largest + xp.log(xp.maximum(xp.exp(x - shift[..., None]).sum(axis=-1), 1))


@implements
def logsumexp_grad(x: Any, log_sum: Any, glog_sum: Any) -> Any:
    return glog_sum[..., None] * array_module(x).exp(x - log_sum[..., None])


def _shifted(x: Any) -> Any:
    return x - x.max(axis=-1, keepdims=True) if x.size else x
