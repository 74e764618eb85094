"""Ops: differentiable functions. A call runs `forward` on arrays and, while recording, ties the result to its inputs.

Those ties are the graph.
"""

from __future__ import annotations

import itertools
from typing import Any, ClassVar

from rawgan.autograd import checks
from rawgan.autograd.observers import active
from rawgan.autograd.packing import PRECISION, Packed, packed, packed_result
from rawgan.autograd.recording import state
from rawgan.errors import GraphError
from rawgan.memory import Contents, Memory, is_constant, owner_of
from rawgan.tensor import Tensor
from rawgan_kernels import precisions

Gradients = tuple[Tensor | None, ...]

Kept = tuple[Any, Memory | None, Contents]
"""An array, the memory behind it (None if it belongs to no Tensor), and its contents in the forward pass."""

_serial = itertools.count()


Saved = tuple[tuple[Tensor, ...], list[Contents] | None, Kept | Packed | None, list[tuple[str, Kept]] | None]
"""All that an op keeps for the backward pass, in one place, so that it is let go of at once:

- its inputs;
- the contents of each of them, of an op that `uses_inputs`;
- the result, of an op that `keeps_output`;
- the attributes that are arrays which somebody else may write to, by name; None if there are no arrays.
"""


class Op:
    """A differentiable function. Subclasses write `forward` and `backward`; `__init__` takes the options.

    An instance is one node of a graph, so it is called once: `MyOp(option)(x)`.

    `forward(*arrays) → array` computes with arrays, in their dtype, and never writes to one. It may keep attributes,
    but none through which a second derivative would have to flow: for values, `backward` has `self.inputs` and
    `self.output`. `backward(gy) → (gx, …)` computes with Tensors and ops, one gradient for each input, None for one
    that is not wanted (`self.needs[i]` is False) or on which the result does not depend. There,

    - `self.inputs` are the input Tensors; using one whose numbers have changed since the forward pass raises;
    - `self.output` is the result, if the class says `keeps_output = True`;
    - `self.shapes` are the inputs' shapes, free of that check; an op that needs no more says `uses_inputs = False`;
    - attributes that are arrays (indices, say) are checked before: if one has changed, `backward` is not called.
    """

    keeps_output: bool = False
    uses_inputs: ClassVar[bool] = True
    """False for an op whose `backward` does not look at `self.inputs`: their numbers may change in between, so they are
    neither copied nor compared."""
    keeps_rounded: ClassVar[bool] = False
    """True for an op of large arrays whose `backward` may see inputs and result rounded to bf16, if products are in
    bf16: that halves the memory of what it keeps."""
    keeps_dtype: ClassVar[bool] = True
    differentiable_twice: ClassVar[bool] = True
    """False for an op whose `backward` computes with arrays: asking for a second derivative then raises."""
    view_of: ClassVar[int | None] = None
    """Position of the input that the result is a view of, or may be one; None for an op that makes a new array."""

    serial: int = -1
    """Position in the order of recording: a later op has a higher number. −1: not recorded."""
    shapes: tuple[tuple[int, ...], ...]
    _required: tuple[bool, ...] = ()
    """True for each input that required a gradient when the op was called."""
    _saved: Saved | None = None

    @property
    def name(self) -> str:
        """Name in error messages."""
        return type(self).__name__

    def forward(self, *arrays: Any) -> Any:
        """Compute the result from the inputs' arrays."""
        raise NotImplementedError(f"{self.name} has no forward")

    def backward(self, gy: Tensor) -> Gradients:
        """Compute the inputs' gradients from the result's."""
        raise NotImplementedError(f"{self.name} has no backward")

    def __call__(self, *inputs: Tensor) -> Tensor:
        """Run forward; record the result's origin if recording and some input requires a gradient."""
        if self._required:
            raise checks.called_before(self)
        checks.check_inputs(self, inputs)
        attributes = self.__dict__
        arrays, options = [x._array for x in inputs], len(attributes)
        array, like = self.forward(*arrays), arrays[0]
        usual = array.__class__ is like.__class__ and array.dtype is like.dtype
        if not (usual and checks.OF_THE_ENGINE.isdisjoint(attributes)):
            array = checks.checked_result(self, like, array)
        result, base = Tensor.wrap(array), array.base
        if self.view_of is not None:
            x = inputs[self.view_of]
            if base is x._array or owner_of(array) is owner_of(x._array):  # a reshape, say, may have had to copy
                result._memory = x.memory  # a write to one is a write to the other
        else:
            for each in arrays:
                if array is each or (base is not None and (base is each or base is each.base)):
                    raise checks.undeclared_view(self, inputs, next(n for n, x in enumerate(arrays) if x is each))
        self._required = required = tuple([x.requires_grad for x in inputs])
        if True in required and state.recording:
            kept = None
            if len(attributes) > 1:  # more than _required
                for value in attributes.values():
                    if value.__class__ is like.__class__:
                        kept = self._kept_attributes(options, inputs, result)
                        break
            packing = precisions.reduced == PRECISION and (self.keeps_rounded or not self.uses_inputs)
            if packing:
                inputs = packed(inputs, self.uses_inputs)
            contents = [(x._memory or x.memory).used() for x in inputs] if self.uses_inputs else None
            # The result refers to its op, so the op must not refer to the result: the cycle would keep both alive.
            output: Kept | Packed | None = None
            if self.keeps_output:
                output = packed_result(result) if packing else None
                if output is None:
                    output = array, result.memory, result.memory.used()
            self._saved = inputs, contents, output, kept
            self.serial = next(_serial)
            self.shapes = tuple([each.shape for each in arrays])
            result.op, result.requires_grad = self, True
            for observer in active.observers:
                observer.after_forward(self, array)
        return result

    def __repr__(self) -> str:
        return f"<{self.name} of {', '.join(map(str, self.shapes))}>" if self.serial >= 0 else f"<{self.name}>"

    def __reduce_ex__(self, protocol: Any) -> Any:
        if self.serial >= 0:
            raise checks.uncopied(self)
        return super().__reduce_ex__(protocol)

    # --- in backward ------------------------------------------------------------------------------------------

    @property
    def needs(self) -> tuple[bool, ...]:
        """True for each input whose gradient is wanted by the walk in progress."""
        return state.needs.get(self, self._required)

    @needs.setter
    def needs(self, value: Any) -> None:
        raise checks.owned(self, "needs")

    @property
    def inputs(self) -> tuple[Tensor, ...]:
        """The input Tensors; one that was written to since raises a GraphError when its numbers are used.

        Raises: GraphError if the graph was released
        """
        inputs, contents, _, _ = self._kept()
        if contents is None:
            raise GraphError(f"{self.name} uses self.inputs, so the class must not say uses_inputs = False")
        for x, then in zip(inputs, contents, strict=True):
            if x.__class__ is Packed or not _holds(x._array, x._memory, then):
                return tuple(
                    x.unpacked() if isinstance(x, Packed)
                    else x if _holds(x._array, x._memory, then)
                    else _Stale(x, checks.stale(self, name, x.shape))
                    for name, x, then in zip(checks.names(self, inputs), inputs, contents, strict=True)
                )  # fmt: skip
        return inputs

    @inputs.setter
    def inputs(self, value: Any) -> None:
        raise checks.owned(self, "inputs")

    @property
    def output(self) -> Tensor:
        """The result, as a Tensor of this graph. Raises GraphError as `inputs` does."""
        output = self._kept()[2]
        if output is None:
            raise GraphError(f"{self.name} uses self.output, so the class must say keeps_output = True")
        if isinstance(output, Packed):
            result = output.unpacked()
        elif _holds(*output):
            result = Tensor.wrap(output[0])
            result._memory = output[1]
        else:
            raise checks.stale(self, "its result", output[0].shape)
        result.op, result.requires_grad = self, True
        return result

    @output.setter
    def output(self, value: Any) -> None:
        raise checks.owned(self, "output")

    @property
    def packed_output(self) -> Packed | None:
        """The result as it is kept, if it is kept in bf16; `output` takes twice the memory. Raises GraphError as
        `inputs` does."""
        output = self._kept()[2]
        return output if isinstance(output, Packed) else None

    # --- for the walk -----------------------------------------------------------------------------------------

    @property
    def recorded_inputs(self) -> tuple[Tensor, ...]:
        """The input Tensors, whatever has happened to them since. Raises GraphError if the graph was released."""
        saved = self._saved
        return saved[0] if saved is not None else self._kept()[0]

    def check_attributes(self) -> None:
        """Raise a GraphError if an attribute that is an array was written to since the forward pass."""
        for name, (array, memory, then) in self._kept()[3] or ():
            if not _holds(array, memory, then):
                raise checks.stale(self, f"its attribute {name!r}", array.shape)

    def release(self) -> None:
        """Let go of everything kept for the backward pass."""
        self._saved = None

    def _kept(self) -> Saved:
        if self._saved is None:
            raise checks.released(self)
        return self._saved

    def _kept_attributes(self, options: int, inputs: tuple[Tensor, ...], result: Tensor) -> list[tuple[str, Kept]]:
        """Attributes that are arrays somebody else may write to.

        The first attributes, `options` of them, were there before `forward` ran: they may be the caller's arrays. Later
        ones are the op's own, unless they share memory with an input or with the result.
        """
        kept: list[tuple[str, Kept]] = []
        for position, (name, value) in enumerate(self.__dict__.items()):
            if value.__class__ is not result._array.__class__:
                continue
            owner = owner_of(value)
            for x in (*inputs, result):
                if owner is owner_of(x._array):
                    kept.append((name, (value, x.memory, x.memory.used())))
                    break
            else:
                if position < options and not is_constant(value):
                    contents = Contents(value)
                    contents.keep()
                    if contents.copy is not None:  # on a GPU, nothing is copied
                        kept.append((name, (value, None, contents)))
        return kept


class _Stale(Tensor):
    """Stands for an input that was written to: a backward pass may ask for its shape, but not for its numbers."""

    __slots__ = ("_error", "_was")

    def __init__(self, was: Tensor, error: GraphError) -> None:
        self._was, self._error = was, error
        self.requires_grad, self.op, self.grad = was.requires_grad, was.op, None

    def __getattr__(self, name: str) -> Any:
        raise self._error  # asked for an attribute that is not set: the array, or the memory behind it

    def __repr__(self) -> str:
        return f"Tensor({self.shape}, written to since)"

    shape = property(lambda self: self._was.shape)
    ndim = property(lambda self: self._was.ndim)
    size = property(lambda self: self._was.size)
    dtype = property(lambda self: self._was.dtype)
    device = property(lambda self: self._was.device)


def _holds(array: Any, memory: Memory | None, then: Contents) -> bool:
    """True if an array still holds the numbers that an op used."""
    copy = then.copy
    if copy is None:  # nobody can have written to it unnoticed
        return memory is not None and memory.contents is then
    if array is then.array and (array.tobytes() == copy if copy.__class__ is bytes else then.are_in(array)):
        return True
    return then.are_in_part(array)
