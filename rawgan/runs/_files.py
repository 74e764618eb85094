"""Files that are either the old one or the new one, never half of each; and errors that name them."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from secrets import token_hex

from rawgan.errors import ConfigError, FileError


def refuse_link(path: Path) -> None:
    """Raise a ConfigError for a link: what a run writes stays in its folder, wherever somebody's link may lead.

    Files that are replaced as a whole need no such care: the link itself is replaced.
    """
    if path.is_symlink():
        raise ConfigError(f"{path} is a link, and a run writes through none\n  put a file or folder of its own there")


@contextmanager
def naming(path: str | Path, action: str) -> Iterator[None]:
    """Turn the operating system's errors into one that names the file: full disk, no permission, no folder.

    Raises: FileError, also for a name that no file can have

    >>> with naming("weights.safetensors", "written"):
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


def is_there(path: Path) -> bool:
    """Whether there is a file or folder of that name, which a link to nothing is not.

    Raises: FileError when the system does not tell: a folder that may not be looked into is no reason to begin anew

    >>> is_there(Path("no such folder/at all"))
    False
    """
    with naming(path, "read"):
        try:
            path.stat()
        except (FileNotFoundError, NotADirectoryError):
            return False
    return True


def listed(folder: Path) -> list[Path]:
    """What is in a folder, sorted by name; nothing if there is no such folder.

    Raises: FileError when the system does not let it be listed, where `glob` would find nothing

    >>> listed(Path("no such folder"))
    []
    """
    with naming(folder, "read"):
        try:
            return sorted(folder.iterdir())
        except (FileNotFoundError, NotADirectoryError):
            return []


def _can_be_encoded(path: str | Path) -> bool:
    try:
        os.fsencode(path)
    except UnicodeEncodeError:
        return False
    return True


@contextmanager
def replacing(path: str | Path, durable: bool = False) -> Iterator[Path]:
    """Give a temporary path in the same folder, and move what was written there onto ``path`` at the end.

    An error inside the block, Ctrl-C included, removes the temporary file and leaves the old one as it was.
    With ``durable`` the bytes are on the disk before the old file goes, and so is the new name at the end: a power
    cut costs neither.
    The folder is made when it does not exist.

    Raises: FileError when the system refuses (full disk, no permission).

    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     with replacing(Path(folder) / "note.txt") as temporary:
    ...         _ = temporary.write_text("whole or not at all")
    ...     [file.name for file in Path(folder).iterdir()]
    ['note.txt']
    """
    path = Path(path)
    temporary = path.with_name(f".{path.name[-40:]}.{token_hex(4)}.tmp")  # names have 255 bytes at most
    try:
        with naming(path, "written"):
            path.parent.mkdir(parents=True, exist_ok=True)
            yield temporary
            if durable:
                with temporary.open("r+b") as file:
                    os.fsync(file.fileno())
            os.replace(temporary, path)
            if durable:
                _flush_folder(path.parent)
    finally:
        with suppress(OSError):  # gone already, unless something went wrong
            temporary.unlink()


def _flush_folder(folder: Path) -> None:
    """Have the names in a folder written to the disk; Windows does so by itself, and lets nobody ask for it."""
    if os.name == "posix":
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
