"""Convolutions and both of their gradients: the conv triple."""
# mypy: disable-error-code="empty-body"

from math import prod

import numpy as np

from rawgan_kernels.arrays import Array
from rawgan_kernels.dispatch import kernel
from rawgan_kernels.window import Window


@kernel(
    flops=lambda x, w, window, b, slope: 2 * len(x) * prod(window.output) * w.size,
    nbytes=lambda x, w, window, b, slope: x.nbytes + w.nbytes + len(x) * prod(window.output) * w.shape[3] * x.itemsize,
    factors=("x", "w"),
)
def conv2d(x: Array, w: Array, window: Window, b: Array | None = None, slope: float = 1.0, /) -> Array:
    """y = leaky_relu(x ∗ w + b): each output pixel is the product of one window of x with w.

    A slope of 1 means no activation. In G groups, each group of C/G channels of x gives K/G channels of y.

    Shapes: x (N, H, W, C), w (A, B, C/G, K), b (K,) → y (N, I, J, K)

    >>> conv2d(np.ones((1, 4, 4, 1)), np.ones((2, 2, 1, 1)), Window((4, 4), (2, 2), (2, 2)))[0, :, :, 0]
    array([[4., 4.],
           [4., 4.]])
    """


@kernel(
    flops=lambda gy, w, window, b, slope: 2 * prod(gy.shape[:3]) * w.size,
    nbytes=lambda gy, w, window, b, slope: (
        gy.nbytes + w.nbytes + len(gy) * prod(window.size) * w.shape[2] * window.groups * gy.itemsize
    ),
    factors=("gy", "w"),
)
def conv2d_input_grad(gy: Array, w: Array, window: Window, b: Array | None = None, slope: float = 1.0, /) -> Array:
    """Gradient of conv2d with respect to x; with b and slope, a layer of transposed convolution.

    Shapes: gy (N, I, J, K), w (A, B, C/G, K), b (C,) → gx (N, H, W, C)

    >>> conv2d_input_grad(np.ones((1, 1, 1, 1)), np.ones((2, 2, 1, 1)), Window((2, 2), (2, 2)))[0, :, :, 0]
    array([[1., 1.],
           [1., 1.]])
    """


@kernel(
    flops=lambda x, gy, window: 2 * gy.size * prod(window.kernel) * x.shape[3] // window.groups,
    nbytes=lambda x, gy, window: (
        x.nbytes + gy.nbytes + prod(window.kernel) * x.shape[3] // window.groups * gy.shape[3] * x.itemsize
    ),
    factors=("x", "gy"),
)
def conv2d_weight_grad(x: Array, gy: Array, window: Window, /) -> Array:
    """Gradient of conv2d with respect to w.

    Shapes: x (N, H, W, C), gy (N, I, J, K) → gw (A, B, C/G, K)

    >>> conv2d_weight_grad(np.ones((1, 4, 4, 1)), np.ones((1, 3, 3, 1)), Window((4, 4), (2, 2)))[:, :, 0, 0]
    array([[9., 9.],
           [9., 9.]])
    """
