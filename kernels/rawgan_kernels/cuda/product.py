"""Matrix products of arrays with any number of axes; see `cublas`."""

import math
from typing import Any

import numpy as np

from rawgan_kernels.arrays import array_module
from rawgan_kernels.cuda.run.cublas import product
from rawgan_kernels.cuda.run.memory import empty
from rawgan_kernels.dispatch import implements


@implements
def matmul(a: Any, b: Any) -> Any:
    xp, (m, k), n = array_module(a), a.shape[-2:], b.shape[-1]
    front = np.broadcast_shapes(a.shape[:-2], b.shape[:-2])
    y, count = empty(a, (*front, m, n)), math.prod(front)
    if b.ndim == 2:  # one product of many rows
        product(a.reshape(1, count * m, k), b[None], y.reshape(1, count * m, n))
    else:
        many_a, many_b = xp.broadcast_to(a, (*front, m, k)), xp.broadcast_to(b, (*front, k, n))
        product(many_a.reshape(count, m, k), many_b.reshape(count, k, n), y.reshape(count, m, n))
    return y
