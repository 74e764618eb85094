"""Contract of a Module besides its gradients: for the first call and later ones, alone and among other calls."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import nullcontext
from typing import Any

from rawgan.autograd import no_grad
from rawgan.errors import CheckFailed, DTypeError, GraphError, RawganError
from rawgan.nn import Module
from rawgan.testing.comparison import same
from rawgan.testing.layers.calls import (
    LayerCall,
    added,
    changed_buffer,
    check_same,
    copy_of,
    first_difference,
    graph_leaves,
    joint_result,
    result_of,
    same_results,
)
from rawgan_kernels import array_module

NEARLY = 1e-5
"""Difference of gradients between two calls, relative to the largest, that a layer whose buffers converge may show."""

CALLS = {"train": 50, "eval": 6}
"""Number of calls of one layer that are compared, from the first on."""

LARGER = (1.0, 30.0)
"""Factors of the parameters with which the first call is made: some layers clip large parameters."""

STEP = 0.05
"""Change of the parameters between two calls, relative to themselves, as by an optimiser."""


def check_first_call(layer: Module, inputs: Sequence[Any], name: str, modes: Sequence[str]) -> None:
    """Check the very first call, in the dtype of the layer.

    Raises: CheckFailed for parameters that are written to or not listed, and for a result that is not finite
    """
    dtypes = {x.dtype.name for x in layer.state_tensors().values()}
    dtype = dtypes.pop() if len(dtypes) == 1 else "float64"
    layer = copy_of(layer)
    for mode in modes:
        layer.train(mode == "train")
        try:
            for factor in LARGER:
                _check_parameters_are_read(copy_of(layer), inputs, dtype, factor, f"{name} ({mode})")
            call = LayerCall(copy_of(layer), inputs, dtype)
        except DTypeError:
            continue  # the check of dtypes reports that
        if mode == "train":
            for y in call.results:
                if not array_module(y.data).isfinite(y.data).all():
                    raise CheckFailed(f"{name}: the result {y.shape} is not finite at the layer's initial values")
        _check_listed(call, name)


def _check_parameters_are_read(layer: Module, inputs: Sequence[Any], dtype: str, factor: float, title: str) -> None:
    for p in layer.parameters():
        p.data = p.data * p.dtype.type(factor)
    before = {name: (x, x.data.copy()) for name, x in layer.named_parameters()}
    LayerCall(layer, inputs, dtype)
    for name, (x, array) in before.items():
        if not same(x.data, array) or dict(layer.named_parameters()).get(name) is not x:
            raise CheckFailed(
                f"{title} writes to its parameter {name} {array.shape} when it is called\n"
                "  forward computes with parameters; only an optimiser changes them"
            )


def _check_listed(call: LayerCall, name: str) -> None:
    known = {id(x) for x in (*call.inputs.values(), *call.parameters.values())}
    for x, op in graph_leaves(call.results):
        if id(x) not in known:
            used = f", which {op.name} uses" if op else ""
            raise CheckFailed(
                f"{name}: parameters() does not list a {type(x).__name__} {x.shape}{used}, so no optimiser finds it\n"
                "  Parameters and Modules are found in attributes of Modules, and in lists, tuples and dicts there"
            )


def check_used(layer: Module, inputs: Sequence[Any], name: str, modes: Sequence[str], unused: Sequence[str]) -> None:
    """Raise a CheckFailed for a parameter on which no result depends in any of the modes."""
    parameters = dict(layer.named_parameters())
    idle = set(parameters)
    for mode in modes:
        trial = copy_of(layer).train(mode == "train")
        names = {id(x): parameter for parameter, x in trial.named_parameters()}
        idle -= {names.get(id(x), "") for x, _ in graph_leaves(LayerCall(trial, inputs).results)}
    for parameter in parameters:
        if parameter in idle and parameter not in unused:
            raise CheckFailed(
                f"{name}: no result depends on its parameter {parameter} {parameters[parameter].shape}\n"
                f"  is it forgotten in forward? If it is meant to be idle: check_layer(…, unused=({parameter!r},))"
            )


def check_calls(layer: Module, inputs: Sequence[Any], mode: str, title: str) -> bool:
    """Call one layer many times, from its first call on: as long as its results are the same, its gradients must be.

    Returns True if the results always were the same.
    """
    trial, last, steady = copy_of(layer).train(mode == "train"), None, True
    for number in range(1, CALLS[mode] + 1):
        found = result_of(trial, inputs)
        if last is not None and same_results(last, found):
            if fault := first_difference(last, found, NEARLY):
                raise CheckFailed(
                    f"{title}: call {number} gives the same result as the call before, but another {fault}\n"
                    "  a counter or a cache of the layer must not change its gradients"
                )
        elif last is not None:
            steady = False
        last = found
    return steady


def check_shared(layer: Module, inputs: Sequence[Any], others: Sequence[Any], title: str) -> None:
    """Call one layer twice, as D is called for real and for fake images, and walk back from both calls afterwards."""
    apart = copy_of(layer)
    try:
        expected = [result_of(apart, inputs), result_of(apart, others)]
    except RawganError:  # it does not take other inputs
        others, apart = inputs, copy_of(layer)
        expected = [result_of(apart, inputs), result_of(apart, inputs)]
    try:
        together = copy_of(layer)
        found = joint_result([LayerCall(together, inputs), LayerCall(together, others)])
        check_same(title, added(expected), found, f"when it is called twice in one graph, {AS_D_IS}, there is", KEPT)
        in_turn = copy_of(layer)
        calls = [LayerCall(in_turn, inputs), LayerCall(in_turn, others)]
        when = f"when it is called twice before the walks back, {AS_D_IS}, there is"
        for right, call in zip(expected, calls, strict=True):
            check_same(title, right, call.result(), when, KEPT)
    except GraphError as error:
        raise CheckFailed(
            f"{title}: after a second call, {AS_D_IS}, the walk back from the first is refused\n  {error}"
        ) from error


AS_D_IS = "as D is for real and for fake images"
KEPT = "\n  what a call keeps for its walk back must not be in a class, a module or a buffer that all calls share"


def check_frozen(layer: Module, inputs: Sequence[Any], others: Sequence[Any], title: str) -> None:
    """Call a layer inside `frozen_buffers()`, as G's step calls D: buffers must stay, and all else be the same."""
    trial = copy_of(layer)
    with trial.frozen_buffers():
        _attempt(trial, others)
    if written := changed_buffer(trial, layer):
        raise CheckFailed(
            f"{title} writes to its buffer {written} inside frozen_buffers(); it may only if not self.buffers_frozen"
        )
    trained = copy_of(layer)
    expected = result_of(trained, inputs)
    frozen = copy_of(layer)
    with frozen.frozen_buffers():
        found = result_of(frozen, inputs)
    if first_difference(expected, found):
        with trained.frozen_buffers():  # a layer may compute with buffers that it has just moved
            found_after = result_of(trained, inputs)
        if first_difference(expected, found_after):
            check_same(title, expected, found, "inside frozen_buffers(), where G's step calls D, there is")


