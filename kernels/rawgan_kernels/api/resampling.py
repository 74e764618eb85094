"""Resampling of images along their rows and columns: resizing and filtering."""
# mypy: disable-error-code="empty-body"

import numpy as np

from rawgan_kernels.arrays import Array
from rawgan_kernels.dispatch import kernel
from rawgan_kernels.resampling import Map, table


def _terms(map: Map) -> int:
    return int(table(map).lengths.sum())


@kernel(
    flops=lambda x, rows, columns: (
        2 * len(x) * x.shape[3] * (_terms(rows) * columns.size + _terms(columns) * rows.output)
    ),
    nbytes=lambda x, rows, columns: x.nbytes + len(x) * rows.output * columns.output * x.shape[3] * x.itemsize,
)
def resample(x: Array, rows: Map, columns: Map, /) -> Array:
    """y[n, i, j, c] = Σ R[i, h] · C[j, w] · x[n, h, w, c] over the terms of the tables R and C of the two maps.

    Resizing and separable filtering; the maps are in `resampling`. The gradient is the same with transposed maps.

    Shapes: x (N, H, W, C), rows: H → I, columns: W → J → y (N, I, J, C)

    >>> from rawgan_kernels.resampling import Interpolation
    >>> x = np.array([0.0, 4.0]).reshape(1, 1, 2, 1)
    >>> resample(x, Interpolation(1, 1), Interpolation(2, 4))[0, 0, :, 0]
    array([0., 1., 3., 4.])
    """
