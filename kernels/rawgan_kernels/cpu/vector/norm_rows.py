"""Rows of a normalisation, in vector registers also where rows are short.

Several rows are taken at a time, so that what they share is loaded once for all of them: the numbers that each column
is normalised with, or the sums of the columns. As in `short_rows`, the loops are put together in LLVM: the compiler
would ask before each of them whether its rows overlap.

The value before an activation is computed in two roundings, forward and backward: so it has the same sign in both.
"""

from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from rawgan_kernels.cpu.vector.registers import I32, I64
from rawgan_kernels.cpu.vector.short_rows import Row, halves

FUSED = ("contract",)
"""Permission for one rounding of a product and the sum that it is added to."""

ROUNDED = ("nsz",)
"""No such permission. Instructions without any flag would get those of the function that they become part of."""

PANEL = 512
"""Columns of a block, at most."""

KINDS = 5
LINE = 64
"""Bytes of a cache line."""

MEAN, SCALE, BETA, MEAN_G, SLOPE_G = (i * PANEL for i in range(KINDS))
"""Position among the numbers of a panel's columns where each kind begins."""


class _Rows(Row):
    """Several rows of the same length, with arithmetic on parts of them."""

    def __init__(self, context: Any, builder: Any, dtype: Any, length: Any) -> None:
        super().__init__(context, builder, dtype, length)
        self.zero = ir.Constant(self.number, 0.0)

    def following(self, first: Any, step: Any, count: int) -> list[Any]:
        """Pointers to so many rows, `step` elements apart."""
        return [self.builder.gep(first, [self.builder.mul(step, I64(i))]) for i in range(count)]

    def fetch(self, first: Any, step: Any, count: int, at: Any, lanes: int, write: int = 0) -> None:
        """Fetch some of the rows after the first ones into the cache, in the order of memory.

        The CPU foresees what a single stream needs next, but not so well that of several rows.
        """
        if count == 1 or lanes < self.lanes:
            return
        byte = ir.IntType(8).as_pointer()
        kind = ir.FunctionType(ir.VoidType(), [byte, I32, I32, I32])
        prefetch = cgutils.get_or_insert_function(self.builder.module, kind, "llvm.prefetch.p0")
        ahead = self.builder.mul(self.builder.add(at, step), I64(count))
        line = LINE // self._alignment
        for offset in range(0, count * self.lanes, line):
            place = self.builder.gep(first, [self.builder.add(ahead, I64(offset))])
            self.builder.call(prefetch, [self.builder.bitcast(place, byte), I32(write), I32(3), I32(1)])

    def sub(self, a: Any, b: Any) -> Any:
        return self.builder.fsub(a, b, flags=FUSED)

    def mul(self, a: Any, b: Any) -> Any:
        return self.builder.fmul(a, b, flags=FUSED)

    def add(self, a: Any, b: Any) -> Any:
        return self.builder.fadd(a, b, flags=FUSED)

    def sum(self, terms: list[Any]) -> Any:
        """Their sum, in pairs."""
        while len(terms) > 1:
            terms = [self.add(*terms[i : i + 2]) if i + 1 < len(terms) else terms[i] for i in range(0, len(terms), 2)]
        return terms[0]

    def scaled(self, x: Any, mean: Any, scale: Any, beta: Any) -> Any:
        """The value before the activation."""
        away = self.builder.fsub(x, mean, flags=ROUNDED)
        return self.builder.fadd(self.builder.fmul(away, scale, flags=ROUNDED), beta, flags=ROUNDED)

    def lowered(self, x: Any, slope: Any, lanes: int) -> Any:
        """slope · x; without a slope 0, whatever x is."""
        none = self.builder.fcmp_ordered("==", slope, self.zero)
        return self.builder.select(none, ir.Constant(x.type, None), self.builder.fmul(x, self.spread(slope, lanes)))

    def activated(self, z: Any, slope: Any, lanes: int) -> Any:
        """leaky_relu of z; NaN stays."""
        low = self.builder.fcmp_ordered("<=", z, ir.Constant(z.type, None))
        return self.builder.select(low, self.lowered(z, slope, lanes), z)

    def before(self, z: Any, g: Any, slope: Any, lanes: int) -> Any:
        """The gradient before leaky_relu, from the one after it."""
        high = self.builder.fcmp_ordered(">", z, ir.Constant(z.type, None))
        return self.builder.select(high, g, self.lowered(g, slope, lanes))


# --- sums of columns -----------------------------------------------------------------------------------------------


