"""Channels of each image, scaled or summed by themselves."""
# mypy: disable-error-code="empty-body"

import numpy as np

from rawgan_kernels.arrays import Array
from rawgan_kernels.dispatch import kernel


@kernel(flops=lambda x, factors: x.size, nbytes=lambda x, factors: 2 * x.nbytes + factors.nbytes)
def scale_channels(x: Array, factors: Array, /) -> Array:
    """y[n, …, k] = x[n, …, k] · factors[n, k]: each channel of each image times a number of its own.

    Shapes: x (N, …, K), factors (N, K) → y as x

    >>> scale_channels(np.array([[[1.0, 2.0], [3.0, 4.0]]]), np.array([[10.0, 100.0]]))
    array([[[ 10., 200.],
            [ 30., 400.]]])
    """


@kernel(flops=lambda a, b: 2 * a.size, nbytes=lambda a, b: 2 * a.nbytes)
def channel_products(a: Array, b: Array, /) -> Array:
    """y[n, k] = Σ a[n, …, k] · b[n, …, k]: the gradient of the factors of `scale_channels`.

    Shapes: a (N, …, K), b as a → y (N, K)

    >>> channel_products(np.array([[[1.0, 2.0], [3.0, 4.0]]]), np.array([[[1.0, 1.0], [1.0, 10.0]]]))
    array([[ 4., 42.]])
    """
