"""Matrix products, by cuBLAS.

In float32 they are computed in float32, unless `CUPY_TF32=1` asks for tensor cores, which round the factors to 10 bits.
"""

from typing import Any

from rawgan_kernels import array_module


def matmul(a: Any, b: Any) -> Any:
    """y = a @ b over the last two axes; the axes in front broadcast.

    Shapes: a (…, M, K), b (…, K, N) → y (…, M, N)
    Flops:  2 · M · K · N for each matrix
    Bytes:  a + b + y
    """
    return array_module(a).matmul(a, b)
