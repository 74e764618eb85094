"""The mark of a run that is being written to, which others see without a lock of their own.

A writer keeps other writers out by its lock. The mark is a second lock on the same file, of another kind, which the
system tells of when it is asked. To ask takes no lock: however many look at a run, no writer ever finds it taken.
"""

import struct
import sys
from contextlib import suppress
from pathlib import Path

from rawgan.files import open_file

try:
    import fcntl
except ImportError:  # Windows, where nobody can read what a writer has locked
    fcntl = None  # type: ignore[assignment]

if sys.platform.startswith("linux"):
    LAYOUT, KIND = "@hhqqi0q", 0
else:
    LAYOUT, KIND = "@qqihh0q", 3
"""How the system lays out `struct flock`, and where in it the kind of lock is: kind, whence, start, length, process; or
start, length, process, kind, whence."""


def mark(descriptor: int) -> None:
    """Give an open file the mark, until it is closed. Where the file system has no such locks, it has none."""
    if fcntl is not None:
        with suppress(OSError):
            fcntl.fcntl(descriptor, getattr(fcntl, "F_OFD_SETLK", fcntl.F_SETLK), _lock(fcntl.F_WRLCK))


def is_marked(path: Path) -> bool:
    """Whether a process has the mark on a file, which may be read-only.

    Raises: OSError for a file that cannot be opened, or a file system that does not tell

    >>> from tempfile import NamedTemporaryFile
    >>> with NamedTemporaryFile() as file:
    ...     before = is_marked(Path(file.name))
    ...     mark(file.fileno())
    ...     before, is_marked(Path(file.name))
    (False, True)
    """
    with open_file(path) as file:
        if fcntl is None:
            try:
                file.read(1)
            except PermissionError:
                return True
            return False
        ask = getattr(fcntl, "F_OFD_GETLK", fcntl.F_GETLK)
        answer = fcntl.fcntl(file.fileno(), ask, _lock(fcntl.F_RDLCK))
    return bool(struct.unpack(LAYOUT, answer)[KIND] != fcntl.F_UNLCK)


def _lock(kind: int) -> bytes:
    """A lock of that kind, on the whole file."""
    fields = [0] * 5
    fields[KIND] = kind
    return struct.pack(LAYOUT, *fields)
