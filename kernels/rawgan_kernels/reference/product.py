"""Matrix products."""

from typing import Any

from rawgan_kernels.dispatch import implements


@implements
def matmul(a: Any, b: Any) -> Any:
    """y = a @ b over the last two axes; the axes in front broadcast.

    Shapes: a (…, M, K), b (…, K, N) → y (…, M, N)
    Flops:  2 · y.size · K
    Bytes:  a + b + y
    """
    return a @ b
