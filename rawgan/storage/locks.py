"""Locks, so that only one process writes to a folder.

A lock is on a file in the folder. It means nothing if that file or folder has been replaced, as other processes would
lock the new one. So it is checked again once it is locked, and whenever something is written. Nothing is ever written
to the file itself, which may be a hard link to another.
"""

import os
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from rawgan.errors import ConfigError, FileError
from rawgan.storage.flushing import close_quietly
from rawgan.storage.held_folder import HeldFolder, identity_of, is_same_file, open_own_file
from rawgan.storage.lookup import errors_naming
from rawgan.storage.writer_mark import mark

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl


class NoLocks(FileError):
    """A file system without locks."""


BUSY = PermissionError if sys.platform == "win32" else BlockingIOError
"""Error of the system if another process has the lock."""
WAITING = 0.02
"""Seconds between two attempts."""


@contextmanager
def locking(held: HeldFolder, name: str, seconds: float) -> Iterator[int]:
    """Lock the file of that name in a folder that is held, and yield its descriptor.

    If another process has the lock, wait for it for at most `seconds`.

    Raises: ConfigError if another process keeps it, for a link, or where the file system has no locks; FileError when
        it cannot be opened

    >>> from tempfile import TemporaryDirectory
    >>> from rawgan.storage.held_folder import holding
    >>> with TemporaryDirectory() as folder, holding(Path(folder)) as held, locking(held, ".lock", 0):
    ...     try:
    ...         with locking(held, ".lock", 0):
    ...             pass
    ...     except ConfigError as error:
    ...         print(error.args[0].splitlines()[1])
      wait for it, or stop it first
    """
    path, until = held.path / name, time.monotonic() + seconds
    with errors_naming(path, "locked"):
        while (descriptor := _try_to_lock(path)) is None:
            if time.monotonic() >= until:
                raise ConfigError(
                    f"{held.path} is being written to by another process\n  wait for it, or stop it first"
                )
            time.sleep(WAITING)

    called = name if held.descriptor is not None else os.fspath(path)

    def check() -> None:
        """Raise a ConfigError if the file is no longer the one that is locked."""
        try:
            found = os.stat(called, dir_fd=held.descriptor, follow_symlinks=False)
        except FileNotFoundError:
            found = None
        if found is None or identity_of(found) != identity_of(os.fstat(descriptor)):
            raise ConfigError(
                f"{path}, the lock, was deleted or replaced while it was held: another process may write there\n"
                f"  nothing more is written by this one; when no other does, go on with {held.path}"
            )

    held.checks.append(check)
    try:
        yield descriptor
    finally:
        held.checks.remove(check)
        close_quietly(descriptor)  # which releases the lock


def _try_to_lock(path: Path) -> int | None:
    """Open and lock a file; None if another process has the lock, or has just replaced the file.

    Raises: ConfigError as `locking`; OSError when it cannot be opened
    """
    descriptor = open_own_file(path, os.O_RDWR | os.O_CREAT)
    with ExitStack() as stack:
        stack.callback(close_quietly, descriptor)
        try:
            _lock(descriptor)
        except BUSY:
            return None
        except OSError as error:
            raise NoLocks(
                f"{path} could not be locked: {error.strerror}; without locks, two processes could write to one run\n"
                "  train on a file system that has them: --out FOLDER for a new run; copy a run that is here to there, "
                "and go on with the copy"
            ) from error
        if not is_same_file(path, descriptor):
            return None
        mark(descriptor)
        stack.pop_all()
    return descriptor


def _lock(descriptor: int) -> None:
    """Lock an open file.

    Raises: BUSY if another process has the lock; OSError where locks do not work
    """
    if sys.platform == "win32":
        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
    else:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
