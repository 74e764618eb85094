"""Matrix products of arrays with any number of axes; see `cublas`."""

import math
from typing import Any

import numpy as np

from rawgan_kernels.arrays import array_module
from rawgan_kernels.cuda.run.cublas import product
from rawgan_kernels.cuda.run.factors import EXACT, Format
from rawgan_kernels.cuda.run.memory import empty
from rawgan_kernels.dispatch import implements


@implements
def matmul(a: Any, b: Any) -> Any:
    return multiplied(a, b, EXACT)


def multiplied(a: Any, b: Any, form: Format) -> Any:
    """a @ b, of factors in a format."""
    (m, k), n = a.shape[-2:], b.shape[-1]
    front = np.broadcast_shapes(a.shape[:-2], b.shape[:-2])
    y, count = empty(a, (*front, m, n)), math.prod(front)
    if b.ndim == 2:  # one product of many rows
        many_a, many_b, out = form.factor(a.reshape(1, count * m, k)), form.factor(b[None]), (1, count * m, n)
    else:
        many_a, many_b, out = (*(_many(form.factor(x), front) for x in (a, b)), (count, m, n))
    product(many_a, many_b, y.reshape(out), tf32=form.tf32)
    return y


def _many(x: Any, front: tuple[int, ...]) -> Any:
    """Matrices for a product of many, with its axes in front as one."""
    size = x.shape[-2:]
    return array_module(x).broadcast_to(x, (*front, *size)).reshape(math.prod(front), *size)
