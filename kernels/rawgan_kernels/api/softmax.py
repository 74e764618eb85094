"""Softmax and the logarithms of sums of exponentials, over the last axis."""
# mypy: disable-error-code="empty-body"

import numpy as np

from rawgan_kernels.arrays import Array
from rawgan_kernels.dispatch import kernel


@kernel(flops=lambda x: 5 * x.size, nbytes=lambda x: 2 * x.nbytes)
def softmax(x: Array, /) -> Array:
    """y = e^x / Σ e^x, with the sum over the last axis. A row of −∞ alone gives NaN, as 0 / 0 does.

    Shapes: x (…, K) → y as x

    >>> softmax(np.array([[0.0, 0.0], [800.0, 0.0]]))
    array([[0.5, 0.5],
           [1. , 0. ]])
    """


@kernel(flops=lambda y, gy: 4 * y.size, nbytes=lambda y, gy: 3 * y.nbytes)
def softmax_grad(y: Array, gy: Array, /) -> Array:
    """gx = y · (gy − Σ y · gy), the gradient of y = softmax(x) with respect to x.

    Shapes: y (…, K), gy as y → gx as y

    >>> softmax_grad(np.array([[0.5, 0.5]]), np.array([[4.0, 0.0]]))
    array([[ 1., -1.]])
    """


@kernel(flops=lambda x: 5 * x.size, nbytes=lambda x: 2 * x.nbytes)
def log_softmax(x: Array, /) -> Array:
    """y = log softmax(x) = x − log Σ e^x, with the sum over the last axis.

    Shapes: x (…, K) → y as x

    >>> log_softmax(np.array([[800.0, 0.0]]))
    array([[   0., -800.]])
    """


@kernel(flops=lambda y, gy: 4 * y.size, nbytes=lambda y, gy: 3 * y.nbytes)
def log_softmax_grad(y: Array, gy: Array, /) -> Array:
    """gx = gy − e^y · Σ gy, the gradient of y = log_softmax(x) with respect to x.

    Shapes: y (…, K), gy as y → gx as y

    >>> log_softmax_grad(np.array([[0.0, -800.0]]), np.array([[4.0, 2.0]]))
    array([[-2.,  2.]])
    """


@kernel(flops=lambda x: 3 * x.size, nbytes=lambda x: x.nbytes + x.nbytes // max(1, x.shape[-1]))
def logsumexp(x: Array, /) -> Array:
    """y = log Σ e^x, with the sum over the last axis; −∞ for a sum of nothing.

    Shapes: x (…, K) → y (…)

    >>> logsumexp(np.array([[800.0, -800.0], [-np.inf, -np.inf]]))
    array([800., -inf])
    """


@kernel(
    flops=lambda x, log_sum, glog_sum: 3 * x.size,
    nbytes=lambda x, log_sum, glog_sum: 2 * (x.nbytes + log_sum.nbytes),
)
def logsumexp_grad(x: Array, log_sum: Array, glog_sum: Array, /) -> Array:
    """gx = glog_sum · e^(x − log_sum), the gradient of log_sum = logsumexp(x) with respect to x.

    Shapes: x (…, K), log_sum (…), glog_sum as log_sum → gx as x

    >>> logsumexp_grad(np.array([[800.0, 0.0]]), np.array([800.0]), np.array([3.0]))
    array([[3., 0.]])
    """
