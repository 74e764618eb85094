"""Ops, and the walk back through them.

Calling an op runs its `forward` on arrays and, while recording, ties the result to its inputs. Those ties are the
graph. `backward` and `grad` walk it from the newest op to the oldest; each op turns the gradient of its result into
the gradients of its inputs. As that is itself done with ops, it can be recorded too: a gradient is then a Tensor with
a graph of its own, and can be differentiated again.
"""

from __future__ import annotations

import inspect
import itertools
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, ClassVar

from rawgan.errors import (
    ArgumentError,
    DeviceError,
    DTypeError,
    GraphError,
    NotTwiceDifferentiable,
    ShapeError,
)
from rawgan.tensor import Tensor
from rawgan_kernels import array_module

Gradients = tuple[Tensor | None, ...]


class _State(threading.local):
    recording = True


_state = _State()
_serial = itertools.count()


def is_recording() -> bool:
    """Whether ops called now become part of a graph."""
    return _state.recording


@contextmanager
def recording(flag: bool) -> Iterator[None]:
    """Record (or do not) what happens inside: the one flag behind both `no_grad` and `create_graph`."""
    before, _state.recording = _state.recording, flag
    try:
        yield
    finally:
        _state.recording = before


@contextmanager
def no_grad() -> Iterator[None]:
    """Run ops without recording a graph: faster, and nothing is kept for a backward pass.

    >>> x = Tensor([1.0], requires_grad=True)
    >>> with no_grad():
    ...     (x * 2).requires_grad
    False
    """
    with recording(False):
        yield


class Op:
    """A differentiable function. Subclasses write `forward` and `backward`; `__init__` takes what is not a Tensor.

    `forward(*arrays) → array` computes with arrays and may keep what `backward` needs as attributes. It never writes
    to an input. `backward(gy) → (gx, …)` computes with Tensors and ops, one gradient for each input, None for one
    that is not wanted (`self.needs[i]` is False) or on which the result does not depend. There,

    - `self.inputs` are the input Tensors, checked to be what they were in the forward pass;
    - `self.output` is the result, if the class says `keeps_output = True`;
    - `self.shapes` are the inputs' shapes, free of that check.
    """

    keeps_output: ClassVar[bool] = False
    is_view: ClassVar[bool] = False
    """The result shares memory with the first input, so a write to one is a write to the other."""
    differentiable_twice: ClassVar[bool] = True
    """False for an op whose `backward` computes with arrays: asking for a second derivative then raises."""

    serial: int
    needs: tuple[bool, ...]
    shapes: tuple[tuple[int, ...], ...]
    _inputs: tuple[Tensor, ...] | None
    _output: Tensor | None

    @property
    def name(self) -> str:
        """The name in error messages."""
        return type(self).__name__

    def forward(self, *arrays: Any) -> Any:
        """Compute the result from the inputs' arrays."""
        raise NotImplementedError(f"{self.name} has no forward")

    def backward(self, gy: Tensor) -> Gradients:
        """Compute the inputs' gradients from the result's."""
        raise NotImplementedError(f"{self.name} has no backward")

    def __call__(self, *inputs: Tensor) -> Tensor:
        """Run forward; record the result's origin if recording and some input requires a gradient."""
        if len(inputs) > 1:
            self._check_alike(inputs)
        result = Tensor(self.forward(*(x._array for x in inputs)))
        if self.is_view:
            result._version = inputs[0]._version
        self.needs = tuple(x.requires_grad for x in inputs)
        if _state.recording and any(self.needs):
            self.shapes = tuple(x.shape for x in inputs)
            self.serial = next(_serial)
            self._inputs = inputs
            self._output = result.detach() if self.keeps_output else None  # not `result`: no cycle, freed at once
            self._versions = [x._version[0] for x in (*inputs, result)]
            result.op, result.requires_grad = self, True
        return result

    @property
    def inputs(self) -> tuple[Tensor, ...]:
        """The input Tensors. Raises GraphError if the graph was released or one of them was written to since."""
        inputs = self._recorded_inputs()
        for index, (x, version) in enumerate(zip(inputs, self._versions, strict=False)):
            self._check_fresh(x, version, self._names(inputs)[index])
        return inputs

    @property
    def output(self) -> Tensor:
        """The result, as a Tensor of this graph. Raises GraphError as `inputs` does."""
        self._recorded_inputs()
        if self._output is None:
            raise GraphError(f"{self.name} uses self.output, so the class must say keeps_output = True")
        self._check_fresh(self._output, self._versions[-1], "its result")
        result = self._output.detach()
        result.op, result.requires_grad = self, True
        return result

    def release(self) -> None:
        """Let go of everything kept for the backward pass."""
        self._inputs = self._output = None

    def _recorded_inputs(self) -> tuple[Tensor, ...]:
        if self._inputs is None:
            raise GraphError(
                f"{self.name}: this graph was walked before and its arrays are released\n"
                "  run the forward pass again, or keep the graph with create_graph=True the first time"
            )
        return self._inputs

    def _check_fresh(self, x: Tensor, version: int, what: str) -> None:
        if x._version[0] != version:
            raise GraphError(
                f"{self.name}: {what} {x.shape} was written to after the forward pass used it, "
                "so its gradient would be wrong\n"
                "  take the gradient before the optimiser steps, or run the forward pass again"
            )

    def _names(self, inputs: Sequence[Tensor]) -> list[str]:
        names = [p.name for p in inspect.signature(self.forward).parameters.values() if p.kind != p.VAR_POSITIONAL]
        return names if len(names) == len(inputs) else [f"input {index}" for index in range(len(inputs))]

    def _check_alike(self, inputs: Sequence[Tensor]) -> None:
        """One dtype and one device: nothing is promoted or moved in silence."""
        first = inputs[0]
        for x in inputs:
            if x.dtype == first.dtype and x.device == first.device:
                continue
            named = list(zip(self._names(inputs), inputs, strict=True))
            if x.device != first.device:
                listing = "   ".join(f"{name} {x.shape} {x.device}" for name, x in named)
                raise DeviceError(
                    f"{self.name}: the inputs are on two devices\n  {listing}\n  move one with .to(device)"
                )
            listing = "   ".join(f"{name} {x.shape} {x.dtype}" for name, x in named)
            raise DTypeError(
                f"{self.name}: the inputs are of two dtypes\n  {listing}\n  convert one with .astype(dtype)"
            )


