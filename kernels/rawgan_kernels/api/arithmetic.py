"""Sums of two arrays, and over the pixels of each channel."""
# mypy: disable-error-code="empty-body"

import numpy as np

from rawgan_kernels.arrays import Array
from rawgan_kernels.dispatch import kernel


@kernel(flops=lambda a, b: a.size, nbytes=lambda a, b: 2 * a.nbytes + b.nbytes)
def add(a: Array, b: Array, /) -> Array:
    """y = a + b, where b has the shape of a, or one number for each channel, or one for each pixel.

    Shapes: a (…, K), b as a or (K,) or (…, 1) → y as a

    >>> add(np.array([1.0]), np.array([2.0]))
    array([3.])
    """


@kernel(flops=lambda x: x.size, nbytes=lambda x: x.nbytes)
def channel_sum(x: Array, /) -> Array:
    """y[k] = Σ x[…, k]: the gradient of a bias.

    Shapes: x (…, K) → y (K,)

    >>> channel_sum(np.array([[1.0, 2.0], [3.0, 4.0]]))
    array([4., 6.])
    """
