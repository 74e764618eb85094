"""The user's cache folder: where it is, and files that are written there whole or not at all."""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from secrets import token_hex
from typing import BinaryIO

from rawgan.errors import ArgumentError, DataError
from rawgan.files import expanded, open_file

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

PART = ".part-"
"""Beginning of the names of incomplete files."""
OLD = 24 * 3600
"""Age in seconds from which an incomplete file is abandoned, where the file system has no locks that would tell."""


def cache_folder() -> Path:
    """Folder of downloads and decoded images: `RAWGAN_CACHE` if it is set, else the user's cache folder of this system.

    Raises: DataError if that is in a home folder that does not exist

    >>> from unittest.mock import patch
    >>> with patch.dict(os.environ, RAWGAN_CACHE="/data/downloads"):
    ...     print(cache_folder().as_posix())
    /data/downloads
    """
    try:
        return expanded(os.environ.get("RAWGAN_CACHE") or _usual_folder())
    except (ArgumentError, RuntimeError):  # from `expanded` and from pooch
        raise DataError(
            "there is no folder for downloads, as there is no home folder; "
            "set RAWGAN_CACHE to a folder that can be written to"
        ) from None


def _usual_folder() -> Path:
    import pooch  # type: ignore[import-untyped]

    return Path(pooch.os_cache("rawgan"))


@contextmanager
def part_of(path: Path) -> Iterator[tuple[Path, BinaryIO]]:
    """New file beside `path`, open and locked, so that others see that it is being written. It is deleted at the end
    unless it was renamed."""
    while True:
        part = path.with_name(f"{PART}{token_hex(4)}-{path.name[-100:]}")
        with open(part, "xb") as file:
            try:
                if _is_free(file) is not False and part.exists():  # not deleted as abandoned before it was locked
                    yield part, file
                    return
            finally:
                with suppress(OSError):  # it was renamed to `path`
                    part.unlink()


def put_in_place(part: Path, file: BinaryIO, path: Path) -> None:
    """Give an incomplete file, which is complete now, its name. A file of that name is replaced."""
    file.flush()
    if fcntl is None:
        file.close()  # Windows can neither rename nor lock open files
    part.replace(path)


def delete_abandoned(path: Path) -> None:
    """Delete incomplete files of processes that ended, in the folder of `path`."""
    with suppress(OSError):
        for part in path.parent.glob(f"{PART}*"):
            with suppress(OSError), open_file(part) as file:
                free = _is_free(file)
                if time.time() - part.stat().st_mtime > OLD if free is None else free:
                    part.unlink()


def _is_free(file: BinaryIO) -> bool | None:
    """Lock an open file until it is closed. True if done, False if another process has the lock, None without locks."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except (OSError, AttributeError):  # a file system or an operating system without such locks
        return None
    return True
