"""Rows of numbers: moved, packed, checked, and finished with bias and activation."""

from collections.abc import Iterator
from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from rawgan_kernels.cpu.compile.compiled import compiled
from rawgan_kernels.cpu.vector.exponentials import formulas, zero
from rawgan_kernels.cpu.vector.pointers import shifted
from rawgan_kernels.cpu.vector.registers import I64


@intrinsic
def clear(typing: Any, y: Any, length: Any) -> Any:
    """y[:length] = 0, y being a pointer."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        y, length = args
        cgutils.memset(builder, y, builder.mul(length, I64(signature.args[0].dtype.bitwidth // 8)), 0)
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
def copy_long(typing: Any, x: Any, y: Any, length: Any) -> Any:
    """y[:length] = x[:length], both being pointers: by the C library's memcpy, for rows of a KiB and more."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        x, y, length = args
        cgutils.raw_memcpy(builder, y, x, length, signature.args[0].dtype.bitwidth // 8)
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
    """Loops over y[:length], four numbers at a time and then one by one. Yields functions that load and store.

    Rows are short, four numbers in the first layer of a network: too short for a call of memcpy to pay.
    """
    number = x.type.pointee
    whole = builder.and_(length, I64(-4))
    for kind, first, last in ((ir.VectorType(number, 4), I64(0), whole), (number, whole, length)):
        step = 4 if isinstance(kind, ir.VectorType) else 1
        with cgutils.for_range_slice(builder, first, last, I64(step), I64) as (at, _):

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

    Element (k, n) of b is b_step · k + b_column · n elements further on.
    """
    if columns < panel:
        clear(packed, depth * panel)
    if b_column == 1:
        for k in range(depth):
            copy(shifted(b, k * b_step), shifted(packed, k * panel), columns)
    else:
        for n in range(columns):
            copy_strided(shifted(b, n * b_column), b_step, shifted(packed, n), panel, depth)


@compiled(fastmath={"reassoc"})
def all_finite(y, length):  # type: ignore[no-untyped-def]
    """True if y[:length] has neither infinity nor NaN: 0 · ∞ and 0 · NaN are NaN."""
    trace = zero(y[0])
    for i in range(length):
        trace += y[i] * zero(y[i])
    return trace == zero(trace)


@compiled(fastmath=set())
def finish_rows(y, rows, columns, b, has_bias, slope):  # type: ignore[no-untyped-def]
    """y ← leaky_relu(y + b) over (rows, columns) numbers; y and b are pointers, and a slope of 1 means no activation.

    It follows a convolution at once, while the result is still in the cache.
    """
    for row in range(rows):
        line = shifted(y, row * columns)
        if has_bias:
            for i in range(columns):
                line[i] = formulas.leaky_relu(line[i] + b[i], slope)
        else:
            for i in range(columns):
                line[i] = formulas.leaky_relu(line[i] + zero(slope), slope)
