"""Stamps of sources: machine code is valid for one state of the modules that it is compiled from.

A kernel is built out of functions and constants of its module, and of those that this one imports, and so on. Editing
one kernel leaves the machine code of the others valid.
"""

import hashlib
import re
from functools import cache
from pathlib import Path
from types import FunctionType

PACKAGE = Path(__file__).resolve().parents[2]
"""The folder of the kernels, of which machine code is made on the CPU."""

IMPORT = re.compile(r"^[ \t]*(?:from|import)[ \t]+([\w.]+)(?:[ \t]+import[ \t]+(\([^)]*\)|[^\n]*))?", re.MULTILINE)
"""An import of a module, or of names from it. Lines of a text that look like one only make a stamp depend on more."""

STAMP = 16
"""Characters of a stamp."""


def name_of(function: FunctionType) -> str:
    """Module of a function, with which names of its files begin; relative to the package, if it is inside of it.

    >>> name_of(name_of)
    'cpu.compile.sources'
    """
    return function.__module__.removeprefix(f"{PACKAGE.name}.")


def stamp_of(function: FunctionType) -> str | None:
    """Hash of the sources of a function; None if they cannot be read, such as those of a notebook."""
    file = Path(function.__code__.co_filename).resolve()
    try:
        return _stamp(file) if file.is_relative_to(PACKAGE) else _stamp(file, *PACKAGE.rglob("*.py"))
    except OSError:
        return None


@cache
def stamp_of_all() -> str:
    """Hash of all sources of the kernels."""
    return _stamp(*PACKAGE.rglob("*.py"))


@cache
def _stamp(*files: Path) -> str:
    """Hash of some files and of all that they import."""
    digests = sorted(source(file)[0] for file in closure(*files))
    return hashlib.sha256(b"".join(digests)).hexdigest()[:STAMP]


def closure(*files: Path) -> set[Path]:
    """Some files, those of the package that they import, and so on."""
    found, pending = set[Path](), [*files]
    while pending:
        if (file := pending.pop()) not in found:
            found.add(file)
            pending += source(file)[1]
    return found


@cache
def source(file: Path) -> tuple[bytes, tuple[Path, ...]]:
    """Hash of a file, and the files of the package that it imports, anywhere in it."""
    data, modules = file.read_bytes(), set[str]()
    for module, names in IMPORT.findall(data.decode(errors="replace")):
        if module.partition(".")[0] == PACKAGE.name:
            modules |= {module, *(f"{module}.{name}" for name in re.findall(r"\w+", names))}
    return hashlib.sha256(data).digest(), tuple(filter(None, map(_file, sorted(modules))))


@cache
def _file(module: str) -> Path | None:
    """File of a module of the package; None if it has no such module."""
    path = PACKAGE.parent.joinpath(*module.split("."))
    return next((file for file in (path.with_suffix(".py"), path / "__init__.py") if file.is_file()), None)