def _add_rows(count: int) -> Any:
    @intrinsic
    def add_rows(typing: Any, x: Any, step: Any, sums: Any, length: Any) -> Any:
        """sums[i] += Σ x[row · step + i] over the rows, for i < length."""

        def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            x, step, sums, length = args
            row = _Rows(context, builder, signature.args[0].dtype, length)
            rows = row.following(x, step, count)

            def write(at: Any, lanes: int) -> None:
                total = row.sum([row.load(each, at, lanes) for each in rows])
                row.store(row.add(row.load(sums, at, lanes), total), sums, at, lanes)

            row.sweep(write)
            return context.get_dummy_value()

        return types.void(x, types.intp, x, types.intp), generate

    return add_rows


def _add_moments(count: int) -> Any:
    @intrinsic
    def add_moments(typing: Any, x: Any, step: Any, centre: Any, sums: Any, squares: Any, length: Any) -> Any:
        """Add x − centre and its square, of every row, to the sums of the columns."""

        def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            x, step, centre, sums, squares, length = args
            row = _Rows(context, builder, signature.args[0].dtype, length)
            rows = row.following(x, step, count)

            def write(at: Any, lanes: int) -> None:
                row.fetch(x, step, count, at, lanes)
                middle = row.load(centre, at, lanes)
                away = [row.sub(row.load(each, at, lanes), middle) for each in rows]
                row.store(row.add(row.load(sums, at, lanes), row.sum(away)), sums, at, lanes)
                total = row.sum([row.mul(each, each) for each in away])
                row.store(row.add(row.load(squares, at, lanes), total), squares, at, lanes)

            row.sweep(write)
            return context.get_dummy_value()

        return types.void(x, types.intp, x, x, x, types.intp), generate

    return add_moments


def _add_products(count: int, linear: bool) -> Any:
    @intrinsic
    def add_products(typing: Any, x: Any, g: Any, step: Any, k: Any, slope: Any, sums: Any, length: Any) -> Any:
        """Add g and g · (x − mean) of every row to `sums` and, a panel further on, to the sums of products; g is the
        gradient before the activation."""

        def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            x, g, step, k, slope, sums, length = args
            row = _Rows(context, builder, signature.args[0].dtype, length)
            rows, gradients = row.following(x, step, count), row.following(g, step, count)
            mean, scale, beta = (builder.gep(k, [I64(kind)]) for kind in (MEAN, SCALE, BETA))
            products = builder.gep(sums, [I64(PANEL)])

            def write(at: Any, lanes: int) -> None:
                row.fetch(x, step, count, at, lanes)
                row.fetch(g, step, count, at, lanes)
                middle = row.load(mean, at, lanes)
                numbers = [row.load(each, at, lanes) for each in rows]
                slopes = [row.load(each, at, lanes) for each in gradients]
                if not linear:
                    by, shift = row.load(scale, at, lanes), row.load(beta, at, lanes)
                    slopes = [
                        row.before(row.scaled(a, middle, by, shift), p, slope, lanes)
                        for a, p in zip(numbers, slopes, strict=True)
                    ]
                row.store(row.add(row.load(sums, at, lanes), row.sum(slopes)), sums, at, lanes)
                terms = [row.mul(p, row.sub(a, middle)) for a, p in zip(numbers, slopes, strict=True)]
                row.store(row.add(row.load(products, at, lanes), row.sum(terms)), products, at, lanes)

            row.sweep(write)
            return context.get_dummy_value()

        return types.void(x, x, types.intp, x, x.dtype, x, types.intp), generate

    return add_products


# --- rows normalised -----------------------------------------------------------------------------------------------


def _normalise(count: int, linear: bool) -> Any:
    @intrinsic
    def normalise(typing: Any, x: Any, y: Any, step: Any, k: Any, slope: Any, length: Any) -> Any:
        """y = leaky_relu((x − mean) · scale + beta) for every row, with the numbers of each column."""

        def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            x, y, step, k, slope, length = args
            row = _Rows(context, builder, signature.args[0].dtype, length)
            rows, results = row.following(x, step, count), row.following(y, step, count)
            kinds = [builder.gep(k, [I64(kind)]) for kind in (MEAN, SCALE, BETA)]

            def write(at: Any, lanes: int) -> None:
                row.fetch(x, step, count, at, lanes)
                row.fetch(y, step, count, at, lanes, 1)
                numbers = [row.load(kind, at, lanes) for kind in kinds]
                values = [row.scaled(row.load(each, at, lanes), *numbers) for each in rows]
                for z, to in zip(values, results, strict=True):
                    row.store(z if linear else row.activated(z, slope, lanes), to, at, lanes)

            row.sweep(write)
            return context.get_dummy_value()

        return types.void(x, x, types.intp, x, x.dtype, types.intp), generate

    return normalise


