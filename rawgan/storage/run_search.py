"""Search for runs: those in a folder, and those that may have been meant by a wrong path."""

from collections.abc import Iterator
from difflib import get_close_matches
from pathlib import Path

from rawgan.errors import FileError
from rawgan.storage.lookup import entries_of, is_there

CONFIG = "config.toml"
"""Name of the file that makes a folder a run."""
RUNS = Path("runs")
"""Folder of runs that were given no other."""


def runs_in(folder: Path) -> Iterator[Path]:
    """Runs directly inside a folder, sorted by name; none if there is no such folder.

    Raises: FileError when the folder cannot be listed
    """
    yield from (each for each in entries_of(folder) if _may_be_run(each))


def suggestion(path: Path) -> str:
    """Hint at runs that may have been meant: with a similar name beside `path` or in runs/, or else any."""
    if _may_be_run(path.parent):
        return f"did you mean {path.parent}?"
    if below := [str(run) for run in runs_in(path)]:
        return f"the runs in it: {', '.join(below[-3:])}" + (f", and {len(below) - 3} more" if below[3:] else "")
    runs = {run.name: run for folder in (path.parent, RUNS) for run in runs_in(folder)}
    alike = [name for name in runs if path.name and name.startswith(path.name)]
    alike = alike or get_close_matches(path.name, runs, n=3, cutoff=0.6)
    if alike:
        return f"did you mean {' or '.join(str(runs[name]) for name in alike[-3:])}?"
    if runs:
        return f"the runs nearby: {', '.join(str(run) for run in list(runs.values())[-3:])}"
    return "there are no runs beside it either: train one first"


def _may_be_run(path: Path) -> bool:
    """True if a folder has a config.toml, or if the system does not tell."""
    try:
        return is_there(path / CONFIG)
    except FileError:
        return True
