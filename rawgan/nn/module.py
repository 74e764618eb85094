"""Module: something that owns parameters, and knows their names."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager
from typing import Any, Self, TypeVar

import numpy as np

from rawgan.device import to_device
from rawgan.errors import ArgumentError, ConfigError, one_line, shapes
from rawgan.tensor import Tensor
from rawgan_kernels import array_module

Kind = TypeVar("Kind")


class Parameter(Tensor):
    """A leaf that a Module owns and an optimiser updates. Its array is its own: a copy of `data`."""

    __slots__ = ()

    def __init__(self, data: Any) -> None:
        super().__init__(data, requires_grad=True)
        self._array, self._memory = self._array.copy(), None


class Buffer(Tensor):
    """State of a Module that is saved with it but has no gradient, such as running statistics."""

    __slots__ = ()


class Module:
    """A layer or a network. Subclasses assign Parameters, Buffers and Modules as attributes and write `forward`.

    >>> class Scale(Module):
    ...     def __init__(self):
    ...         self.factor = Parameter([2.0])
    ...
    ...     def forward(self, x):
    ...         return x * self.factor
    >>> Scale()(Tensor([3.0]))
    Tensor([6.], float32, requires_grad=True)
    >>> Scale().state_dict()
    {'factor': array([2.], dtype=float32)}
    """

    training: bool = True
    buffers_frozen: bool = False

    def forward(self, *inputs: Any, **options: Any) -> Tensor:
        """Compute the module's result."""
        raise NotImplementedError(f"{type(self).__name__} has no forward")

    def __call__(self, *inputs: Any, **options: Any) -> Tensor:
        """Run forward. Numbers become Tensors; arrays of integers (labels, indices) stay what they are."""
        return self.forward(*map(_as_input, inputs), **options)

    def __setattr__(self, name: str, value: Any) -> None:
        if isinstance(value, Tensor) and value.requires_grad and not isinstance(value, Parameter):
            raise ArgumentError(
                f"{type(self).__name__}.{name}: a Tensor that requires a gradient is not a Parameter, "
                "so no optimiser would find it\n"
                f"{shapes(**{name: value})}   wrap it: nn.Parameter(array)"
            )
        super().__setattr__(name, value)

    # --- what it owns, by name, in the order of assignment -------------------------------------------------------

    def children(self) -> Iterator[tuple[str, Module]]:
        """The modules directly inside this one, with their names; those in a list or tuple have their position, too."""
        return _members(self, Module)

    def modules(self) -> Iterator[tuple[str, Module]]:
        """This module ("") and every module inside it, with dotted names."""
        yield "", self
        for name, child in self.children():
            for inner, module in child.modules():
                yield f"{name}.{inner}".rstrip("."), module

    def named_tensors(self, kind: type[Tensor]) -> Iterator[tuple[str, Tensor]]:
        """Every Tensor of this kind (Parameter or Buffer), each once, with dotted names."""
        seen: set[int] = set()
        for prefix, module in self.modules():
            for name, x in _members(module, kind):
                if id(x) not in seen:
                    seen.add(id(x))
                    yield f"{prefix}.{name}".lstrip("."), x

    def named_parameters(self) -> Iterator[tuple[str, Tensor]]:
        """Every parameter with its dotted name."""
        return self.named_tensors(Parameter)

    def named_buffers(self) -> Iterator[tuple[str, Tensor]]:
        """Every buffer with its dotted name."""
        return self.named_tensors(Buffer)

    def parameters(self) -> list[Tensor]:
        """Every parameter: what an optimiser takes."""
        return [parameter for _, parameter in self.named_parameters()]

    # --- modes ---------------------------------------------------------------------------------------------------

    def train(self, mode: bool = True) -> Self:
        """Switch this module and all inside to training mode."""
        for _, module in self.modules():
            module.training = mode
        return self

    def eval(self) -> Self:
        """Switch this module and all inside to evaluation mode."""
        return self.train(False)

    def frozen_buffers(self) -> AbstractContextManager[None]:
        """Inside, calls in training mode leave the buffers (running statistics) as they are."""
        return _Switched(self, "buffers_frozen", True)

    def evaluating(self) -> AbstractContextManager[None]:
        """Inside, this module and all within it are in evaluation mode; afterwards each is in its own again."""
        return _Switched(self, "training", False)

    def in_training(self) -> AbstractContextManager[None]:
        """Inside, this module and all within it are in training mode; afterwards each is in its own again."""
        return _Switched(self, "training", True)

    def to(self, device: str | None = None, dtype: str | None = None) -> Self:
        """Move every parameter and buffer to a device, or to `"float32"` or `"float64"`, or both.

        Gradients are dropped. Make the optimiser afterwards: its moments live where the parameters are.
        """
        for kind in (Parameter, Buffer):
            for _, x in self.named_tensors(kind):
                moved = x.detach() if dtype is None else x.detach().astype(dtype)
                x._array, x._memory = (moved if device is None else moved.to(device))._array, None
                x.grad = None
        return self

    # --- saving --------------------------------------------------------------------------------------------------

    def state_tensors(self) -> dict[str, Tensor]:
        """Every parameter, then every buffer, by name: all that makes this module what it is."""
        return dict([*self.named_parameters(), *self.named_buffers()])

    def state_dict(self) -> dict[str, np.ndarray[Any, Any]]:
        """A NumPy copy of every parameter and buffer, by name."""
        return {name: to_device(x._array, "cpu").copy() for name, x in self.state_tensors().items()}

    def load_state_dict(self, state: dict[str, np.ndarray[Any, Any]]) -> None:
        """Copy every parameter and buffer from `state`; nothing is changed if anything does not fit.

        Raises: ConfigError naming every array that is missing, unknown, of another shape, or not of floats
        """
        own = self.state_tensors()
        faults = [f"  {name} {x.shape} is missing" for name, x in own.items() if name not in state]
        faults += [f"  {one_line(name)} {array.shape} is unknown" for name, array in state.items() if name not in own]
        faults += [
            f"  {name} {state[name].shape} should be {x.shape}"
            for name, x in own.items()
            if name in state and state[name].shape != x.shape
        ]
        faults += [
            f"  {name} should be floats, not {state[name].dtype}"
            for name in own
            if name in state and state[name].dtype.kind != "f"
        ]
        if faults:
            raise ConfigError("\n".join([f"{type(self).__name__}: the weights do not fit this network", *faults]))
        for name, x in own.items():
            x[...] = array_module(x._array).asarray(state[name], dtype=x.dtype)

    # --- looking at it -------------------------------------------------------------------------------------------

    def describe_options(self) -> str:
        """What to print between the parentheses."""
        return ""

    def __repr__(self) -> str:
        return "\n".join(self._lines(""))

    def _lines(self, name: str) -> list[str]:
        own = _members(self, Parameter)
        title = f"{name}{': ' if name else ''}{type(self).__name__}({self.describe_options()})"
        listing = "  ".join(f"{n} {x.shape}" for n, x in own)
        lines = [f"{title:<58} {listing}".rstrip()]
        children = list(self.children())
        for child_name, child in children:
            lines += ["  " + line for line in child._lines(child_name)]
        if children and not name:
            count = sum(p.size for p in self.parameters())
            lines.append(f"{count:,} parameters in {len(self.parameters())} arrays")
        return lines


