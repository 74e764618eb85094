"""Bilinear samples of images at places of a grid, and their gradients."""
# mypy: disable-error-code="empty-body"

from math import prod

import numpy as np

from rawgan_kernels.arrays import Array
from rawgan_kernels.dispatch import kernel


def _sampled(gy: Array, size: tuple[int, int]) -> int:
    return gy.shape[0] * prod(size) * gy.shape[3] * gy.itemsize


@kernel(
    flops=lambda x, grid, padding, aligned: grid.size // 2 * (20 + 8 * x.shape[3]),
    nbytes=lambda x, grid, padding, aligned: x.nbytes + grid.nbytes + grid.size // 2 * x.shape[3] * x.itemsize,
)
def grid_sample(x: Array, grid: Array, padding: str, aligned: bool, /) -> Array:
    """y[n, i, j] = x[n], interpolated between the four pixels around the place grid[n, i, j].

    A place is (horizontal, vertical), from −1 to 1: from edge to edge of the image or, if `aligned`, from the centre of
    the first pixel to that of the last. Beyond the image there are "zeros", its outermost pixels ("border"), or its
    mirror image ("reflection"). NaN counts as −1.

    Shapes: x (N, H, W, C), H, W ≥ 1, grid (N, I, J, 2) → y (N, I, J, C)
    Source: Jaderberg et al. 2015

    >>> grid_sample(np.array([[[[1.0], [5.0]]]]), np.array([[[[0.25, 0.0]]]]), "zeros", False).ravel()
    array([4.])
    """


@kernel(
    flops=lambda gy, grid, size, padding, aligned: grid.size // 2 * (20 + 8 * gy.shape[3]),
    nbytes=lambda gy, grid, size, padding, aligned: gy.nbytes + grid.nbytes + _sampled(gy, size),
)
def grid_sample_input_grad(gy: Array, grid: Array, size: tuple[int, int], padding: str, aligned: bool, /) -> Array:
    """Gradient of grid_sample with respect to x, whose height and width are `size`.

    Shapes: gy (N, I, J, C), grid (N, I, J, 2) → gx (N, *size, C)

    >>> grid_sample_input_grad(np.array([[[[4.0]]]]), np.array([[[[0.25, 0.0]]]]), (1, 2), "zeros", False).ravel()
    array([1., 3.])
    """


@kernel(
    flops=lambda x, grid, gy, padding, aligned: grid.size // 2 * (30 + 8 * x.shape[3]),
    nbytes=lambda x, grid, gy, padding, aligned: x.nbytes + gy.nbytes + 2 * grid.nbytes,
)
def grid_sample_grid_grad(x: Array, grid: Array, gy: Array, padding: str, aligned: bool, /) -> Array:
    """Gradient of grid_sample with respect to the grid; 0 for places that are NaN, or on the border or moved to it.

    Shapes: x (N, H, W, C), H, W ≥ 1, grid (N, I, J, 2), gy (N, I, J, C) → ggrid as grid

    >>> x, gy = np.array([[[[1.0], [5.0]], [[1.0], [5.0]]]]), np.array([[[[0.5]]]])
    >>> grid_sample_grid_grad(x, np.array([[[[0.25, 0.0]]]]), gy, "border", False).ravel()
    array([2., 0.])
    """
