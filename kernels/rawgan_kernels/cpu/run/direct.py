"""Launches of bodies that take pointers, for kernels that are called often on few numbers.

`launch.run` passes arrays, and Numba looks up the type of each at every call, which takes one or two µs. Here, a body
gets the same for every kernel: pointers to four contiguous arrays of one dtype, a whole number and a float64. All that
depends on shapes alone is worked out once and kept as a `Plan`, whose address is the whole number.
"""

from typing import Any, NamedTuple

import numpy as np
from numba import types
from numba.extending import intrinsic
from numba.np.numpy_support import from_dtype

from rawgan_kernels.cpu.compile.compiled import compiled
from rawgan_kernels.cpu.run.launch import address_of_code, hand_over, run
from rawgan_kernels.cpu.vector.pointers import OFFSET, address_in, address_of, way_to

Array = np.ndarray[Any, Any]


class Plan(NamedTuple):
    """The launch of a body on arrays of certain shapes, and all `numbers` that these determine, at their `address`."""

    body: Any
    code: int
    blocks: int
    """Number of blocks."""
    parallel: bool
    scratch: int
    """Elements of scratch memory."""
    numbers: Array
    address: int


def make_plan(body: Any, dtype: np.dtype[Any], count: int, parallel: bool, scratch: int, *numbers: int) -> Plan:
    """A plan for a body on arrays of a dtype, with these whole numbers."""
    code, kept = codes.get((body, dtype)) or compile_direct(body, dtype), np.array(numbers, np.int64)
    return Plan(body, code, count, parallel and count > 1, scratch, kept, address_of(kept))


def run_plan(plan: Plan, a: Array, b: Array, c: Array, d: Array) -> None:
    """Call the plan's body for every block, its arguments being pointers to four arrays, the address of the plan's
    numbers, and 0.0.

    All arrays are of the plan's dtype. Where the plan has the steps from number to number, they need not be contiguous.
    """
    if plan.parallel:
        arguments = plan.blocks, OFFSET, way_to(a), way_to(b), way_to(c), way_to(d), plan.address, 0.0
        run(plan.code, plan.blocks, arguments, call=call_direct)
    else:
        entrance[0](
            0, plan.code, plan.blocks, OFFSET, way_to(a), way_to(b), way_to(c), way_to(d), plan.address, 0.0
        )  # fmt: skip


def call_direct(distributor: int, code: int, count: int, arguments: tuple[Any, ...]) -> None:
    """Call the code of a body for every block; see `run`."""
    entrance[0](distributor, code, *arguments)


codes: dict[Any, int] = {}
"""Addresses of the machine code, by body and dtype."""

entrance: list[Any] = []
"""`_launch` for the types that it always gets, which it does not look at again: empty before the first body."""


def compile_direct(body: Any, dtype: np.dtype[Any]) -> int:
    """Compile a body for a dtype. Returns its entry in `codes`."""
    pointers = [types.CPointer(from_dtype(dtype))] * 4
    code = address_of_code(body, types.Tuple([*pointers, types.intp, types.float64]))
    entrance[:] = [_launch.compile((types.intp,) * 9 + (types.float64,))]
    codes[body, dtype] = code
    return code


@compiled(entry=True)
def _launch(distributor, code, count, offset, a, b, c, d, number, parameter):  # type: ignore[no-untyped-def]
    """Call a body with the addresses of the arrays' numbers, which are as good as pointers."""
    places = address_in(a, offset), address_in(b, offset), address_in(c, offset), address_in(d, offset)
    hand_over(distributor, code, count, (*places, number, parameter))


@intrinsic
def in_dtype_of(typing: Any, number: Any, pointer: Any) -> Any:
    """A float64 in the dtype of a pointer."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return context.cast(builder, args[0], types.float64, signature.return_type)

    return pointer.dtype(types.float64, pointer), generate