def check_caches(layer: Module, inputs: Sequence[Any], others: Sequence[Any], title: str) -> None:
    """Call a layer, whose results do not depend on earlier calls, after other calls and with other weights."""
    expected = result_of(copy_of(layer), inputs)
    for when, inside, given in (
        ("after a call under no_grad()", no_grad(), others),
        ("after a call with other inputs", nullcontext(), others),
    ):
        trial = copy_of(layer)
        with inside:
            _attempt(trial, given)
        check_same(title, expected, result_of(trial, inputs), f"{when} there is", STALE)
    trial = copy_of(layer)
    result_of(trial, inputs)
    for when, change in CHANGES.items():
        change(trial)
        fresh = copy_of(layer)
        for (_, own), (_, x) in zip(_state(fresh), _state(trial), strict=True):
            own.data = x.data.copy()
        check_same(title, result_of(fresh, inputs), result_of(trial, inputs), f"{when} there is", STALE)


STALE = "\n  something that it keeps of an earlier call is out of date"


def _attempt(layer: Module, inputs: Sequence[Any]) -> None:
    try:
        LayerCall(layer, inputs)
    except RawganError:
        return


def _state(layer: Module) -> list[tuple[str, Any]]:
    return list(layer.state_tensors().items())


def _assign(layer: Module) -> None:
    for p in layer.parameters():
        p.data = p.data * (1 + STEP)


def _write(layer: Module) -> None:
    for p in layer.parameters():
        p.data *= 1 - STEP


def _load(layer: Module) -> None:
    layer.load_state_dict({name: (1 + STEP) * x.numpy() for name, x in layer.state_tensors().items()})


CHANGES: dict[str, Callable[[Module], None]] = {
    "when its parameters have new arrays": _assign,
    "when its parameters were written to, as by an optimiser,": _write,
    "when it was given another state_dict()": _load,
}
