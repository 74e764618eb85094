"""Ops, and the walk back through them.

Calling an op runs its `forward` on arrays and, while recording, ties the result to its inputs. Those ties are the
graph. `backward` and `grad` walk it from the newest op to the oldest; each op turns the gradient of its result into
the gradients of its inputs. As that is itself done with ops, it can be recorded too: a gradient is then a Tensor with
a graph of its own, and can be differentiated again.
"""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import ContextDecorator, contextmanager
from operator import attrgetter
from typing import Any, ClassVar

from rawgan import checks
from rawgan.errors import ArgumentError, GraphError, NotTwiceDifferentiable, RawganError, ShapeError
from rawgan.memory import Contents, Memory, lies_within
from rawgan.tensor import Tensor
from rawgan_kernels import array_module

Watcher = Callable[["Op", str, Sequence[Any]], None]
"""Is told of an op that was recorded ("forward", [result]) and of one that was stepped back ("backward", gradients)."""


class _State(threading.local):
    recording = True
    watcher: Watcher | None = None


_state = _State()
_serial = itertools.count()


def is_recording() -> bool:
    """Whether ops called now become part of a graph."""
    return _state.recording


class recording(ContextDecorator):  # a class: Ctrl-C inside a generator's `with` could leave the flag as it is
    """Record (or do not) what happens inside: the one flag behind both `no_grad` and `create_graph`."""

    def __init__(self, flag: bool) -> None:
        self._flag = flag
        self._before: list[bool] = []

    def __enter__(self) -> None:
        self._before.append(_state.recording)
        _state.recording = self._flag

    def __exit__(self, *error: object) -> None:
        _state.recording = self._before[-1]
        self._before.pop()


def no_grad() -> recording:
    """Run ops without recording a graph: faster, and nothing is kept for a backward pass.

    >>> x = Tensor([1.0], requires_grad=True)
    >>> with no_grad():
    ...     (x * 2).requires_grad
    False
    """
    return recording(False)


@contextmanager
def watching(watcher: Watcher) -> Iterator[None]:
    """Have every array that is made inside, by recorded ops and on the walk back, looked at.

    >>> x = Tensor([2.0], requires_grad=True)
    >>> with watching(lambda op, phase, arrays: print(op.name, phase, arrays)):
    ...     (x * x).sum().backward()
    Mul forward [array([4.], dtype=float32)]
    Sum forward [array(4., dtype=float32)]
    Sum backward [array([1.], dtype=float32)]
    Mul backward [array([2.], dtype=float32), array([2.], dtype=float32)]
    """
    before, _state.watcher = _state.watcher, watcher
    try:
        yield
    finally:
        _state.watcher = before


Gradients = tuple[Tensor | None, ...]


