"""Checks of ops and gradients, and the errors that they raise."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Mapping, Sequence
from numbers import Number
from typing import Any

from rawgan.arrays import is_writable
from rawgan.errors import (
    ArgumentError,
    DeviceError,
    DTypeError,
    GraphError,
    NotTwiceDifferentiable,
    RawganError,
    ShapeError,
)
from rawgan.tensor import Node, Tensor
from rawgan_kernels import array_module

OF_THE_ENGINE = frozenset({"_required", "_saved", "release", "serial", "shapes"})
"""Attributes of an op that its author may not set: the engine writes them when forward has returned."""


def check_inputs(op: Node, inputs: Sequence[Tensor]) -> None:
    """Refuse all but Tensors of one dtype on one device: nothing is promoted or moved in silence.

    Raises: DTypeError, DeviceError
    """
    for x in inputs:
        if not isinstance(x, Tensor):
            strangers = ", ".join(type(x).__name__ for x in inputs if not isinstance(x, Tensor))
            raise DTypeError(f"{op.name}: an op is called with Tensors, not with {strangers}")
    if len(inputs) == 1:
        return
    if not inputs:
        raise DTypeError(f"{op.name}: an op is called with Tensors, not with nothing")
    if not _all_alike(inputs):
        raise _mixed(op.name, dict(zip(names(op, inputs), inputs, strict=True)))


def check_alike(function: str, **tensors: Tensor | None) -> None:
    """Refuse arguments of a function that are of two dtypes or on two devices, before it calls the first op.

    Raises: DTypeError, DeviceError
    """
    if not _all_alike([x for x in tensors.values() if x is not None]):
        raise _mixed(function, {name: x for name, x in tensors.items() if x is not None})


def _all_alike(tensors: Sequence[Tensor]) -> bool:
    """True if all Tensors are of one dtype and on one device, as the types of their arrays say."""
    first = tensors[0]._array
    dtype, kind = first.dtype, first.__class__
    for x in tensors:
        array = x._array
        if array.__class__ is not kind or (array.dtype is not dtype and array.dtype != dtype):
            return False
    return True


def _mixed(where: str, tensors: Mapping[str, Tensor]) -> RawganError:
    if len({x.device for x in tensors.values()}) > 1:
        listing = "   ".join(f"{name} {x.shape} {x.device}" for name, x in tensors.items())
        return DeviceError(f"{where}: the inputs are on two devices\n  {listing}\n  move one with .to(device)")
    listing = "   ".join(f"{name} {x.shape} {x.dtype}" for name, x in tensors.items())
    return DTypeError(f"{where}: the inputs are of two dtypes\n  {listing}\n  convert one with .astype(dtype)")


def called_before(op: Node) -> GraphError:
    """The error for an op that is called a second time."""
    return GraphError(
        f"{op.name}: this op was called before, and a second call would overwrite what the first one recorded\n"
        f"  make a new one for each call, as in {op.name}(...)(x)"
    )


def undeclared_view(op: Node, inputs: Sequence[Tensor], position: int) -> GraphError:
    """The error for an op that returns a view, or an input itself, without saying so in its class."""
    return GraphError(
        f"{op.name}.forward returned a view of {names(op, inputs)[position]}, through which writes would go unnoticed\n"
        f"  say view_of = {position} in the class, or return a copy"
    )


def owned(op: Node, name: str) -> GraphError:
    """The error for an attribute of an op that is the engine's, and was set by the op's author."""
    return GraphError(f"{op.name}: the engine keeps its own {name!r} in an op; give that attribute another name")


def checked_result(op: Node, like: Any, array: Any) -> Any:
    """Check what an op's forward returned: an array of the library and dtype of `like`.

    Raises: DTypeError, GraphError
    """
    if not OF_THE_ENGINE.isdisjoint(op.__dict__):
        raise owned(op, min(OF_THE_ENGINE & op.__dict__.keys()))
    if isinstance(array, Tensor):
        raise DTypeError(
            f"{op.name}.forward must return an array, but returned a Tensor\n"
            "  forward gets arrays, and computes with NumPy or CuPy; backward computes with Tensors and ops"
        )
    if not hasattr(array, "dtype"):
        raise DTypeError(f"{op.name}.forward must return an array, and only one, but returned {type(array).__name__}")
    if op.keeps_dtype and array.dtype != like.dtype:
        raise DTypeError(
            f"{op.name}.forward must return an array of its inputs' dtype, {like.dtype}, "
            f"but returned {array.dtype}\n"
            "  a NumPy float64 scalar among the options promotes float32 arrays: make it a float()"
        )
    return array_module(like).asarray(array)  # a reduction to one number gives a scalar


def check_gradients(op: Node, inputs: Sequence[Tensor], gxs: Any) -> None:
    """Check that an op's backward returned a gradient, or None, for each input. Raises: ShapeError, DTypeError."""
    if not isinstance(gxs, tuple):
        raise DTypeError(
            f"{op.name}.backward must return a tuple, one gradient for each input, not {type(gxs).__name__}"
        )
    if len(gxs) != len(inputs):
        raise ShapeError(f"{op.name}.backward returned {len(gxs)} gradients for {len(inputs)} inputs")


