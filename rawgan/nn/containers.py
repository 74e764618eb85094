"""Modules held by position or by name."""

from __future__ import annotations

from collections.abc import ItemsView, Iterable, Iterator, KeysView, Mapping, ValuesView
from typing import Any, Self, overload

from rawgan.errors import ArgumentError, described, shown
from rawgan.nn.base.module import Module, check_modules
from rawgan.nn.linear import Linear
from rawgan.nn.registry import example, layer
from rawgan.ops.arguments import is_whole
from rawgan.ops.registry import normal
from rawgan.tensor import Tensor


class ModuleRow(Module):
    """Base class of modules that hold others by position, and are changed like a list.

    They are kept as a tuple, so a loop over them goes on with those that it began with.
    """

    layers: tuple[Module, ...]

    def children(self) -> Iterator[tuple[str, Module]]:
        """The layers, by position; then what a subclass may have added."""
        return ((name.removeprefix("layers."), child) for name, child in super().children())

    def append(self, module: Module) -> Self:
        """Add a module at the end. Returns this module itself, so that calls can be chained."""
        return self._hold([*self.layers, module])

    def extend(self, modules: Iterable[Module]) -> Self:
        """Add modules at the end."""
        return self._hold([*self.layers, *_listed(type(self).__name__, modules)])

    def insert(self, index: int, module: Module) -> Self:
        """Add a module before the one at this position, or at the end if there is none."""
        layers = list(self.layers)
        layers.insert(self._position(index), module)
        return self._hold(layers)

    def pop(self, index: int = -1) -> Module:
        """Take a module out, and return it."""
        module = self[index]
        del self[index]
        return module

    def __len__(self) -> int:
        return len(self.layers)

    def __iter__(self) -> Iterator[Module]:
        return iter(self.layers)

    @overload
    def __getitem__(self, index: int) -> Module: ...
    @overload
    def __getitem__(self, index: slice) -> Self: ...
    def __getitem__(self, index: int | slice) -> Module | Self:
        """The module at a position, or a new container of those in a slice, which shares them."""
        if isinstance(index, slice):
            return self._made(self.layers[index])
        return self.layers[self._within(index)]

    def __setitem__(self, index: int | slice, value: Any) -> None:
        layers = list(self.layers)
        if isinstance(index, slice):
            layers[index] = _listed(type(self).__name__, value)
        else:
            layers[self._within(index)] = value
        self._hold(layers)

    def __delitem__(self, index: int | slice) -> None:
        layers = list(self.layers)
        del layers[index if isinstance(index, slice) else self._within(index)]
        self._hold(layers)

    def __add__(self, other: Iterable[Module]) -> Self:
        """A new container of these modules and then the others, which shares them."""
        return self._made((*self.layers, *_listed(type(self).__name__, other)))

    def _made(self, layers: tuple[Module, ...]) -> Any:
        """A container of this kind, of these layers, in this one's mode."""
        made = self._of(layers)
        made.training = self.training
        return made

    def _of(self, layers: tuple[Module, ...]) -> ModuleRow:
        raise NotImplementedError

    def _hold(self, layers: Iterable[Module]) -> Self:
        """Take these as the layers. Raises: ArgumentError unless all are Modules, none of which holds this one."""
        layers, name = tuple(layers), type(self).__name__
        check_modules(name, "layer", layers, starred=False)
        for index, each in enumerate(layers):
            if any(inner is self for _, inner in each.modules()):
                raise ArgumentError(f"{name}: layer {index} is, or holds, this {name} itself, so a call would not end")
        self.layers = layers
        return self

    def _position(self, index: int) -> int:
        """The index as an int. Raises: ArgumentError unless it is an integer."""
        if not is_whole(index):
            raise ArgumentError(
                f"{type(self).__name__}: a position must be an integer or a slice, but is {described(index)}"
            )
        return int(index)

    def _within(self, index: int) -> int:
        """The index as an int. Raises: IndexError if there is no such layer."""
        place, count = self._position(index), len(self.layers)
        if not -count <= place < count:
            raise IndexError(f"{type(self).__name__} has no layer {place}: it has {count}")
        return place


def _listed(name: str, modules: Any) -> list[Module]:
    """Several modules as a list. Raises: ArgumentError for a single one, and for anything that cannot be listed."""
    single = isinstance(modules, Module) and not isinstance(modules, ModuleRow)
    if single or not isinstance(modules, Iterable) or hasattr(modules, "dtype"):
        raise ArgumentError(f"{name}: several modules are needed, in a list, but this is {type(modules).__name__}")
    return list(modules)


