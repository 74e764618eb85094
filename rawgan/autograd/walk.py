"""The walk back through a graph, from the newest op to the oldest.

Each op turns the gradient of its result into the gradients of its inputs. That is itself done with ops, so it can be
recorded too: a gradient is then a Tensor with a graph of its own, and can be differentiated again.

A walk leaves no marks on the graph, but releases each op that it has passed, unless it is told to retain the graph:
gradients in flight, and the inputs whose gradients are wanted, are in tables of the walk. So several walks can be at
work on one graph.
"""

from __future__ import annotations

from collections.abc import Sequence
from operator import attrgetter

from rawgan.autograd import checks
from rawgan.autograd.observers import active
from rawgan.autograd.recording import Walk, recording, state
from rawgan.errors import ArgumentError, NotTwiceDifferentiable, RawganError, ShapeError
from rawgan.memory import owner_of
from rawgan.operators import OPERATORS
from rawgan.tensor import Node, Tensor
from rawgan_kernels import array_module

Source = Node | Tensor
"""A gradient is taken with respect to an op, which stands for its result, or to a leaf."""


def backward(
    output: Tensor, gradient: Tensor | None = None, *, retain_graph: bool | None = None, create_graph: bool = False
) -> None:
    """Add the gradient of `output` to the `.grad` of every leaf behind it that requires one.

    `gradient` is the gradient of something further on with respect to `output`; it may be left out if `output` is a
    single number. With `create_graph` the walk is recorded. The graph is released on the way, unless `retain_graph`
    keeps it for another walk; as in PyTorch, a recorded walk keeps it if nothing else is said.

    Shapes: gradient as output; every leaf's .grad as the leaf
    Raises: GraphError if there is no graph to walk, if it was released, or if it is stale

    >>> w = Tensor([2.0], requires_grad=True)
    >>> backward((w * w * w).sum())
    >>> w.grad
    Tensor([12.], float32)
    """
    for leaf, g in _walk([output], [gradient], None, retain_graph, create_graph).items():
        if isinstance(leaf, Tensor):
            with recording(create_graph):
                leaf.grad = g if leaf.grad is None else leaf.grad + g


OPERATORS["backward"] = backward


def grad(
    outputs: Tensor | Sequence[Tensor],
    inputs: Tensor | Sequence[Tensor],
    grad_outputs: Tensor | Sequence[Tensor] | None = None,
    *,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    unconnected: str = "error",
) -> list[Tensor]:
    """Compute the gradients of `outputs` with respect to `inputs`, touching no `.grad`.

    Only what leads to `inputs` is computed. With `create_graph` the gradients have graphs of their own and can be
    differentiated again. The graph is released on the way, or retained, as by `backward`. An input that the outputs do
    not depend on is an error, as it is most often a mistake; `unconnected="zero"` gives zeros for it.

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
    found = _walk(outputs, seeds, {_source(x) for x in inputs}, retain_graph, create_graph)
    for index, x in enumerate(inputs):
        if _source(x) not in found:
            if unconnected == "error":
                raise checks.unconnected(index, x)
            found[_source(x)] = Tensor.wrap(array_module(x._array).zeros_like(x._array))
    return [found[_source(x)] for x in inputs]


def _walk(
    outputs: Sequence[Tensor],
    seeds: Sequence[Tensor | None],
    wanted: set[Source] | None,
    retain_graph: bool | None,
    create_graph: bool,
) -> dict[Source, Tensor]:
    """Carry gradients from the outputs back to the wanted sources (None: every leaf), newest op first."""
    retain = create_graph if retain_graph is None else retain_graph
    before = state.recording, state.needs, state.walk
    try:
        state.recording = create_graph
        flowing: dict[Source, Tensor] = {}
        taken = set()  # arrays that are the caller's
        for y, given in zip(outputs, seeds, strict=True):
            checks.check_seed(y, given)
            if given is None:
                seed = Tensor.wrap(array_module(y._array).empty(y.shape, y.dtype))
                seed._array.fill(1)
            else:
                seed = given
                taken.add(id(owner_of(seed._array)))
            if create_graph and not seed.requires_grad:
                seed = Tensor(seed.data, requires_grad=True)  # see check_gradient
            source = _source(y)
            flowing[source] = flowing[source] + seed if source in flowing else seed

        state.needs = needs = _needs(outputs, wanted)
        state.walk = Walk()
        found: dict[Source, Tensor] = {}
        for op in reversed(needs):
            if op not in flowing:
                continue
            if wanted is not None and op in wanted:
                found[op] = flowing[op]
            if needs[op]:
                _step_back(op, needs[op], flowing, retain, create_graph)
            else:
                del flowing[op]
        found.update(flowing)
        return {source: _separate(g, taken, create_graph) for source, g in found.items()}
    finally:
        state.recording, state.needs, state.walk = before


def _step_back(
    op: Node, needs: tuple[bool, ...], flowing: dict[Source, Tensor], retain: bool, create_graph: bool
) -> None:
    """Turn the gradient of an op's result into those of its inputs.

    A function of its own, so that nothing is kept alive by a variable while the next op is at work.
    """
    if create_graph and not op.differentiable_twice:
        raise NotTwiceDifferentiable(f"{op.name} has no second derivative: its backward computes with arrays")
    inputs = op.recorded_inputs
    op.check_attributes()
    try:
        gxs = op.backward(flowing.pop(op))
    except RawganError as error:
        if not str(error).startswith((f"{op.name}:", f"{op.name} ")):  # it names an op in there only
            error.add(f"in {op.name}.backward")
        raise
    checks.check_gradients(op, inputs, gxs)
    for observer in active.observers:
        observer.after_backward(op, [None if gx is None else gx._array for gx in gxs])
    for x, needed, gx in zip(inputs, needs, gxs, strict=True):
        if needed and gx is not None:
            checks.check_gradient(op, x, gx, create_graph)
            source = x if x.op is None else x.op
            flowing[source] = flowing[source] + gx if source in flowing else gx
    if not retain:
        op.release()


def _needs(outputs: Sequence[Tensor], wanted: set[Source] | None) -> dict[Node, tuple[bool, ...]]:
    """Every op behind the outputs, oldest first, with True for each input whose gradient leads to something wanted.

    An op that leads to nothing wanted has no flags. A loop, not recursion: graphs are deeper than stacks.
    """
    inputs: dict[Node, tuple[Tensor, ...]] = {}
    pending = [y.op for y in outputs if y.op is not None]
    while pending:
        op = pending.pop()
        if op not in inputs:
            inputs[op] = op.recorded_inputs
            pending += [x.op for x in inputs[op] if x.op is not None]
    needs: dict[Node, tuple[bool, ...]] = {}
    for op in sorted(inputs, key=attrgetter("serial")):
        flags = []
        for x, required in zip(inputs[op], op._required, strict=True):
            if x.op is None:
                flags.append(required and (wanted is None or x in wanted))
            else:
                flags.append(required and (needs[x.op] != () or (wanted is not None and x.op in wanted)))
        needs[op] = tuple(flags) if True in flags else ()
    return needs


def _source(x: Tensor) -> Source:
    return x if x.op is None else x.op


def _separate(g: Tensor, taken: set[int], create_graph: bool) -> Tensor:
    """Give a gradient an array of its own, so that writing to it never changes another, or an argument."""
    owner = owner_of(g._array)
    if id(owner) in taken or owner.nbytes != g._array.nbytes:
        if create_graph:
            return g * 1  # by an op: the copy stays tied to the original
        return Tensor.wrap(g._array.copy())
    taken.add(id(owner))
    return g
