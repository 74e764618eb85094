"""Rows of numbers, reduced to one number or changed by one, in vector registers also where rows are short.

The compiler's own loops take the rest of a row that does not fill four registers one number after the other. Before
each row they ask whether it overlaps the result. And a maximum becomes vector code only if NaN may be forgotten.
"""

from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from rawgan_kernels.cpu.vector.registers import I32, I64, Vectors

Combine = Callable[[Any, Any, Any], Any]
"""Of a builder and two vectors, or two numbers."""


@intrinsic
def largest(typing: Any, x: Any, length: Any) -> Any:
    """The largest number of x[:length], x being a pointer; −∞ if there is none. NaN counts as none."""

    def larger(builder: Any, new: Any, old: Any) -> Any:
        return builder.select(builder.fcmp_ordered(">", new, old), new, old)

    return _reduction((x,), float("-inf"), lambda builder, x: x, larger)


@intrinsic
def total(typing: Any, x: Any, length: Any) -> Any:
    """Σ x[:length], x being a pointer."""
    return _reduction((x,), 0.0, lambda builder, x: x, lambda builder, new, old: builder.fadd(new, old))


@intrinsic
def dot(typing: Any, x: Any, y: Any, length: Any) -> Any:
    """Σ x[i] · y[i] for i < length, both being pointers."""
    return _reduction(
        (x, y), 0.0, lambda builder, x, y: builder.fmul(x, y), lambda builder, new, old: builder.fadd(new, old)
    )


@intrinsic
def add_four(typing: Any, a: Any, b: Any, c: Any, d: Any, y: Any, length: Any) -> Any:
    """y[i] += (a[i] + b[i]) + (c[i] + d[i]) for i < length, all being pointers."""

    def sums(builder: Any, a: Any, b: Any, c: Any, d: Any, old: Any) -> Any:
        return builder.fadd(old, builder.fadd(builder.fadd(a, b), builder.fadd(c, d)))

    return _change((a, b, c, d), y, sums)


@intrinsic
def add_two_products(typing: Any, a: Any, b: Any, c: Any, d: Any, y: Any, length: Any) -> Any:
    """y[i] += a[i] · b[i] + c[i] · d[i] for i < length, all being pointers."""

    def sums(builder: Any, a: Any, b: Any, c: Any, d: Any, old: Any) -> Any:
        return builder.fadd(old, builder.fadd(builder.fmul(a, b), builder.fmul(c, d)))

    return _change((a, b, c, d), y, sums)


@intrinsic
def plus(typing: Any, x: Any, z: Any, y: Any, length: Any) -> Any:
    """y[i] = x[i] + z[i] for i < length, all being pointers."""
    return _map((x, z, y), (), lambda builder, x, z: builder.fadd(x, z))


@intrinsic
def plus_number(typing: Any, x: Any, y: Any, length: Any, a: Any) -> Any:
    """y[i] = x[i] + a for i < length, x and y being pointers."""
    return _map((x, y), (a,), lambda builder, x, a: builder.fadd(x, a))


@intrinsic
def multiply(typing: Any, x: Any, z: Any, y: Any, length: Any) -> Any:
    """y[i] = x[i] · z[i] for i < length, all being pointers."""
    return _map((x, z, y), (), lambda builder, x, z: builder.fmul(x, z))


@intrinsic
def subtract(typing: Any, x: Any, y: Any, length: Any, a: Any, b: Any) -> Any:
    """y[i] = (x[i] − a) − b for i < length, x and y being pointers."""
    return _map((x, y), (a, b), lambda builder, x, a, b: builder.fsub(builder.fsub(x, a), b))


@intrinsic
def scale(typing: Any, x: Any, y: Any, length: Any, a: Any) -> Any:
    """y[i] = x[i] · a for i < length, x and y being pointers."""
    return _map((x, y), (a,), lambda builder, x, a: builder.fmul(x, a))


@intrinsic
def scale_difference(typing: Any, x: Any, z: Any, y: Any, length: Any, a: Any) -> Any:
    """y[i] = x[i] · (z[i] − a) for i < length, all three being pointers."""
    return _map((x, z, y), (a,), lambda builder, x, z, a: builder.fmul(x, builder.fsub(z, a)))


@intrinsic
def subtract_multiple(typing: Any, x: Any, z: Any, y: Any, length: Any, a: Any) -> Any:
    """y[i] = x[i] − z[i] · a for i < length, all three being pointers."""
    return _map((x, z, y), (a,), lambda builder, x, z, a: builder.fsub(x, builder.fmul(z, a)))


# --- put together in LLVM --------------------------------------------------------------------------------------------


