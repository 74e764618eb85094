"""What can be wrong with a function although its gradients are right."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np

from rawgan.autograd import grad
from rawgan.errors import CheckFailed, DTypeError, NotTwiceDifferentiable
from rawgan.tensor import Tensor
from rawgan.testing.calls import EPS, Call, claimed, leaves, random_like, unit
from rawgan.testing.layouts import LAYOUTS
from rawgan.testing.tolerances import TOLERANCES
from rawgan_kernels import array_module

Array = Any


class Outcome(NamedTuple):
    """What one forward and backward pass gave."""

    results: list[Array]
    gradients: list[Array]

    def named(self, call: Call) -> list[tuple[str, Array]]:
        """Every array with its name."""
        names = [*call.outputs, *(f"g{name}" for name in call.inputs)]
        return list(zip(names, [*self.results, *self.gradients], strict=True))


def check_behaviour(call: Call, weights: Sequence[Array], kinds: Collection[str], again: bool = False) -> None:
    """Run the chosen checks, in the order of `BEHAVIOURS`: later ones take for granted what earlier ones found.

    With `again`, the gradients will be differentiated again, and must not depend then on which of them are wanted.

    Raises: CheckFailed naming the function, the array and what happened to it
    """
    for kind, check in BEHAVIOURS.items():
        if kind in kinds:
            check(call, weights)
    if again and "needs" in kinds:
        _each_gradient_alone_again(call, weights)


def _inputs_are_left_alone(call: Call, weights: Sequence[Array]) -> None:
    for create_graph in (False, True):
        arrays, upstream = [x.copy() for x in call.arrays], [v.copy() for v in weights]
        _run(call, arrays, upstream, create_graph)
        named = [*zip(call.inputs, arrays, call.arrays, strict=True)]
        named += [(f"g{y}", v, before) for y, v, before in zip(call.outputs, upstream, weights, strict=True)]
        for name, after, before in named:
            if not _same(after, before):
                raise CheckFailed(f"{call.name} writes to {name} {before.shape}, which belongs to its caller")


def _same_twice(call: Call, weights: Sequence[Array]) -> None:
    first, second = (_run(call, [x.copy() for x in call.arrays], [v.copy() for v in weights]) for _ in range(2))
    for (name, before), (_, after) in zip(first.named(call), second.named(call), strict=True):
        if array_module(before).shares_memory(before, after):
            raise CheckFailed(
                f"{call.name}: {name} {before.shape} is the same memory at every call: "
                "a second call overwrites what the first one gave"
            )
        if not _same(before, after):
            raise CheckFailed(
                f"{call.name} gives another {name} {before.shape} when it is called again with the same inputs\n"
                "  what is random needs a generator made anew in every call, from a fixed seed"
            )


def _gradients_are_apart(call: Call, weights: Sequence[Array]) -> None:
    for create_graph in (False, True):
        arrays, upstream = [x.copy() for x in call.arrays], [v.copy() for v in weights]
        gradients = _run(call, arrays, upstream, create_graph).gradients
        named = [*zip([f"g{name}" for name in call.inputs], gradients, strict=False)]  # none, if it cannot be recorded
        others = [*named, *zip(call.inputs, arrays, strict=True)]
        others += [(f"g{y}", v) for y, v in zip(call.outputs, upstream, strict=True)]
        for position, (name, g) in enumerate(named):
            for other, array in others[position + 1 :]:
                if array_module(g).shares_memory(g, array):
                    raise CheckFailed(f"{call.name}: {name} {g.shape} and {other} are the same memory")


def _any_layout_will_do(call: Call, weights: Sequence[Array]) -> None:
    expected = _run(call, call.arrays, weights)
    for layout, rearranged in LAYOUTS.items():
        got = _run(call, [rearranged(x) for x in call.arrays], [rearranged(v) for v in weights])
        _compare(call, expected, got, f"{layout} inputs give", TOLERANCES["float64"])
    # The gradient of a sum is one number, repeated: an array of stride 0.
    ones = [array_module(v).ones_like(v) for v in weights]
    repeated = [array_module(v).broadcast_to(array_module(v).ones((), v.dtype), v.shape) for v in weights]
    got = _run(call, call.arrays, repeated)
    _compare(call, _run(call, call.arrays, ones), got, "an upstream gradient of stride 0 gives", TOLERANCES["float64"])


def _dtype_is_kept(call: Call, weights: Sequence[Array]) -> None:
    arrays, upstream = [x.astype("float32") for x in call.arrays], [v.astype("float32") for v in weights]
    try:
        results = [y.data for y in call.function(*leaves(arrays))]
        _check_dtypes(call, zip(call.outputs, results, strict=True))
        single = _run(call, arrays, upstream)
    except DTypeError as error:
        raise CheckFailed(
            f"{call.name} does not take float32\n  {error}\n  if float64 arrays of its own are in the way, "
            "pass them as inputs, or leave this check out: checks=BEHAVIOURS.keys() - {'dtype'}"
        ) from error
    _check_dtypes(call, single.named(call))
    if min(call.sizes) < 1e-6 * max(map(unit, call.arrays)):
        return  # float32 loses such results among the numbers that they are made from
    expected = _run(call, [x.astype("float64") for x in arrays], [v.astype("float64") for v in upstream])
    rounding = 32 * call.noise * float(np.finfo("float32").eps) / EPS
    _compare(call, expected, single, "float32 inputs give", max(TOLERANCES["float32"], rounding))


def _check_dtypes(call: Call, named: Iterable[tuple[str, Array]]) -> None:
    for name, array in named:
        if array.dtype != np.float32:
            raise CheckFailed(f"{call.name} turns float32 inputs into a {name} {array.shape} of {array.dtype}")


def _each_gradient_alone(call: Call, weights: Sequence[Array]) -> None:
    if len(call.arrays) == 1:
        return
    expected = _run(call, call.arrays, weights).gradients
    for index, name in enumerate(call.inputs):
        xs = leaves(call.arrays)
        (alone,) = claimed(call.function, xs, [Tensor(v) for v in weights], False, [xs[index]])
        if not _close(alone.data, expected[index], TOLERANCES["float64"], _floor(call, call.arrays[index])):
            raise CheckFailed(
                f"{call.name}: g{name} {alone.shape} changes when no other gradient is wanted\n"
                "  backward returns one gradient for each input, in their order, whatever self.needs says"
            )


def _each_gradient_alone_again(call: Call, weights: Sequence[Array]) -> None:
    """Differentiate each gradient, asked for by itself as a penalty does, by everything."""
    if len(call.arrays) == 1:
        return
    rng = np.random.default_rng(0)
    for index, (name, x) in enumerate(zip(call.inputs, call.arrays, strict=True)):
        v = Tensor(random_like(x, rng, unit(x)))
        seconds = []
        for alone in (True, False):
            xs, vs = leaves(call.arrays), leaves(weights)
            gradients = claimed(call.function, xs, vs, True, [xs[index]] if alone else None)
            g = gradients[0 if alone else index]
            linked = [g] if g.requires_grad else []  # a zero that stands for no influence has no graph
            seconds.append(grad(linked, [*xs, *vs], [v] * len(linked), unconnected="zero"))
        by = [*call.inputs, *(f"g{y}" for y in call.outputs)]
        for other, array, got, expected in zip(by, [*call.arrays, *weights], *seconds, strict=True):
            if not _close(got.data, expected.data, TOLERANCES["float64"], _floor(call, array)):
                raise CheckFailed(
                    f"{call.name}: when g{name} {x.shape} alone is wanted, as by a gradient penalty, "
                    f"its derivative by {other} {array.shape} changes\n"
                    "  an input whose own gradient is not wanted is no constant: the other gradients depend on it"
                )


BEHAVIOURS: dict[str, Callable[[Call, Sequence[Array]], None]] = {
    "inputs": _inputs_are_left_alone,
    "repeatable": _same_twice,
    "memory": _gradients_are_apart,
    "layout": _any_layout_will_do,
    "dtype": _dtype_is_kept,
    "needs": _each_gradient_alone,
}
"""What `gradcheck` looks at besides slopes:

