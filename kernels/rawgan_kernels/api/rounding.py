"""Rounding to the numbers of a lower precision."""
# mypy: disable-error-code="empty-body"

import numpy as np

from rawgan_kernels.arrays import Array
from rawgan_kernels.dispatch import kernel


@kernel(flops=lambda x, bits: x.size, nbytes=lambda x, bits: 2 * x.nbytes)
def rounded(x: Array, bits: int, /) -> Array:
    """The nearest numbers with so many bits of mantissa behind the leading one; the even one of two that are as near.

    Exponents are kept. A number beyond the largest of these is infinity; NaN is NaN. Where nothing has to be rounded,
    the result may be x itself.

    Shapes: x any → y as x

    >>> rounded(np.float32([1 + 2**-8, 1 + 3 * 2**-8, -1 / 3]), 7)
    array([ 1.        ,  1.015625  , -0.33398438], dtype=float32)
    """
