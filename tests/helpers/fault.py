"""Planted faults: mistakes that an author of the code might make, each at a place that has a name, not a path."""

import runpy
from dataclasses import dataclass
from pathlib import Path

from paths import PACKAGES, TESTS, file_named


@dataclass(frozen=True)
class Fault:
    """A snippet of a definition, and the wrong one that replaces it."""

    name: str
    where: str
    """Qualified name of the definition: `conv2d`, `Mul.backward`, `Adam`, or a constant.

    A name that several modules have needs the end of its module's name in front: `cpu.conv:conv2d`. The module itself
    has an empty name: `cpu.conv:`.
    """
    old: str
    """Occurs once in the definition. Whitespace between words and signs does not count."""
    new: str
    """Takes the place of `old`. Its later lines are indented relative to the line on which `old` begins."""
    caught_by: str
    """Arguments of pytest, "FILE -k WORDS": the tests of which one must fail, few and fast.

    The file is named without its folder: a test file, or a module with doctests.
    """

    @property
    def test_file(self) -> Path:
        return file_named(self.caught_by.split(" -k ")[0], TESTS, *PACKAGES.values())

    @property
    def words(self) -> str:
        return self.caught_by.split(" -k ")[1]


def planted_faults() -> list[Fault]:
    """Faults of all files `faults_of_*.py` below the tests."""
    return [fault for file in sorted(TESTS.rglob("faults_of_*.py")) for fault in runpy.run_path(str(file))["FAULTS"]]
