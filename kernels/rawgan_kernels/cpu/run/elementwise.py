"""Element-wise kernels: blocks for a formula that is computed for every number.

All bodies take the same arguments, three inputs and a number, whether they need them or not; inputs that a formula does
not use cost nothing. A network calls these kernels most, often on few numbers. So arguments are handed over in the
fastest way: as addresses of contiguous arrays, which have no types that Numba would have to look at.
"""

from typing import Any

import numpy as np
from numba import types
from numba.extending import intrinsic
from numba.np.numpy_support import from_dtype

from rawgan_kernels.cpu.compile.compiled import compiled
from rawgan_kernels.cpu.run import pool
from rawgan_kernels.cpu.run.launch import address_of_code, hand_over, run
from rawgan_kernels.cpu.vector.pointers import OFFSET, address_in, shifted, way_to

Array = np.ndarray[Any, Any]

BLOCK = 1 << 14
"""Elements of a block. They take 2 to 20 µs."""

FEW = 1 << 16
"""Elements up to which a sum, or what takes as little, is not worth waking the other threads: that takes 5 µs."""


def apply(body: Any, x: Array, second: Array, third: Array, parameter: float = 0.0, alone: int = BLOCK) -> Array:
    """y, shaped as x, from a body that computes one block; the inputs have one shape, and may be the same array.

    One thread computes up to `alone` elements.
    """
    dtype, size = x.dtype, x.size
    y = pool.empty(x.shape, dtype)
    a = _plain(x, dtype)
    b = a if second is x else _plain(second, dtype)
    c = a if third is x else _plain(third, dtype)
    code = _codes.get((body, dtype)) or _compile(body, dtype)
    arguments = -(-size // BLOCK), OFFSET, way_to(a), way_to(b), way_to(c), way_to(y), size, parameter
    if size <= alone:
        _enter(0, code, *arguments)
    else:
        run(code, arguments[0], arguments, call=_call)
    return y


def _plain(x: Array, dtype: np.dtype[Any]) -> Array:
    """The array itself if its memory can be read as it is, or a copy; of a NumPy number, an array."""
    flags = x.flags
    good = x.__class__ is np.ndarray and x.dtype is dtype and flags.c_contiguous and flags.aligned
    return x if good else np.array(x, dtype, order="C")


@compiled
def part(arguments, block):  # type: ignore[no-untyped-def]
    """Number of elements of a block, pointers to its part of the inputs and of y, and the number in their dtype."""
    x, second, third, y, size, parameter = arguments
    start = block * BLOCK
    count, number = min(BLOCK, size - start), _rounded(parameter, x)
    return count, shifted(x, start), shifted(second, start), shifted(third, start), shifted(y, start), number


def _call(distributor: int, code: int, count: int, arguments: tuple[Any, ...]) -> None:
    """Call the code of a body for every block; see `run`."""
    _enter(distributor, code, *arguments)


_codes: dict[Any, int] = {}
"""Addresses of the machine code, by body and dtype."""


def _compile(body: Any, dtype: np.dtype[Any]) -> int:
    global _enter
    pointers = [types.CPointer(from_dtype(dtype))] * 4
    code = _codes[body, dtype] = address_of_code(body, types.Tuple([*pointers, types.intp, types.float64]))
    _enter = _launch.compile((types.intp,) * 9 + (types.float64,))
    return code


@compiled(entry=True)
def _launch(distributor, code, count, offset, a, b, c, y, size, parameter):  # type: ignore[no-untyped-def]
    """Call a body with the addresses of the arrays' numbers, which are as good as pointers."""
    places = address_in(a, offset), address_in(b, offset), address_in(c, offset), address_in(y, offset)
    hand_over(distributor, code, count, (*places, size, parameter))


_enter: Any = None
"""`_launch` for the types that it always gets: it does not look at them again."""


@intrinsic
def _rounded(typing: Any, number: Any, pointer: Any) -> Any:
    """A float64 in the dtype of a pointer."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return context.cast(builder, args[0], types.float64, signature.return_type)

    return pointer.dtype(types.float64, pointer), generate
