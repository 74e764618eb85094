"""Hooks: functions called with one module, which may replace its inputs, its result and the gradients that flow back.

    with layer.register_forward_hook(lambda module, inputs, result: print(result.shape)):
        network(x)

Observers (`rawgan.autograd.observers`) look on at all modules of a thread and change nothing; a hook belongs to one
module. Copies of a module, and pickled ones, have no hooks.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any, cast
from weakref import WeakKeyDictionary

from rawgan import ops
from rawgan.autograd import Gradients, Op
from rawgan.autograd.recording import Walk, state
from rawgan.errors import ArgumentError, RawganError, described
from rawgan.tensor import Tensor

Inputs = tuple[Any, ...]
Function = Callable[..., Any]
Passing = tuple[Tensor | None, ...]
"""Gradients on the way back; None where one is not wanted."""

_BEFORE, _AFTER, _BACK_BEFORE, _BACK = "forward_pre", "forward", "full_backward_pre", "full_backward"


class Hook:
    """A function of one kind. It is not searched for parameters, as it is no container."""

    __slots__ = ("function", "kind")

    def __init__(self, kind: str, function: Function) -> None:
        self.kind, self.function = kind, function

    def __call__(self, module: Any, *given: Any) -> Any:
        """Result of the function. An error in it is raised with a note that says so."""
        try:
            return self.function(module, *given)
        except Exception as error:
            error.add_note(f"in {self.of(module)}")
            raise

    def of(self, module: Any) -> str:
        """The hook's name in messages."""
        return f"a {self.kind} hook of {type(module).__name__}({module.describe_options()})"


class HookHandle(AbstractContextManager["HookHandle"]):
    """A registered hook. `remove()` ends it, and so does the end of a `with` block; a second time, nothing happens."""

    def __init__(self, module: Hooked, hook: Hook) -> None:
        self._module, self._hook = module, hook

    def remove(self) -> None:
        """Stop calling the hook. A call of the module that is in progress ends as it began."""
        left = tuple(each for each in self._module._hooks if each is not self._hook)
        if left:
            vars(self._module)["_hooks"] = left
        else:
            vars(self._module).pop("_hooks", None)

    def __exit__(self, *error: object) -> None:
        self.remove()


class Hooked:
    """Base class of `Module`: registration of hooks."""

    _hooks: tuple[Hook, ...] = ()
    """Registered hooks, in the order in which they are called."""

    def register_forward_pre_hook(self, hook: Function) -> HookHandle:
        """Call `hook(module, inputs)` before each forward. If it returns a tuple, or one input, these are used instead.

        >>> from rawgan import nn
        >>> layer = nn.Tanh()
        >>> with layer.register_forward_pre_hook(lambda module, inputs: 0 * inputs[0]):
        ...     layer(Tensor([1.0]))
        Tensor([0.], float32)
        """
        return self._register(_BEFORE, hook)

    def register_forward_hook(self, hook: Function) -> HookHandle:
        """Call `hook(module, inputs, result)` after each forward. What it returns, unless None, becomes the result.

        >>> from rawgan import nn
        >>> layer, shapes = nn.Flatten(), []
        >>> with layer.register_forward_hook(lambda module, inputs, result: shapes.append(result.shape)):
        ...     y = layer(Tensor([[[1.0], [2.0]]]))
        >>> shapes
        [(1, 2)]
        """
        return self._register(_AFTER, hook)

    def register_full_backward_pre_hook(self, hook: Function) -> HookHandle:
        """Call `hook(module, gy)` when the walk back reaches the module, gy being a tuple of its result's gradient.

        If the hook returns a Tensor, or a tuple of one, that is walked on with instead. The module's result must be one
        Tensor.
        """
        return self._register(_BACK_BEFORE, hook)

    def register_full_backward_hook(self, hook: Function) -> HookHandle:
        """Call `hook(module, gx, gy)` when the walk back leaves the module.

        gx is a tuple with the gradient of each Tensor among the inputs, None where it is not wanted, and gy a tuple of
        the result's gradient. If the hook returns a tuple like gx, or one Tensor, that is walked on with instead. A
        walk that wants gradients of parameters alone, of a module whose inputs require them, does not leave it. A walk
        for second derivatives may come in past the result, from the gradient: the hook is not called again, as in
        PyTorch.

        >>> from rawgan import nn
        >>> layer, x = nn.Tanh(), Tensor([0.0], requires_grad=True)
        >>> with layer.register_full_backward_hook(lambda module, gx, gy: 10 * gx[0]):
        ...     layer(x).sum().backward()
        >>> x.grad
        Tensor([10.], float32)
        """
        return self._register(_BACK, hook)

    def _register(self, kind: str, function: Function) -> HookHandle:
        if not callable(function):
            name = type(self).__name__
            raise ArgumentError(f"{name}.register_{kind}_hook: a function is needed, not {described(function)}")
        hook = Hook(kind, function)
        vars(self)["_hooks"] = (*self._hooks, hook)
        return HookHandle(self, hook)

    def __getstate__(self) -> dict[str, Any]:
        """The attributes that copies and pickles have: all but the hooks."""
        state = dict(vars(self))
        state.pop("_hooks", None)
        return state


