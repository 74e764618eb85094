"""Check of a Module: its gradients, and everything else that it promises."""

from __future__ import annotations

import copy
from collections.abc import Callable, Collection, Iterator, Sequence
from typing import Any

import numpy as np

from rawgan.arrays import FLOATS
from rawgan.errors import ArgumentError, CheckFailed, GraphError
from rawgan.nn import Buffer, Module, Parameter
from rawgan.tensor import Tensor
from rawgan.testing.arrays import is_floating, plain, random_like, shifted, unit
from rawgan.testing.functions.checks import CHECKS
from rawgan.testing.functions.gradcheck import gradcheck
from rawgan.testing.functions.signature import parameter_names
from rawgan.testing.layers.calls import LayerCall, as_argument
from rawgan.testing.layers.contract import (
    check_caches,
    check_calls,
    check_first_call,
    check_frozen,
    check_shared,
    check_used,
)
from rawgan.testing.layers.evaluation_mode import check_evaluation
from rawgan.testing.names import as_names, known_names
from rawgan.testing.report import Report, merged
from rawgan_kernels import array_module

SHIFT = 0.1
"""Change of parameters from their initial values, relative to themselves: zeros and ones hide faults."""

MODES = ("train", "eval")

TRAINING_CALLS = 20
"""Number of calls in training that move running statistics near those of the inputs, as in a trained network."""


def check_layer(
    layer: Module,
    *inputs: Any,
    order: int = 2,
    seed: int = 0,
    rtol: float = 1e-6,
    checks: Collection[str] | str = CHECKS.keys(),
    modes: Collection[str] | str = MODES,
    unused: Collection[str] | str = (),
) -> Report:
    """Check a layer as `gradcheck` checks a function, by its inputs and parameters, in training and evaluation mode.

    The layer stays as it is: each call works on a copy, so every call draws the same random numbers and starts from the
    same state. Initial values hide faults (a beta of zeros, running statistics that never moved). So the copies have
    their parameters moved a little, at random, and their buffers moved by calls in training.

    Also checked:

    - attributes: all Tensors are Parameters or Buffers, `parameters()` lists every parameter that the layer uses, and
      the layer uses all of them, except those that `unused` names
    - the very first call: results are finite, and no parameter is written to
    - later calls, up to the 50th: as long as results are the same, gradients are the same
    - two calls before the walks back, or in one graph, as D is called for real and fake images
    - calls with other weights, under `no_grad()` or with other inputs: nothing of an earlier call is out of date
    - inside `frozen_buffers()`: results and gradients are those of training, and buffers stay as they are
    - in evaluation mode: buffers stay as they are; each sample is computed by itself (unless the class says
      `compares_samples = True`), from what training moves and `state_dict()` holds, whatever the layer saw before

    Shapes: inputs any that the layer takes
    Raises: GradientMismatch, CheckFailed, ArgumentError as `gradcheck`

    >>> from rawgan import nn
    >>> report = check_layer(nn.BatchNorm(3), np.random.default_rng(0).normal(size=(4, 3)))
    >>> [row.input for row in report.rows if row.order == 1]
    ['x (train)', 'gamma (train)', 'beta (train)', 'x (eval)', 'gamma (eval)', 'beta (eval)']
    """
    __tracebackhide__ = True
    if not isinstance(layer, Module):
        raise ArgumentError(f"check_layer: a Module is needed, not {type(layer).__name__}; gradcheck takes functions")
    name = type(layer).__name__
    modes, unused = known_names(MODES, "check_layer", "mode", modes), as_names("check_layer: unused", unused)
    _check_arguments(layer, name, unused)
    chosen = [mode for mode in MODES if mode in modes]
    rng = np.random.default_rng(seed)
    fresh = _copied(layer)
    others = [_other(x, rng) for x in inputs]
    with np.errstate(all="ignore"):  # infinities and NaN that matter are reported
        check_first_call(layer, inputs, name, chosen)
        young = _with_other_parameters(fresh, inputs, rng)
        subject = _trained(young, inputs)
    names = parameter_names(layer.forward, len(inputs)) + [parameter for parameter, _ in subject.named_parameters()]
    values = [*inputs, *(p.data for p in subject.parameters())]
    reports = []
    for mode in chosen:
        title, training = f"{name} ({mode})", mode == "train"
        function = _as_function(subject.train(training), len(inputs))
        report = gradcheck(function, *values, order=order, seed=seed, rtol=rtol, checks=checks, names=names, name=title)
        reports.append((f" ({mode})", report))
        with np.errstate(all="ignore"):
            steady = _check_promises(subject, young, inputs, others, mode, title)
        if not steady:  # then only slopes can show that the first call is right
            first = [*inputs, *(p.data for p in young.parameters())]
            if len(first) == len(values):
                function = _as_function(young.train(training), len(inputs))
                gradcheck(function, *first, order=1, seed=seed, rtol=rtol, checks=(), names=names, name=title)
    check_used(subject, inputs, name, chosen, unused)
    return merged(name, reports)


