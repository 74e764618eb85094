"""Mark of a run that a process is writing to, which others see without taking a lock.

A writer keeps other writers out by its lock. The mark is a second lock on the same file, of a kind that the system
reports when asked. Asking takes no lock: however many processes look at a run, they never keep a writer out.
"""

import struct
import sys
from contextlib import suppress
from pathlib import Path

from rawgan.files import open_file

try:
    import fcntl
except ImportError:  # Windows, where a file that is locked cannot be read
    fcntl = None  # type: ignore[assignment]

if sys.platform.startswith("linux"):
    LAYOUT, KIND = "@hhqqi0q", 0
else:
    LAYOUT, KIND = "@qqihh0q", 3
"""Layout of `struct flock` on this system, and position of the kind of lock in it. The fields are kind, whence, start,
length, process; or start, length, process, kind, whence."""


def mark(descriptor: int) -> None:
    """Mark an open file until it is closed. Where the file system has no such locks, this does nothing."""
    if fcntl is not None:
        with suppress(OSError):
            fcntl.fcntl(descriptor, getattr(fcntl, "F_OFD_SETLK", fcntl.F_SETLK), _lock(fcntl.F_WRLCK))


def is_marked(path: Path) -> bool:
    """True if another process, or another open file, marks a file, which may be read-only.

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
    """`struct flock` for a lock of that kind on the whole file."""
    fields = [0] * 5
    fields[KIND] = kind
    return struct.pack(LAYOUT, *fields)
