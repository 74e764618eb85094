"""Matrix products."""

from typing import Any

from rawgan_kernels.dispatch import implements


@implements
def matmul(a: Any, b: Any) -> Any:
    return a @ b