def _check_promises(
    subject: Module, young: Module, inputs: Sequence[Any], others: Sequence[Any], mode: str, title: str
) -> bool:
    """Check the contract of several calls. Returns True if calls with the same inputs give the same results."""
    try:
        if mode == "train":
            check_frozen(subject, inputs, others, title)
        else:
            check_evaluation(subject, young, inputs, others, title)
        steady = check_calls(young, inputs, mode, title)
        check_shared(subject, inputs, others, title)
        if steady:
            check_caches(subject, inputs, others, title)
    except GraphError as error:
        raise CheckFailed(f"{title}: a call after others cannot be walked back\n  {error}") from error
    return steady


def _check_arguments(layer: Module, name: str, unused: Collection[str]) -> None:
    for attribute, x in layer.named_tensors(Tensor):
        if not isinstance(x, Parameter | Buffer):
            raise CheckFailed(
                f"{name}.{attribute} {x.shape} is neither a Parameter nor a Buffer, so to() and state_dict() skip it"
            )
    if unknown := sorted(set(unused) - {parameter for parameter, _ in layer.named_parameters()}):
        raise ArgumentError(f"check_layer: unused={unknown[0]!r}, but {name} has no such parameter")


def _copied(layer: Module) -> Module:
    """A float64 copy in training mode."""
    try:
        return copy.deepcopy(layer).to(dtype="float64").train()
    except TypeError as error:  # a lock or an open file, say
        raise ArgumentError(f"check_layer works on copies, and {type(layer).__name__} has none: {error}") from error


def _with_other_parameters(layer: Module, inputs: Sequence[Any], rng: np.random.Generator) -> Module:
    """A copy whose parameters are moved off their initial values, as far as its results stay finite."""
    for candidate in _candidates(layer, rng):
        results = LayerCall(copy.deepcopy(candidate), inputs).results
        if all(bool(array_module(y.data).isfinite(y.data).all()) for y in results):
            return candidate
    return copy.deepcopy(layer)


def _candidates(layer: Module, rng: np.random.Generator) -> Iterator[Module]:
    """Copies with other parameters, for functions of any number, of positive numbers, or of small changes only."""
    for zeros in (random_like, lambda x, rng, size: abs(random_like(x, rng, size)), lambda x, rng, size: 0 * x):
        candidate = copy.deepcopy(layer)
        for p in candidate.parameters():
            x = p.data
            p.data = array_module(x).where(x == 0, zeros(x, rng, SHIFT * unit(x)), shifted(x, rng, SHIFT))
        yield candidate


def _trained(layer: Module, inputs: Sequence[Any]) -> Module:
    """A copy after calls in training."""
    subject = copy.deepcopy(layer)
    for _ in range(TRAINING_CALLS):
        LayerCall(subject, inputs)
    return subject


def _as_function(subject: Module, count: int) -> Callable[..., Any]:
    """The layer as a function of `count` inputs and its parameters; each call works on a new copy."""
    layers = {dtype: copy.deepcopy(subject).to(dtype=dtype) for dtype in FLOATS}

    def function(*values: Any) -> Any:
        xs, parameters = values[:count], values[count:]
        dtype = next(x.dtype.name for x in (*parameters, *xs) if isinstance(x, Tensor))
        layer = layers[dtype]
        # deepcopy takes entries of its memo for copies already made, so the copy gets these Tensors as its parameters.
        memo = {id(p): x for p, x in zip(layer.parameters(), parameters, strict=True)}
        return copy.deepcopy(layer, memo)(*(as_argument(x, dtype) if isinstance(x, int) else x for x in xs))

    return function


def _other(x: Any, rng: np.random.Generator) -> Any:
    """An input near this one; labels and masks stay as they are."""
    value = plain(x)
    return shifted(value, rng, SHIFT) if is_floating(value) else value
