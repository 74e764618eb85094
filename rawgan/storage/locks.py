"""Locks by which one process alone writes to a folder.

A lock is on a file in the folder, and tells nothing if that is no longer the file, or the folder, that others would
lock: so it is looked at again once it is taken, and whenever something is written. Nothing is ever written to the file:
whatever it is a second name of stays as it is.
"""

import os
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from rawgan.errors import ConfigError, FileError
from rawgan.storage.atomic import Held, identity_of, is_still, let_go, naming, open_own
from rawgan.storage.presence import mark

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl


class NoLocks(FileError):
    """A file system that has no locks."""


BUSY = PermissionError if sys.platform == "win32" else BlockingIOError
"""What the system answers if another process has a lock."""
WAITING = 0.02
"""Seconds from one try to the next."""


@contextmanager
def locking(held: Held, name: str, seconds: float) -> Iterator[int]:
    """Inside, no other process has the lock of that name in a folder that is held; gives its open file.

    Another one that has it is waited for, so many seconds at most.

    Raises: ConfigError if another process keeps it, for a link, or where the file system has no locks; FileError when
        it cannot be opened

    >>> from tempfile import TemporaryDirectory
    >>> from rawgan.storage.atomic import holding
    >>> with TemporaryDirectory() as folder, holding(Path(folder)) as held, locking(held, ".lock", 0):
    ...     try:
    ...         with locking(held, ".lock", 0):
    ...             pass
    ...     except ConfigError as error:
    ...         print(error.args[0].splitlines()[1])
      wait for it, or stop it first
    """
    path, until = held.path / name, time.monotonic() + seconds
    with naming(path, "locked"):
        while (descriptor := _taken(path)) is None:
            if time.monotonic() >= until:
                raise ConfigError(
                    f"{held.path} is being written to by another process\n  wait for it, or stop it first"
                )
            time.sleep(WAITING)

    called = name if held.descriptor is not None else os.fspath(path)

    def check() -> None:
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
        let_go(descriptor)  # which gives the lock back


def _taken(path: Path) -> int | None:
    """The lock's open file; None if another process has the lock, or has just put another file in its place.

    Raises: ConfigError as `locking`; OSError when it cannot be opened
    """
    descriptor = open_own(path, os.O_RDWR | os.O_CREAT)
    with ExitStack() as stack:
        stack.callback(let_go, descriptor)
        try:
            _lock(descriptor)
        except BUSY:
            return None
        except OSError as error:
            raise NoLocks(
                f"{path} could not be locked: {error.strerror}; without locks, two processes could write to one run\n"
                "  train on a file system that has them: --out FOLDER for a new run; a run that is here goes on in a "
                "copy that is made there"
            ) from error
        if not is_still(path, descriptor):
            return None
        mark(descriptor)
        stack.pop_all()
    return descriptor


def _lock(descriptor: int) -> None:
    """Lock an open file.

    Raises: BUSY if another process has; OSError where that cannot be done
    """
    if sys.platform == "win32":
        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
    else:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
