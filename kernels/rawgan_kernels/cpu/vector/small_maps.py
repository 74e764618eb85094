"""Products of small constant matrices and long rows, in vector registers.

    y[i, :] = Σ_j M[i][j] · x[j, :]        for one of several matrices M

The matrices become part of the code; as in `panel`, it is put together from LLVM's vector operations.
"""

from collections.abc import Sequence
from fractions import Fraction
from typing import Any

from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from rawgan_kernels.cpu.vector.registers import I64, Vectors

Matrix = tuple[tuple[Fraction, ...], ...]


def small_maps(maps: Sequence[tuple[Matrix, bool]]) -> Any:
    """A function (which, x, x_row, y, y_row, length): y[i, :length] = Σ_j M[i][j] · x[j, :length], or added to y.

    `maps` lists pairs of a matrix M and True if its product is added to y; `which` is an index of it. Zeros of M cost
    nothing, and ones no multiplication. x and y are pointers to rows x_row and y_row elements apart; `length` is a
    multiple of the lanes of a vector.
    """

    @intrinsic
    def apply(typing: Any, which: Any, x: Any, x_row: Any, y: Any, y_row: Any, length: Any) -> Any:
        signature = types.void(types.intp, x, types.intp, y, types.intp, types.intp)

        def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            which, x, x_row, y, y_row, length = args
            v = Vectors(context, builder, signature.args[1].dtype)
            end = builder.append_basic_block("end")
            choice = builder.switch(which, end)
            for number, (matrix, add) in enumerate(maps):
                block = builder.append_basic_block(f"map{number}")
                choice.add_case(I64(number), block)
                builder.position_at_end(block)
                with cgutils.for_range_slice(builder, I64(0), length, I64(v.lanes), I64) as (at, _):
                    rows = [v.load(x, builder.add(at, builder.mul(x_row, I64(j)))) for j in range(len(matrix[0]))]
                    for i, factors in enumerate(matrix):
                        place = builder.add(at, builder.mul(y_row, I64(i)))
                        v.store(_combination(builder, v, factors, rows, v.load(y, place) if add else None), y, place)
                builder.branch(end)
            builder.position_at_end(end)
            return context.get_dummy_value()

        return signature, generate

    return apply


def _combination(builder: Any, v: Vectors, factors: tuple[Fraction, ...], rows: list[Any], total: Any) -> Any:
    """total + Σ factors · rows, in the least number of instructions."""
    for factor, row in zip(factors, rows, strict=True):
        if factor == 0:
            continue
        if abs(factor) != 1:
            scale = v.constant(factor)
            total = builder.fmul(scale, row) if total is None else v.fma(scale, row, total)
        elif total is None:
            total = row if factor == 1 else builder.fneg(row)
        else:
            total = builder.fadd(total, row) if factor == 1 else builder.fsub(total, row)
    return total
