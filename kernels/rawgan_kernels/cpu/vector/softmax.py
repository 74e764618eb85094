"""The softmax along columns, written for the CPU's vector registers.

Arrays are blocks of scores, one row for each key, of whole panels of lanes. Each lane of a vector is a column of its
own: maxima and sums stay in registers from the first row to the last, and nothing is added up across lanes. As in
`panel`, the loops are put together from LLVM's vector operations; the compiler would keep the sums in memory.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from rawgan_kernels.cpu.vector.exponentials import (
    EXP_BEYOND_LINEAR,
    EXP_IS_ZERO,
    LIFT,
    LN2_HIGH,
    LN2_LOW,
    PER_LN2,
    ROUNDING,
)
from rawgan_kernels.cpu.vector.registers import I64, Vectors


@intrinsic
def column_maxima(typing: Any, x: Any, rows: Any, lanes: Any, highest: Any) -> Any:
    """highest[i] = max(highest[i], largest of column i of x (rows, lanes)), where NaN counts as smaller than any."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        x, rows, lanes, highest = args
        v = Vectors(context, builder, signature.args[0].dtype)
        with _columns(v, lanes) as column:
            most = _variables(v, [v.load(highest, at) for at in column])
            with _rows(v, rows, lanes, column) as places:
                for m, place in zip(most, places, strict=True):
                    value, old = v.load(x, place), builder.load(m)
                    builder.store(builder.select(builder.fcmp_ordered(">", value, old), value, old), m)
            for m, at in zip(most, column, strict=True):
                v.store(builder.load(m), highest, at)
        return context.get_dummy_value()

    return types.void(x, types.intp, types.intp, x), generate


@intrinsic
def column_exponentials(typing: Any, x: Any, rows: Any, lanes: Any, levels: Any, sums: Any) -> Any:
    """x[k, i] = e^(x[k, i] − levels[i]) for x (rows, lanes) with no number above its level; sums[i] = their sum."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        x, rows, lanes, levels, sums = args
        v = Vectors(context, builder, signature.args[0].dtype)
        with _columns(v, lanes) as column:
            level = [v.load(levels, at) for at in column]
            total = _variables(v, [v.constant(Fraction(0)) for _ in column])
            with _rows(v, rows, lanes, column) as places:
                for low, sum, place in zip(level, total, places, strict=True):
                    e = exp(v, builder.fsub(v.load(x, place), low))
                    v.store(e, x, place)
                    builder.store(builder.fadd(builder.load(sum), e), sum)
            for sum, at in zip(total, column, strict=True):
                v.store(builder.load(sum), sums, at)
        return context.get_dummy_value()

    return types.void(x, types.intp, types.intp, x, x), generate


@intrinsic
def column_slopes(typing: Any, x: Any, gp: Any, rows: Any, lanes: Any, levels: Any, means: Any) -> Any:
    """x[k, i] ← p = e^(x[k, i] − levels[i]) and gp[k, i] ← p · (gp[k, i] − means[i]), the gradient of a softmax."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        x, gp, rows, lanes, levels, means = args
        v = Vectors(context, builder, signature.args[0].dtype)
        with _columns(v, lanes) as column:
            level, mean = [v.load(levels, at) for at in column], [v.load(means, at) for at in column]
            with _rows(v, rows, lanes, column) as places:
                for low, middle, place in zip(level, mean, places, strict=True):
                    p = exp(v, builder.fsub(v.load(x, place), low))
                    v.store(p, x, place)
                    v.store(builder.fmul(p, builder.fsub(v.load(gp, place), middle)), gp, place)
        return context.get_dummy_value()

    return types.void(x, x, types.intp, types.intp, x, x), generate


def exp(v: Vectors, x: Any) -> Any:
    """e^x for x ≤ 0, or hardly above, in all lanes: as in `exponentials`."""
    builder, bits = v.builder, v.bits
    which, digits = (0, 23) if bits == 32 else (1, 52)

    def number(value: float) -> Any:
        return v.constant(Fraction(value))

    low = number(EXP_IS_ZERO[which])
    x = builder.select(builder.fcmp_ordered("<", x, low), low, x)
    sum = v.fma(x, number(PER_LN2), number(ROUNDING[which]))
    n = builder.fsub(sum, number(ROUNDING[which]))
    r = v.fma(n, number(-LN2_LOW[which]), v.fma(n, number(-LN2_HIGH[which]), x))
    *rest, polynomial = map(number, EXP_BEYOND_LINEAR[which])
    for c in reversed(rest):
        polynomial = v.fma(polynomial, r, c)
    e = builder.fadd(number(1), v.fma(builder.fmul(r, r), polynomial, r))
    whole = ir.IntType(bits)
    vector = ir.VectorType(whole, v.lanes)
    bias = (1 << bits - digits - 2) - 1

    def everywhere(value: int) -> Any:
        return ir.Constant(vector, [ir.Constant(whole, value)] * v.lanes)

    power = builder.shl(builder.bitcast(sum, vector), everywhere(digits))
    power = builder.bitcast(builder.add(power, everywhere((bias + LIFT[which]) << digits)), v.type)
    return builder.fmul(builder.fmul(e, power), number(2.0 ** -LIFT[which]))


# --- loops ------------------------------------------------------------------------------------------------------


@contextmanager
def _columns(v: Vectors, lanes: Any) -> Iterator[list[Any]]:
    """A loop over panels. Gives the places of the two vectors of each."""
    with cgutils.for_range_slice(v.builder, I64(0), lanes, I64(2 * v.lanes), I64) as (at, _):
        yield [at, v.builder.add(at, I64(v.lanes))]


@contextmanager
def _rows(v: Vectors, rows: Any, lanes: Any, column: list[Any]) -> Iterator[list[Any]]:
    """A loop over rows. Gives the places of the vectors of a panel in each."""
    with cgutils.for_range(v.builder, rows) as loop:
        start = v.builder.mul(loop.index, lanes)
        yield [v.builder.add(start, at) for at in column]


def _variables(v: Vectors, values: list[Any]) -> list[Any]:
    """Variables with these values; the compiler keeps them in registers."""
    places = [cgutils.alloca_once(v.builder, v.type) for _ in values]
    for value, place in zip(values, places, strict=True):
        v.builder.store(value, place)
    return places
