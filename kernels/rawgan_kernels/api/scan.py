"""Running sums and recurrences along the last axis."""
# mypy: disable-error-code="empty-body"

import numpy as np

from rawgan_kernels.arrays import Array
from rawgan_kernels.dispatch import kernel


@kernel(flops=lambda x, reverse: x.size, nbytes=lambda x, reverse: 2 * x.nbytes)
def cumsum(x: Array, reverse: bool, /) -> Array:
    """y[:, i] = Σ x[:, j] over j ≤ i, or over j ≥ i if `reverse`. Summed in float64, and rounded once.

    Shapes: x (M, n, K) → y as x

    >>> cumsum(np.array([[[1.0], [2.0], [3.0]]]), True).ravel()
    array([6., 5., 3.])
    """


@kernel(flops=lambda a, b, reverse: 2 * a.size, nbytes=lambda a, b, reverse: 3 * a.nbytes)
def scan(a: Array, b: Array, reverse: bool, /) -> Array:
    """A linear recurrence: y[:, i] = a[:, i] · y[:, i−1] + b[:, i], starting with y[:, 0] = b[:, 0].

    If `reverse`, it is the transpose of that map from b to y: y[:, i] = a[:, i+1] · y[:, i+1] + b[:, i], from the other
    end. a[:, 0] is never used. Computed in float64, on a GPU in pairs of float32, and rounded once.

    Shapes: a (M, n, K), b as a → y as a
    Source: Blelloch 1990

    >>> a, b = np.array([[[9.0], [2.0], [3.0]]]), np.array([[[1.0], [0.0], [1.0]]])
    >>> scan(a, b, False).ravel(), scan(a, b, True).ravel()
    (array([1., 2., 7.]), array([7., 3., 1.]))
    """
