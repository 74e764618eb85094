"""Paths and files named by a user: `~` is the home folder, and only files are opened."""

import errno
import os
import stat
from io import BufferedReader
from pathlib import Path

from rawgan.errors import ArgumentError


def expanded(path: str | os.PathLike[str]) -> Path:
    """Replace `~` by the home folder, as a shell does, but not in `--out=~/runs`.

    Raises: ArgumentError if there is no such home: nobody wants a folder called "~"

    >>> expanded("~/runs") == Path.home() / "runs", expanded("runs").as_posix()
    (True, 'runs')
    """
    path = Path(path)
    try:
        return path.expanduser()
    except RuntimeError:
        if len(path.parts) == 1 and path.parts[0] != "~" and path.exists():  # "~draft.png", as a shell lists it
            return path
        raise ArgumentError(
            f"{path}: there is no home folder for {path.parts[0]} to stand for; write the whole path, or set HOME"
        ) from None


def open_file(path: str | Path) -> BufferedReader:
    """Open a file to read its bytes. Pipes, which would be waited for, and devices, which may never end, are refused.

    Raises: OSError, also for a name that no file can have

    >>> open_file("/dev/zero")
    Traceback (most recent call last):
    OSError: [Errno 22] a pipe or a device, not a file: '/dev/zero'
    """
    try:
        return open(path, "rb", opener=_open_without_waiting)
    except ValueError:  # a zero byte, or characters that names of this system cannot have
        raise OSError(errno.EINVAL, "no file can have such a name", os.fspath(path)) from None


def _open_without_waiting(path: str, flags: int) -> int:
    descriptor = os.open(path, flags | getattr(os, "O_NONBLOCK", 0))  # the open of a pipe waits for its other end
    mode = os.fstat(descriptor).st_mode
    if not stat.S_ISREG(mode):
        os.close(descriptor)
        if stat.S_ISDIR(mode):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), path)
        raise OSError(errno.EINVAL, "a pipe or a device, not a file", path)
    return descriptor
