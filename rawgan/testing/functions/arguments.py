"""Arguments of a function under check: arrays of floats, which are differentiated, and constants."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from rawgan.errors import ArgumentError
from rawgan.tensor import Tensor
from rawgan.testing.arrays import is_array, is_floating

Array = Any


class Arguments:
    """Arguments of a call. Tensors take the places of the arrays of floats; all others are constants.

    Constants are copies, so that a function that writes to them changes nothing outside.
    """

    def __init__(self, title: str, values: Sequence[Any], labels: Sequence[str]) -> None:
        self.floating = [index for index, value in enumerate(values) if is_floating(value)]
        if not self.floating:
            raise ArgumentError(f"{title}: there is nothing to differentiate by; give at least one array of floats")
        if len(labels) != len(values):
            raise ArgumentError(f"{title}: {len(values)} inputs but {len(labels)} names")
        self.labels = list(labels)
        self._originals = [None if is_floating(value) else value for value in values]
        self._constants = [_copied(value) for value in self._originals]

    def filled(self, tensors: Sequence[Tensor]) -> list[Any]:
        """The arguments, with these Tensors in the places of the arrays of floats."""
        arguments = list(self._constants)
        for index, x in zip(self.floating, tensors, strict=True):
            arguments[index] = x
        return arguments

    def written(self) -> str:
        """Name and shape of the first constant that has changed; an empty string if none has."""
        for label, now, original in zip(self.labels, self._constants, self._originals, strict=True):
            if not _alike(now, original):
                return f"{label} {getattr(original, 'shape', '')}".rstrip()
        return ""

    @contextmanager
    def laid_out(self, layout: Callable[[Array], Array]) -> Iterator[None]:
        """Lay constant arrays out in memory as `layout` does, inside."""
        before = self._constants
        self._constants = [layout(value) if is_array(value) else value for value in before]
        try:
            yield
        finally:
            self._constants = before


def _alike(a: Any, b: Any) -> bool:
    """True if two constants are equal. Objects that are neither arrays nor containers count as equal."""
    if is_array(a):
        return bool(a.tobytes() == b.tobytes())
    if isinstance(a, list | tuple):
        return len(a) == len(b) and all(map(_alike, a, b))
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(_alike(a[key], b[key]) for key in a)
    return not isinstance(a, set | int | float | str) or bool(a == b)


def _copied(value: Any) -> Any:
    if is_array(value):
        return value.copy()
    return copy.deepcopy(value) if isinstance(value, list | dict | set) else value