class Op:
    """A differentiable function. Subclasses write `forward` and `backward`; `__init__` takes what is not a Tensor.

    An instance is one node of a graph, so it is called once: `MyOp(option)(x)`.

    `forward(*arrays) → array` computes with arrays, in their dtype, and never writes to one. It may keep attributes,
    but none through which a second derivative would have to flow: for values, `backward` has `self.inputs` and
    `self.output`. `backward(gy) → (gx, …)` computes with Tensors and ops, one gradient for each input, None for one
    that is not wanted (`self.needs[i]` is False) or on which the result does not depend. There,

    - `self.inputs` are the input Tensors; using one whose numbers have changed since the forward pass raises;
    - `self.output` is the result, if the class says `keeps_output = True`;
    - `self.shapes` are the inputs' shapes, free of that check.
    """

    keeps_output: bool = False
    keeps_dtype: ClassVar[bool] = True
    differentiable_twice: ClassVar[bool] = True
    """False for an op whose `backward` computes with arrays: asking for a second derivative then raises."""

    serial: int = -1
    """When the op was recorded: a later one has a higher number. −1: not yet."""
    needs: tuple[bool, ...]
    shapes: tuple[tuple[int, ...], ...]
    _output: tuple[Any, Memory] | None = None

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
        checks.check_call(self, inputs)
        arrays = [x._array for x in inputs]
        array, like = self.forward(*arrays), arrays[0]
        usual = array.__class__ is like.__class__ and array.dtype is like.dtype
        if not (usual and checks.OF_THE_ENGINE.isdisjoint(self.__dict__)):
            array = checks.checked_result(self, like, array)
        result, view = Tensor.wrap(array), array.base is not None
        for x in inputs:
            if array is x._array or (view and _is_view(array, x._array, len(inputs) == 1)):
                result._memory = x.memory  # a view: a write to one is a write to the other
        self.needs = self._required = tuple([x.requires_grad for x in inputs])
        if True in self._required and _state.recording:
            self.serial = next(_serial)
            self.shapes = tuple([each.shape for each in arrays])
            self._inputs: tuple[Tensor, ...] | None = inputs
            self._contents = [(x._memory or x.memory).used() for x in inputs]
            if self.keeps_output:
                # The result refers to its op, so the op must not refer to the result: the cycle would keep both alive.
                memory = result.memory
                self._output = array, memory
                self._contents.append(memory.used())
            result.op, result.requires_grad = self, True
            if _state.watcher is not None:
                _state.watcher(self, "forward", [array])
        return result

    @property
    def recorded_inputs(self) -> tuple[Tensor, ...]:
        """The input Tensors, whatever has happened to them since. Raises GraphError if the graph was released."""
        if self._inputs is None:
            raise checks.released(self)
        return self._inputs

    @property
    def inputs(self) -> tuple[Tensor, ...]:
        """The input Tensors; one that was written to since raises a GraphError when its numbers are used.

        Raises: GraphError if the graph was released
        """
        inputs = self.recorded_inputs
        for x, then in zip(inputs, self._contents, strict=False):  # that of the result comes after theirs
            if not _holds(x, then):
                named = zip(checks.names(self, inputs), inputs, self._contents, strict=False)
                return tuple(
                    x if _holds(x, then) else _Stale(x, checks.stale(self, name, x)) for name, x, then in named
                )
        return inputs

    @inputs.setter
    def inputs(self, value: Any) -> None:
        raise checks.owned(self, "inputs")

    @property
    def output(self) -> Tensor:
        """The result, as a Tensor of this graph. Raises GraphError as `inputs` does."""
        if self._output is None:
            raise GraphError(f"{self.name} uses self.output, so the class must say keeps_output = True")
        result = Tensor.wrap(self._output[0])
        result._memory = self._output[1]
        if not _holds(result, self._contents[-1]):
            raise checks.stale(self, "its result", result)
        result.op, result.requires_grad = self, True
        return result

    @output.setter
    def output(self, value: Any) -> None:
        raise checks.owned(self, "output")

    def release(self) -> None:
        """Let go of everything kept for the backward pass."""
        self._inputs = self._output = None
        self._contents = []


class _Stale(Tensor):
    """Stands for an input that was written to: a backward pass may ask for its shape, but not for its numbers."""

    __slots__ = ("_error", "_was")

    def __init__(self, was: Tensor, error: GraphError) -> None:
        self._was, self._error = was, error
        self.requires_grad, self.op, self.grad = was.requires_grad, was.op, None

    def __getattr__(self, name: str) -> Any:
        raise self._error  # asked for what was not set: the array, or the memory behind it

    def __repr__(self) -> str:
        return f"Tensor({self.shape}, written to since)"

    shape = property(lambda self: self._was.shape)
    ndim = property(lambda self: self._was.ndim)
    size = property(lambda self: self._was.size)
    dtype = property(lambda self: self._was.dtype)
    device = property(lambda self: self._was.device)


def _holds(x: Tensor, then: Contents) -> bool:
    """Whether a Tensor still holds what it did when an op used it."""
    copy, array = then.copy, x._array
    if copy is None:  # nobody can have written to it unnoticed
        return x._memory is not None and x._memory.contents is then
    if array is then.array and (array.tobytes() == copy if copy.__class__ is bytes else then.are_in(array)):
        return True
    return then.are_in_part(array)


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
    for leaf, g in _walk([output], [gradient], None, create_graph).items():
        if isinstance(leaf, Tensor):
            with recording(create_graph):
                leaf.grad = g if leaf.grad is None else leaf.grad + g