def check_gradient(op: Node, x: Tensor, gx: Any, create_graph: bool) -> None:
    """Check that a gradient is like its input. Raises: ShapeError, DTypeError, NotTwiceDifferentiable."""
    if not isinstance(gx, Tensor):
        raise DTypeError(f"{op.name}.backward must return Tensors, or None, but one is {type(gx).__name__}")
    if gx._array.shape != x._array.shape or gx._array.dtype != x._array.dtype:
        raise ShapeError(
            f"{op.name}.backward returned a gradient unlike its input\n"
            f"  input {x.shape} {x.dtype}   gradient {gx.shape} {gx.dtype}"
        )
    # In a recorded walk everything depends on the seeds, so a gradient that does not has lost its graph.
    if create_graph and not gx.requires_grad:
        raise NotTwiceDifferentiable(
            f"{op.name} has no second derivative: its backward returned a gradient that was not made by ops"
        )


def tensors_of(what: str, values: Any, or_none: bool = False) -> list[Any]:
    """Make a list of one Tensor or of several, some of which may be None. Raises: DTypeError for anything else."""
    if isinstance(values, Tensor):
        return [values]
    # Most often it is a list; the other questions take longer.
    if values.__class__ is not list and (
        not isinstance(values, Iterable) or isinstance(values, str) or hasattr(values, "dtype")
    ):
        raise DTypeError(f"{what} must be a Tensor, or a list of Tensors, but is {_with_hint(values)}")
    found = list(values)
    for value in found:
        if not (isinstance(value, Tensor) or (or_none and value is None)):
            index = next(index for index, each in enumerate(found) if each is value)
            raise DTypeError(f"{what}[{index}] must be a Tensor, but is {_with_hint(value)}")
    return found


def _with_hint(value: Any) -> str:
    """Type of a value, and advice on how Tensors are made of it."""
    kind = type(value).__name__
    if hasattr(value, "parameters"):
        return f"{kind}; give {kind}.parameters()"
    return f"{kind}; wrap it: Tensor(…)" if hasattr(value, "dtype") or isinstance(value, Number) else kind


def check_seed(y: Tensor, seed: Tensor | None) -> None:
    """Check that a walk can start at y with this gradient. Raises: GraphError, ShapeError, DTypeError."""
    if seed is not None and not isinstance(seed, Tensor):
        raise DTypeError(f"backward: gradient must be a Tensor, but is {_with_hint(seed)}")
    if not y.requires_grad:
        raise GraphError(
            "backward: the output has no graph\n"
            "  was it computed inside no_grad(), detached, or from Tensors that do not require a gradient?"
        )
    if seed is None:
        if y.size != 1:
            raise GraphError(
                f"backward: the output {y.shape} is not a single number, so its gradient must be given\n"
                "  reduce it first, as in loss.mean().backward(), or pass the gradient of what follows"
            )
    elif seed._array.shape != y._array.shape or not _all_alike((seed, y)):
        raise ShapeError(
            "backward: the gradient must have its output's shape, dtype and device\n"
            f"  output {y.shape} {y.dtype} {y.device}   gradient {seed.shape} {seed.dtype} {seed.device}"
        )


def check_writable(what: str, **tensors: Tensor | None) -> None:
    """Check Tensors that are about to be written to in place. Raises: ArgumentError if an array is read-only."""
    for name, x in tensors.items():
        if x is not None and not is_writable(x._array):
            raise ArgumentError(
                f"{what}: {name} {x.shape} is read-only, but written to\n"
                f"  give it an array of its own: {name}.data = {name}.data.copy()"
            )


def released(op: Node) -> GraphError:
    """The error for a graph that was walked before."""
    return GraphError(
        f"{op.name}: this graph was walked before and its arrays are released\n"
        "  run the forward pass again, or keep the graph with retain_graph=True the first time"
    )


def uncopied(op: Node) -> GraphError:
    """The error for a recorded op that is copied or pickled."""
    return GraphError(
        f"{op.name}: a recorded op is a part of its graph, which is neither copied nor pickled\n"
        "  keep results instead, as x.detach() or x.numpy()"
    )


def stale(op: Node, what: str, shape: tuple[int, ...]) -> GraphError:
    """The error for a graph whose arrays have changed since."""
    return GraphError(
        f"{op.name}: {what} {shape} was written to after the forward pass used it, so its gradient would be wrong\n"
        "  take the gradient before the optimiser steps, or run the forward pass again"
    )


def unconnected(index: int, x: Tensor) -> GraphError:
    """The error for an input without influence on the outputs."""
    reason = "the outputs do not depend on it" if x.requires_grad else "it does not require a gradient"
    return GraphError(
        f"grad: inputs[{index}] {x.shape} has no gradient: {reason}\n"
        "  is a detach() or a no_grad() in between? unconnected='zero' takes zeros for an answer"
    )


def names(op: Node, inputs: Sequence[Tensor]) -> list[str]:
    """Names of the inputs: the parameters of forward."""
    parameters = inspect.signature(op.forward).parameters.values()
    names = [p.name for p in parameters if p.kind != p.VAR_POSITIONAL]
    return names[: len(inputs)] if len(names) >= len(inputs) else [f"input {index}" for index in range(len(inputs))]
