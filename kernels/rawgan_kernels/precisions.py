"""Precision of products: how many bits of their factors are multiplied.

Matrix products, convolutions and attention can round the arrays that they multiply to fewer bits than float32's 24.
Products and sums are still float32's, as are all results, weights and moments. Where a processor has units for such
numbers, it multiplies several times faster; elsewhere the same kernels multiply rounded numbers, and gain nothing.

    float32   24 significant bits, as they are: the default
    tf32      11 significant bits: the matrix units of GPUs since Ampere
    bf16       8 significant bits: matrix units of CPUs (AMX, AVX512-BF16) and GPUs

All have float32's exponents, so nothing overflows or vanishes. Arrays of float64 are never rounded.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from rawgan_kernels.errors import UnknownPrecision

FLOAT32 = "float32"

PRECISIONS = {FLOAT32: 23, "tf32": 10, "bf16": 7}
"""Bits of a mantissa behind the leading one, by precision."""

reduced: str | None = None
"""The precision in use, unless it is float32."""


@contextmanager
def precision(name: str) -> Iterator[None]:
    """Inside, products round their factors to a precision, as do their gradients, in all threads of the process.

    Raises: UnknownPrecision unless it is one of `PRECISIONS`

    >>> import numpy as np, rawgan_kernels
    >>> x = np.float32([[1 + 2**-8]])
    >>> with precision("bf16"):
    ...     rawgan_kernels.matmul(x, x), chosen_precision()
    (array([[1.]], dtype=float32), 'bf16')
    >>> rawgan_kernels.matmul(x, x)
    array([[1.0078278]], dtype=float32)
    """
    global reduced
    if name not in PRECISIONS:
        raise UnknownPrecision(f"there is no precision {name!r}; choose one of: {', '.join(PRECISIONS)}")
    before, reduced = reduced, None if name == FLOAT32 else name
    try:
        yield
    finally:
        reduced = before


def chosen_precision() -> str:
    """The precision of products that are computed now."""
    return reduced or FLOAT32
