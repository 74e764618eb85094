"""Memory of a call: what it may write to, what it may share, and how its inputs may be laid out."""

from __future__ import annotations

from contextlib import suppress

from rawgan.errors import CheckFailed, NotTwiceDifferentiable
from rawgan.tensor import Tensor
from rawgan.testing.arrays import copies
from rawgan.testing.comparison import same
from rawgan.testing.functions.backward import gradients_from, leaves
from rawgan.testing.functions.result import Baseline, compare, run
from rawgan.testing.layouts import LAYOUTS
from rawgan.testing.tolerances import TOLERANCES
from rawgan_kernels import array_module


def check_inputs_unchanged(baseline: Baseline) -> None:
    """Neither forward nor backward writes to an input, a constant, an upstream gradient or a result."""
    call = baseline.call
    for create_graph in (False, True):
        arrays, upstream = copies(call.arrays), copies(baseline.weights)
        xs = leaves(arrays)
        ys = call.function(*xs)
        results = [y.data for y in ys]
        before = copies(results)
        with suppress(NotTwiceDifferentiable):
            gradients_from(ys, xs, [Tensor(v) for v in upstream], create_graph)
        named = [*zip(call.inputs, arrays, call.arrays, strict=True)]
        named += [(f"g{y}", v, w) for y, v, w in zip(call.outputs, upstream, baseline.weights, strict=True)]
        for name, after, given in named:
            if not same(after, given):
                raise CheckFailed(f"{call.name} writes to {name} {given.shape}, which belongs to its caller")
        if written := call.arguments.written():
            raise CheckFailed(f"{call.name} writes to {written}, which belongs to its caller")
        for name, after, given in zip(call.outputs, results, before, strict=True):
            if not same(after, given):
                raise CheckFailed(f"{call.name}: backward writes to {name} {given.shape}, which the caller holds")


def check_repeatable(baseline: Baseline) -> None:
    """A second call with the same inputs returns the same bits, in other memory."""
    call = baseline.call
    first, second = (run(call, copies(call.arrays), copies(baseline.weights)) for _ in range(2))
    for (name, before), (_, after) in zip(first.named(call), second.named(call), strict=True):
        if array_module(before).shares_memory(before, after):
            raise CheckFailed(
                f"{call.name}: {name} {before.shape} is the same memory at every call: "
                "a second call overwrites the result of the first"
            )
        if not same(before, after):
            raise CheckFailed(
                f"{call.name} gives another {name} {before.shape} when it is called again with the same inputs\n"
                "  random numbers need a generator that each call makes anew, from a fixed seed"
            )


def check_gradient_memory(baseline: Baseline) -> None:
    """No gradient shares memory with another, with an input or with an upstream gradient."""
    call = baseline.call
    for create_graph in (False, True):
        arrays, upstream = copies(call.arrays), copies(baseline.weights)
        gradients = run(call, arrays, upstream, create_graph).gradients
        named = [*zip([f"g{name}" for name in call.inputs], gradients, strict=False)]  # none, if it cannot be recorded
        others = [*named, *zip(call.inputs, arrays, strict=True)]
        others += [(f"g{y}", v) for y, v in zip(call.outputs, upstream, strict=True)]
        for position, (name, g) in enumerate(named):
            for other, array in others[position + 1 :]:
                if array_module(g).shares_memory(g, array):
                    raise CheckFailed(f"{call.name}: {name} {g.shape} and {other} are the same memory")


def check_layouts(baseline: Baseline) -> None:
    """Arrays in every memory layout, and upstream gradients of stride 0, give the same."""
    call, weights = baseline.call, baseline.weights
    for layout, rearranged in LAYOUTS.items():
        with call.arguments.laid_out(rearranged):
            got = run(call, [rearranged(x) for x in call.arrays], [rearranged(v) for v in weights])
        baseline.compare(got, f"{layout} inputs give")
    # The gradient of a sum is one number, repeated: an array of stride 0.
    ones = [array_module(v).ones_like(v) for v in weights]
    repeated = [array_module(v).broadcast_to(array_module(v).ones((), v.dtype), v.shape) for v in weights]
    got, expected = run(call, call.arrays, repeated), run(call, call.arrays, ones)
    compare(call, expected, got, "an upstream gradient of stride 0 gives", TOLERANCES["float64"])
