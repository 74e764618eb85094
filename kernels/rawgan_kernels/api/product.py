"""Products of matrices."""
# mypy: disable-error-code="empty-body"

from math import prod

import numpy as np

from rawgan_kernels.arrays import Array
from rawgan_kernels.dispatch import kernel


def _product_shape(a: Array, b: Array) -> tuple[int, ...]:
    return (*np.broadcast_shapes(a.shape[:-2], b.shape[:-2]), a.shape[-2], b.shape[-1])


@kernel(
    flops=lambda a, b: 2 * prod(_product_shape(a, b)) * a.shape[-1],
    nbytes=lambda a, b: a.nbytes + b.nbytes + prod(_product_shape(a, b)) * a.itemsize,
    factors=("a", "b"),
)
def matmul(a: Array, b: Array, /) -> Array:
    """y = a @ b over the last two axes; the axes in front broadcast.

    Shapes: a (…, M, K), b (…, K, N) → y (…, M, N)

    >>> matmul(np.array([[1.0, 2.0]]), np.array([[3.0], [4.0]]))
    array([[11.]])
    """
