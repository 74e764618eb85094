"""Folder of a new run: made by name, or by date and time, and never over another run."""

import re
import time
from contextlib import suppress
from itertools import count
from pathlib import Path

from rawgan.errors import ConfigError
from rawgan.files import expanded
from rawgan.storage.atomic import intended_name
from rawgan.storage.lookup import errors_naming, refuse_link
from rawgan.storage.run_search import CONFIG, RUNS

LOCK = ".lock"
"""Name of the file that a process locks while it trains the run."""


def new_folder(out: str | Path | None, name: str) -> Path:
    """Make the folder of a new run: `out`, or `runs/<name>-<date>-<time>` if `out` is None.

    In a default name, characters of `name` that do not belong in a file name become dashes. If the name is taken, `-2`,
    `-3`, … is added.

    Raises: ConfigError when `out` is a file, holds anything already, or cannot be made
    """
    with errors_naming(RUNS if out is None else out, "made"):
        if out is None:
            return _by_date(name)
        path = expanded(out)
        refuse_taken(path)
        path.mkdir(parents=True, exist_ok=True)
        return path


def refuse_taken(path: Path) -> None:
    """Raise a ConfigError if a new run cannot be at `path`, because something is there already, or it is a link.

    The remains of a run that was killed before it had a config.toml do not count: it can be started again.
    """
    with errors_naming(path, "read"):
        refuse_link(path)
        if path.is_dir() and any(not _is_of_beginning(each) for each in path.iterdir()):
            raise ConfigError(
                f"{path} is not empty, and a run never overwrites another\n"
                "  choose another folder, or delete this one first"
            )
        taken = path.exists() and not path.is_dir()
    if taken:
        raise ConfigError(f"{path} is a file, but a run needs a folder\n  choose another name")


def _is_of_beginning(path: Path) -> bool:
    """True for the files of a run that has no config.toml yet: its lock, and an incomplete config.toml."""
    return path.name == LOCK or intended_name(path) == CONFIG


def _by_date(name: str) -> Path:
    """Make runs/<name>-<date>-<time>, with the first suffix that is free."""
    RUNS.mkdir(exist_ok=True)
    stem = re.sub(r"[^\w.]+", "-", name)[:50].strip("-.") or "run"  # a file name has at most 255 bytes
    first = RUNS / f"{stem}-{time.strftime('%Y%m%d-%H%M%S')}"
    path = first
    for n in count(2):
        with suppress(FileExistsError):
            path.mkdir()
            break
        path = first.with_name(f"{first.name}-{n}")
    return path
