"""Weighted sums of pixels at given places."""
# mypy: disable-error-code="empty-body"

from math import prod

import numpy as np

from rawgan_kernels.arrays import Array
from rawgan_kernels.dispatch import kernel


@kernel(
    flops=lambda x, weights, at: 2 * weights.size * x.shape[2],
    nbytes=lambda x, weights, at: x.nbytes + weights.nbytes + at.nbytes + prod(at.shape[:2]) * x.shape[2] * x.itemsize,
)
def sample_pixels(x: Array, weights: Array, at: Array, /) -> Array:
    """y[n, p, c] = Σ weights[n, p, k] · x[n, at[n, p, k], c] over taps k; those with the number −1 are left out.

    Shapes: x (N, pixels, C), weights (N, P, K), at as weights, int64 → y (N, P, C)

    >>> sample_pixels(np.array([[[1.0], [2.0]]]), np.array([[[0.5, 0.5]]]), np.array([[[0, 1]]]))
    array([[[1.5]]])
    """


@kernel(
    flops=lambda gy, weights, at, pixels: 2 * weights.size * gy.shape[2],
    nbytes=lambda gy, weights, at, pixels: (
        gy.nbytes + weights.nbytes + at.nbytes + len(gy) * pixels * gy.shape[2] * gy.itemsize
    ),
)
def sample_pixels_input_grad(gy: Array, weights: Array, at: Array, pixels: int, /) -> Array:
    """gx[n, q, c] = Σ weights[n, p, k] · gy[n, p, c] over all p, k with at[n, p, k] = q.

    Shapes: gy (N, P, C), weights (N, P, K), at as weights, int64 → gx (N, pixels, C)

    >>> sample_pixels_input_grad(np.array([[[4.0]]]), np.array([[[0.25, 0.5]]]), np.array([[[2, 2]]]), 3)[0, :, 0]
    array([0., 0., 3.])
    """


@kernel(
    flops=lambda x, gy, at: 2 * at.size * x.shape[2],
    nbytes=lambda x, gy, at: x.nbytes + gy.nbytes + at.nbytes + at.size * x.itemsize,
)
def sample_pixels_weight_grad(x: Array, gy: Array, at: Array, /) -> Array:
    """gw[n, p, k] = Σ x[n, at[n, p, k], c] · gy[n, p, c] over channels c; 0 for the number −1.

    Shapes: x (N, pixels, C), gy (N, P, C), at (N, P, K), int64 → gw as at

    >>> sample_pixels_weight_grad(np.array([[[1.0], [2.0]]]), np.array([[[3.0]]]), np.array([[[1, -1]]]))
    array([[[6., 0.]]])
    """
