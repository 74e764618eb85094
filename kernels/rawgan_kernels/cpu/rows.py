"""Moving and finishing rows of numbers: what other kernels are made of."""

from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from rawgan_kernels.cpu.compiling import kernel


@intrinsic
def clear(typing: Any, y: Any, length: Any) -> Any:
    """y[:length] = 0, y being a pointer."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        y, length = args
        size = builder.mul(length, ir.IntType(64)(signature.args[0].dtype.bitwidth // 8))
        cgutils.memset(builder, y, size, 0)
        return context.get_dummy_value()

    return types.void(y, types.intp), generate


@intrinsic
def copy(typing: Any, x: Any, y: Any, length: Any) -> Any:
    """y[:length] = x[:length], both being pointers."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        x, y, length = args
        cgutils.raw_memcpy(builder, y, x, length, signature.args[0].dtype.bitwidth // 8)
        return context.get_dummy_value()

    return types.void(x, y, types.intp), generate


@kernel
def finish_rows(y, b, slope):  # type: ignore[no-untyped-def]
    """y ← leaky_relu(y + b), row by row; slope 1 is no activation at all, and b may be empty.

    What follows a convolution at once, while its result is still in the cache.
    """
    k = len(b)
    if k == 0 and slope == 1:
        return
    for row in y:
        if k:
            for i in range(k):
                row[i] += b[i]
        if slope != 1:
            for i in range(len(row)):
                row[i] = row[i] if row[i] > 0 else row[i] * slope
