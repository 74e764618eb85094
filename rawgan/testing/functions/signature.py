"""Signatures of functions under check: their names, their parameters, and an Op class as a function."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from typing import Any

from rawgan.autograd import Op
from rawgan.errors import ArgumentError
from rawgan.nn import Module
from rawgan.tensor import Tensor


def function_of(fn: Any) -> Callable[..., Any]:
    """The function to check, also for an Op class.

    Raises: ArgumentError for anything else, with the way to check it
    """
    if isinstance(fn, type) and issubclass(fn, Op):
        return op_function(fn)
    if isinstance(fn, Op):
        name = type(fn).__name__
        raise ArgumentError(f"an op is called once, so give a function that makes a new one: lambda x: {name}(…)(x)")
    if isinstance(fn, Module):
        raise ArgumentError(f"{type(fn).__name__} is a Module, with parameters and modes: use check_layer(layer, x)")
    if not callable(fn):
        raise ArgumentError(f"a function of Tensors is needed, not {type(fn).__name__}")
    return fn


def op_function(kind: type[Op], make: Callable[[], Op] | None = None) -> Callable[..., Tensor]:
    """An Op class as a function of Tensors. Each call makes a new op: by `make`, or without options."""

    def function(*xs: Tensor) -> Tensor:
        return (make or kind)()(*xs)

    signature = inspect.signature(kind.forward)
    _self, *inputs = signature.parameters.values()
    function.__name__ = kind.__name__
    function.__signature__ = signature.replace(parameters=inputs)  # type: ignore[attr-defined]
    return function


def name_of(fn: Any) -> str:
    """The name of a function, or of the class of another callable."""
    fn = getattr(fn, "func", fn)  # of a functools.partial
    return getattr(fn, "__name__", type(fn).__name__)


def check_signature(fn: Callable[..., Any], title: str, values: Sequence[Any]) -> None:
    """Raise an ArgumentError unless the function can be called with so many inputs."""
    try:
        signature = inspect.signature(fn)
    except (TypeError, ValueError):  # some builtins have none
        return
    try:
        signature.bind(*values)
    except TypeError as error:
        raise ArgumentError(f"{title}{signature}: {error}; give one input for each of its arguments") from None


def parameter_names(fn: Callable[..., Any], count: int) -> list[str]:
    """Names of the first `count` parameters of a function."""
    names: list[str] = []
    try:
        parameters = list(inspect.signature(fn).parameters.values())
    except (TypeError, ValueError):  # some builtins have none
        parameters = []
    for p in parameters:
        if p.kind == p.VAR_POSITIONAL:
            names += [f"{p.name}[{index}]" for index in range(count - len(names))]
        elif p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD):
            names.append(p.name)
    return names[:count] if len(names) >= count else [f"input {index}" for index in range(count)]
