"""Index of every function, method, class and constant of the sources by name, so that files can move freely."""

import ast
import difflib
import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from paths import BENCH, PACKAGES

TOKEN = re.compile(r"\w+|[^\w\s]")

MOST = 8
"""Candidates that a message lists."""


class Place(NamedTuple):
    """Part of a file, in characters from its beginning."""

    file: Path
    start: int
    stop: int


@dataclass(frozen=True)
class Definition:
    """A module (whose name is empty), or something that is defined in one."""

    module: str
    name: str
    place: Place

    def __str__(self) -> str:
        return f"{self.module}:{self.name}"


class Index:
    """All definitions of some sources."""

    def __init__(self, sources: dict[str, Path]) -> None:
        """Sources: files by the name of their module"""
        self._texts = {file: file.read_text(encoding="utf-8") for file in sources.values()}
        self._named: dict[str, list[Definition]] = defaultdict(list)
        for module, file in sources.items():
            for name, place in _definitions(file, self._texts[file]):
                self._named[name].append(Definition(module, name, place))

    def find(self, where: str, old: str) -> Place:
        """The only place of a snippet in a definition.

        Where: see `fault.Fault`
        Raises: LookupError if the definition or the snippet is missing or occurs more than once, with the candidates
        """
        pattern = re.compile(r"\s*".join(map(re.escape, TOKEN.findall(old))))
        try:
            definitions = self._definitions(where)
        except LookupError as error:
            raise LookupError(f"{error}{self._occurrences(pattern)}") from None
        found = [place for each in definitions for place in self._matches(pattern, each.place)]
        if len(found) != 1:
            candidates = [self._line(place) for place in found] or self._similar(definitions, old)
            elsewhere = "" if found else self._occurrences(pattern)
            raise LookupError(f"{where} has {len(found)} times, not once: {old}{_listed(candidates)}{elsewhere}")
        return found[0]

    def replaced(self, place: Place, new: str) -> str:
        """Text of the place's file with something new at the place."""
        text = self._texts[place.file]
        line = text[text.rfind("\n", 0, place.start) + 1 : place.start]
        indent = line[: len(line) - len(line.lstrip())]
        return text[: place.start] + new.replace("\n", f"\n{indent}") + text[place.stop :]

    def _definitions(self, where: str) -> list[Definition]:
        """Definitions of a name in one module: several, if it has the name twice, as a property and its setter do."""
        ending, colon, name = where.rpartition(":")
        of_that_name = self._named.get(name, [])
        found = [each for each in of_that_name if f".{each.module}".endswith(f".{ending}" if colon else "")]
        if len({definition.module for definition in found}) != 1:
            candidates = found or of_that_name or self._like(name)
            advice = "several modules have it, so put the end of one's name in front" if found else "no such definition"
            raise LookupError(f"{where}: {advice}; candidates:{_listed(sorted(map(str, candidates))[:MOST])}")
        return found

    def _like(self, name: str) -> list[Definition]:
        """Definitions whose name ends alike, or is nearly the same."""
        tail = name.rpartition(".")[2]
        close = difflib.get_close_matches(name, self._named)
        names = [each for each in self._named if each.rpartition(".")[2] == tail or each in close]
        return [definition for each in names for definition in self._named[each]]

    def _matches(self, pattern: re.Pattern[str], part: Place) -> list[Place]:
        found = pattern.finditer(self._texts[part.file], part.start, part.stop)
        return [Place(part.file, *match.span()) for match in found]

    def _occurrences(self, pattern: re.Pattern[str]) -> str:
        """Every place of a snippet in the sources, with the definition around it, as lines of a message."""
        found = [
            (place, definition) for definition in self._named[""] for place in self._matches(pattern, definition.place)
        ]
        lines = [f"{self._around(place, module)}   {self._line(place)}" for place, module in found[:MOST]]
        return f"\nthe snippet occurs in:{_listed(lines)}" if lines else "\nthe snippet occurs nowhere"

    def _around(self, place: Place, module: Definition) -> Definition:
        """The smallest definition that contains a place."""
        around = [
            each
            for definitions in self._named.values()
            for each in definitions
            if each.place.file == place.file and each.place.start <= place.start and place.stop <= each.place.stop
        ]
        return min(around, key=lambda each: each.place.stop - each.place.start, default=module)

    def _similar(self, definitions: list[Definition], old: str) -> list[str]:
        """Lines of definitions that are most like the first line of a snippet."""
        lines = {}
        for file, start, stop in (definition.place for definition in definitions):
            text = self._texts[file]
            for match in re.finditer(r"\S.*", text[start:stop]):
                lines[match[0]] = self._line(Place(file, start + match.start(), start + match.end()))
        close = difflib.get_close_matches(old.strip().split("\n")[0], lines, cutoff=0.3)
        return [lines[line] for line in close]

    def _line(self, place: Place) -> str:
        """A place with its line, as compilers write it."""
        text = self._texts[place.file]
        number = text.count("\n", 0, place.start)
        line = text.split("\n")[number].strip()
        return f"{place.file.name}:{number + 1}: {line}"


def _definitions(file: Path, text: str) -> Iterator[tuple[str, Place]]:
    starts = [0]
    for line in text.split("\n"):
        starts.append(starts[-1] + len(line) + 1)
    yield "", Place(file, 0, len(text))
    for name, node in _named(ast.parse(text)):
        first = min([node.lineno, *(each.lineno for each in getattr(node, "decorator_list", []))])
        yield name, Place(file, starts[first - 1], starts[node.end_lineno])


def _named(node: ast.AST, prefix: str = "", local: bool = False) -> Iterator[tuple[str, ast.stmt]]:
    """Functions and classes, also inside of others, and the assignments of modules and classes; with their names."""
    for child in ast.iter_child_nodes(node):
        match child:
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                yield prefix + child.name, child
                yield from _named(child, f"{prefix}{child.name}.", not isinstance(child, ast.ClassDef))
            case ast.Assign(targets=[ast.Name(name)]) | ast.AnnAssign(target=ast.Name(name)) if not local:
                yield prefix + name, child
            case ast.If() | ast.Try() | ast.With() | ast.For() | ast.ExceptHandler():
                yield from _named(child, prefix, local)


def _listed(candidates: list[str]) -> str:
    return "".join(f"\n  {each}" for each in candidates) or " none"


def index_of_sources() -> Index:
    """Index of all that can be spoilt: the installed packages, and the benchmarks."""
    sources = {}
    for folder in (*PACKAGES.values(), BENCH):
        for file in folder.rglob("*.py"):
            parts = file.relative_to(folder.parent).with_suffix("").parts
            sources[".".join(parts).removesuffix(".__init__")] = file
    return Index(sources)