Node = Op | Tensor
"""What a gradient is of: an op's result is known by its op, a leaf by itself."""


def backward(output: Tensor, gradient: Tensor | None = None, create_graph: bool = False) -> None:
    """Add the gradient of `output` to the `.grad` of every leaf behind it that requires one.

    `gradient` is the gradient of something further on with respect to `output`; it may be left out if `output` is a
    single number. The graph is released on the way, unless `create_graph` asks to record the walk.

    Shapes: gradient as output; every leaf's .grad as the leaf
    Raises: GraphError if there is no graph to walk, if it was released, or if it is stale

    >>> w = Tensor([2.0], requires_grad=True)
    >>> backward((w * w * w).sum())
    >>> w.grad
    Tensor([12.], float32)
    """
    found = _walk(
        [output], _seeds([output], None if gradient is None else [gradient], create_graph), None, create_graph
    )
    for leaf, g in found.items():
        if isinstance(leaf, Tensor):
            with recording(create_graph):
                leaf.grad = g if leaf.grad is None else leaf.grad + g


def grad(
    outputs: Tensor | Sequence[Tensor],
    inputs: Tensor | Sequence[Tensor],
    grad_outputs: Sequence[Tensor] | None = None,
    create_graph: bool = False,
    unconnected: str = "error",
) -> list[Tensor]:
    """Gradients of `outputs` with respect to `inputs`, touching no `.grad`.

    Only what leads to `inputs` is computed. With `create_graph` the gradients have graphs of their own and can be
    differentiated again; without, the graph is released on the way. An input that the outputs do not depend on is an
    error, as it is most often a mistake; `unconnected="zero"` gives zeros for it.

    Shapes: each gradient as its input; each of grad_outputs as its output
    Raises: GraphError as `backward` does, and for an input without influence

    >>> x = Tensor([3.0], requires_grad=True)
    >>> (slope,) = grad((x**3).sum(), x, create_graph=True)
    >>> (curvature,) = grad(slope.sum(), x)
    >>> slope.item(), curvature.item()
    (27.0, 18.0)
    """
    outputs = [outputs] if isinstance(outputs, Tensor) else list(outputs)
    inputs = [inputs] if isinstance(inputs, Tensor) else list(inputs)
    if unconnected not in ("error", "zero"):
        raise ArgumentError(f"grad: unconnected is {unconnected!r}; choose 'error' or 'zero'")
    wanted = {_node(x) for x in inputs}
    found = _walk(outputs, _seeds(outputs, grad_outputs, create_graph), wanted, create_graph)
    results = []
    for index, x in enumerate(inputs):
        if _node(x) in found:
            results.append(found[_node(x)])
        elif unconnected == "zero":
            results.append(Tensor(array_module(x.data).zeros_like(x.data)))
        else:
            reason = "it does not require a gradient" if not x.requires_grad else "the outputs do not depend on it"
            raise GraphError(
                f"grad: inputs[{index}] {x.shape} has no gradient: {reason}\n"
                "  is a detach() or a no_grad() in between? unconnected='zero' takes zeros for an answer"
            )
    return results