class _Switched(AbstractContextManager[None]):
    """A flag of a module and all within it; afterwards each has its own again, even if Ctrl-C comes in between."""

    def __init__(self, module: Module, flag: str, value: bool) -> None:
        self._modules, self._flag, self._value = [each for _, each in module.modules()], flag, value
        self._before: list[tuple[Module, bool]] = []

    def __enter__(self) -> None:
        self._before = [(module, getattr(module, self._flag)) for module in self._modules]
        try:
            for module in self._modules:
                setattr(module, self._flag, self._value)
        except BaseException:
            self.__exit__()
            raise

    def __exit__(self, *error: object) -> None:
        interrupt = None
        while self._before:
            try:
                while self._before:
                    module, value = self._before[-1]
                    setattr(module, self._flag, value)
                    self._before.pop()
            except KeyboardInterrupt as error:
                interrupt = error
        if interrupt is not None:
            raise interrupt


def _as_input(x: Any) -> Any:
    kind = getattr(getattr(x, "dtype", None), "kind", "f")
    return x if isinstance(x, Tensor) or kind in "iu" else Tensor(x)


def _members(module: Module, kind: type[Kind]) -> Iterator[tuple[str, Kind]]:
    """The module's attributes of one kind, with their names; what is in lists, tuples and dicts has its key, too."""
    pending = list(reversed(vars(module).items()))
    while pending:
        name, value = pending.pop()
        if isinstance(value, kind):
            yield name, value
        elif isinstance(value, dict):
            pending += [(f"{name}.{key}", item) for key, item in reversed(value.items())]
        elif isinstance(value, list | tuple):
            pending += [(f"{name}.{index}", item) for index, item in reversed(list(enumerate(value)))]
