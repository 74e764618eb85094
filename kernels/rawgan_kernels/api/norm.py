"""Normalisation of channels, and its gradients."""
# mypy: disable-error-code="empty-body"

import numpy as np

from rawgan_kernels.arrays import Array
from rawgan_kernels.dispatch import kernel

Axes = tuple[int, ...]


@kernel(flops=lambda x, *_: 9 * x.size, nbytes=lambda x, *_: 2 * x.nbytes)
def normalize(
    x: Array, gamma: Array, beta: Array, axes: Axes, eps: float, slope: float, /
) -> tuple[Array, Array, Array]:
    """y = leaky_relu(gamma · (x − mean) / √(var + eps) + beta), with mean and biased variance over `axes`.

    A slope of 1 means no activation.

    Shapes: x any; gamma, beta the trailing axes of x → y as x; mean, var as x with `axes` of size 1
    Source: Ioffe and Szegedy 2015; Ba et al. 2016; Ulyanov et al. 2016

    >>> normalize(np.array([[1.0], [3.0]]), np.ones(1), np.zeros(1), (0,), 0.0, 1.0)[0].ravel()
    array([-1.,  1.])
    """


@kernel(flops=lambda x, *_: 18 * x.size, nbytes=lambda x, *_: 3 * x.nbytes)
def normalize_grad(
    x: Array, gy: Array, gamma: Array, beta: Array, mean: Array, var: Array, axes: Axes, eps: float, slope: float, /
) -> tuple[Array, Array, Array]:
    """Gradients of normalize with respect to x, gamma and beta; mean and variance count as functions of x.

    Shapes: x any, gy as x; gamma, beta its trailing axes; mean, var as x with `axes` of size 1
            → gx as x; ggamma, gbeta as gamma

    >>> x, gy, one = np.array([[1.0], [3.0]]), np.array([[1.0], [0.0]]), np.ones(1)
    >>> _, mean, var = normalize(x, one, 0 * one, (0,), 0.0, 1.0)
    >>> gx, ggamma, gbeta = normalize_grad(x, gy, one, 0 * one, mean, var, (0,), 0.0, 1.0)
    >>> ggamma, gbeta
    (array([-1.]), array([1.]))
    """
