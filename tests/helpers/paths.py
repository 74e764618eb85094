"""Paths of the repository. Test files are found by name, so that they can move freely."""

from functools import cache
from pathlib import Path

ROOT = next(folder for folder in Path(__file__).parents if (folder / "pyproject.toml").exists())
TESTS, BENCH, README = ROOT / "tests", ROOT / "bench", ROOT / "README.md"

PACKAGES = {"rawgan": ROOT / "rawgan", "rawgan_kernels": ROOT / "kernels" / "rawgan_kernels"}
"""Folders of the import packages, by name."""

SOURCES = sorted(file for folder in PACKAGES.values() for file in folder.rglob("*.py"))
"""Every module that is installed."""


@cache
def file_named(name: str, *folders: Path) -> Path:
    """The only file of this name below the folders (by default: the tests).

    Raises: LookupError if there is none or more than one, with the candidates
    """
    found = sorted(file for folder in folders or (TESTS,) for file in folder.rglob(name))
    if len(found) != 1:
        candidates = "".join(f"\n  {file.relative_to(ROOT)}" for file in found)
        raise LookupError(f"{len(found)} files are named {name}, not 1{candidates}")
    return found[0]
