"""Rows of float32 rounded to bf16, alone or in pairs, and rows of bf16 moved.

A bf16 number is the upper half of a float32. Rounding is to nearest even: 0x7fff, and 1 if the upper half is odd, is
added to the bits. NaN would become infinity or 0 by that: it keeps its upper half, with the bit of a quiet NaN set.
(The processor's own instruction would also make 0 of what is below 2⁻¹²⁶. Here the units do so, when they multiply.)

Matrix units take the right factor in pairs: b[k, n] and b[k + 1, n] are the lower and the upper half of a word.
All functions take pointers: to float32, to bf16 (uint16), or to words (uint32).
"""

from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from rawgan_kernels.cpu.vector.registers import I32, I64

I16 = ir.IntType(16)

LANES = (16, 4, 1)
"""Numbers of a row that are taken at a time: 16, then 4, then one by one."""


@intrinsic
def round_row(typing: Any, x: Any, y: Any, length: Any) -> Any:
    """y[i] = bf16(x[i]) for i < length."""
    return _row(x, y, (), lambda builder, kind, x: _upper_alone(builder, _rounded(builder, kind, x), kind, I16))


@intrinsic
def round_pairs(typing: Any, x: Any, upper: Any, words: Any, length: Any) -> Any:
    """words[i] = (bf16(x[i]), bf16(upper[i])) for i < length."""

    def formula(builder: Any, kind: Kind, x: Any, upper: Any) -> Any:
        low = builder.lshr(_rounded(builder, kind, x), kind.of(16))
        return builder.or_(low, builder.and_(_rounded(builder, kind, upper), kind.of(0xFFFF0000)))

    return _row(x, words, (upper,), formula)


@intrinsic
def round_lower(typing: Any, x: Any, words: Any, length: Any) -> Any:
    """words[i] = (bf16(x[i]), 0) for i < length."""
    return _row(x, words, (), lambda builder, kind, x: builder.lshr(_rounded(builder, kind, x), kind.of(16)))


@intrinsic
def pair_rows(typing: Any, x: Any, upper: Any, words: Any, length: Any) -> Any:
    """words[i] = (x[i], upper[i]) for i < length, x and upper being bf16."""

    def formula(builder: Any, kind: Kind, x: Any, upper: Any) -> Any:
        high = builder.shl(builder.zext(upper, kind.word), kind.of(16))
        return builder.or_(builder.zext(x, kind.word), high)

    return _row(x, words, (upper,), formula)


@intrinsic
def pair_lower(typing: Any, x: Any, words: Any, length: Any) -> Any:
    """words[i] = (x[i], 0) for i < length, x being bf16."""
    return _row(x, words, (), lambda builder, kind, x: builder.zext(x, kind.word))


@intrinsic
def copy_row(typing: Any, x: Any, y: Any, length: Any) -> Any:
    """y[i] = x[i] for i < length, both being bf16."""
    return _row(x, y, (), lambda builder, kind, x: x)


@intrinsic
def words_at(typing: Any, x: Any) -> Any:
    """The pointer x, to words."""
    return _cast(x, types.uint32)


@intrinsic
def longs_at(typing: Any, x: Any) -> Any:
    """The pointer x, to pairs of words."""
    return _cast(x, types.uint64)


# --- put together in LLVM --------------------------------------------------------------------------------------------


class Kind:
    """Words in so many lanes."""

    def __init__(self, lanes: int) -> None:
        self.lanes, self.word = lanes, self.lanes_of(I32, lanes)

    @staticmethod
    def lanes_of(number: Any, lanes: int) -> Any:
        return ir.VectorType(number, lanes) if lanes > 1 else number

    def of(self, value: int) -> Any:
        """This word in all lanes."""
        return ir.Constant(self.word, [ir.Constant(I32, value)] * self.lanes if self.lanes > 1 else value)


def _rounded(builder: Any, kind: Kind, x: Any) -> Any:
    """Words with the rounded numbers in their upper half; the lower half is anything."""
    bits = builder.bitcast(x, kind.word)
    odd = builder.and_(builder.lshr(bits, kind.of(16)), kind.of(1))
    rounded = builder.add(bits, builder.add(odd, kind.of(0x7FFF)))
    return builder.select(builder.fcmp_unordered("uno", x, x), builder.or_(bits, kind.of(0x400000)), rounded)


def _upper_alone(builder: Any, words: Any, kind: Kind, half: Any) -> Any:
    return builder.trunc(builder.lshr(words, kind.of(16)), kind.lanes_of(half, kind.lanes))


def _row(x: Any, y: Any, more: tuple[Any, ...], formula: Callable[..., Any]) -> Any:
    """Signature and code of y[i] = formula(x[i], …) for i < length. No row overlaps y."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        *inputs, output, length = args
        done = I64(0)
        for lanes in LANES:
            kind = Kind(lanes)
            end = builder.and_(length, I64(-lanes))

            def place(pointer: Any, at: Any, lanes: int = lanes, kind: Kind = kind) -> Any:
                number = pointer.type.pointee
                return builder.bitcast(builder.gep(pointer, [at]), kind.lanes_of(number, lanes).as_pointer())

            with cgutils.for_range_slice(builder, done, end, I64(lanes), I64) as (at, _):
                loaded = [builder.load(place(pointer, at), align=2) for pointer in inputs]
                builder.store(formula(builder, kind, *loaded), place(output, at), align=2)
            done = end
        return context.get_dummy_value()

    return types.void(x, *more, y, types.intp), generate


def _cast(x: Any, number: Any) -> Any:
    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.bitcast(args[0], context.get_value_type(signature.return_type))

    return types.CPointer(number)(x), generate
