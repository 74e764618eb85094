"""Module: the base class of layers and networks, which owns parameters and knows their names."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, ClassVar, Self

import numpy as np

from rawgan.arrays import plain
from rawgan.autograd.observers import active
from rawgan.device import to_device
from rawgan.errors import ArgumentError, ConfigError, RawganError, described, one_line, shown
from rawgan.nn.base.copying import Copied
from rawgan.nn.base.hooks import Hooked, with_hooks
from rawgan.nn.base.loading import as_weights
from rawgan.nn.base.ownership import PLAIN, Buffer, Parameter, check_attribute, owned
from rawgan.nn.base.switching import Switched
from rawgan.tensor import Tensor


class Module(Hooked, Copied):
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

    applies_slope: ClassVar[bool] = False
    """True if `forward(x, slope=1.0)` can apply the LeakyReLU that follows in a Sequential, in the same pass.

    Its result must be `leaky_relu(forward(x), slope)`, infinities and NaN included. A class says so for itself, not for
    classes derived from it, which may compute something else.
    """

    training: bool = True
    buffers_frozen: bool = False
    compares_samples: bool = False
    """True if the result of a sample depends on the others of its batch on purpose, in evaluation mode, too."""

    def __new__(cls, *arguments: Any, **options: Any) -> Self:
        """Refuse arguments if the class has no `__init__`: data, or another library's options.

        Raises: ArgumentError
        """
        if (arguments or options) and cls.__init__ is object.__init__:
            given = ", ".join([*map(described, arguments), *(f"{name}={described(x)}" for name, x in options.items())])
            raise ArgumentError(
                f"{cls.__name__} takes no options, but was given {given}\n"
                + (
                    f"  make the layer first, then call it: {cls.__name__}()(x)"
                    if any(hasattr(each, "shape") for each in arguments)
                    else f"  leave it out: {cls.__name__}()"
                )
            )
        return super().__new__(cls)

    def forward(self, *inputs: Any, **options: Any) -> Tensor:
        """Compute the module's result."""
        raise NotImplementedError(f"{type(self).__name__} has no forward")

    def __call__(self, *inputs: Any, **options: Any) -> Tensor:
        """Run forward. Floats become Tensors; None, and arrays of integers and masks, stay as they are.

        An error of rawgan on the way names the layer that it came from.
        """
        try:
            if active.observers or self._hooks:
                return self._watched(self.forward, tuple(map(self.as_input, inputs)), options)
            return self.forward(*map(self.as_input, inputs), **options)
        except RawganError as error:
            _locate(error, self)
            raise

    def _watched(self, forward: Callable[..., Tensor], inputs: tuple[Any, ...], options: dict[str, Any]) -> Tensor:
        """Run forward between the module's hooks, while observers look on."""
        observers = active.observers

        def run(inputs: tuple[Any, ...]) -> Tensor:
            result = None
            for observer in observers:
                observer.before_layer(self, inputs, options)
            try:
                result = forward(*inputs, **options)
            finally:
                for observer in reversed(observers):
                    observer.after_layer(self, inputs, options, result)
            return result

        return with_hooks(self, run, inputs) if self._hooks else run(inputs)

    def as_input(self, x: Any) -> Any:
        """Convert an input to what forward takes: a Tensor, None, or an array of integers or of a mask."""
        if x is None or isinstance(x, Tensor):
            return x
        array = plain(x, "Tensor: data") if hasattr(x, "__array__") else x  # PyTorch's, pandas', …
        kind = getattr(getattr(array, "dtype", None), "kind", "f")
        return array if kind in "iub" else Tensor(x)

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        for name, x in owned(cls.__name__, vars(cls), (Tensor, Module)):
            raise ArgumentError(
                f"{cls.__name__}.{name}: a {type(x).__name__} of the class is not found, and all {cls.__name__}s would "
                f"share it\n  make it in __init__: self.{name.partition('.')[0]} = …"
            )
        if vars(cls).get("__slots__"):
            raise ArgumentError(f"{cls.__name__}: what is in __slots__ is not found; leave __slots__ out")

    def __setattr__(self, name: str, value: Any) -> None:
        holder = type(self).__name__
        if name in _METHODS and (isinstance(value, Module) or not callable(value)):
            raise ArgumentError(f"{holder}.{name}: every Module has a method {name}(); give the attribute another name")
        before = vars(self).get(name)
        if value.__class__ not in PLAIN or isinstance(before, Tensor):
            check_attribute(holder, name, value, before, Module)
        super().__setattr__(name, value)

    # --- contents, by name, in the order of assignment -----------------------------------------------------------

    def children(self) -> Iterator[tuple[str, Module]]:
        """The modules directly inside this one, with their names, such as `tail` or `blocks.0`."""
        return ((name, x) for name, x in self._owned() if not isinstance(x, Tensor))

    def modules(self) -> Iterator[tuple[str, Module]]:
        """This module ("") and every module inside it, each once, with dotted names."""
        seen: set[int] = set()
        pending: list[tuple[str, Module]] = [("", self)]
        while pending:
            name, module = pending.pop()
            if id(module) not in seen:  # it may be shared, or know its parent
                seen.add(id(module))
                yield name, module
                inner = [(f"{name}.{child}" if name else child, each) for child, each in module.children()]
                pending += reversed(inner)

    def named_tensors(self, kind: type[Tensor] | tuple[type[Tensor], ...]) -> Iterator[tuple[str, Tensor]]:
        """Every Tensor of this kind (Parameter or Buffer), each once, with dotted names.

        Raises: ArgumentError if two Parameters or Buffers have one name, so that one would be lost in saving
        """
        seen: set[int] = set()
        named: dict[str, Tensor] = {}
        for prefix, module in self.modules():
            for name, x in module._owned():
                if not isinstance(x, Tensor) or id(x) in seen:
                    continue
                seen.add(id(x))
                full = f"{prefix}.{name}" if prefix else name
                if isinstance(x, _STATE):
                    if full in named:
                        raise ArgumentError(
                            f"{type(self).__name__}: two arrays, {named[full].shape} and {x.shape}, are both called "
                            f"{shown(full)}, and one of them would be lost in saving\n"
                            "  give one another attribute, or its dict another key: without dots, and not 1 beside '1'"
                        )
                    named[full] = x
                if isinstance(x, kind):
                    yield full, x

    def _owned(self) -> Iterator[tuple[str, Any]]:
        """The Tensors and modules of this module itself, with their names."""
        return owned(type(self).__name__, vars(self), (Tensor, Module))

    def named_parameters(self) -> Iterator[tuple[str, Tensor]]:
        """Every parameter with its dotted name."""
        return self.named_tensors(Parameter)

    def named_buffers(self) -> Iterator[tuple[str, Tensor]]:
        """Every buffer with its dotted name."""
        return self.named_tensors(Buffer)

    def parameters(self) -> list[Tensor]:
        """Every parameter, as a list for an optimiser."""
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
        return Switched(_modules(self), "buffers_frozen", True)

    def evaluating(self) -> AbstractContextManager[None]:
        """Inside, this module and all within it are in evaluation mode; afterwards each is in its own again."""
        return Switched(_modules(self), "training", False)

    def in_training(self) -> AbstractContextManager[None]:
        """Inside, this module and all within it are in training mode; afterwards each is in its own again."""
        return Switched(_modules(self), "training", True)

    def to(self, device: str | None = None, dtype: str | None = None) -> Self:
        """Move every parameter and buffer to a device, or to `"float32"` or `"float64"`, or both.

        Gradients are dropped. Make the optimiser afterwards: its moments live where the parameters are.
        """
        moved = []
        for x in self.state_tensors().values():
            there = x.detach() if dtype is None else x.detach().astype(dtype)
            moved.append((x, (there if device is None else there.to(device))._array))
        for x, array in moved:  # once all of them are there
            x.take_over(array)
            x.grad = None
        return self

    # --- saving --------------------------------------------------------------------------------------------------

    def state_tensors(self) -> dict[str, Tensor]:
        """Every parameter, then every buffer, by name: the whole state of this module."""
        return dict(sorted(self.named_tensors(_STATE), key=lambda named: not isinstance(named[1], Parameter)))

    def state_dict(self) -> dict[str, np.ndarray[Any, Any]]:
        """A NumPy copy of every parameter and buffer, by name."""
        return {name: to_device(x._array, "cpu").copy() for name, x in self.state_tensors().items()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Copy every parameter and buffer from `state`; nothing is changed if anything does not fit.

        Each value is an array of floats of any precision, a Tensor, or nested lists of floats.

        Raises: ConfigError naming every array that is missing, unknown, of another shape, or not of floats
        """
        new = self.fitting(state)
        for name, x in self.state_tensors().items():
            x.take_over(new[name])

    def fitting(self, state: Mapping[str, Any]) -> dict[str, Any]:
        """Copies of the arrays in `state` for every parameter and buffer, by name; the module stays as it is.

        Raises: ConfigError as `load_state_dict`
        """
        if not isinstance(state, Mapping):
            raise ConfigError(
                f"{type(self).__name__}: the weights must be a dict of arrays, as state_dict() gives it, "
                f"but are {type(state).__name__}"
            )
        own = self.state_tensors()
        faults = [f"  {name} {x.shape} is missing" for name, x in own.items() if name not in state]
        for name, value in state.items():
            if name not in own:
                label = one_line(name) if isinstance(name, str) else shown(name)
                faults.append(f"  {label}{f' {value.shape}' if hasattr(value, 'shape') else ''} is unknown")
        new = {}
        for name, x in own.items():
            if name in state:
                try:
                    new[name] = as_weights(state[name], x)
                except RawganError as error:
                    faults.append(f"  {name} {error}")
        if faults:
            raise ConfigError("\n".join([f"{type(self).__name__}: the weights do not fit this network", *faults]))
        return new

    # --- printing ------------------------------------------------------------------------------------------------

    def describe_options(self) -> str:
        """The options to print between the parentheses of the layer's name."""
        return ""

    def __repr__(self) -> str:
        """One line for each module; a loop, not recursion: networks may be deeper than stacks."""
        lines, seen = [], set()
        pending: list[tuple[str, str, Module]] = [("", "", self)]
        while pending:
            indent, name, module = pending.pop()
            title = f"{name}{': ' if name else ''}{type(module).__name__}"
            if id(module) in seen:
                lines.append(f"{indent}{title}, as above")
                continue
            seen.add(id(module))
            listing = "  ".join(f"{n} {x.shape}" for n, x in module._owned() if isinstance(x, Parameter))
            lines.append(f"{indent}{f'{title}({module.describe_options()})':<58} {listing}".rstrip())
            pending += reversed([(indent + "  ", *child) for child in module.children()])
        if len(lines) > 1:
            count = sum(p.size for p in self.parameters())
            lines.append(f"{count:,} parameters in {len(self.parameters())} arrays")
        return "\n".join(lines)


_STATE = Parameter, Buffer
_METHODS = frozenset(n for n in dir(Module) if callable(getattr(Module, n)) and not n.startswith("__"))


def _modules(module: Module) -> Iterator[Module]:
    """The module and all within it."""
    return (each for _, each in module.modules())


def check_modules(holder: str, what: str, modules: Sequence[Any], *, starred: bool = True) -> None:
    """Raise an ArgumentError unless all are Modules. `starred`: the holder takes each as an argument of its own."""
    for index, module in enumerate(modules):
        if isinstance(module, type) and issubclass(module, Module):
            raise ArgumentError(
                f"{holder}: {what} {index} is the class {module.__name__}\n  make one of it: {module.__name__}(…)"
            )
        if not isinstance(module, Module):
            way_out = f"\n  give them one by one, nn.{holder}(a, b), or as nn.{holder}(*{what}s)" if starred else ""
            raise ArgumentError(f"{holder}: {what} {index} must be a Module, but is {type(module).__name__}{way_out}")


def _locate(error: RawganError, module: Module) -> None:
    """Add to an error the layer that it comes from. Every module that it passes through calls this, innermost first."""
    inner: Module | None = vars(error).get("_within")  # the module that it has passed through last
    if inner is None and not error.layer:
        error.layer = f"{type(module).__name__}({_options(module)})"
    elif inner is not None:
        error.path = (_name_of(inner, module), *error.path)
    vars(error)["_within"] = module


def name_layer(error: RawganError, layer: Module, name: str) -> None:
    """Add to an error the name that the caller has for the layer that it has passed through last."""
    if vars(error).get("_within") is layer:
        error.path = (name, *error.path)
        vars(error)["_within"] = None


def _name_of(inner: Module, module: Module) -> str:
    """Name of a module in the one that called it; its type if that does not own it."""
    return next((name for name, each in module.children() if each is inner), type(inner).__name__)


def _options(module: Module) -> str:
    try:
        return module.describe_options()
    except Exception:  # it may be half made, which is perhaps what the error is about
        return "…"
