"""The two inner loops that everything rests on, written for the CPU's vector registers.

A compiler turns a plain loop into vector instructions if it can prove enough about it. For these two it cannot, and
they are where nearly all the time goes; so they are put together here from LLVM's vector operations, by a few lines of
Python that run when a kernel is compiled:

`multiply_panel`   c[rows, P] = a @ b for a panel of P columns, two vectors wide, `TILE_ROWS` rows at a time
`small_maps`       y[i, :] = Σ_j M[i][j] · x[j, :] for one of several small constant matrices M, and long rows

Pointers go in and out as (pointer, stride in elements), so the same loops serve every layout and every transpose.

Both are compiled once for each dtype, by themselves, and called through their addresses (`by_address`): Numba would
compile a copy into every kernel that calls them, several times over, and the user would wait for it.
"""

from collections.abc import Sequence
from fractions import Fraction
from functools import cache
from typing import Any

import llvmlite.binding as llvm
import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic
from numba.np.numpy_support import from_dtype

from rawgan_kernels.cpu.compile.compiled import standalone

Matrix = tuple[tuple[Fraction, ...], ...]

_features = llvm.get_host_cpu_features()
WIDE = bool(_features.get("avx512f"))
"""Whether there are 32 registers of 64 bytes."""

VECTOR_BYTES = 64 if WIDE else 32 if _features.get("avx") else 16
PANEL_BYTES = 2 * VECTOR_BYTES
"""Width of a panel of columns. Two vectors: each number of a that is fetched then serves two multiplications."""

