"""Gradients against finite differences, to any order.

At order 1, Σ gx · u must be the slope of Σ v · y along u, for random directions u of every input and random upstream
gradients v. (With v = 1, a batch norm whose backward returns zero would pass: the sum of its result is constant.)

At order n, the gradients are themselves taken as a function, of the inputs *and* of v, and are checked at order n − 1.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from rawgan.device import device_of, to_device
from rawgan.errors import ArgumentError, CheckFailed, GradientMismatch, NotTwiceDifferentiable
from rawgan.tensor import Tensor
from rawgan.testing.behaviour import BEHAVIOURS, check_behaviour
from rawgan.testing.calls import Call, call_of, claimed, gradients_of, leaves, random_like, unit
from rawgan.testing.choices import chosen_from
from rawgan.testing.report import Index, Kink, Report, Row, place
from rawgan.testing.slopes import Bend, Functional

Array = Any
Walks = dict[bool, Array]
"""The gradients of one input, by whether the walk was recorded (create_graph)."""

ORDERS = (1, 2, 3)

DIRECTIONS = 2
"""Random directions along which each gradient is compared."""

BLOCK = 512
"""Elements looked at one by one where a gradient is wrong; in a larger input, bisection finds them."""


def gradcheck(
    fn: Callable[..., Any],
    *inputs: Any,
    order: int = 2,
    seed: int = 0,
    rtol: float = 1e-6,
    checks: Collection[str] | str = BEHAVIOURS.keys(),
    names: Sequence[str] | None = None,
    name: str | None = None,
) -> Report:
    """Check the derivatives of a function of Tensors, and what else can be wrong with it (`BEHAVIOURS`).

    `fn` takes Tensors and returns one, or a tuple of them; an Op class that takes no options will do, too. Every input
    of floats is differentiated, in float64; whatever else is among the inputs (labels, a number of pixels) is passed
    on as it is. `order` 2 differentiates again, which is what gradient penalties need. Where fn has a kink, such as
    LeakyReLU at 0, any gradient between the slopes on both sides is right; the report lists these points.

    `rtol` is the largest error at order 1, relative to the whole gradient: an element with less than that share in it
    goes unseen. Each further order, which loses a digit, has ten times as much. Where an input has less influence than
    a hundred-thousandth of the result, whose rounding hides it, the error is relative to that. Upstream gradients (gy
    in messages, and ggx for the gradient gx) are random.

    Shapes: inputs any
    Raises: GradientMismatch naming the order, the input, the index and both values; CheckFailed for what else is wrong;
            ArgumentError for what cannot be checked

    >>> import numpy as np
    >>> from rawgan import ops
    >>> report = gradcheck(ops.tanh, np.array([-0.5, 0.1, 2.0]))
    >>> report.error(order=1) < 1e-9
    True
    >>> gradcheck(lambda x: x * x.detach(), np.array([1.0, 2.0]))
    Traceback (most recent call last):
        ...
    rawgan.errors.GradientMismatch: <lambda>: the gradient of x (2,) is wrong at order 1
      slope of Σ gy·y at x[1]: backward gives 0.3711048, finite differences 0.7422095
      2 of 2 elements are wrong
    """
    __tracebackhide__ = True  # pytest then shows the caller's line
    if order not in ORDERS:
        raise ArgumentError(f"gradcheck: order must be 1, 2 or 3, but is {order!r}")
    checks = chosen_from(BEHAVIOURS.keys(), "gradcheck", "check", checks)
    try:
        with np.errstate(all="ignore"):  # steps out of the domain; what matters of infinities and NaN is found and said
            return _gradcheck(call_of(fn, inputs, names, name), order, rtol, checks, np.random.default_rng(seed))
    except CheckFailed as error:
        raise error.with_traceback(None) from error.__cause__  # where in the checker it was found helps nobody


def _gradcheck(call: Call, order: int, rtol: float, checks: Collection[str], rng: np.random.Generator) -> Report:
    started = time.perf_counter()
    rows: list[Row] = []
    kinks: list[Kink] = []
    evaluations = 0
    for level in range(1, order + 1):
        weights = call.weights(rng)
        check_behaviour(call, weights, checks, again=level < order)
        check = _Level(call, weights, level, rtol * 10 ** (level - 1), rng, kinks)
        rows += check.rows(twice=level < order)
        evaluations += check.functional.evaluations
        if level < order:
            call = gradients_of(call, weights)
    return Report(call.name, tuple(rows), tuple(kinks), evaluations, time.perf_counter() - started)


class _Level:
    """The check of one order. Kinks that it finds are added to `kinks`, which has those of lower orders."""

    def __init__(
        self,
        call: Call,
        weights: Sequence[Array],
        order: int,
        rtol: float,
        rng: np.random.Generator,
        kinks: list[Kink],
    ) -> None:
        self.call, self.weights, self.order, self.rtol, self.rng, self.kinks = call, weights, order, rtol, rng, kinks
        self.functional = Functional(call, weights, rtol)

    def rows(self, twice: bool) -> list[Row]:
        """Compare every gradient, of the plain walk and of the recorded one: they may use different formulas.

        A recorded walk may be impossible; that matters only if the next order is wanted, `twice`.
        """
        walks = {False: self._gradients(create_graph=False)}
        try:
            walks[True] = self._gradients(create_graph=True)
        except NotTwiceDifferentiable:
            if twice:
                raise
        return [
            self._row(index, {recorded: gradients[index] for recorded, gradients in walks.items()})
            for index in range(len(self.call.inputs))
        ]

    def _gradients(self, create_graph: bool) -> list[Array]:
        vs = [Tensor(v) for v in self.weights]
        return [g.data for g in claimed(self.call.function, leaves(self.call.arrays), vs, create_graph)]

    def _row(self, index: int, walks: Walks) -> Row:
        """Compare along random directions; look at single elements where that fails, or where the function bends."""
        name, x = self.call.inputs[index], self.call.arrays[index]
        bent = [kink.index for kink in self.kinks if kink.input == name]
        worst, flat = 0.0, not any(gx.any() for gx in walks.values())
        for _ in range(DIRECTIONS):
            u = random_like(x, self.rng, unit(x))
            while True:
                for at in bent:  # where there is no derivative, there is none to compare
                    u[at] = 0
                along = [self.functional.error(index, u, gx) for gx in walks.values()]
                error = max(error for error, _ in along)
                if error <= self.rtol and self.functional.bend(index, u) is None:
                    break  # right, and smooth
                elements = self._elements(index, walks, u)
                wrong = [element for element in elements if element.error > self.rtol and not element.is_kink]
                kinks = [element for element in elements if element.is_kink]
                looked_at_all = len(elements) == np.count_nonzero(to_device(u, "cpu"))
                if wrong or not (kinks or looked_at_all or error <= self.rtol):
                    raise self._mismatch(index, walks, wrong, elements)
                if not kinks:  # right element by element, though not along u, on which the function bends
                    error = max(element.error for element in elements)
                    break
                self.kinks += [element.kink(name, self.order) for element in kinks]
                bent += [element.index for element in kinks]
            worst, flat = max(worst, error), flat and not any(slope for _, slope in along)
        return Row(name, x.shape, self.order, worst, flat)

    def _elements(self, index: int, walks: Walks, u: Array) -> list[_Element]:
        """The elements that u moves, one by one; of very many, the block that is furthest off."""
        block = np.flatnonzero(to_device(u, "cpu"))
        while block.size > BLOCK:
            block = max(np.array_split(block, 2), key=lambda half: self._suspicion(index, walks, _only(u, half)))
        return [self._element(index, walks, u, int(position)) for position in block]

    def _suspicion(self, index: int, walks: Walks, u: Array) -> float:
        bend = self.functional.bend(index, u)
        gap = abs(bend.ahead - bend.behind) / self.functional.floor if bend else 0.0
        return gap + max(self.functional.error(index, u, gx)[0] for gx in walks.values())

    def _element(self, index: int, walks: Walks, u: Array, position: int) -> _Element:
        at = tuple(int(i) for i in np.unravel_index(position, u.shape))
        e = _only(abs(u), position)
        size, own = float(e[at]), abs(float(self.call.arrays[index][at]))
        # An element far smaller than the others, in the logarithm of it say, is moved in units of its own, too.
        smallest = own / size if 0 < own < 1e-2 * size else 1.0
        error, slope = max(self.functional.error(index, e, gx, smallest) for gx in walks.values())
        bend = self.functional.bend(index, e, smallest)
        return _Element(
            at,
            error,
            slope / size,
            Bend(bend.behind / size, bend.ahead / size, bend.jumps) if bend else None,
            {recorded: float(gx[at]) + 0.0 for recorded, gx in walks.items()},  # + 0.0: no −0
        )

    def _mismatch(self, index: int, walks: Walks, wrong: list[_Element], elements: list[_Element]) -> GradientMismatch:
        name, x = self.call.inputs[index], self.call.arrays[index]
        worst = max(wrong or elements, key=lambda element: element.distance)
        terms = [f"Σ g{y}·{y}" for y in self.call.outputs]
        weighted = " + ".join(terms) if len(terms) <= 3 else f"{terms[0]} + … ({len(terms)} such terms)"
        counted = f"{len(elements)} elements" if len(elements) == x.size else f"{len(elements)} elements looked at"
        lines = [
            f"{self.call.name}: the gradient of {name} {x.shape} is wrong at order {self.order}",
            f"  slope of {weighted} at {place(name, worst.index)}: "
            f"backward gives {worst.gradient:.7g}, finite differences {worst.numerical}",
            f"  {len(wrong)} of {counted} are wrong",
        ]
        if self.order == 1 and not any(gx.any() for gx in walks.values()):
            lines.append("  it is zero everywhere: does a backward return None, or is there a detach() on the way?")
        elif worst.walks_differ(self.rtol):
            values = " and ".join(f"{g:.7g} with create_graph={recorded}" for recorded, g in worst.gradients.items())
            lines.append(f"  the plain and the recorded backward differ: {values}")
        elif self.order > 1:
            lines.append("  order 1 is right, so a backward takes for a constant what depends on an input")
        return GradientMismatch("\n".join(lines), self.order, name, worst.index, worst.gradient, worst.slope)


@dataclass(frozen=True)
class _Element:
    """One element of an input, moved alone."""

    index: Index
    error: float
    slope: float
    bend: Bend | None
    gradients: dict[bool, float]
    """Of the plain walk and of the recorded one."""

    @property
    def is_kink(self) -> bool:
        """Whether there is no derivative, and the gradient lies between the slopes of the two sides."""
        if self.bend is None or not all(map(np.isfinite, self.gradients.values())):
            return False
        low, high = sorted((self.bend.behind, self.bend.ahead))
        slack = 1e-3 * max(abs(low), abs(high))
        return self.bend.jumps or all(low - slack <= g <= high + slack for g in self.gradients.values())

    @property
    def gradient(self) -> float:
        """The gradient, that of the worse walk."""
        return max(self.gradients.values(), key=self._off)

    @property
    def distance(self) -> float:
        """How far that is from the slope."""
        return self._off(self.gradient)

    @property
    def numerical(self) -> str:
        """What the finite differences say."""
        return (
            f"{self.bend.behind:.7g} on one side, {self.bend.ahead:.7g} on the other"
            if self.bend
            else f"{self.slope:.7g}"
        )

    def walks_differ(self, rtol: float) -> bool:
        """Whether the plain and the recorded walk disagree."""
        plain, recorded = self.gradients[False], self.gradients.get(True, self.gradients[False])
        return not np.isclose(plain, recorded, rtol=rtol, atol=1e-9 * abs(self.slope), equal_nan=True)

    def kink(self, name: str, order: int) -> Kink:
        """For the report."""
        assert self.bend is not None
        return Kink(name, self.index, order, self.bend.behind, self.bend.ahead, self.gradient, self.bend.jumps)

    def _off(self, gradient: float) -> float:
        distance = abs(gradient - self.slope)
        return float("inf") if np.isnan(distance) else distance


def _only(u: Array, positions: Any) -> Array:
    """u with zeros everywhere but at these positions, counted through all axes."""
    kept = np.zeros(u.size)
    kept[positions] = 1
    return u * to_device(kept.reshape(u.shape), device_of(u))
