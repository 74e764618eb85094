"""Parameters and buffers, and the search for them in the attributes of a module.

They are found as attributes, and in lists, tuples, deques, dicts and dataclasses, at any depth. Any other object hides
its contents, and so does a function. A set is refused: its members have no order, and so no names.
"""

from __future__ import annotations

from collections import UserDict, UserList, deque
from collections.abc import Iterator, Mapping, Set, ValuesView
from dataclasses import fields, is_dataclass
from types import GeneratorType, MappingProxyType
from typing import Any

import numpy as np

from rawgan.errors import ArgumentError, shapes
from rawgan.paper import is_on_paper
from rawgan.tensor import Tensor

PLAIN = frozenset({int, float, bool, str, type(None)})
"""Types of attributes that hold nothing."""

_TABLES = dict, UserDict, MappingProxyType
_ROWS = list, tuple, deque, UserList, ValuesView, Set


class Parameter(Tensor):
    """A leaf that a Module owns and an optimiser updates, with a copy of `data`."""

    __slots__ = ()

    def __init__(self, data: Any) -> None:
        super().__init__(data, requires_grad=True)
        self.take_over(self._array if is_on_paper() else self._array.copy())


class Buffer(Tensor):
    """State of a Module that is saved with it but has no gradient, such as running statistics; a copy of `data`."""

    __slots__ = ()

    def __init__(self, data: Any) -> None:
        super().__init__(data)
        self.take_over(self._array if is_on_paper() else self._array.copy())


def owned(holder: str, attributes: Mapping[str, Any], kinds: tuple[type, ...]) -> Iterator[tuple[str, Any]]:
    """Find everything of these kinds among the attributes, with names such as `tail` or, in a list, `blocks.0`.

    Raises: ArgumentError if some of it is in a set
    """
    pending: list[tuple[str, Any, bool]] = [
        (name, value, False) for name, value in attributes.items() if value.__class__ not in PLAIN
    ]
    pending.reverse()
    entered: set[int] = set()  # lists may hold themselves
    while pending:
        name, value, in_set = pending.pop()
        if isinstance(value, kinds):
            if in_set:
                raise ArgumentError(
                    f"{holder}.{name} is a set, whose members have no order, and so no names to be saved by\n"
                    "  keep them in a list or a dict"
                )
            yield name, value
        elif (items := _items(value)) is not None and id(value) not in entered:
            entered.add(id(value))
            unordered = in_set or isinstance(value, Set)
            pending += [(name if unordered else f"{name}.{key}", item, unordered) for key, item in reversed(items)]


def _items(value: Any) -> list[tuple[Any, Any]] | None:
    """Contents of an attribute, with keys; None if it is no container."""
    if isinstance(value, _TABLES):
        return list(value.items())
    if isinstance(value, _ROWS):
        return list(enumerate(value))
    if isinstance(value, np.ndarray) and value.dtype == object:
        return list(enumerate(value.flat))
    if is_dataclass(value) and not isinstance(value, type):
        return [(field.name, getattr(value, field.name, None)) for field in fields(value)]
    return None


def check_attribute(holder: str, name: str, value: Any, before: Any, module: type) -> None:
    """Raise an ArgumentError for an attribute that would hide or lose parameters, buffers or modules."""
    taking_over = Parameter, Buffer, module, type(None)
    if isinstance(before, Parameter | Buffer) and not isinstance(value, taking_over):
        kind = type(before).__name__
        raise ArgumentError(
            f"{holder}.{name}: {type(value).__name__} in place of the {kind} {before.shape} would not be found by "
            f"parameters() and state_dict()\n"
            f"  write into it, as in layer.{name}.data = array; or give another, nn.{kind}(array), or None"
        )
    if isinstance(value, GeneratorType | map | filter | zip):
        raise ArgumentError(
            f"{holder}.{name}: {type(value).__name__} can be searched only once\n  make it a list: list(…)"
        )
    for inner, x in owned(holder, {name: value}, (Tensor, module)):
        if isinstance(x, Tensor) and x.requires_grad and not isinstance(x, Parameter):
            if x.op is None:
                raise ArgumentError(
                    f"{holder}.{inner}: a Tensor that requires a gradient is not a Parameter, "
                    "so no optimiser would find it\n"
                    f"{shapes(**{name: x})}   wrap it: nn.Parameter(array)"
                )
            if inner == name:
                raise ArgumentError(
                    f"{holder}.{name}: a result, of {x.op.name}, is no part of a module\n"
                    f"{shapes(**{name: x})}   return it, or keep it in a list: self.{name} = [y]; "
                    "its values alone are y.detach()"
                )
