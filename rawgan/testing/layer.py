"""Everything that a Module promises, checked."""

from __future__ import annotations

import copy
from collections.abc import Callable, Collection, Sequence
from contextlib import nullcontext
from typing import Any

import numpy as np

from rawgan.errors import ArgumentError, CheckFailed
from rawgan.nn import Buffer, Module, Parameter
from rawgan.tensor import FLOATS, Tensor
from rawgan.testing.behaviour import BEHAVIOURS
from rawgan.testing.calls import is_floating, parameter_names, plain, random_like, unit
from rawgan.testing.gradcheck import gradcheck
from rawgan.testing.report import Report, merged

NUDGE = 0.1
"""How far parameters are moved off their initial values, in units of their size: zeros and ones hide faults."""

CALLS = 20
"""Calls in training that move running statistics near those of the inputs, as in a network that has been trained."""


def check_layer(
    layer: Module,
    *inputs: Any,
    order: int = 2,
    seed: int = 0,
    rtol: float = 1e-6,
    checks: Collection[str] = BEHAVIOURS.keys(),
) -> Report:
    """Check a layer as `gradcheck` does a function: over its inputs and parameters, in training and in evaluation mode.

    The layer itself stays as it is: each call works on a copy, so what it changes or draws from a generator of its own
    in a call is the same every time. As initial values hide faults (a beta of zeros, running statistics that never
    moved), the copies have their parameters moved a little, at random, and their buffers by calls in training.

    Checked besides: that all of its Tensors are Parameters or Buffers; that in evaluation mode, and inside
    `frozen_buffers()`, it leaves its buffers alone.

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
    subject = _lived_in(layer, inputs, np.random.default_rng(seed))
    names = parameter_names(layer.forward, len(inputs)) + [parameter for parameter, _ in layer.named_parameters()]
    values = [*inputs, *(p.data for p in subject.parameters())]
    reports = []
    for mode in ("train", "eval"):
        subject.train(mode == "train")
        title = f"{name} ({mode})"
        _check_buffers(subject, inputs, title)
        function = _as_function(subject, len(inputs))
        report = gradcheck(function, *values, order=order, seed=seed, rtol=rtol, checks=checks, names=names, name=title)
        reports.append((f" ({mode})", report))
    return merged(name, reports)


def _lived_in(layer: Module, inputs: Sequence[Any], rng: np.random.Generator) -> Module:
    """A float64 copy that is not as it was made."""
    subject = copy.deepcopy(layer).to(dtype="float64").train()
    for p in subject.parameters():
        p.data = p.data + random_like(p.data, rng, NUDGE * unit(p.data))
    for _ in range(CALLS):
        subject(*map(_double, inputs))
    return subject


def _as_function(subject: Module, count: int) -> Callable[..., Any]:
    """The layer as a function of `count` inputs and its parameters, called afresh each time."""
    layers = {dtype: copy.deepcopy(subject).to(dtype=dtype) for dtype in FLOATS}

    def function(*values: Any) -> Any:
        xs, parameters = values[:count], values[count:]
        layer = layers[next(x.dtype.name for x in (*parameters, *xs) if isinstance(x, Tensor))]
        # What deepcopy finds in its memo it takes for copied: so the copy gets these Tensors for its parameters.
        memo = {id(p): x for p, x in zip(layer.parameters(), parameters, strict=True)}
        return copy.deepcopy(layer, memo)(*xs)

    return function


def _check_buffers(subject: Module, inputs: Sequence[Any], title: str) -> None:
    layer = copy.deepcopy(subject)
    before = {name: x.data.copy() for name, x in layer.named_buffers()}
    with layer.frozen_buffers() if layer.training else nullcontext():
        layer(*map(_double, inputs))
    for name, x in layer.named_buffers():
        if x.data.tobytes() != before[name].tobytes():
            if layer.training:
                when, condition = " inside frozen_buffers()", "not self.buffers_frozen"
            else:
                when, condition = "", "self.training"
            raise CheckFailed(f"{title} writes to its buffer {name} {x.shape}{when}; it may only if {condition}")


def _double(x: Any) -> Any:
    value = plain(x)
    return Tensor(value.astype("float64")) if is_floating(value) else value
