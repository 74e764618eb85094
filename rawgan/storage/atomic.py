"""Atomic files: after a crash, each is the old one or the new one, never half of it.

A run writes, renames and deletes through this module only. :func:`write_file` makes sure that every byte is written;
in a folder that is held (`held_folder`), no path leads astray through a link.
"""

import errno
import os
import re
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from secrets import token_hex

from rawgan.storage.flushing import flush, flush_folder
from rawgan.storage.held_folder import OWN_FILE, holder_of, os_location
from rawgan.storage.lookup import errors_naming, refuse_link


def write_file(path: str | Path, data: bytes, durable: bool = False) -> Path:
    """Write a file atomically, and return its path: it is the old one or the new one, whole, whatever happens.

    An error, Ctrl-C included, leaves the old file as it was. With `durable`, the bytes are on the disk before the old
    file is replaced, and the new name is at the end: a power cut loses neither. Missing folders are made. A link is
    replaced by the file; its target stays as it is.

    Raises: FileError when the system refuses (full disk, no permission); ConfigError for a link on the way, in a
        folder that is held

    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     path = write_file(Path(folder) / "note.txt", b"whole or not at all")
    ...     [file.name for file in Path(folder).iterdir()]
    ['note.txt']
    """
    path = Path(path)
    temporary = f".{path.name[-40:]}.{token_hex(4)}.tmp"  # a name has 255 bytes at most; see intended_name
    with errors_naming(path, "written"), os_location(path, make=True) as (name, folder):
        held = holder_of(path)
        durable = durable or (held is not None and held.durable)
        if folder is None:
            temporary = os.fspath(path.with_name(temporary))
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | OWN_FILE, 0o666, dir_fd=folder)
        try:
            with _closing(descriptor):
                write_whole(descriptor, data)
                if durable:
                    flush(descriptor)
            if held is not None:
                held.check()
            os.replace(temporary, name, src_dir_fd=folder, dst_dir_fd=folder)
        except BaseException:
            with suppress(OSError):
                os.unlink(temporary, dir_fd=folder)
            raise
        if durable:
            flush_folder(path.parent, folder)
    return path


def intended_name(path: Path) -> str | None:
    """Name that a temporary file, left by a crash, was to have in the end; None for any other file.

    >>> intended_name(Path("samples/.step-000500.png.0123abcd.tmp"))
    'step-000500.png'
    """
    found = re.fullmatch(r"\.(.+)\.[0-9a-f]{8}\.tmp", path.name, re.DOTALL)
    return found[1] if found else None


def write_whole(descriptor: int, data: bytes) -> None:
    """Write all of the data: a system call may write less than it is given, and report that by a number alone.

    Raises: OSError
    """
    left = memoryview(data)
    while left:
        written = os.write(descriptor, left)
        if not written:
            raise OSError(errno.EIO, "not all bytes could be written")
        left = left[written:]


@contextmanager
def _closing(descriptor: int) -> Iterator[None]:
    """Close a file at the end. A close that is interrupted has still closed the file, and is no error."""
    try:
        yield
    finally:
        with suppress(InterruptedError):
            os.close(descriptor)


def delete(path: Path) -> None:
    """Delete a file, or a link without its target. It may be gone already.

    Raises: FileError when the system refuses; ConfigError as :func:`write_file`
    """
    with errors_naming(path, "deleted"), os_location(path) as (name, folder), suppress(FileNotFoundError):
        os.unlink(name, dir_fd=folder)


def rename(path: Path, name: str) -> Path:
    """Rename a file within its folder, replacing a file of that name; return the new path.

    Raises: FileError when the system refuses; ConfigError as :func:`write_file`
    """
    after = path.with_name(name)
    with errors_naming(path, "renamed"), os_location(path) as (before, folder):
        os.replace(before, after.name if folder is not None else after, src_dir_fd=folder, dst_dir_fd=folder)
    return after


def make_folder(path: Path) -> bool:
    """Make a folder; return True if it was not there yet.

    Raises: FileError when the system refuses, or a file has the name; ConfigError for a link
    """
    refuse_link(path)
    with errors_naming(path, "made"), os_location(path, make=True) as (name, folder):
        try:
            os.mkdir(name, dir_fd=folder)
        except FileExistsError:
            if not stat.S_ISDIR(os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode):
                raise
            return False
    return True
