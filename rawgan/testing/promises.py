"""What a Module promises besides its gradients: in the first call and in later ones, alone and among other calls."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import nullcontext
from typing import Any

from rawgan.autograd import no_grad
from rawgan.errors import CheckFailed, DTypeError, GraphError, RawganError
from rawgan.nn import Module
from rawgan.testing.outcome import same
from rawgan.testing.using import (
    Called,
    compare,
    copied,
    gathered,
    leaves_behind,
    moved,
    same_results,
    summed,
    unlike,
    use,
)
from rawgan_kernels import array_module

NEARLY = 1e-5
"""How far gradients of two calls may differ, relative to the largest, if what a layer keeps converges meanwhile."""

CALLS = {"train": 50, "eval": 6}
"""Calls of one layer that are followed from the first on."""

LARGER = (1.0, 30.0)
"""Factors of the parameters with which that is seen: some layers clip large ones."""

STEP = 0.05
"""By what share of themselves parameters are changed between two calls, as an optimiser does."""


def check_first_call(layer: Module, inputs: Sequence[Any], name: str, modes: Sequence[str]) -> None:
    """The very first call, of a layer in its own dtype: what it uses, and what it writes to.

    Raises: CheckFailed for parameters that are written to or not listed, and for a result that is not finite
    """
    dtypes = {x.dtype.name for x in layer.state_tensors().values()}
    dtype = dtypes.pop() if len(dtypes) == 1 else "float64"
    layer = copied(layer)
    for mode in modes:
        layer.train(mode == "train")
        try:
            for factor in LARGER:
                _check_parameters_are_read(copied(layer), inputs, dtype, factor, f"{name} ({mode})")
            call = Called(copied(layer), inputs, dtype)
        except DTypeError:
            continue  # the check of dtypes says what is the matter
        if mode == "train":
            for y in call.results:
                if not array_module(y.data).isfinite(y.data).all():
                    raise CheckFailed(f"{name}: the result {y.shape} is not finite at the layer's initial values")
        _check_listed(call, name)


def _check_parameters_are_read(layer: Module, inputs: Sequence[Any], dtype: str, factor: float, title: str) -> None:
    for p in layer.parameters():
        p.data = p.data * p.dtype.type(factor)
    before = {name: (x, x.data.copy()) for name, x in layer.named_parameters()}
    Called(layer, inputs, dtype)
    for name, (x, array) in before.items():
        if not same(x.data, array) or dict(layer.named_parameters()).get(name) is not x:
            raise CheckFailed(
                f"{title} writes to its parameter {name} {array.shape} when it is called\n"
                "  forward computes with parameters; only an optimiser changes them"
            )


def _check_listed(call: Called, name: str) -> None:
    known = {id(x) for x in (*call.inputs.values(), *call.parameters.values())}
    for x, op in leaves_behind(call.results):
        if id(x) not in known:
            used = f", which {op.name} uses" if op else ""
            raise CheckFailed(
                f"{name}: parameters() does not list a {type(x).__name__} {x.shape}{used}, so no optimiser finds it\n"
                "  Parameters and Modules are found in attributes of Modules, and in lists, tuples and dicts there"
            )


def check_used(layer: Module, inputs: Sequence[Any], name: str, modes: Sequence[str], unused: Sequence[str]) -> None:
    """Raise a CheckFailed for a parameter that no result comes out of, in none of the modes."""
    parameters = dict(layer.named_parameters())
    idle = set(parameters)
    for mode in modes:
        trial = copied(layer).train(mode == "train")
        names = {id(x): parameter for parameter, x in trial.named_parameters()}
        idle -= {names.get(id(x), "") for x, _ in leaves_behind(Called(trial, inputs).results)}
    for parameter in parameters:
        if parameter in idle and parameter not in unused:
            raise CheckFailed(
                f"{name}: no result depends on its parameter {parameter} {parameters[parameter].shape}\n"
                f"  is it forgotten in forward? If that is meant, say so: check_layer(…, unused=({parameter!r},))"
            )


def check_calls(layer: Module, inputs: Sequence[Any], mode: str, title: str) -> bool:
    """Call one layer many times, from its first call on. As long as results are the same, gradients must be.

    Returns whether results always were.
    """
    trial, last, steady = copied(layer).train(mode == "train"), None, True
    for number in range(1, CALLS[mode] + 1):
        found = use(trial, inputs)
        if last is not None and same_results(last, found):
            if fault := unlike(last, found, NEARLY):
                raise CheckFailed(
                    f"{title}: call {number} gives the same result as the call before, but another {fault}\n"
                    "  what a layer counts or keeps must not change its gradients"
                )
        elif last is not None:
            steady = False
        last = found
    return steady


def check_shared(layer: Module, inputs: Sequence[Any], others: Sequence[Any], title: str) -> None:
    """Call one layer twice, as D is for real and for fake images, and walk back from both calls afterwards."""
    apart = copied(layer)
    try:
        expected = [use(apart, inputs), use(apart, others)]
    except RawganError:  # it does not take other inputs
        others, apart = inputs, copied(layer)
        expected = [use(apart, inputs), use(apart, inputs)]
    try:
        together = copied(layer)
        found = gathered([Called(together, inputs), Called(together, others)])
        compare(title, summed(expected), found, f"when it is called twice in one graph, {AS_D_IS}, there is", KEPT)
        in_turn = copied(layer)
        calls = [Called(in_turn, inputs), Called(in_turn, others)]
        for right, call in zip(expected, calls, strict=True):
            compare(title, right, call.used(), f"when both are called before the walks back, {AS_D_IS}, there is", KEPT)
    except GraphError as error:
        raise CheckFailed(
            f"{title}: after a second call, {AS_D_IS}, the walk back from the first is refused\n  {error}"
        ) from error


AS_D_IS = "as D is for real and for fake images"
KEPT = "\n  what one call keeps for its walk back must not be in a class, a module or a buffer that all calls share"


def check_frozen(layer: Module, inputs: Sequence[Any], others: Sequence[Any], title: str) -> None:
    """Inside `frozen_buffers()`, as G's step calls D, buffers stay as they are, and nothing else is different."""
    trial = copied(layer)
    with trial.frozen_buffers():
        _attempt(trial, others)
    if written := moved(trial, layer):
        raise CheckFailed(
            f"{title} writes to its buffer {written} inside frozen_buffers(); it may only if not self.buffers_frozen"
        )
    trained = copied(layer)
    expected = use(trained, inputs)
    frozen = copied(layer)
    with frozen.frozen_buffers():
        found = use(frozen, inputs)
    if unlike(expected, found):
        with trained.frozen_buffers():  # which may be how a layer that first moves its buffers computes with them
            found_after = use(trained, inputs)
        if unlike(expected, found_after):
            compare(title, expected, found, "inside frozen_buffers(), where G's step calls D, there is")


def check_caches(layer: Module, inputs: Sequence[Any], others: Sequence[Any], title: str) -> None:
    """Call a layer whose results do not depend on earlier calls, after different such calls, and with other weights."""
    expected = use(copied(layer), inputs)
    for when, inside, given in (
        ("after a call under no_grad()", no_grad(), others),
        ("after a call with other inputs", nullcontext(), others),
    ):
        trial = copied(layer)
        with inside:
            _attempt(trial, given)
        compare(title, expected, use(trial, inputs), f"{when} there is", STALE)
    trial = copied(layer)
    use(trial, inputs)
    for when, change in CHANGES.items():
        change(trial)
        fresh = copied(layer)
        for (_, own), (_, x) in zip(_state(fresh), _state(trial), strict=True):
            own.data = x.data.copy()
        compare(title, use(fresh, inputs), use(trial, inputs), f"{when} there is", STALE)


STALE = "\n  what it keeps of an earlier call is out of date"


def _attempt(layer: Module, inputs: Sequence[Any]) -> None:
    try:
        Called(layer, inputs)
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
