"""A fault to plant."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Fault:
    """One fragment of the code, and what it would be if it were wrong."""

    name: str
    file: str
    old: str
    """Stands exactly once in the file."""
    new: str
    caught_by: str
    """Arguments of pytest, "FILE -k WORDS": the tests of which one must fail, few and fast."""
