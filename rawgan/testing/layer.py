"""Everything that a Module promises, checked."""

from __future__ import annotations

import copy
from collections.abc import Callable, Collection, Sequence
from typing import Any

import numpy as np

from rawgan.arrays import FLOATS
from rawgan.errors import ArgumentError, CheckFailed
from rawgan.nn import Buffer, Module, Parameter
from rawgan.tensor import Tensor
from rawgan.testing.behaviour import BEHAVIOURS
from rawgan.testing.calls import is_floating, parameter_names, plain, random_like, unit
from rawgan.testing.choices import chosen_from
from rawgan.testing.gradcheck import gradcheck
from rawgan.testing.report import Report, merged
from rawgan_kernels import array_module

SHIFT = 0.1
"""How far parameters are moved off their initial values, in units of their size: zeros and ones hide faults."""

MODES = ("train", "eval")

CALLS = 20
"""Calls in training that move running statistics near those of the inputs, as in a network that has been trained."""


def check_layer(
    layer: Module,
    *inputs: Any,
    order: int = 2,
    seed: int = 0,
    rtol: float = 1e-6,
    checks: Collection[str] | str = BEHAVIOURS.keys(),
    modes: Collection[str] | str = MODES,
) -> Report:
    """Check a layer as `gradcheck` does a function: over its inputs and parameters, in training and in evaluation mode.

    The layer itself stays as it is: each call works on a copy, so what it changes or draws from a generator of its own
    in a call is the same every time. As initial values hide faults (a beta of zeros, running statistics that never
    moved), the copies have their parameters moved a little, at random, and their buffers by calls in training.

    Checked besides: that all of its Tensors are Parameters or Buffers; that its results are finite at its initial
    values; that inside `frozen_buffers()` it leaves its buffers alone; and that in evaluation mode it does that, too,
    gives the same for an input whatever it saw before, and uses what training moves.

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
    for attribute, x in layer.named_tensors(Tensor):
        if not isinstance(x, Parameter | Buffer):
            raise CheckFailed(
                f"{name}.{attribute} {x.shape} is neither a Parameter nor a Buffer, so to() and state_dict() pass it by"
            )
    modes = chosen_from(MODES, "check_layer", "mode", modes)
    rng = np.random.default_rng(seed)
    fresh = _copied(layer)
    others = [_shifted(x, rng) for x in inputs]
    with np.errstate(all="ignore"):  # what matters of infinities and NaN is found and said
        _check_finite(_copied(fresh), inputs, name)
        subject = _lived_in(fresh, inputs, rng)
    names = parameter_names(layer.forward, len(inputs)) + [parameter for parameter, _ in subject.named_parameters()]
    values = [*inputs, *(p.data for p in subject.parameters())]
    reports = []
    for mode in (mode for mode in MODES if mode in modes):
        function = _as_function(subject.train(mode == "train"), len(inputs))
        report = gradcheck(
            function,
            *values,
            order=order,
            seed=seed,
            rtol=rtol,
            checks=checks,
            names=names,
            name=f"{name} ({mode})",
        )
        reports.append((f" ({mode})", report))
        with np.errstate(all="ignore"):
            if mode == "train":
                _check_frozen(subject, others, f"{name} (train)")
            else:
                _check_evaluation(subject, fresh, inputs, others, f"{name} (eval)")
    return merged(name, reports)


def _copied(layer: Module) -> Module:
    """A float64 copy in training mode."""
    try:
        return copy.deepcopy(layer).to(dtype="float64").train()
    except TypeError as error:  # a lock or an open file, say
        raise ArgumentError(f"check_layer works on copies, and {type(layer).__name__} has none: {error}") from error


def _lived_in(layer: Module, inputs: Sequence[Any], rng: np.random.Generator) -> Module:
    """A copy that is not as it was made."""
    subject = copy.deepcopy(layer)
    for p in subject.parameters():
        p.data = p.data + random_like(p.data, rng, SHIFT * unit(p.data))
    for _ in range(CALLS):
        subject(*map(_double, inputs))
    return subject


def _check_finite(layer: Module, inputs: Sequence[Any], name: str) -> None:
    results = layer(*map(_double, inputs))
    for y in [results] if isinstance(results, Tensor) else results:
        if not array_module(y.data).isfinite(y.data).all():
            raise CheckFailed(f"{name}: the result {y.shape} is not finite at the layer's initial values")


def _check_frozen(subject: Module, inputs: Sequence[Any], title: str) -> None:
    layer = copy.deepcopy(subject)
    with layer.frozen_buffers():
        layer(*map(_double, inputs))
    if written := _moved(layer, subject):
        raise CheckFailed(
            f"{title} writes to its buffer {written} inside frozen_buffers(); it may only if not self.buffers_frozen"
        )


def _check_evaluation(subject: Module, fresh: Module, inputs: Sequence[Any], others: Sequence[Any], title: str) -> None:
    layer = copy.deepcopy(subject)
    expected = _bits(layer, inputs)
    _bits(layer, others)
    if written := _moved(layer, subject):
        raise CheckFailed(f"{title} writes to its buffer {written}; it may only if self.training")
    if _bits(layer, inputs) != expected:
        raise CheckFailed(
            f"{title} gives another result for the same input after it has seen others\n"
            "  in evaluation mode a layer draws no random numbers and keeps nothing of what it saw"
        )
    if moving := _moved(subject, fresh):
        for _, x in layer.named_buffers():
            xp = array_module(x.data)  # each number by another factor, as a layer may look at their direction alone
            factors = xp.arange(x.size, dtype=x.dtype).reshape(x.shape) / x.size + 1.25
            x.data = factors * x.data + SHIFT * (x.data == 0)
        if _bits(layer, inputs) == expected:
            raise CheckFailed(
                f"{title} does not use what training moves, its buffer {moving}\n"
                "  does it normalise with the batch's own statistics in evaluation mode, too?"
            )


def _bits(layer: Module, inputs: Sequence[Any]) -> list[bytes]:
    results = layer(*map(_double, inputs))
    return [y.data.tobytes() for y in ([results] if isinstance(results, Tensor) else results)]


def _moved(layer: Module, before: Module) -> str:
    """The first buffer that differs, with its shape; nothing if none does."""
    for (name, x), (_, old) in zip(layer.named_buffers(), before.named_buffers(), strict=True):
        if x.data.tobytes() != old.data.tobytes():
            return f"{name} {x.shape}"
    return ""


def _as_function(subject: Module, count: int) -> Callable[..., Any]:
    """The layer as a function of `count` inputs and its parameters, called afresh each time."""
    layers = {dtype: copy.deepcopy(subject).to(dtype=dtype) for dtype in FLOATS}

    def function(*values: Any) -> Any:
        xs, parameters = values[:count], values[count:]
        dtype = next(x.dtype.name for x in (*parameters, *xs) if isinstance(x, Tensor))
        layer = layers[dtype]
        # What deepcopy finds in its memo it takes for copied: so the copy gets these Tensors for its parameters.
        memo = {id(p): x for p, x in zip(layer.parameters(), parameters, strict=True)}
        return copy.deepcopy(layer, memo)(*(_number(x, dtype) for x in xs))

    return function


def _shifted(x: Any, rng: np.random.Generator) -> Any:
    """Another input like this one; labels stay what they are."""
    value = plain(x)
    return value + random_like(value, rng, SHIFT * unit(value)) if is_floating(value) else value


def _double(x: Any) -> Any:
    value = plain(x)
    return Tensor(value.astype("float64")) if is_floating(value) else _number(value, "float64")


def _number(x: Any, dtype: str) -> Any:
    """A Python number as the Tensor that a Module makes of it, in the layer's dtype."""
    return Tensor(np.full((), x, dtype)) if isinstance(x, int) and not isinstance(x, bool) else x
