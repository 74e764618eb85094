"""Copies and pickles of modules, which may be nested deeper than the stack, share modules and know their parents."""

from __future__ import annotations

import copy
import threading
from collections.abc import Iterator
from typing import Any, Self, cast
from weakref import WeakSet


class Copied:
    """Base class of `Module`: copies and pickles. A subclass may copy or pickle itself in a way of its own."""

    def modules(self) -> Iterator[tuple[str, Any]]:
        """This module and every one inside it."""
        raise NotImplementedError

    def __copy__(self) -> Self:
        """A module with the same parameters, and the same modules within it."""
        twin = _empty(type(self))
        _fill(twin, self.__getstate__())
        return twin

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        """A copy of this module and of all within it."""
        twins: list[tuple[Any, Any]] = []
        for _, module in self.modules():
            itself = module is not self and type(module).__deepcopy__ is not Copied.__deepcopy__
            if id(module) not in memo and not itself:
                twins.append((module, _empty(type(module))))
                memo[id(module)] = twins[-1][1]
        for module, twin in twins:  # whatever leads to a module finds its copy ready
            vars(twin).update(copy.deepcopy(module.__getstate__(), memo))
        return cast(Self, memo[id(self)])

    def __reduce_ex__(self, protocol: Any) -> Any:
        """A pickle of this module: its place among all that it is pickled with."""
        if type(self).__reduce__ is not object.__reduce__:
            return self.__reduce__()
        assembly = next((each for each in _pickled.now if id(self) in each.places), None)
        if assembly is None:
            assembly = Assembly(self)
            _pickled.now.add(assembly)
        return _at, (assembly, assembly.places[id(self)])


class Assembly:
    """A network as one object for pickle: first all its modules, empty, then their attributes.

    An attribute that is a module then leads to an object which is there already, so the depth of a network is not the
    depth of pickle's recursion. Pickle keeps the assembly alive until it is done.
    """

    def __init__(self, module: Copied) -> None:
        within = [each for _, each in module.modules()]
        self.modules = [each for each in within if each is module or _is_usual(each)]
        self.places = {id(each): place for place, each in enumerate(self.modules)}

    def __reduce__(self) -> Any:
        kinds, attributes = zip(*((type(each), each.__getstate__()) for each in self.modules), strict=True)
        return _assembled, kinds, list(attributes)

    def __setstate__(self, attributes: list[Any]) -> None:
        for module, each in zip(self.modules, attributes, strict=True):
            _fill(module, each)


class _Pickled(threading.local):
    def __init__(self) -> None:
        self.now: WeakSet[Assembly] = WeakSet()


_pickled = _Pickled()
"""The assemblies that this thread is pickling."""


def _is_usual(module: Copied) -> bool:
    """True unless its class pickles itself in its own way."""
    kind = type(module)
    return kind.__reduce_ex__ is Copied.__reduce_ex__ and kind.__reduce__ is object.__reduce__


def _at(assembly: Assembly, place: int) -> Any:
    return assembly.modules[place]


def _assembled(*kinds: type) -> Assembly:
    """An assembly of empty modules."""
    assembly = object.__new__(Assembly)
    assembly.modules = [_empty(kind) for kind in kinds]
    return assembly


def _empty(kind: Any) -> Any:
    return kind.__new__(kind)


def _fill(module: Any, attributes: Any) -> None:
    """Give a module its attributes, in the way of its class if that has one."""
    if hasattr(module, "__setstate__"):
        module.__setstate__(attributes)
    else:
        vars(module).update(attributes)
