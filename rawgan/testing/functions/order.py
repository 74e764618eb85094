"""Gradients of one order, compared with slopes: along directions, and element by element where that fails."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import product
from typing import Any, NamedTuple

import numpy as np

from rawgan.device import device_of, to_device
from rawgan.errors import GradientMismatch, NotTwiceDifferentiable
from rawgan.tensor import Tensor
from rawgan.testing.arrays import random_like, shifted, unit
from rawgan.testing.functions.backward import gradients_at, leaves
from rawgan.testing.functions.call import Call
from rawgan.testing.functions.element import Element
from rawgan.testing.functions.finite_differences import SIDES, Bend, Functional
from rawgan.testing.report import Index, Kink, Row, place
from rawgan_kernels import array_module

Array = Any
Gradients = Mapping[int, Array]
Place = tuple[int, Index]
"""Position of an input, and index of an element in it."""

BLOCK = 512
"""Number of elements that are looked at one by one where a gradient is wrong; in a larger input, bisection finds them.
"""

KINKS = 32
"""Number of kinks of lower orders, in each input, that the next order looks at one by one."""

SLACK = 1e-3
"""Distance by which a gradient may lie outside the slopes beside a kink, relative to them: they are not exact."""

SMALL = 1e-3
"""Share of the largest gradient below which elements are compared in a direction of their own, too."""


class Claim(NamedTuple):
    """A function with upstream gradients, and the gradients that backward gives for them."""

    functional: Functional
    walks: dict[bool, Gradients]
    """Gradient of each input, by whether the walk was recorded (create_graph)."""


class OrderCheck:
    """Check of one order. It adds the kinks that it finds to `kinks`, which has those of lower orders."""

    def __init__(
        self,
        call: Call,
        weights: Sequence[Array],
        rtol: float,
        rng: np.random.Generator,
        kinks: list[Kink],
        twice: bool,
    ) -> None:
        self.call, self.order, self.rtol, self.rng, self.kinks = call, call.order, rtol, rng, kinks
        self.claim, self.levelled = (self._claim(v, twice) for v in (weights, call.levelled(weights)))

    @property
    def evaluations(self) -> int:
        """Number of forward passes that the finite differences took."""
        return self.claim.functional.evaluations + self.levelled.functional.evaluations

    def rows(self) -> list[Row]:
        """Compare every gradient of the plain and of the recorded walk, which may use different formulas."""
        known = len(self.kinks)
        rows = [self._row(index) for index in range(len(self.call.inputs))]
        self._check_together(self.kinks[known:])
        return rows

    def _claim(self, weights: Sequence[Array], twice: bool) -> Claim:
        """Walk back plainly, and recorded if possible; it must be if the next order is wanted, `twice`."""
        walks = {False: self._gradients(weights, create_graph=False)}
        try:
            walks[True] = self._gradients(weights, create_graph=True)
        except NotTwiceDifferentiable:
            if twice:
                raise
        return Claim(Functional(self.call, weights, self.rtol), walks)

    def _gradients(self, weights: Sequence[Array], create_graph: bool) -> Gradients:
        vs = [Tensor(v) for v in weights]
        found = gradients_at(self.call.function, leaves(self.call.arrays), vs, create_graph)
        return {index: g.data for index, g in enumerate(found)}

    def _row(self, index: int) -> Row:
        """Compare along random directions; look at single elements where that fails, or where the function bends."""
        name, x = self.call.inputs[index], self.call.arrays[index]
        bent = [kink.index for kink in self.kinks if kink.input == name]
        for at in bent[:KINKS]:
            self._check_known_kink(index, at)
        worst, flat = 0.0, not any(gx[index].any() for gx in self.claim.walks.values())
        # Moves in whole units, and relative to each number: with either alone, some elements would go unseen.
        for claim, u in (
            (self.claim, random_like(x, self.rng, unit(x))),
            (self.levelled, shifted(x, self.rng, 1) - x),
        ):
            error, slope = self._along(claim, index, u, bent)
            worst, flat = max(worst, error), flat and not slope
        for u in self._small(index):
            worst = max(worst, self._along(self.claim, index, u, bent, seen=True)[0])
        return Row(name, x.shape, self.order, worst, flat)

    def _along(self, claim: Claim, index: int, u: Array, bent: list[Index], seen: bool = False) -> tuple[float, float]:
        """Error along u, and the slope. With `seen`, kinks on the way are known."""
        name = self.call.inputs[index]
        while True:
            for at in bent:  # there is no derivative to compare
                u[at] = 0
            error, slope = claim.functional.error({index: u}, claim.walks.values())
            if error <= self.rtol and (seen or claim.functional.bend({index: u}) is None):
                return error, slope  # right, and smooth
            elements = self._elements(claim, index, u)
            wrong = [element for element in elements if element.error > self.rtol and not element.is_kink]
            kinks = [element for element in elements if element.is_kink]
            looked_at_all = len(elements) == np.count_nonzero(to_device(u, "cpu"))
            if wrong or not (kinks or looked_at_all or error <= self.rtol):
                raise self._mismatch(claim, index, wrong, elements)
            if not kinks:  # right element by element, though the function bends along u
                return max((element.error for element in elements), default=0.0), slope
            self.kinks += [element.kink(name, self.order) for element in kinks]
            bent += [element.index for element in kinks]

    def _small(self, index: int) -> Iterator[Array]:
        """A direction of the elements whose gradients are small among larger ones, if there are any."""
        x = self.call.arrays[index]
        gradients = [abs(gx[index]) for gx in self.claim.walks.values()]
        largest = array_module(x).maximum(gradients[0], gradients[-1])
        small = ~(largest > SMALL * (largest.max() if x.size else 0))
        if small.any() and not small.all():
            yield random_like(x, self.rng, unit(x)) * small

    def _elements(self, claim: Claim, index: int, u: Array) -> list[Element]:
        """Elements that u moves, one by one; of very many, the block with the largest error."""
        block = np.flatnonzero(to_device(u, "cpu"))
        while block.size > BLOCK:
            block = max(np.array_split(block, 2), key=lambda half: self._suspicion(claim, index, _only(u, half)))
        return [self._element(claim, index, u, int(position)) for position in block]

    def _suspicion(self, claim: Claim, index: int, u: Array) -> float:
        bend = claim.functional.bend({index: u})
        gap = abs(bend.ahead - bend.behind) / claim.functional.whole if bend else 0.0
        return gap + claim.functional.error({index: u}, claim.walks.values())[0]

    def _element(self, claim: Claim, index: int, u: Array, position: int) -> Element:
        at = tuple(int(i) for i in np.unravel_index(position, u.shape))
        e = _only(abs(u), position)
        size, own = float(e[at]), abs(float(self.call.arrays[index][at]))
        # An element far smaller than the others, as in a logarithm, is moved relative to itself, too.
        smallest = own / size if 0 < own < 1e-2 * size else 1.0
        move = {index: e}
        error, slope = claim.functional.error(move, claim.walks.values(), smallest)
        bend = claim.functional.bend(move, smallest)
        gradients = {recorded: float(gx[index][at]) + 0.0 for recorded, gx in claim.walks.items()}  # + 0.0: no −0
        kink = (bend is not None or error > self.rtol) and self._is_right_at_kink(
            claim.functional, move, bend, [g * size for g in gradients.values()], slope, smallest
        )
        scaled = Bend(bend.behind / size, bend.ahead / size, bend.jumps) if bend else None
        return Element(at, error, slope / size, scaled, gradients, kink)

    def _is_right_at_kink(
        self,
        functional: Functional,
        move: Mapping[int, Array],
        bend: Bend | None,
        along: list[float],
        slope: float,
        smallest: float = 1.0,
    ) -> bool:
        """True if there is no derivative along this move, and the gradients lie between the slopes beside it.

        At a jump, these are the slopes on either side of it. Where several ops bend, their combination need not be a
        slope: then it must be no larger than twice the slopes.
        """
        if not all(map(np.isfinite, along)):
            return False
        if bend is None:
            sides = [(slope, slope, 0.0)]
        elif bend.jumps:
            sides = list(functional.beside(move, smallest))
        else:
            sides = [(bend.behind, bend.ahead, 0.0)]
            if all(_between(g, *sides[0]) for g in along):
                return True
        if bend is not None and bend.jumps and any(all(_between(g, *side) for g in along) for side in sides):
            return True
        largest = max(max(abs(behind), abs(ahead)) for behind, ahead, _ in sides)
        return all(abs(g) <= (2 + SLACK) * largest for g in along) and functional.sources(move) > 1

    def _check_known_kink(self, index: int, at: Index) -> None:
        """Check an element at a kink of a lower order, which directions leave out, if it has slopes beside it."""
        u = np.zeros(self.call.arrays[index].shape)
        u[at] = unit(self.call.arrays[index])
        position = int(np.flatnonzero(u)[0])
        element = self._element(self.claim, index, to_device(u, device_of(self.call.arrays[index])), position)
        jumps = element.bend is not None and element.bend.jumps
        if jumps and element.error > self.rtol and not element.is_kink:
            raise self._mismatch(self.claim, index, [element], [element])

    # --- several kinks at once ---------------------------------------------------------------------------------

    def _check_together(self, kinks: Sequence[Kink]) -> None:
        """Move elements at kinks together: those that tie, as in a maximum, depend on one another.

        Along (1, 1) the maximum of two equal numbers has a slope, though along (1, 0) it has none.
        """
        places = [(self.call.inputs.index(kink.input), kink.index) for kink in kinks if not kink.jumps][:KINKS]
        for group in self._ties(places):
            size = min(unit(self.call.arrays[index]) for index, _ in group)
            for signs in _signs(len(group)):
                move: dict[int, Array] = {}
                for (index, at), sign in zip(group, signs, strict=True):
                    x = self.call.arrays[index]
                    move.setdefault(index, array_module(x).zeros_like(x))[at] = sign * size
                self._check_move(move, group[0])

    def _ties(self, places: Sequence[Place]) -> list[list[Place]]:
        """Groups of kinks that may tie: those that change the same numbers of the results, and those of equal value."""
        groups: list[list[Place]] = []
        changed = [self._changed(place) for place in places]
        pending = list(range(len(places)))
        while pending:
            group = [pending.pop(0)]
            reached = changed[group[0]]
            while joined := [k for k in pending if (changed[k] & reached).any()]:
                group += joined
                pending = [k for k in pending if k not in joined]
                reached = np.logical_or.reduce([reached, *(changed[k] for k in joined)])
            groups.append([places[k] for k in group])
        values = [abs(float(self.call.arrays[index][at])) for index, at in places]
        groups += [
            [place for place, other in zip(places, values, strict=True) if other == value]
            for value in dict.fromkeys(values)
        ]
        groups += [[place for place in group if place in equal] for group in groups for equal in groups]
        return [list(group) for group in dict.fromkeys(map(tuple, groups)) if len(group) > 1]

    def _changed(self, place: Place) -> np.ndarray[Any, Any]:
        """Mask of the numbers of the results that change with this element."""
        index, at = place
        u = array_module(self.call.arrays[index]).zeros_like(self.call.arrays[index])
        u[at] = unit(self.call.arrays[index])
        sides = [self.claim.functional.moved({index: u}, share) for share in (SIDES[0], -SIDES[0])]
        masks = [(y != a) | (y != b) for y, a, b in zip(self.call.results, *sides, strict=True)]
        return np.concatenate([to_device(mask, "cpu").ravel() for mask in masks])

    def _check_move(self, move: Mapping[int, Array], first: Place) -> None:
        functional = self.claim.functional
        error, slope = functional.error(move, self.claim.walks.values())
        if error <= 10 * self.rtol or functional.bend(move) is not None:
            return
        along = [functional.claimed(move, gx)[0] for gx in self.claim.walks.values()]
        if self._is_right_at_kink(functional, move, None, along, slope):
            return
        index, at = first
        name, x = self.call.inputs[index], self.call.arrays[index]
        count = sum(int((u != 0).sum()) for u in move.values())
        moved = " and ".join(self.call.inputs[i] for i in sorted(move))
        raise GradientMismatch(
            f"{self.call.name}: the gradient of {name} {x.shape} is wrong at order {self.order}\n"
            f"  slope of {self._weighted()} when {count} elements of {moved}, {place(name, at)} among them, "
            f"move together: backward gives {along[0]:.7g}, finite differences {slope:.7g}\n"
            "  each of them is at a kink: where numbers tie, as in a maximum, their gradients are shares of one",
            self.order,
            name,
            at,
            along[0],
            slope,
        )

    def _weighted(self) -> str:
        terms = [f"Σ g{y}·{y}" for y in self.call.outputs]
        return " + ".join(terms) if len(terms) <= 3 else f"{terms[0]} + … ({len(terms)} such terms)"

    def _mismatch(self, claim: Claim, index: int, wrong: list[Element], elements: list[Element]) -> GradientMismatch:
        name, x = self.call.inputs[index], self.call.arrays[index]
        worst = max(wrong or elements, key=lambda element: element.distance)
        counted = f"{len(elements)} elements" if len(elements) == x.size else f"{len(elements)} elements looked at"
        lines = [
            f"{self.call.name}: the gradient of {name} {x.shape} is wrong at order {self.order}",
            f"  slope of {self._weighted()} at {place(name, worst.index)}: "
            f"backward gives {worst.gradient:.7g}, finite differences {worst.numerical}",
            f"  {len(wrong)} of {counted} are wrong",
        ]
        if self.order == 1 and not any(gx[index].any() for gx in claim.walks.values()):
            lines.append("  it is zero everywhere: does a backward return None, or is there a detach() on the way?")
        elif worst.walks_differ(self.rtol):
            values = " and ".join(f"{g:.7g} with create_graph={recorded}" for recorded, g in worst.gradients.items())
            lines.append(f"  the plain and the recorded backward differ: {values}")
        elif self.order > 1:
            lines.append("  order 1 is right, so a backward takes for a constant what depends on an input")
        return GradientMismatch("\n".join(lines), self.order, name, worst.index, worst.gradient, worst.slope)


def _signs(count: int) -> Iterator[tuple[float, ...]]:
    """Signs with which so many elements may have a slope together: all alike, and for few elements any."""
    if count > 3:
        return iter([(1.0,) * count])
    return ((1.0, *others) for others in product((1.0, -1.0), repeat=count - 1))


def _between(g: float, behind: float, ahead: float, exact: float) -> bool:
    low, high = sorted((behind, ahead))
    slack = SLACK * max(abs(low), abs(high)) + exact
    return low - slack <= g <= high + slack


def _only(u: Array, positions: Any) -> Array:
    """u at these positions, counted through all axes, and zeros elsewhere."""
    kept = np.zeros(u.size)
    kept[positions] = 1
    return u * to_device(kept.reshape(u.shape), device_of(u))