def _normalise_grad(count: int, linear: bool, alone: bool) -> Any:
    @intrinsic
    def normalise_grad(typing: Any, x: Any, g: Any, gx: Any, step: Any, k: Any, slope: Any, length: Any) -> Any:
        """gx = scale · g − mean_g − (x − mean) · slope_g for every row; where a channel is a group of its own,
        gx = scale · (g − mean_g − (x − mean) · slope_g)."""

        def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            x, g, gx, step, k, slope, length = args
            row = _Rows(context, builder, signature.args[0].dtype, length)
            rows, gradients, results = (row.following(each, step, count) for each in (x, g, gx))
            kinds = [builder.gep(k, [I64(kind)]) for kind in (MEAN, SCALE, BETA, MEAN_G, SLOPE_G)]

            def write(at: Any, lanes: int) -> None:
                row.fetch(x, step, count, at, lanes)
                row.fetch(g, step, count, at, lanes)
                row.fetch(gx, step, count, at, lanes, 1)
                middle, by, shift, mean_g, slope_g = (row.load(kind, at, lanes) for kind in kinds)
                loaded = [
                    (row.load(a, at, lanes), row.load(p, at, lanes)) for a, p in zip(rows, gradients, strict=True)
                ]
                for (a, p), to in zip(loaded, results, strict=True):
                    if not linear:
                        p = row.before(row.scaled(a, middle, by, shift), p, slope, lanes)
                    p = row.sub(p if alone else row.mul(by, p), mean_g)
                    p = row.sub(p, row.mul(row.sub(a, middle), slope_g))
                    row.store(row.mul(by, p) if alone else p, to, at, lanes)

            row.sweep(write)
            return context.get_dummy_value()

        return types.void(x, x, x, types.intp, x, x.dtype, types.intp), generate

    return normalise_grad


MANY, SOME = 8, 4
"""Rows at a time: of one array, and of two or three."""

add_row, add_rows = _add_rows(1), _add_rows(MANY)
add_moment, add_moments = _add_moments(1), _add_moments(MANY)
add_product, add_products, add_linear_products = (
    _add_products(*rows) for rows in ((1, False), (SOME, False), (SOME, True))
)
normalise_row, normalise_rows, normalise_linear_rows = (
    _normalise(*rows) for rows in ((1, False), (SOME, False), (SOME, True))
)
group_grad_row, group_grad_rows, group_linear_grad_rows = (
    _normalise_grad(*rows, False) for rows in ((1, False), (SOME, False), (SOME, True))
)
channel_grad_row, channel_grad_rows, channel_linear_grad_rows = (
    _normalise_grad(*rows, True) for rows in ((1, False), (SOME, False), (SOME, True))
)


# --- rows with statistics of their own -----------------------------------------------------------------------------

CHUNK = 1024
"""Values of a row whose sums are kept in the array's dtype; the sums of longer rows are added up in float64."""


def _reduced(row: _Rows, results: int, unroll: int, terms: Callable[[Any, int, list[Any]], list[Any]]) -> list[Any]:
    """Sums over a row. `terms(at, lanes, totals)` gives the totals with one more part of the row added to each.

    `unroll` registers have totals of their own, so that an addition need not wait for the last one.
    """
    builder, lanes = row.builder, row.lanes
    start = ir.Constant(row.kind(lanes), None)
    kept = [[cgutils.alloca_once_value(builder, start) for _ in range(results)] for _ in range(unroll)]

    def step(at: Any, which: list[Any], lanes: int) -> None:
        for new, place in zip(terms(at, lanes, [builder.load(each) for each in which]), which, strict=True):
            builder.store(new, place)

    several = builder.and_(row.length, I64(-lanes * unroll))
    with cgutils.for_range_slice(builder, I64(0), several, I64(lanes * unroll), I64) as (at, _):
        for i, which in enumerate(kept):
            step(builder.add(at, I64(i * lanes)), which, lanes)
    with cgutils.for_range_slice(builder, several, row.whole, I64(lanes), I64) as (at, _):
        step(at, kept[0], lanes)
    totals = [row.sum([builder.load(which[n]) for which in kept]) for n in range(results)]
    while lanes > 1:
        lanes //= 2
        places = [cgutils.alloca_once_value(builder, builder.fadd(*halves(builder, each, lanes))) for each in totals]
        at, left = row.if_left(lanes)
        with left:
            step(at, places, lanes)
        totals = [builder.load(place) for place in places]
    return totals


def _tuple(context: Any, builder: Any, signature: Any, values: list[Any]) -> Any:
    return context.make_tuple(builder, signature.return_type, values)