def grad(
    outputs: Tensor | Sequence[Tensor],
    inputs: Tensor | Sequence[Tensor],
    grad_outputs: Tensor | Sequence[Tensor] | None = None,
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
    outputs, inputs = checks.tensors_of("grad: outputs", outputs), checks.tensors_of("grad: inputs", inputs)
    seeds: list[Tensor | None] = [None] * len(outputs)
    if grad_outputs is not None:
        seeds = checks.tensors_of("grad: grad_outputs", grad_outputs, or_none=True)
    if len(seeds) != len(outputs):
        raise ShapeError(f"grad: {len(outputs)} outputs but {len(seeds)} grad_outputs; give one for each")
    if unconnected not in ("error", "zero"):
        raise ArgumentError(f"grad: unconnected is {unconnected!r}; choose 'error' or 'zero'")
    found = _walk(outputs, seeds, {_node(x) for x in inputs}, create_graph)
    for index, x in enumerate(inputs):
        if _node(x) not in found:
            if unconnected == "error":
                raise checks.unconnected(index, x)
            found[_node(x)] = Tensor.wrap(array_module(x._array).zeros_like(x._array))
    return [found[_node(x)] for x in inputs]


def _walk(
    outputs: Sequence[Tensor], seeds: Sequence[Tensor | None], wanted: set[Node] | None, create_graph: bool
) -> dict[Node, Tensor]:
    """Carry gradients from the outputs back to the wanted nodes (None: every leaf), newest op first."""
    state = _state
    before, state.recording = state.recording, create_graph
    try:
        flowing: dict[Node, Tensor] = {}
        taken = set()  # arrays that are the caller's
        for y, given in zip(outputs, seeds, strict=True):
            checks.check_seed(y, given)
            if given is None:
                seed = Tensor.wrap(array_module(y._array).empty(y.shape, y.dtype))
                seed._array.fill(1)
            else:
                seed = given
                taken.add(id(_owner(seed._array)))
            if create_graph and not seed.requires_grad:
                seed = Tensor(seed.data, requires_grad=True)  # see check_gradient
            node = y if y.op is None else y.op
            flowing[node] = flowing[node] + seed if node in flowing else seed

        ops = _ops_behind(outputs)
        leading = _mark_needs(ops, wanted)
        found: dict[Node, Tensor] = {}
        for op in reversed(ops):
            if op not in flowing:
                continue
            if wanted is not None and op in wanted:
                found[op] = flowing[op]
            if op in leading:
                _step_back(op, flowing, create_graph)
            else:
                del flowing[op]
        found.update(flowing)
        return {node: _separate(g, taken, create_graph) for node, g in found.items()}
    finally:
        state.recording = before


def _step_back(op: Op, flowing: dict[Node, Tensor], create_graph: bool) -> None:
    """Turn the gradient of an op's result into those of its inputs.

    A function of its own, so that nothing is kept alive by a variable while the next op is at work.
    """
    if create_graph and not op.differentiable_twice:
        raise NotTwiceDifferentiable(f"{op.name} has no second derivative: its backward computes with arrays")
    inputs = op.recorded_inputs
    try:
        gxs = op.backward(flowing.pop(op))
    except RawganError as error:
        if not str(error).startswith((f"{op.name}:", f"{op.name} ")):  # it names an op in there only
            error.add(f"in {op.name}.backward")
        raise
    checks.check_gradients(op, inputs, gxs)
    if _state.watcher is not None:
        _state.watcher(op, "backward", [gx._array for gx in gxs if gx is not None])
    for x, needed, gx in zip(inputs, op.needs, gxs, strict=True):
        if needed and gx is not None:
            checks.check_gradient(op, x, gx, create_graph)
            node = x if x.op is None else x.op
            flowing[node] = flowing[node] + gx if node in flowing else gx
    if not create_graph:
        op.release()


def _ops_behind(outputs: Sequence[Tensor]) -> list[Op]:
    """All ops that the outputs came out of, oldest first. A loop, not recursion: graphs are deeper than stacks."""
    found = {y.op for y in outputs if y.op is not None}
    pending = list(found)
    while pending:
        for x in pending.pop().recorded_inputs:
            if x.op is not None and x.op not in found:
                found.add(x.op)
                pending.append(x.op)
    return sorted(found, key=attrgetter("serial"))


def _mark_needs(ops: list[Op], wanted: set[Node] | None) -> set[Op]:
    """Tell each op which of its inputs' gradients lead to something wanted; return the ops that have any."""
    leading: set[Op] = set()
    for op in ops:
        needs = []
        for x, required in zip(op.recorded_inputs, op._required, strict=True):
            node = x if x.op is None else x.op
            needs.append(required and (node in leading or (x.op is None if wanted is None else node in wanted)))
        op.needs = tuple(needs)
        if True in needs:
            leading.add(op)
    return leading


def _node(x: Tensor) -> Node:
    return x if x.op is None else x.op


def _separate(g: Tensor, taken: set[int], create_graph: bool) -> Tensor:
    """Give a gradient an array of its own, so that writing to it never changes another, or an argument."""
    owner = _owner(g._array)
    if id(owner) in taken or owner.nbytes != g._array.nbytes:
        if create_graph:
            return g * 1  # by an op: the copy stays tied to what it is a copy of
        return Tensor.wrap(g._array.copy())
    taken.add(id(owner))
    return g


def _is_view(view: Any, array: Any, alone: bool) -> bool:
    """Whether `view` is made of elements of the array, and not of those of another input cut out of the same memory."""
    return _owner(view) is _owner(array) and (alone or lies_within(view, array))


def _owner(array: Any) -> Any:
    base = array.base
    while base is not None:
        array, base = base, getattr(base, "base", None)
    return array
