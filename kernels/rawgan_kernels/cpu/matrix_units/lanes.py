"""Products of bf16 matrices on AVX512-BF16: AMD's processors from Zen 4 on, and Intel's that lack tiles.

One instruction multiplies 16 pairs of b by one pair of a, spread over 16 lanes, and adds both products to 16 numbers of
float32. As in `vector.panel`, 12 rows by 2 panels of 16 columns stay in 24 of the 32 registers.

VDPBF16PS adds the product of the odd numbers first, then that of the even ones, each by a fused multiply-add. It rounds
to nearest even, takes what is below 2⁻¹²⁶ for 0, and gives 0 where a result is below it. Where `unit` is a pointer to
float32, this is done by several instructions that every processor has.

Source: Intel 64 and IA-32 Architectures Software Developer's Manual, volume 2
"""

from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from rawgan_kernels.cpu.matrix_units.instructions import is_emulated
from rawgan_kernels.cpu.vector.pointers import shifted
from rawgan_kernels.cpu.vector.registers import I32, I64

LANES = 16
WORDS, NUMBERS = ir.VectorType(I32, LANES), ir.VectorType(ir.FloatType(), LANES)

DEPTH = 384
"""Depth that is multiplied at a time: two panels of b take 24 KiB of the first-level cache."""


def multiply(a, a_row, b, b_row, b_panel, c, c_row, rows, columns, depth, add, unit):  # type: ignore[no-untyped-def]
    """c[rows, columns] = a[rows, depth] @ b[depth, columns], or added to c; see `tiles.multiply`."""
    for start in range(0, max(depth, 1), DEPTH):
        pairs = min(depth - start, DEPTH) // 2
        more = add or start > 0
        for j in range(0, columns, 2 * LANES):
            right = shifted(b, j // LANES * b_panel + start // 2 * b_row)
            wide = columns - j > LANES
            i = 0
            while i < rows:
                left, to = shifted(a, i * a_row + start), shifted(c, i * c_row + j)
                if rows - i >= 12 and wide:
                    _whole(left, a_row, right, b_row, b_panel, to, c_row, pairs, more, unit)
                    i += 12
                elif rows - i >= 4 and wide:
                    _part(left, a_row, right, b_row, b_panel, to, c_row, pairs, more, unit)
                    i += 4
                elif rows - i >= 8:
                    _narrow(left, a_row, right, b_row, b_panel, to, c_row, pairs, more, unit)
                    i += 8
                else:
                    _single(left, a_row, right, b_row, b_panel, to, c_row, pairs, more, unit)
                    if wide:
                        left, beyond = shifted(a, i * a_row + start), shifted(right, b_panel)
                        _single(left, a_row, beyond, b_row, b_panel, shifted(to, LANES), c_row, pairs, more, unit)
                    i += 1


def _register_tile(rows: int, panels: int) -> Any:
    """c (+)= a @ b for so many rows and panels; every number of c is in a register from first to last step."""

    @intrinsic
    def tile(
        typing: Any, a: Any, a_row: Any, b: Any, b_row: Any, b_panel: Any, c: Any, c_row: Any, pairs: Any, add: Any,
        unit: Any,
    ) -> Any:  # fmt: skip
        size = types.intp
        signature = types.void(a, size, b, size, size, c, size, size, types.boolean, unit)

        def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            a, a_row, b, b_row, b_panel, c, c_row, pairs, add, _ = args
            dot = _emulated_dot if is_emulated(unit) else _dot
            places = [
                _at(builder, c, builder.add(builder.mul(c_row, I64(i)), I64(LANES * panel)), NUMBERS)
                for i in range(rows)
                for panel in range(panels)
            ]
            sums = [cgutils.alloca_once(builder, NUMBERS) for _ in places]
            with builder.if_else(add) as (more, first):
                with more:
                    for sum, place in zip(sums, places, strict=True):
                        builder.store(builder.load(place, align=4), sum)
                with first:
                    for sum in sums:
                        builder.store(ir.Constant(NUMBERS, [0.0] * LANES), sum)
            with cgutils.for_range(builder, pairs) as loop:
                here = builder.mul(loop.index, b_row)
                right = [
                    builder.load(_at(builder, b, builder.add(here, builder.mul(b_panel, I64(panel))), WORDS), align=4)
                    for panel in range(panels)
                ]
                for i in range(rows):
                    pair = builder.add(builder.mul(a_row, I64(i)), builder.mul(loop.index, I64(2)))
                    left = _spread(builder, builder.load(_at(builder, a, pair, I32), align=4))
                    for sum, words in zip(sums[panels * i : panels * (i + 1)], right, strict=True):
                        builder.store(dot(builder, builder.load(sum), left, words), sum)
            for sum, place in zip(sums, places, strict=True):
                builder.store(builder.load(sum), place, align=4)
            return context.get_dummy_value()

        return signature, generate

    return tile


_whole, _part, _narrow, _single = (_register_tile(*size) for size in ((12, 2), (4, 2), (8, 1), (1, 1)))


def _at(builder: Any, pointer: Any, offset: Any, kind: Any) -> Any:
    return builder.bitcast(builder.gep(pointer, [offset]), kind.as_pointer())


def _spread(builder: Any, word: Any) -> Any:
    """A word in all lanes."""
    one = builder.insert_element(ir.Constant(WORDS, ir.Undefined), word, I32(0))
    return builder.shuffle_vector(one, one, ir.Constant(WORDS, None))


def _dot(builder: Any, sum: Any, left: Any, right: Any) -> Any:
    """sum + the products of both halves: one instruction."""
    kind = ir.FunctionType(NUMBERS, [NUMBERS, WORDS, WORDS])
    function = cgutils.get_or_insert_function(builder.module, kind, "llvm.x86.avx512bf16.dpbf16ps.512")
    return builder.call(function, [sum, left, right])


def _emulated_dot(builder: Any, sum: Any, left: Any, right: Any) -> Any:
    """The same by instructions that every processor has."""
    kind = ir.FunctionType(NUMBERS, [NUMBERS] * 3)
    fma = cgutils.get_or_insert_function(builder.module, kind, f"llvm.fma.v{LANES}f32")
    sum = _flushed(builder, sum)
    for half in (_upper, _lower):
        factors = [_flushed(builder, builder.bitcast(half(builder, words), NUMBERS)) for words in (left, right)]
        sum = _flushed(builder, builder.call(fma, [*factors, sum]))
    return sum


def _upper(builder: Any, words: Any) -> Any:
    return builder.and_(words, _all(0xFFFF0000))


def _lower(builder: Any, words: Any) -> Any:
    return builder.shl(words, _all(16))


def _flushed(builder: Any, numbers: Any) -> Any:
    """The numbers, or 0 with their sign where they are below 2⁻¹²⁶."""
    bits = builder.bitcast(numbers, WORDS)
    tiny = builder.icmp_unsigned("==", builder.and_(bits, _all(0x7F800000)), _all(0))
    return builder.bitcast(builder.select(tiny, builder.and_(bits, _all(0x80000000)), bits), NUMBERS)


def _all(word: int) -> Any:
    return ir.Constant(WORDS, [ir.Constant(I32, word)] * LANES)