def _seeds(outputs: list[Tensor], gradients: Sequence[Tensor] | None, create_graph: bool) -> list[Tensor]:
    """The gradients the walk starts from: those given, or 1 for a single number."""
    if gradients is not None and len(gradients) != len(outputs):
        raise ShapeError(f"grad: {len(outputs)} outputs but {len(gradients)} grad_outputs; give one for each")
    seeds = []
    for index, y in enumerate(outputs):
        if y.op is None and not y.requires_grad:
            raise GraphError(
                "backward: the output has no graph\n"
                "  was it computed inside no_grad(), detached, or from Tensors that do not require a gradient?"
            )
        if gradients is not None:
            seed = gradients[index]
            if (seed.shape, seed.dtype, seed.device) != (y.shape, y.dtype, y.device):
                raise ShapeError(
                    "backward: the gradient must have its output's shape, dtype and device\n"
                    f"  output {y.shape} {y.dtype} {y.device}   gradient {seed.shape} {seed.dtype} {seed.device}"
                )
        elif y.size == 1:
            seed = Tensor(array_module(y.data).ones_like(y.data))
        else:
            raise GraphError(
                f"backward: the output {y.shape} is not a single number, so its gradient must be given\n"
                "  reduce it first, as in loss.mean().backward(), or pass the gradient of what follows"
            )
        # When the walk is recorded, everything depends on the seeds, so a gradient that does not has lost its graph.
        seeds.append(Tensor(seed.data, True) if create_graph and not seed.requires_grad else seed)
    return seeds


def _walk(
    outputs: list[Tensor], seeds: list[Tensor], wanted: set[Node] | None, create_graph: bool
) -> dict[Node, Tensor]:
    """Carry gradients from `outputs` back to the `wanted` nodes (None: every leaf), newest op first."""
    ops = _ops_behind(outputs)
    leading: set[Node] = set()  # the ops through which something wanted is reached
    for op in ops:
        sources = [_node(x) for x in op._recorded_inputs()]
        op.needs = tuple(
            x.requires_grad and (source in leading or (source in wanted if wanted is not None else x.op is None))
            for x, source in zip(op._recorded_inputs(), sources, strict=True)
        )
        if any(op.needs):
            leading.add(op)

    flowing: dict[Node, Tensor] = {}
    found: dict[Node, Tensor] = {}
    with recording(create_graph):
        for y, seed in zip(outputs, seeds, strict=True):
            _accumulate(flowing, _node(y), seed)
        for op in reversed(ops):
            if op not in flowing:
                continue
            gy = flowing.pop(op)
            if wanted is not None and op in wanted:
                found[op] = gy
            if op in leading:
                for x, gx in _backward_step(op, gy, create_graph):
                    _accumulate(flowing, _node(x), gx)
                if not create_graph:
                    op.release()
    found.update(flowing)
    _separate(found, seeds)
    return found


def _backward_step(op: Op, gy: Tensor, create_graph: bool) -> list[tuple[Tensor, Tensor]]:
    """Run one op's backward, and hold what it returned against what it promised."""
    if create_graph and not op.differentiable_twice:
        raise NotTwiceDifferentiable(f"{op.name} has no second derivative: its backward computes with arrays, not ops")
    inputs, gxs = op._recorded_inputs(), op.backward(gy)
    if len(gxs) != len(inputs):
        raise ShapeError(f"{op.name}.backward returned {len(gxs)} gradients for {len(inputs)} inputs")
    pairs = []
    for x, needed, gx in zip(inputs, op.needs, gxs, strict=True):
        if not needed or gx is None:
            continue
        if (gx.shape, gx.dtype) != (x.shape, x.dtype):
            raise ShapeError(
                f"{op.name}.backward returned a gradient unlike its input\n"
                f"  input {x.shape} {x.dtype}   gradient {gx.shape} {gx.dtype}"
            )
        if create_graph and not gx.requires_grad:
            raise NotTwiceDifferentiable(
                f"{op.name} has no second derivative: its backward returned a gradient that was not made by ops"
            )
        pairs.append((x, gx))
    return pairs


def _ops_behind(outputs: Iterable[Tensor]) -> list[Op]:
    """All ops that the outputs came out of, oldest first. A loop, not recursion: graphs are deeper than stacks."""
    found: set[Op] = set()
    pending = [y.op for y in outputs if y.op is not None]
    while pending:
        op = pending.pop()
        if op not in found:
            found.add(op)
            pending.extend(x.op for x in op._recorded_inputs() if x.op is not None)
    return sorted(found, key=lambda op: op.serial)


def _node(x: Tensor) -> Node:
    return x if x.op is None else x.op


def _accumulate(flowing: dict[Node, Tensor], node: Node, gradient: Tensor) -> None:
    flowing[node] = flowing[node] + gradient if node in flowing else gradient


def _separate(found: dict[Node, Tensor], seeds: list[Tensor]) -> None:
    """Give each gradient an array of its own, so that writing to one never changes another, or an argument."""
    taken = {id(_owner(seed.data)) for seed in seeds}
    for node, g in found.items():
        owner = _owner(g.data)
        if id(owner) in taken or owner.nbytes != g.data.nbytes:
            copy = Tensor(g.data.copy())
            copy.op, copy.requires_grad = g.op, g.requires_grad
            found[node] = copy
        taken.add(id(owner))


def _owner(array: Any) -> Any:
    while array.base is not None:
        array = array.base
    return array
