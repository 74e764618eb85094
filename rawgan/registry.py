"""Registration by definition: a file in a folder defines an entry, and the folder's package finds it.

So a new network, objective or penalty is one new file, and no list of names has to be extended.
"""

import importlib
import pkgutil
from collections.abc import Iterable
from typing import Protocol, TypeVar

from rawgan.errors import ArgumentError


class Entry(Protocol):
    """An object that can be chosen by name."""

    @property
    def name(self) -> str:
        """The word that the command line takes."""

    @property
    def summary(self) -> str:
        """One line for help texts, without the name and without a full stop."""


E = TypeVar("E", bound=Entry)


class Registry(dict[str, E]):
    """Entries by name, in alphabetical order.

    >>> from rawgan.gan.penalties import PENALTIES
    >>> "r1" in PENALTIES.names
    True
    """

    def __init__(self, noun: str, entries: Iterable[E]) -> None:
        super().__init__((entry.name, entry) for entry in sorted(entries, key=lambda entry: entry.name))
        self.noun = noun
        """The word for one entry in errors, such as "objective"."""

    @property
    def names(self) -> tuple[str, ...]:
        """Names of all entries: the choices of a command-line flag."""
        return tuple(self)

    @property
    def help(self) -> str:
        """Every name with its summary, for help texts: "NAME: SUMMARY; …"."""
        return "; ".join(f"{entry.name}: {entry.summary}" for entry in self.values())

    def find(self, name: str) -> E:
        """The entry of that name.

        Raises: ArgumentError listing the names there are
        """
        if name not in self:
            raise ArgumentError(f"there is no {self.noun} {name!r}; choose one of: {', '.join(self)}")
        return self[name]


def collect(package: str, path: Iterable[str], kind: type[E], noun: str) -> Registry[E]:
    """Import every module of a package, and collect the entries of one type that they define.

    A package's `__init__` calls it with its `__name__` and `__path__`.

    Raises: ArgumentError for two entries of one name
    """
    found: dict[str, E] = {}
    for module in sorted(module.name for module in pkgutil.iter_modules(path)):
        for value in vars(importlib.import_module(f"{package}.{module}")).values():
            if isinstance(value, kind) and found.setdefault(value.name, value) is not value:
                raise ArgumentError(f"{package}.{module}: there is another {noun} {value.name!r}; rename one")
    return Registry(noun, found.values())