class Row:
    """The numbers of a row in registers, then its rest in halves, quarters, … of one: of 27 numbers, 16, 8, 2 and 1."""

    def __init__(self, context: Any, builder: Any, dtype: types.Float, length: Any) -> None:
        self.vectors, self.builder, self.length = Vectors(context, builder, dtype), builder, length
        self.lanes, self.number, self._alignment = self.vectors.lanes, self.vectors.number, dtype.bitwidth // 8
        self.whole = builder.and_(length, I64(-self.lanes))

    def kind(self, lanes: int) -> Any:
        return ir.VectorType(self.number, lanes) if lanes > 1 else self.number

    def load(self, pointer: Any, at: Any, lanes: int) -> Any:
        return self.builder.load(self._place(pointer, at, lanes), align=self._alignment)

    def store(self, value: Any, pointer: Any, at: Any, lanes: int) -> None:
        self.builder.store(value, self._place(pointer, at, lanes), align=self._alignment)

    def spread(self, value: Any, lanes: int) -> Any:
        """One number in so many lanes."""
        if lanes == 1:
            return value
        one = self.builder.insert_element(ir.Constant(self.kind(lanes), ir.Undefined), value, I32(0))
        return self.builder.shuffle_vector(one, one, ir.Constant(ir.VectorType(I32, lanes), None))

    def registers(self) -> Any:
        """A loop over whole registers; gives the place of each."""
        return cgutils.for_range_slice(self.builder, I64(0), self.whole, I64(self.lanes), I64)

    def if_left(self, lanes: int) -> tuple[Any, Any]:
        """The place of so many numbers in the rest, and a condition that it has them."""
        left = self.builder.and_(self.length, I64(lanes))
        at = self.builder.and_(self.length, I64(-2 * lanes))
        return at, self.builder.if_then(self.builder.icmp_signed("!=", left, I64(0)))

    def sweep(self, write: Callable[[Any, int], None]) -> None:
        """Call `write(at, lanes)` for whole registers, in a loop, and for the parts of the rest."""
        with self.registers() as (at, _):
            write(at, self.lanes)
        with self.builder.if_then(self.builder.icmp_signed("!=", self.whole, self.length)):
            lanes = self.lanes
            while lanes > 1:
                lanes //= 2
                at, left = self.if_left(lanes)
                with left:
                    write(at, lanes)

    def _place(self, pointer: Any, at: Any, lanes: int) -> Any:
        return self.builder.bitcast(self.builder.gep(pointer, [at]), self.kind(lanes).as_pointer())


def _map(rows: tuple[Any, ...], numbers: tuple[Any, ...], formula: Callable[..., Any]) -> Any:
    """Signature and code of a formula of the elements of rows and of numbers; it is written to the last row."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        *inputs, output = args[: len(rows)]
        row = Row(context, builder, rows[0].dtype, args[len(rows)])

        def write(at: Any, lanes: int) -> None:
            loaded = [row.load(pointer, at, lanes) for pointer in inputs]
            spread = [row.spread(number, lanes) for number in args[len(rows) + 1 :]]
            row.store(formula(builder, *loaded, *spread), output, at, lanes)

        row.sweep(write)
        return context.get_dummy_value()

    return types.void(*rows, types.intp, *(rows[0].dtype for _ in numbers)), generate


def _change(rows: tuple[Any, ...], y: Any, formula: Callable[..., Any]) -> Any:
    """Signature and code of a formula of the elements of rows and of y, which is written to y."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        *inputs, length = args
        row = Row(context, builder, y.dtype, length)

        def write(at: Any, lanes: int) -> None:
            loaded = [row.load(each, at, lanes) for each in inputs]
            row.store(formula(builder, *loaded), inputs[-1], at, lanes)

        row.sweep(write)
        return context.get_dummy_value()

    return types.void(*rows, y, types.intp), generate


def _reduction(rows: tuple[Any, ...], start: float, term: Callable[..., Any], combine: Combine) -> Any:
    """Signature and code of a reduction of the terms of rows. There are as many results as lanes; they are halved, and
    joined by a rest of as many numbers as are left."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        *pointers, length = args
        row = Row(context, builder, signature.return_type, length)

        def joined(each: Any, at: Any, lanes: int) -> Any:
            return combine(builder, term(builder, *(row.load(pointer, at, lanes) for pointer in pointers)), each)

        lanes = row.lanes
        kept = cgutils.alloca_once_value(
            builder, ir.Constant(row.kind(lanes), [ir.Constant(row.number, start)] * lanes)
        )
        with row.registers() as (at, _):
            builder.store(joined(builder.load(kept), at, lanes), kept)
        while lanes > 1:
            lanes //= 2
            each = combine(builder, *halves(builder, builder.load(kept), lanes))
            kept = cgutils.alloca_once_value(builder, each)
            at, left = row.if_left(lanes)
            with left:
                builder.store(joined(each, at, lanes), kept)
        return builder.load(kept)

    return rows[0].dtype(*rows, types.intp), generate


def halves(builder: Any, each: Any, lanes: int) -> list[Any]:
    """Two vectors of so many lanes, or two numbers, out of a vector of twice as many."""
    if lanes == 1:
        return [builder.extract_element(each, I32(k)) for k in range(2)]
    masks = [ir.Constant(ir.VectorType(I32, lanes), list(range(k, k + lanes))) for k in (0, lanes)]
    return [builder.shuffle_vector(each, each, mask) for mask in masks]
