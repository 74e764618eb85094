"""Looking at files and folders, with errors that name them: what is there, links, the entries of a folder."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rawgan.errors import ConfigError, FileError


@contextmanager
def errors_naming(path: str | Path, action: str) -> Iterator[None]:
    """Turn errors of the operating system into one that names the file: full disk, no permission, no folder.

    Raises: FileError, also for a name that no file can have

    >>> with errors_naming("weights.safetensors", "written"):
    ...     raise OSError(28, "No space left on device")
    Traceback (most recent call last):
    rawgan.errors.FileError: weights.safetensors could not be written: No space left on device
    """
    if "\0" in str(path) or not _can_be_encoded(path):
        raise FileError(f"{path} could not be {action}: no file can have such a name")
    try:
        yield
    except OSError as error:
        raise FileError(f"{path} could not be {action}: {error.strerror or error}") from error


def refuse_link(path: Path) -> None:
    """Raise a ConfigError for a link, as a run writes nothing outside of its folder, wherever a link may lead.

    Files that are replaced as a whole need no such care: the link itself is replaced.
    """
    if is_link(path):
        raise ConfigError(f"{path} is a link, and a run writes through none\n  put a real file or folder there")


def is_there(path: Path) -> bool:
    """True if there is a file or folder of that name; a link that leads nowhere does not count.

    Raises: FileError when the system does not tell: a folder without permission is no reason to begin anew

    >>> is_there(Path("no such folder/at all"))
    False
    """
    with errors_naming(path, "read"):
        try:
            path.stat()
        except (FileNotFoundError, NotADirectoryError):
            return False
    return True


def is_link(path: Path) -> bool:
    """True if there is a link of that name.

    Raises: FileError when the system does not tell
    """
    with errors_naming(path, "read"):
        return path.is_symlink()


def is_folder(path: Path) -> bool:
    """True if there is a folder of that name, or a link to one.

    Raises: FileError when the system does not tell
    """
    with errors_naming(path, "read"):
        return path.is_dir()


def entries_of(folder: Path) -> list[Path]:
    """Files and folders in a folder, sorted by name; an empty list if there is no such folder.

    Raises: FileError when the system does not let it be listed, where `glob` would find nothing

    >>> entries_of(Path("no such folder"))
    []
    """
    with errors_naming(folder, "read"):
        try:
            return sorted(folder.iterdir())
        except (FileNotFoundError, NotADirectoryError):
            return []


def _can_be_encoded(path: str | Path) -> bool:
    """True if the file system has an encoding for all characters of a path."""
    try:
        os.fsencode(path)
    except UnicodeEncodeError:
        return False
    return True
