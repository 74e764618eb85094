"""The inner loop of all matrix products, written for the CPU's vector registers.

    c[rows, P] = a @ b        for a panel of P columns, two vectors wide, `TILE_ROWS` rows at a time

A compiler turns a plain loop into vector instructions if it can prove enough about it; here it cannot, and here nearly
all time is spent. So the loop is put together from LLVM's vector operations, by a few lines of Python that run when it
is compiled. Pointers come with strides in elements, so one loop serves every layout and every transpose.

It is compiled once for each dtype, on its own, and called by its address: Numba would compile a copy into every
function that calls it, several times over.
"""

from fractions import Fraction
from functools import cache
from typing import Any

import numpy as np
from numba import types
from numba.extending import intrinsic
from numba.np.numpy_support import from_dtype

from rawgan_kernels.cpu.compile.compiled import standalone
from rawgan_kernels.cpu.vector.pointers import by_address, shifted
from rawgan_kernels.cpu.vector.registers import I64, TILE_PARTS, Vectors


def _register_tile(rows: int) -> Any:
    """c[rows, P] (+)= a[rows, depth] @ b[depth, P], with every number of c in a register from first to last step.

    Each step loads one row of b, two vectors, and for each row of a spreads one number over a vector and multiplies.
    """

    @intrinsic
    def tile(
        typing: Any, a: Any, a_row: Any, a_step: Any, b: Any, b_step: Any, c: Any, c_row: Any, depth: Any, add: Any
    ) -> Any:
        size = types.intp
        signature = types.void(a, size, size, b, size, c, size, size, types.boolean)

        def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            a, a_row, a_step, b, b_step, c, c_row, depth, add = args
            v = Vectors(context, builder, signature.args[0].dtype)
            places = [
                builder.add(builder.mul(c_row, I64(i)), I64(half * v.lanes)) for i in range(rows) for half in range(2)
            ]
            blocks = {name: builder.append_basic_block(name) for name in ("load", "start", "step", "end")}
            entry = builder.block
            builder.cbranch(add, blocks["load"], blocks["start"])

            builder.position_at_end(blocks["load"])
            old = [v.load(c, place) for place in places]
            builder.branch(blocks["start"])

            builder.position_at_end(blocks["start"])
            first = [_merge(builder, v.type, (v.constant(Fraction(0)), entry), (x, blocks["load"])) for x in old]
            builder.cbranch(builder.icmp_signed(">", depth, I64(0)), blocks["step"], blocks["end"])

            builder.position_at_end(blocks["step"])
            step = _merge(builder, I64, (I64(0), blocks["start"]))
            sums = [_merge(builder, v.type, (x, blocks["start"])) for x in first]
            b_here, a_here = builder.mul(step, b_step), builder.mul(step, a_step)
            halves = [v.load(b, builder.add(b_here, I64(half * v.lanes))) for half in range(2)]
            new = []
            for i in range(rows):
                number = v.spread(a, builder.add(a_here, builder.mul(a_row, I64(i))))
                new += [v.fma(number, half, x) for half, x in zip(halves, sums[2 * i : 2 * i + 2], strict=True)]
            following = builder.add(step, I64(1))
            for phi, value in zip([step, *sums], [following, *new], strict=True):
                phi.add_incoming(value, blocks["step"])
            builder.cbranch(builder.icmp_signed("<", following, depth), blocks["step"], blocks["end"])

            builder.position_at_end(blocks["end"])
            last = [
                _merge(builder, v.type, (x, blocks["start"]), (y, blocks["step"]))
                for x, y in zip(first, new, strict=True)
            ]
            for x, place in zip(last, places, strict=True):
                v.store(x, c, place)
            return context.get_dummy_value()

        return signature, generate

    return tile


def _merge(builder: Any, kind: Any, *incoming: tuple[Any, Any]) -> Any:
    """A value that depends on the basic block that control comes from."""
    phi = builder.phi(kind)
    for value, block in incoming:
        phi.add_incoming(value, block)
    return phi


_whole, _large, _small, _single = (_register_tile(rows) for rows in TILE_PARTS)
_WHOLE, _LARGE, _SMALL, _ = TILE_PARTS


def _multiply_panel(a, a_row, a_step, b, b_step, c, c_row, rows, depth, add):  # type: ignore[no-untyped-def]
    """c[rows, P] = a[rows, depth] @ b[depth, P], or added to c; P = PANEL_BYTES / itemsize.

    Element (i, k) of a is at a + i·a_row + k·a_step, so a may be a transpose; rows of b and c are contiguous. The panel
    of b is read once for every TILE_ROWS rows, so it should fit the first-level cache: 16 KiB at a depth of 256.
    """
    i = 0
    while i < rows:
        at, to = shifted(a, i * a_row), shifted(c, i * c_row)
        if rows - i >= _WHOLE:
            _whole(at, a_row, a_step, b, b_step, to, c_row, depth, add)
            i += _WHOLE
        elif rows - i >= _LARGE:
            _large(at, a_row, a_step, b, b_step, to, c_row, depth, add)
            i += _LARGE
        elif rows - i >= _SMALL:
            _small(at, a_row, a_step, b, b_step, to, c_row, depth, add)
            i += _SMALL
        else:
            _single(at, a_row, a_step, b, b_step, to, c_row, depth, add)
            i += 1


@cache
def panel_multiplier(dtype: str) -> int:
    """Address of `multiply_panel` for a dtype, given as its `char`: a dtype's name takes long to find out."""
    number = types.CPointer(from_dtype(np.dtype(dtype)))
    size = types.intp
    signature = types.void(number, size, size, number, size, number, size, size, size, types.boolean)
    return standalone(signature, _multiply_panel).address


multiply_panel = by_address("multiply_panel")
"""multiply_panel(panel_multiplier(dtype), a, a_row, a_step, b, b_step, c, c_row, rows, depth, add)"""