# Accumulators must fill the registers, less two for b and one for a: 6 · 2 of 16, 12 · 2 of 32. With fewer, the next
# multiply-add into an accumulator would wait for the last one (4 cycles, at 2 a cycle: 8 must be under way).
TILE_ROWS = 6 if _features.get("avx") and not WIDE else 12
_PARTS = (TILE_ROWS, TILE_ROWS // 2 + TILE_ROWS // 6, TILE_ROWS // 3, 1)  # 6, 4, 2, 1 or 12, 8, 4, 1

_I64, _I32 = ir.IntType(64), ir.IntType(32)


class _Vectors:
    """Loads, stores and arithmetic on whole vectors, while a function is being put together."""

    def __init__(self, context: Any, builder: Any, dtype: types.Float) -> None:
        self.builder = builder
        self.lanes = VECTOR_BYTES * 8 // dtype.bitwidth
        self.number = context.get_value_type(dtype)
        self.type = ir.VectorType(self.number, self.lanes)
        signature = ir.FunctionType(self.type, [self.type] * 3)
        name = f"llvm.fma.v{self.lanes}f{dtype.bitwidth}"
        self._fma = cgutils.get_or_insert_function(builder.module, signature, name)
        self._alignment = dtype.bitwidth // 8

    def at(self, pointer: Any, offset: Any) -> Any:
        return self.builder.bitcast(self.builder.gep(pointer, [offset]), self.type.as_pointer())

    def load(self, pointer: Any, offset: Any) -> Any:
        return self.builder.load(self.at(pointer, offset), align=self._alignment)

    def store(self, vector: Any, pointer: Any, offset: Any) -> None:
        self.builder.store(vector, self.at(pointer, offset), align=self._alignment)

    def constant(self, value: Fraction) -> Any:
        return ir.Constant(self.type, [ir.Constant(self.number, float(value))] * self.lanes)

    def spread(self, pointer: Any, offset: Any) -> Any:
        """One number, in all lanes."""
        undefined = ir.Constant(self.type, ir.Undefined)
        value = self.builder.load(self.builder.gep(pointer, [offset]))
        vector = self.builder.insert_element(undefined, value, _I32(0))
        return self.builder.shuffle_vector(vector, undefined, ir.Constant(ir.VectorType(_I32, self.lanes), None))

    def fma(self, a: Any, b: Any, c: Any) -> Any:
        """a · b + c, rounded once."""
        return self.builder.call(self._fma, [a, b, c])


@intrinsic
def pointer(typing: Any, array: Any, offset: Any) -> Any:
    """The address of element `offset` of a contiguous array, counted as if it were flat."""
    signature = types.CPointer(array.dtype)(array, types.intp)

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        data = context.make_array(signature.args[0])(context, builder, args[0]).data
        return builder.gep(data, [args[1]])

    return signature, generate


@intrinsic
def at_address(typing: Any, array: Any, address: Any) -> Any:
    """A pointer to numbers of the array's dtype at this address."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.inttoptr(args[1], context.get_value_type(signature.return_type))

    return types.CPointer(array.dtype)(array, types.intp), generate


def address_of(array: Any) -> int:
    """Where an array's first number is: what `at_address` takes, if the array itself must not be passed.

    Kernels are compiled for each kind of array, and a transposed one is of another kind.
    """
    return array.__array_interface__["data"][0]


@intrinsic
def shifted(typing: Any, pointer: Any, offset: Any) -> Any:
    """The pointer, `offset` elements further on."""
    return pointer(pointer, types.intp), lambda context, builder, signature, args: builder.gep(args[0], [args[1]])


def by_address(name: str) -> Any:
    """An intrinsic that calls a standalone function with the arguments that follow its address."""

    def call(typing: Any, address: Any, *arguments: Any) -> Any:
        signature = types.void(types.intp, types.StarArgTuple.from_types(arguments))

        def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            values = cgutils.unpack_tuple(builder, args[1])
            passed = [
                context.get_value_as_argument(builder, kind, value)
                for kind, value in zip(signature.args[1].types, values, strict=True)
            ]
            kind = ir.FunctionType(ir.VoidType(), [value.type for value in passed])
            builder.call(builder.inttoptr(args[0], kind.as_pointer()), passed)
            return context.get_dummy_value()

        return signature, generate

    call.__name__ = name
    return intrinsic(call)


def _register_tile(rows: int) -> Any:
    """c[rows, P] (+)= a[rows, depth] @ b[depth, P], every number of c in a register from the first step to the last.

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
            v = _Vectors(context, builder, signature.args[0].dtype)
            places = [
                builder.add(builder.mul(c_row, _I64(i)), _I64(half * v.lanes)) for i in range(rows) for half in range(2)
            ]
            blocks = {name: builder.append_basic_block(name) for name in ("load", "start", "step", "end")}
            entry = builder.block
            builder.cbranch(add, blocks["load"], blocks["start"])

            builder.position_at_end(blocks["load"])
            old = [v.load(c, place) for place in places]
            builder.branch(blocks["start"])

            builder.position_at_end(blocks["start"])
            first = [_merge(builder, v.type, (v.constant(Fraction(0)), entry), (x, blocks["load"])) for x in old]
            builder.cbranch(builder.icmp_signed(">", depth, _I64(0)), blocks["step"], blocks["end"])

            builder.position_at_end(blocks["step"])
            step = _merge(builder, _I64, (_I64(0), blocks["start"]))
            sums = [_merge(builder, v.type, (x, blocks["start"])) for x in first]
            b_here, a_here = builder.mul(step, b_step), builder.mul(step, a_step)
            halves = [v.load(b, builder.add(b_here, _I64(half * v.lanes))) for half in range(2)]
            new = []
            for i in range(rows):
                number = v.spread(a, builder.add(a_here, builder.mul(a_row, _I64(i))))
                new += [v.fma(number, half, x) for half, x in zip(halves, sums[2 * i : 2 * i + 2], strict=True)]
            following = builder.add(step, _I64(1))
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
    """A value that depends on the block it is reached from."""
    phi = builder.phi(kind)
    for value, block in incoming:
        phi.add_incoming(value, block)
    return phi


_whole, _large, _small, _single = (_register_tile(rows) for rows in _PARTS)
_WHOLE, _LARGE, _SMALL, _ = _PARTS


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
    """The address of `multiply_panel` for a dtype: its `char`, as a dtype's name is slow to ask for."""
    number = types.CPointer(from_dtype(np.dtype(dtype)))
    size = types.intp
    signature = types.void(number, size, size, number, size, number, size, size, size, types.boolean)
    return standalone(signature, _multiply_panel).address


multiply_panel = by_address("multiply_panel")
"""multiply_panel(panel_multiplier(dtype), a, a_row, a_step, b, b_step, c, c_row, rows, depth, add)"""


def small_maps(maps: Sequence[tuple[Matrix, bool]]) -> Any:
    """A function (which, x, x_row, y, y_row, length): y[i, :length] = Σ_j M[i][j] · x[j, :length], or added to y.

    M is the matrix of maps[which], "added" its second member. The matrices are part of the code: zeros cost nothing and
    ones no multiplication. x and y are pointers whose rows lie x_row and y_row elements apart; `length` is a multiple
    of the lanes of a vector.
    """

    @intrinsic
    def apply(typing: Any, which: Any, x: Any, x_row: Any, y: Any, y_row: Any, length: Any) -> Any:
        signature = types.void(types.intp, x, types.intp, y, types.intp, types.intp)

        def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            which, x, x_row, y, y_row, length = args
            v = _Vectors(context, builder, signature.args[1].dtype)
            end = builder.append_basic_block("end")
            choice = builder.switch(which, end)
            for number, (matrix, add) in enumerate(maps):
                block = builder.append_basic_block(f"map{number}")
                choice.add_case(_I64(number), block)
                builder.position_at_end(block)
                with cgutils.for_range_slice(builder, _I64(0), length, _I64(v.lanes), _I64) as (at, _):
                    rows = [v.load(x, builder.add(at, builder.mul(x_row, _I64(j)))) for j in range(len(matrix[0]))]
                    for i, factors in enumerate(matrix):
                        place = builder.add(at, builder.mul(y_row, _I64(i)))
                        v.store(_combination(builder, v, factors, rows, v.load(y, place) if add else None), y, place)
                builder.branch(end)
            builder.position_at_end(end)
            return context.get_dummy_value()

        return signature, generate

    return apply


def _combination(builder: Any, v: _Vectors, factors: tuple[Fraction, ...], rows: list[Any], total: Any) -> Any:
    """total + Σ factors · rows, in the fewest instructions."""
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