@intrinsic
def row_sum(typing: Any, x: Any, length: Any) -> Any:
    """Σ x[:length], x being a pointer."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        row = _Rows(context, builder, signature.return_type, args[1])
        return _reduced(row, 1, 4, lambda at, lanes, old: [row.add(old[0], row.load(args[0], at, lanes))])[0]

    return x.dtype(x, types.intp), generate


@intrinsic
def row_moments(typing: Any, x: Any, mean: Any, length: Any) -> Any:
    """(Σ (x − mean), Σ (x − mean)²) over x[:length], x being a pointer."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        x, mean, length = args
        row = _Rows(context, builder, signature.args[0].dtype, length)

        def terms(at: Any, lanes: int, old: list[Any]) -> list[Any]:
            away = row.sub(row.load(x, at, lanes), row.spread(mean, lanes))
            return [row.add(old[0], away), row.add(old[1], row.mul(away, away))]

        return _tuple(context, builder, signature, _reduced(row, 2, 4, terms))

    return types.UniTuple(x.dtype, 2)(x, x.dtype, types.intp), generate


@intrinsic
def row_normalised(
    typing: Any, x: Any, y: Any, gamma: Any, beta: Any, mean: Any, inv_std: Any, slope: Any, length: Any
) -> Any:
    """y = leaky_relu((x − mean) · (inv_std · gamma) + beta) for a row."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        x, y, gamma, beta, mean, inv_std, slope, length = args
        row = _Rows(context, builder, signature.args[0].dtype, length)

        def write(at: Any, lanes: int) -> None:
            scale = builder.fmul(row.spread(inv_std, lanes), row.load(gamma, at, lanes), flags=ROUNDED)
            z = row.scaled(row.load(x, at, lanes), row.spread(mean, lanes), scale, row.load(beta, at, lanes))
            row.store(row.activated(z, slope, lanes), y, at, lanes)

        row.sweep(write)
        return context.get_dummy_value()

    return types.void(x, x, x, x, x.dtype, x.dtype, x.dtype, types.intp), generate


def _row_products(count: int) -> Any:
    @intrinsic
    def row_products(
        typing: Any, x: Any, g: Any, step: Any, gamma: Any, ggamma: Any, gbeta: Any, means: Any, inv_stds: Any,
        length: Any,
    ) -> Any:  # fmt: skip
        """Add the gradients of gamma and beta of every row. Returns Σ gamma · g and Σ gamma · g · x̂ of each row."""

        def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            x, g, step, gamma, ggamma, gbeta, means, inv_stds, length = args
            row = _Rows(context, builder, signature.args[0].dtype, length)
            rows, gradients = row.following(x, step, count), row.following(g, step, count)
            means, inv_stds = (cgutils.unpack_tuple(builder, each) for each in (means, inv_stds))

            def terms(at: Any, lanes: int, old: list[Any]) -> list[Any]:
                by, new = row.load(gamma, at, lanes), []
                slopes = [row.load(each, at, lanes) for each in gradients]
                products = []
                for i, each in enumerate(rows):
                    away = row.sub(row.load(each, at, lanes), row.spread(means[i], lanes))
                    products.append(row.mul(slopes[i], row.mul(away, row.spread(inv_stds[i], lanes))))
                    new.append(row.add(old[2 * i], row.mul(slopes[i], by)))
                    new.append(row.add(old[2 * i + 1], row.mul(products[i], by)))
                row.store(row.add(row.load(gbeta, at, lanes), row.sum(slopes)), gbeta, at, lanes)
                row.store(row.add(row.load(ggamma, at, lanes), row.sum(products)), ggamma, at, lanes)
                return new

            return _tuple(context, builder, signature, _reduced(row, 2 * count, 2, terms))

        several = types.UniTuple(x.dtype, count)
        signature = types.UniTuple(x.dtype, 2 * count)(x, x, types.intp, x, x, x, several, several, types.intp)
        return signature, generate

    return row_products


row_products, pair_products = _row_products(1), _row_products(2)


@intrinsic
def row_grad(
    typing: Any, x: Any, g: Any, gx: Any, gamma: Any, mean: Any, inv_std: Any, mean_g: Any, mean_product: Any,
    length: Any,
) -> Any:  # fmt: skip
    """gx = inv_std · (gamma · g − mean_g − x̂ · mean_product) for a row."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        x, g, gx, gamma, *numbers, length = args
        row = _Rows(context, builder, signature.args[0].dtype, length)

        def write(at: Any, lanes: int) -> None:
            mean, inv_std, mean_g, mean_product = (row.spread(each, lanes) for each in numbers)
            x_hat = row.mul(row.sub(row.load(x, at, lanes), mean), inv_std)
            away = row.sub(row.mul(row.load(gamma, at, lanes), row.load(g, at, lanes)), mean_g)
            row.store(row.mul(inv_std, row.sub(away, row.mul(x_hat, mean_product))), gx, at, lanes)

        row.sweep(write)
        return context.get_dummy_value()

    return types.void(x, x, x, x, x.dtype, x.dtype, x.dtype, x.dtype, types.intp), generate