class _Applied(Module):
    """Layers in turn, held by a container without a forward: an example of it."""

    def __init__(self, held: Module) -> None:
        self.held = held

    def forward(self, x: Tensor) -> Tensor:
        for _, each in self.held.children():
            x = each(x)
        return x


@layer(
    example(
        "two",
        normal(3, 4),
        make=lambda rng: _Applied(ModuleList([Linear(4, 3, rng=rng), Linear(3, 2, rng=rng)])),
    ),
)
class ModuleList(ModuleRow):
    """Modules by position, which another module calls as it likes. Their names are their positions: "0", "1", …

    A list in an attribute is searched for modules, too. This one adds the methods of a list, each checked.

    >>> from rawgan import nn
    >>> layers = nn.ModuleList([nn.Tanh()]).append(nn.ReLU())
    >>> layers[-1], len(layers)
    (ReLU(), 2)
    """

    def __init__(self, layers: Iterable[Module] = ()) -> None:
        self._hold(_listed("ModuleList", layers))

    def _of(self, layers: tuple[Module, ...]) -> ModuleList:
        return ModuleList(layers)


@layer(
    example(
        "two",
        normal(3, 4),
        make=lambda rng: _Applied(ModuleDict({"first": Linear(4, 3, rng=rng), "last": Linear(3, 2, rng=rng)})),
    ),
)
class ModuleDict(Module):
    """Modules by name, which another module calls as it likes, in the order in which they were added.

    >>> from rawgan import nn
    >>> activations = nn.ModuleDict({"relu": nn.ReLU()})
    >>> activations["tanh"] = nn.Tanh()
    >>> activations["tanh"](Tensor([0.0])), list(activations)
    (Tensor([0.], float32), ['relu', 'tanh'])
    """

    def __init__(self, layers: Mapping[str, Module] | Iterable[tuple[str, Module]] = ()) -> None:
        self.layers: dict[str, Module] = {}
        self.update(layers)

    def children(self) -> Iterator[tuple[str, Module]]:
        """The modules, by name; then what a subclass may have added."""
        return ((name.removeprefix("layers."), child) for name, child in super().children())

    def keys(self) -> KeysView[str]:
        """The names."""
        return self.layers.keys()

    def values(self) -> ValuesView[Module]:
        """The modules."""
        return self.layers.values()

    def items(self) -> ItemsView[str, Module]:
        """Pairs of a name and a module."""
        return self.layers.items()

    def get(self, name: str, default: Any = None) -> Any:
        """The module of that name; `default` if there is none."""
        return self.layers.get(name, default)

    def pop(self, name: str) -> Module:
        """Take a module out, and return it."""
        module = self[name]
        del self[name]
        return module

    def update(self, layers: Mapping[str, Module] | ModuleDict | Iterable[tuple[str, Module]]) -> None:
        """Add modules, or replace those of the same names; nothing is changed if one of them is refused."""
        new = _pairs(layers)
        for name, module in new:
            if not isinstance(name, str) or not name or "." in name:
                raise ArgumentError(
                    f"ModuleDict: a name must be a text without dots, which part the names of parameters, but is "
                    f"{shown(name)}"
                )
            if not isinstance(module, Module):
                raise ArgumentError(f"ModuleDict: {shown(name)} must be a Module, but is {described(module)}")
        self.layers = {**self.layers, **dict(new)}

    def __len__(self) -> int:
        return len(self.layers)

    def __iter__(self) -> Iterator[str]:
        return iter(self.layers)

    def __contains__(self, name: object) -> bool:
        return name in self.layers

    def __getitem__(self, name: str) -> Module:
        """The module of that name. Raises: KeyError"""
        return self.layers[self._known(name)]

    def __setitem__(self, name: str, module: Module) -> None:
        self.update({name: module})

    def __delitem__(self, name: str) -> None:
        gone = self._known(name)
        self.layers = {each: module for each, module in self.layers.items() if each != gone}

    def _known(self, name: str) -> str:
        if name not in self.layers:
            raise KeyError(f"ModuleDict has no {shown(name)}: it has {', '.join(map(repr, self.layers)) or 'nothing'}")
        return name


def _pairs(layers: Any) -> list[tuple[Any, Any]]:
    """Names and modules, of a mapping or a list of pairs. Raises: ArgumentError for anything else."""
    if isinstance(layers, Mapping | ModuleDict):
        return list(layers.items())
    pairs = list(layers) if isinstance(layers, Iterable) and not hasattr(layers, "dtype") else [layers]
    if not all(isinstance(pair, tuple | list) and len(pair) == 2 for pair in pairs):
        raise ArgumentError(
            f"ModuleDict: modules and their names are needed, but this is {type(layers).__name__}\n"
            "  give {name: module}, or a list of pairs (name, module)"
        )
    return [(name, module) for name, module in pairs]
