"""What can be wrong with a function although its gradients are right."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import suppress
from typing import Any

import numpy as np

from rawgan.autograd import Observer, grad, no_grad, observing
from rawgan.errors import CheckFailed, DTypeError, GraphError, NotTwiceDifferentiable, RawganError
from rawgan.tensor import Node, Tensor
from rawgan.testing.calls import EPS, Call, claimed, leaves, random_like, unit, walked
from rawgan.testing.layouts import LAYOUTS
from rawgan.testing.outcome import (
    Outcome,
    Subject,
    close,
    compare,
    copies,
    difference,
    distance,
    floor,
    floors,
    largest,
    run,
    same,
)
from rawgan.testing.sharing import calls_are_apart, inputs_may_change
from rawgan.testing.tolerances import TOLERANCES
from rawgan.testing.upstream import backward_is_linear
from rawgan_kernels import array_module

Array = Any

FEW = 6
"""Inputs of which each is tried by itself, and all others without it; of more, some are."""

ROUNDINGS = 2
CLOSE = 1e-9
"""How often inputs are moved, by what share of themselves, to see what rounding does."""

SINGLE = 1e-15, 1e15
"""Sizes of numbers whose squares float32 holds."""


def check_behaviour(call: Call, weights: Sequence[Array], kinds: Collection[str], again: bool = False) -> None:
    """Run the chosen checks, in the order of `BEHAVIOURS`: later ones take for granted what earlier ones found.

    With `again`, the gradients will be differentiated again, and must not depend then on which of them are wanted.

    Raises: CheckFailed naming the function, the array and what happened to it
    """
    subject = Subject(call, weights)
    for kind, check in BEHAVIOURS.items():
        if kind in kinds:
            try:
                check(subject)
            except RawganError:
                raise
            except Exception as error:
                raise CheckFailed(
                    f"{call.name} raises {type(error).__name__}: {error}\n  in a call that the check {kind!r} makes"
                ) from error
    if again and "needs" in kinds:
        _each_gradient_alone_again(subject)


def _inputs_are_left_alone(subject: Subject) -> None:
    call = subject.call
    for create_graph in (False, True):
        arrays, upstream = copies(call.arrays), copies(subject.weights)
        xs = leaves(arrays)
        ys = call.function(*xs)
        results = [y.data for y in ys]
        before = copies(results)
        with suppress(NotTwiceDifferentiable):
            walked(ys, xs, [Tensor(v) for v in upstream], create_graph)
        named = [*zip(call.inputs, arrays, call.arrays, strict=True)]
        named += [(f"g{y}", v, w) for y, v, w in zip(call.outputs, upstream, subject.weights, strict=True)]
        for name, after, given in named:
            if not same(after, given):
                raise CheckFailed(f"{call.name} writes to {name} {given.shape}, which belongs to its caller")
        if written := call.arguments.written():
            raise CheckFailed(f"{call.name} writes to {written}, which belongs to its caller")
        for name, after, given in zip(call.outputs, results, before, strict=True):
            if not same(after, given):
                raise CheckFailed(f"{call.name}: backward writes to {name} {given.shape}, which the caller holds")


def _same_twice(subject: Subject) -> None:
    call = subject.call
    first, second = (run(call, copies(call.arrays), copies(subject.weights)) for _ in range(2))
    for (name, before), (_, after) in zip(first.named(call), second.named(call), strict=True):
        if array_module(before).shares_memory(before, after):
            raise CheckFailed(
                f"{call.name}: {name} {before.shape} is the same memory at every call: "
                "a second call overwrites what the first one gave"
            )
        if not same(before, after):
            raise CheckFailed(
                f"{call.name} gives another {name} {before.shape} when it is called again with the same inputs\n"
                "  what is random needs a generator made anew in every call, from a fixed seed"
            )


def _calls_are_apart(subject: Subject) -> None:
    calls_are_apart(subject)
    if subject.call.order == 1:
        inputs_may_change(subject)


def _gradients_are_apart(subject: Subject) -> None:
    call = subject.call
    for create_graph in (False, True):
        arrays, upstream = copies(call.arrays), copies(subject.weights)
        gradients = run(call, arrays, upstream, create_graph).gradients
        named = [*zip([f"g{name}" for name in call.inputs], gradients, strict=False)]  # none, if it cannot be recorded
        others = [*named, *zip(call.inputs, arrays, strict=True)]
        others += [(f"g{y}", v) for y, v in zip(call.outputs, upstream, strict=True)]
        for position, (name, g) in enumerate(named):
            for other, array in others[position + 1 :]:
                if array_module(g).shares_memory(g, array):
                    raise CheckFailed(f"{call.name}: {name} {g.shape} and {other} are the same memory")


def _any_layout_will_do(subject: Subject) -> None:
    call, weights = subject.call, subject.weights
    for layout, rearranged in LAYOUTS.items():
        with call.arguments.laid_out(rearranged):
            got = run(call, [rearranged(x) for x in call.arrays], [rearranged(v) for v in weights])
        subject.compare(got, f"{layout} inputs give")
    # The gradient of a sum is one number, repeated: an array of stride 0.
    ones = [array_module(v).ones_like(v) for v in weights]
    repeated = [array_module(v).broadcast_to(array_module(v).ones((), v.dtype), v.shape) for v in weights]
    got, expected = run(call, call.arrays, repeated), run(call, call.arrays, ones)
    compare(call, expected, got, "an upstream gradient of stride 0 gives", TOLERANCES["float64"])


def _dtype_is_kept(subject: Subject) -> None:
    call = subject.call
    arrays, upstream = [x.astype("float32") for x in call.arrays], [v.astype("float32") for v in subject.weights]
    try:
        _check_dtypes(call, zip(call.outputs, [y.data for y in call.function(*leaves(arrays))], strict=True))
        single = run(call, arrays, upstream)
    except DTypeError as error:
        raise CheckFailed(
            f"{call.name} does not take float32\n  {error}\n  if float64 arrays of its own are in the way, "
            "pass them as inputs, or leave this check out: checks=BEHAVIOURS.keys() - {'dtype'}"
        ) from error
    _check_dtypes(call, single.named(call))
    sizes = [unit(x) for x in (*call.arrays, *call.results)]
    if min(call.sizes) < 1e-6 * max(map(unit, call.arrays)) or not SINGLE[0] < min(sizes) <= max(sizes) < SINGLE[1]:
        return  # float32 loses such results among the numbers that they are made from, or does not hold them
    doubles = [x.astype("float64") for x in arrays], [v.astype("float64") for v in upstream]
    expected = run(call, *doubles)
    named = list(zip(expected.named(call), single.named(call), floors(call), strict=False))
    allowed = [TOLERANCES["float32"] * max(largest(right), least) for (_, right), _, least in named]
    if all(distance(x, right) <= most for ((_, right), (_, x), _), most in zip(named, allowed, strict=True)):
        return
    # What rounding does to float64, it does to float32, so many times as much; and each op rounds its constants, too.
    eps = float(np.finfo("float32").eps)
    ratio, constants = 32 * eps / EPS, eps * _count(call) / TOLERANCES["float32"]
    for ((name, right), (_, x), _), most, moved in zip(named, allowed, _rounding(call, *doubles), strict=True):
        if distance(x, right) > max(most, most * constants, ratio * moved):
            raise CheckFailed(f"{call.name}: float32 inputs give another {name} {right.shape}, {difference(x, right)}")


def _rounding(call: Call, arrays: Sequence[Array], weights: Sequence[Array]) -> list[float]:
    """How far rounding moves each result and each gradient: what three close points in a row are off a line."""
    rng, worst = np.random.default_rng(0), [0.0] * (len(call.outputs) + len(call.inputs))
    for _ in range(ROUNDINGS):
        moves = [[random_like(x, rng, CLOSE) * x for x in xs] for xs in (arrays, weights)]
        points = []
        for share in (0, 1, 2):
            xs, vs = (
                [x + share * u for x, u in zip(given, us, strict=True)]
                for given, us in zip((arrays, weights), moves, strict=True)
            )
            outcome = run(call, xs, vs)
            points.append([*outcome.results, *outcome.gradients])
        worst = [max(most, largest(a - 2 * b + c)) for most, a, b, c in zip(worst, *points, strict=True)]
    return worst


def _count(call: Call) -> int:
    """Number of ops that are recorded in one call."""
    counter = _Counter()
    with observing(counter):
        call.function(*leaves(call.arrays))
    return counter.ops


class _Counter(Observer):
    """Counts the ops that are recorded."""

    ops = 0

    def after_forward(self, op: Node, array: Any) -> None:
        self.ops += 1


def _check_dtypes(call: Call, named: Iterable[tuple[str, Array]]) -> None:
    for name, array in named:
        if array.dtype != np.float32:
            raise CheckFailed(f"{call.name} turns float32 inputs into a {name} {array.shape} of {array.dtype}")


def _the_same_without_a_graph(subject: Subject) -> None:
    """Results under no_grad(), as samples are made, and from inputs that require no gradient."""
    call = subject.call
    if call.order > 1:
        return
    with no_grad():
        _compare_results(subject, leaves(copies(call.arrays)), "under no_grad() there is")
    _compare_results(subject, [Tensor(x) for x in copies(call.arrays)], "from inputs that require no gradient there is")


def _compare_results(subject: Subject, xs: Sequence[Tensor], when: str) -> None:
    try:
        results = [y.data for y in subject.call.function(*xs)]
    except GraphError:
        return  # it takes gradients itself, which it cannot do without a graph
    subject.compare(Outcome(results, []), when)


def _constants_will_do(subject: Subject) -> None:
    """Inputs of which some require no gradient, as real images and the weights of a frozen network do."""
    call = subject.call
    if call.order > 1:
        return
    for required in _subsets(len(call.arrays)):
        for create_graph in (False, True):
            xs = [Tensor(x, requires_grad=index in required) for index, x in enumerate(copies(call.arrays))]
            asked = [xs[index] for index in required]
            try:
                ys = call.function(*xs)
                found = walked(ys, asked, [Tensor(v) for v in subject.weights], create_graph)
            except GraphError:
                continue
            alone = ", ".join(call.inputs[index] for index in required)
            when = f"when of its inputs only {alone} require{'s' if len(required) == 1 else ''} a gradient, there is"
            subject.compare(Outcome([y.data for y in ys], []), when)
            for index, g in zip(required, found, strict=True):
                right, name = subject.expected.gradients[index], call.inputs[index]
                if not close(g.data, right, TOLERANCES["float64"], floor(call, call.arrays[index])):
                    raise CheckFailed(f"{call.name}: {when} another g{name} {right.shape}, {difference(g.data, right)}")


def _subsets(count: int) -> Iterator[list[int]]:
    """Which of so many inputs require gradients: each by itself, and all but each; of many, some."""
    if count == 1:
        return
    singled = range(count) if count <= FEW else (0, count // 2, count - 1)
    yield from ([index] for index in singled)
    if count > 2:
        yield from ([other for other in range(count) if other != index] for index in singled)


def _each_gradient_alone(subject: Subject) -> None:
    call = subject.call
    if len(call.arrays) == 1:
        return
    for index, name in enumerate(call.inputs):
        xs = leaves(call.arrays)
        (alone,) = claimed(call.function, xs, [Tensor(v) for v in subject.weights], False, [xs[index]])
        right = subject.expected.gradients[index]
        if not close(alone.data, right, TOLERANCES["float64"], floor(call, call.arrays[index])):
            raise CheckFailed(
                f"{call.name}: g{name} {alone.shape} changes when no other gradient is wanted\n"
                "  backward returns one gradient for each input, in their order, whatever self.needs says"
            )


def _each_gradient_alone_again(subject: Subject) -> None:
    """Differentiate each gradient, asked for by itself as a penalty does, by everything."""
    call, weights = subject.call, subject.weights
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
            if not close(got.data, expected.data, TOLERANCES["float64"], floor(call, array)):
                raise CheckFailed(
                    f"{call.name}: when g{name} {x.shape} alone is wanted, as by a gradient penalty, "
                    f"its derivative by {other} {array.shape} changes\n"
                    "  an input whose own gradient is not wanted is no constant: the other gradients depend on it"
                )


BEHAVIOURS: dict[str, Callable[[Subject], None]] = {
    "inputs": _inputs_are_left_alone,
    "repeatable": _same_twice,
    "calls": _calls_are_apart,
    "memory": _gradients_are_apart,
    "layout": _any_layout_will_do,
    "dtype": _dtype_is_kept,
    "upstream": backward_is_linear,
    "needs": _each_gradient_alone,
    "no_grad": _the_same_without_a_graph,
    "constants": _constants_will_do,
}
"""What `gradcheck` looks at besides slopes:

- inputs: neither forward nor backward writes to an input, an upstream gradient or a result
- repeatable: the same inputs give the same bits again, in memory of their own
- calls: several calls before a walk back, and in one graph, have nothing to do with one another; nor with what the
  same Tensors held before
- memory: no gradient shares memory with another, with an input or with an upstream gradient
- layout: Fortran-ordered, strided and reversed arrays, and upstream gradients of stride 0, give the same
- dtype: float32 stays float32, and agrees with float64
- upstream: gradients are in proportion to the upstream gradient, be that zero, tiny, huge or a mixture; and the same
  when a graph is walked again
- needs: a gradient is the same when it is the only one wanted, and so are its derivatives
- no_grad: results are the same under no_grad(), and from inputs that require no gradient
- constants: gradients are the same when other inputs require none
"""
