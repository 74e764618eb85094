"""Rounding to the numbers of a lower precision.

Read as an integer, a floating-point number has the bits of its sign, exponent and mantissa from left to right. Adding
half of the last bit that is kept carries into it, and further up, if the number is nearer to the next one: from 1.99…
to 2, too, whose exponent is one more. For ties to go to the even one, the half lacks its last bit where the bit that
is kept is 0.
"""

from typing import Any

import numpy as np

from rawgan_kernels.arrays import array_module
from rawgan_kernels.dispatch import implements


@implements
def rounded(x: Any, bits: int) -> Any:
    xp, drop = array_module(x), np.finfo(x.dtype).nmant - bits
    read = x.view(f"u{x.itemsize}")
    last = read.dtype.type(1)
    if xp is np and not (read & (last << drop) - last).any():  # CuPy would wait for the GPU to know
        return x
    odd = read >> drop & last
    carried = read + ((last << drop - 1) - last + odd)
    return xp.where(xp.isnan(x), x, (carried >> drop << drop).view(x.dtype))