def with_hooks(module: Any, run: Callable[[Inputs], Any], inputs: Inputs) -> Any:
    """The result of `run(inputs)`, a call of the module, between the module's hooks."""
    hooks = module._hooks
    for hook in _of(hooks, _BEFORE):
        if (given := hook(module, inputs)) is not None:
            try:
                inputs = tuple(map(module.as_input, given if isinstance(given, tuple) else (given,)))
            except RawganError as error:
                error.add_note(f"in the inputs that {hook.of(module)} returned")
                raise
    back = _WalkBack(module, _of(hooks, _BACK_BEFORE), _of(hooks, _BACK))
    if back.hooks:
        inputs = back.entering(inputs)
    result = run(inputs)
    for hook in _of(hooks, _AFTER):
        if (made := hook(module, inputs, result)) is not None:
            if isinstance(result, Tensor) and not isinstance(made, Tensor):
                raise ArgumentError(f"{hook.of(module)} must return None or a Tensor, not {described(made)}")
            result = made
    return back.leaving(result) if back.hooks else result


def _of(hooks: tuple[Hook, ...], kind: str) -> list[Hook]:
    return [hook for hook in hooks if hook.kind == kind]


class _WalkBack:
    """Hooks of one call of a module that wait for the walk back."""

    def __init__(self, module: Any, before: list[Hook], after: list[Hook]) -> None:
        self.module, self.before, self.after = module, before, after
        self.hooks = before + after
        self.shapes: list[tuple[int, ...]] = []
        self.wanted: list[bool] = []
        # Of each walk, as several may be at work on one graph; of one that ends within the module, until it ends.
        self.gy: WeakKeyDictionary[Walk, Passing] = WeakKeyDictionary()

    def entering(self, inputs: Inputs) -> Inputs:
        """The inputs, behind an op that is the last of the module's on the walk back.

        Several are joined to one row of numbers and parted again, so that all their gradients are there at once.
        """
        tensors = [x for x in inputs if isinstance(x, Tensor)]
        self.shapes, self.wanted = [x.shape for x in tensors], [x.requires_grad for x in tensors]
        if not self.after or not any(self.wanted):
            return inputs
        if len(tensors) == 1:
            there = [PassGradient(self.left)(tensors[0])]
        else:
            row = ops.concatenate([ops.reshape(x, (x.size,)) for x in tensors])
            there = self._parted(PassGradient(self.row_left)(row))
        remaining = iter(there)
        return tuple(next(remaining) if isinstance(x, Tensor) else x for x in inputs)

    def leaving(self, result: Any) -> Any:
        """The result, behind an op that is the first of the module's on the walk back."""
        if not isinstance(result, Tensor):
            raise ArgumentError(
                f"{type(self.module).__name__}: a backward hook needs a module whose result is a Tensor, not "
                f"{described(result)}"
            )
        return PassGradient(self.reached)(result)

    def reached(self, gy: Tensor) -> Tensor:
        """Called with the gradient of the result; → that to walk on with."""
        passing: Passing = (gy,)
        for hook in self.before:
            passing = self._replaced(hook, hook(self.module, passing), passing)
        self.gy[state.walk] = passing
        if not any(self.wanted):  # the walk ends inside the module
            self._told(tuple(None for _ in self.wanted))
        return cast(Tensor, passing[0])

    def left(self, gx: Tensor) -> Tensor:
        """Called with the gradient of the only input; → that to walk on with."""
        return cast(Tensor, self._told((gx,))[0])

    def row_left(self, gradients: Tensor) -> Tensor:
        """Called with the gradients of several inputs, in a row; → those to walk on with."""
        parts = self._parted(gradients)
        told = self._told(tuple(part if wanted else None for part, wanted in zip(parts, self.wanted, strict=True)))
        return ops.concatenate(
            [ops.reshape(part if g is None else g, (part.size,)) for g, part in zip(told, parts, strict=True)]
        )

    def _told(self, passing: Passing) -> Passing:
        gy = self.gy.pop(state.walk, None)
        if gy is None:  # a walk for second derivatives, which came in past the result
            return passing
        for hook in self.after:
            passing = self._replaced(hook, hook(self.module, passing, gy), passing)
        return passing

    def _parted(self, row: Tensor) -> list[Tensor]:
        """A row of numbers as Tensors of the inputs' shapes."""
        parts, start = [], 0
        for shape in self.shapes:
            size = math.prod(shape)
            parts.append(ops.reshape(row[start : start + size], shape))
            start += size
        return parts

    def _replaced(self, hook: Hook, given: Any, passing: Passing) -> Passing:
        """Gradients that a hook returned, or those it was told. Raises: ArgumentError unless they fit."""
        if given is None:
            return passing
        new = tuple(given) if isinstance(given, tuple | list) else (given,)
        if [_shape(x) for x in new] != [_shape(x) for x in passing]:
            raise ArgumentError(
                f"{hook.of(self.module)} must return None, or gradients of the shapes that it was given\n"
                f"  given {_shapes(passing)}   returned {_shapes(new)}"
            )
        return new


def _shape(x: Any) -> Any:
    """Shape of a gradient; None for none."""
    return None if x is None else x.shape if isinstance(x, Tensor) else type(x).__name__


def _shapes(gradients: Passing) -> str:
    return ", ".join(str(_shape(x)) for x in gradients) or "no gradient"


class PassGradient(Op):
    """y = x. On the way back, the gradient passes through a function.

    Backward: gx = told(gy)
    """

    view_of = 0

    def __init__(self, told: Callable[[Tensor], Tensor]) -> None:
        self.told = told

    def forward(self, x: Any) -> Any:
        return x[...]

    def backward(self, gy: Tensor) -> Gradients:
        return (self.told(gy),)