- inputs: neither forward nor backward writes to an input or an upstream gradient
- repeatable: the same inputs give the same bits again, in memory of their own
- memory: no gradient shares memory with another, with an input or with an upstream gradient
- layout: Fortran-ordered, strided and reversed arrays, and upstream gradients of stride 0, give the same
- dtype: float32 stays float32, and agrees with float64
- needs: a gradient is the same when it is the only one wanted, and so are its derivatives
"""


def _run(call: Call, arrays: Sequence[Array], weights: Sequence[Array], create_graph: bool = False) -> Outcome:
    xs = leaves(arrays)
    results = [y.data for y in call.function(*xs)]
    try:
        gradients = claimed(call.function, xs, [Tensor(v) for v in weights], create_graph)
    except NotTwiceDifferentiable:
        return Outcome(results, [])
    return Outcome(results, [g.data for g in gradients])


def _compare(call: Call, expected: Outcome, got: Outcome, when: str, tolerance: float) -> None:
    floors = [*call.sizes, *(_floor(call, x) for x in call.arrays)]
    for (name, right), (_, array), floor in zip(expected.named(call), got.named(call), floors, strict=True):
        if not _close(array, right, tolerance, floor):
            raise CheckFailed(
                f"{call.name}: {when} another {name} {right.shape}, off by "
                f"{float(abs(array - right).max()):.3g} where the largest number is {float(abs(right).max()):.3g}"
            )


def _floor(call: Call, x: Array) -> float:
    """A gradient below this size has hardly any influence: its rounding comes from larger numbers that cancelled."""
    return 0.1 * call.magnitude / unit(x)


def _close(got: Array, expected: Array, tolerance: float, floor: float) -> bool:
    if got.shape != expected.shape or not got.size:
        return got.shape == expected.shape
    xp = array_module(expected)
    off = xp.where((got == expected) | (xp.isnan(got) & xp.isnan(expected)), 0, abs(got - expected))
    largest = xp.where(xp.isfinite(expected), abs(expected), 0).max()
    return bool(off.max() <= tolerance * max(floor, float(largest)))


def _same(a: Array, b: Array) -> bool:
    return a.dtype == b.dtype and a.tobytes() == b.tobytes()
