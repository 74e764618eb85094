"""Commands, one a file, named after it with hyphens for underscores.

The docstring of a file is "SECTION: PURPOSE.", which `rawgan --help` shows. Its `main` takes the arguments behind the
command, and returns the exit code.
"""

from pathlib import Path
from typing import NamedTuple


class Command(NamedTuple):
    """A command, as `rawgan --help` shows it."""

    name: str
    section: str
    purpose: str

    @property
    def module(self) -> str:
        """Name of the module that has its `main`."""
        return f"{__name__}.{self.name.replace('-', '_')}"


def all_commands(folder: Path = Path(__file__).parent) -> dict[str, Command]:
    """Commands of a folder by name, in alphabetical order. Files are read, and not imported.

    >>> all_commands()["info"].purpose
    'show versions, backends and devices'
    """
    found = {}
    for file in sorted(folder.glob("[!_]*.py")):
        name = file.stem.replace("_", "-")
        with file.open(encoding="utf-8") as lines:
            section, _, purpose = lines.readline().strip().strip('"').rstrip(".").partition(": ")
        found[name] = Command(name, section, purpose)
    return found
