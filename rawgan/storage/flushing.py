"""Flushing files and folders to the disk, so that a power cut loses neither their bytes nor their names."""

import errno
import os
from contextlib import ExitStack, suppress
from pathlib import Path

LACKING = frozenset({errno.EINVAL, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP})
"""Errors of a file system that lacks a call. Refusing to go on without it would gain nothing."""
FINDS_BY_FOLDER = os.name == "posix"
"""True if the system finds files by an open folder. Elsewhere, it finds them by their paths."""


def flush(descriptor: int) -> None:
    """Write the bytes of an open file to the disk, if the file system can do that.

    Raises: OSError
    """
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in LACKING:
            raise


def flush_folder(path: Path, descriptor: int | None = None) -> None:
    """Write the names in a folder to the disk, if the file system can do that.

    `descriptor` is the folder, if it is open already. Windows flushes names by itself, and has no call for it.

    Raises: OSError
    """
    if not FINDS_BY_FOLDER:
        return
    with ExitStack() as stack:
        if descriptor is None:
            descriptor = os.open(path, os.O_RDONLY)
            stack.callback(close_quietly, descriptor)
        try:
            flush(descriptor)
        except OSError as error:
            if error.errno != errno.EBADF:
                raise


def close_quietly(descriptor: int) -> None:
    """Close a folder, or a file that nothing was written to. An error means no loss, and is ignored."""
    with suppress(OSError):
        os.close(descriptor)
