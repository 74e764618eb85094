"""Moving, packing and finishing rows of numbers: what other kernels are made of."""

from collections.abc import Iterator
from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from rawgan_kernels.cpu.compile.compiled import compiled
from rawgan_kernels.cpu.vector.simd import VECTOR_BYTES, shifted

_I64 = ir.IntType(64)


@intrinsic
def clear(typing: Any, y: Any, length: Any) -> Any:
    """y[:length] = 0, y being a pointer."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        y, length = args
        cgutils.memset(builder, y, builder.mul(length, _I64(signature.args[0].dtype.bitwidth // 8)), 0)
        return context.get_dummy_value()

    return types.void(y, types.intp), generate


@intrinsic
def copy(typing: Any, x: Any, y: Any, length: Any) -> Any:
    """y[:length] = x[:length], both being pointers."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        x, y, length = args
        for load, store in _by_fours(builder, length, x, y):
            store(load(x))
        return context.get_dummy_value()

    return types.void(x, y, types.intp), generate


@intrinsic
def accumulate(typing: Any, x: Any, y: Any, length: Any) -> Any:
    """y[:length] += x[:length], both being pointers."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        x, y, length = args
        for load, store in _by_fours(builder, length, x, y):
            store(builder.fadd(load(x), load(y)))
        return context.get_dummy_value()

    return types.void(x, y, types.intp), generate


def _by_fours(builder: Any, length: Any, x: Any, y: Any) -> Iterator[tuple[Any, Any]]:
    """Loops over y[:length], four numbers at a time and then one by one; gives how to load and store, inside each.

    Rows are short here, four numbers in the first layer of a network: too short for a call of memcpy to pay.
    """
    number = x.type.pointee
    whole = builder.and_(length, _I64(-4))
    for kind, first, last in ((ir.VectorType(number, 4), _I64(0), whole), (number, whole, length)):
        step = 4 if isinstance(kind, ir.VectorType) else 1
        with cgutils.for_range_slice(builder, first, last, _I64(step), _I64) as (at, _):

            def place(pointer: Any, at: Any = at, kind: Any = kind) -> Any:
                return builder.bitcast(builder.gep(pointer, [at]), kind.as_pointer())

            yield (
                lambda pointer, place=place: builder.load(place(pointer), align=4),
                lambda value, place=place: builder.store(value, place(y), align=4),
            )


@intrinsic
def copy_strided(typing: Any, x: Any, x_step: Any, y: Any, y_step: Any, length: Any) -> Any:
    """y[i · y_step] = x[i · x_step] for i < length, both being pointers."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        x, x_step, y, y_step, length = args
        with cgutils.for_range(builder, length) as loop:
            value = builder.load(builder.gep(x, [builder.mul(loop.index, x_step)]))
            builder.store(value, builder.gep(y, [builder.mul(loop.index, y_step)]))
        return context.get_dummy_value()

    return types.void(x, types.intp, y, types.intp, types.intp), generate


@compiled
def pack_panel(b, b_step, b_column, depth, columns, panel, packed):  # type: ignore[no-untyped-def]
    """`columns` columns of b, at most a panel → packed (depth, panel), the rest of the panel 0; all are pointers.

    Element (k, n) of b is b_step · k + b_column · n further on.
    """
    if columns < panel:
        clear(packed, depth * panel)
    if b_column == 1:
        for k in range(depth):
            copy(shifted(b, k * b_step), shifted(packed, k * panel), columns)
    else:
        for n in range(columns):
            copy_strided(shifted(b, n * b_column), b_step, shifted(packed, n), panel, depth)


@intrinsic
def finish_rows(typing: Any, y: Any, rows: Any, columns: Any, b: Any, has_bias: Any, slope: Any) -> Any:
    """y ← leaky_relu(y + b) over (rows, columns) numbers, y and b being pointers; slope 1 is no activation at all.

    The activation is that of `formulas`, to the last bit, infinities and NaN included.

    What follows a convolution at once, while its result is still in the cache. Returns whether all of y was finite
    before: 0 · ∞ and 0 · NaN are NaN.
    """

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        *others, slope = args
        number = context.get_value_type(signature.args[0].dtype)
        slope = builder.fptrunc(slope, number) if isinstance(number, ir.FloatType) else slope
        finite = cgutils.alloca_once_value(builder, cgutils.true_bit)
        lanes = VECTOR_BYTES * 8 // signature.args[0].dtype.bitwidth
        rest = builder.and_(args[2], _I64(lanes - 1))
        with builder.if_else(builder.icmp_signed("==", rest, _I64(0))) as (whole_vectors, otherwise):
            with whole_vectors:
                _finish(builder, lanes, finite, others, slope)
            with otherwise:
                _finish(builder, 1, finite, others, slope)
        return builder.load(finite)

    return types.boolean(y, types.intp, types.intp, y, types.boolean, types.float64), generate


def _finish(builder: Any, lanes: int, finite: Any, others: list[Any], slope: Any) -> None:
    """The loops of `finish_rows`, `lanes` numbers at a time."""
    y, rows, columns, b, has_bias = others
    kind = ir.VectorType(y.type.pointee, lanes)
    zero = ir.Constant(kind, [0.0] * lanes)
    slopes, traces = zero, cgutils.alloca_once_value(builder, zero)
    for lane in range(lanes):
        slopes = builder.insert_element(slopes, slope, ir.IntType(32)(lane))
    leaks = builder.fcmp_ordered("!=", slopes, zero)  # 0 · ∞ would be NaN
    with cgutils.for_range(builder, rows) as row:
        start = builder.mul(row.index, columns)
        with cgutils.for_range_slice(builder, _I64(0), columns, _I64(lanes), _I64) as (at, _):
            place = builder.bitcast(builder.gep(y, [builder.add(start, at)]), kind.as_pointer())
            value = builder.load(place, align=4)
            builder.store(builder.fadd(builder.load(traces), builder.fmul(value, zero)), traces)
            shift = cgutils.alloca_once_value(builder, zero)
            builder.store(zero, shift)
            with builder.if_then(has_bias):
                bias = builder.load(builder.bitcast(builder.gep(b, [at]), kind.as_pointer()), align=4)
                builder.store(bias, shift)
            value = builder.fadd(value, builder.load(shift))
            low = builder.select(leaks, builder.fmul(value, slopes), zero)
            builder.store(builder.select(builder.fcmp_ordered("<=", value, zero), low, value), place, align=4)
    for lane in range(lanes):
        trace = builder.extract_element(builder.load(traces), ir.IntType(32)(lane))
        good = builder.fcmp_ordered("==", trace, ir.Constant(trace.type, 0.0))
        builder.store(builder.and_(builder.load(finite), good), finite)
