"""Folders that are held open: files in them are found by the open folder, so that no link can redirect a path."""

import errno
import os
import stat
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from rawgan.errors import ConfigError
from rawgan.storage.flushing import FINDS_BY_FOLDER, close_quietly, flush_folder
from rawgan.storage.lookup import errors_naming, refuse_link

NO_FOLLOW = getattr(os, "O_NOFOLLOW", 0)
OWN_FILE = getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0) | NO_FOLLOW
"""Flags of `os.open` for the file of that name itself, no link, for this process alone."""


@dataclass(eq=False)
class HeldFolder:
    """A folder that is held open: files in it are found by it, not by its path."""

    path: Path
    descriptor: int | None
    """The open folder; None where the system cannot find files by it."""
    identity: tuple[int, int]
    """Identity by which it is recognised without a descriptor."""
    durable: bool
    checks: list[Callable[[], None]] = field(default_factory=list)
    """Functions called before anything is written there, each of which may raise."""
    is_open: bool = True

    def check(self) -> None:
        """Raise a ConfigError if the path leads to another folder by now, or an OSError if the system does not tell."""
        try:
            now = os.stat(self.path)
        except (FileNotFoundError, NotADirectoryError):
            now = None
        # Asked anew, as the identity of an open folder may change.
        own = self.identity if self.descriptor is None else identity_of(os.fstat(self.descriptor))
        if now is None or identity_of(now) != own:
            raise ConfigError(
                f"{self.path} has disappeared while it was written to: it was moved, deleted or replaced\n"
                "  nothing more is written to it; if it was moved, go on with it where it is now"
            )
        for check in self.checks:
            check()


_held: list[HeldFolder] = []
"""Folders that are held, innermost last."""


def identity_of(found: os.stat_result) -> tuple[int, int]:
    """Device and inode, which tell a file from all others."""
    return found.st_dev, found.st_ino


@contextmanager
def holding(folder: Path, durable: bool = False, follow: bool = False) -> Iterator[HeldFolder]:
    """Hold a folder: inside, paths below it are written and deleted in the very folder that is there now.

    A link that replaces a sub-folder leads nowhere; if the folder itself is replaced, nothing more is written. With
    `durable`, every file is on the disk, name and bytes, before the next one is begun. With `follow`, the folder itself
    may be given by a link.

    Raises: ConfigError for a link; FileError when it cannot be opened

    >>> from tempfile import TemporaryDirectory
    >>> from rawgan.storage.atomic import write_file
    >>> with TemporaryDirectory() as folder, holding(Path(folder)):
    ...     Path(folder, "samples").symlink_to("/tmp")
    ...     try:
    ...         _ = write_file(Path(folder, "samples", "a.png"), b"")
    ...     except ConfigError as error:
    ...         print(error.args[0].splitlines()[1])
      put a real file or folder there
    """
    outer = next((each for each in reversed(_held) if each.path == folder), None)
    with ExitStack() as stack:
        if outer is not None:
            held = HeldFolder(folder, outer.descriptor, outer.identity, durable or outer.durable, outer.checks)
        else:
            if not follow:
                refuse_link(folder)
            with errors_naming(folder, "opened"), os_location(folder) as (name, at):
                descriptor = os.open(name, _folder_flags(follow), dir_fd=at) if FINDS_BY_FOLDER else None
                if descriptor is not None:
                    stack.callback(close_quietly, descriptor)
                found = os.stat(folder if descriptor is None else descriptor)
                held = HeldFolder(folder, descriptor, identity_of(found), durable)
        _held.append(held)
        try:
            yield held
        finally:
            _held.remove(held)
            held.is_open = False


def holder_of(path: Path) -> HeldFolder | None:
    """Innermost folder that is held and contains the path; None if there is none."""
    around = [each for each in reversed(_held) if path != each.path and path.is_relative_to(each.path)]
    return max(around, key=lambda held: len(held.path.parts), default=None)


def _folder_flags(follow: bool) -> int:
    """Flags of `os.open` for a folder."""
    return os.O_RDONLY | os.O_DIRECTORY | (OWN_FILE & ~NO_FOLLOW if follow else OWN_FILE)


@contextmanager
def os_location(path: Path, make: bool = False) -> Iterator[tuple[str, int | None]]:
    """Name and `dir_fd` of a file for functions of `os`.

    In a folder that is held, these are its name and the open folder around it; elsewhere, its path and None. With
    `make`, missing folders are made.

    Raises: ConfigError for a link among the sub-folders of a held folder, or if that folder has been replaced
    """
    held = holder_of(path)
    if held is None:
        if make:
            path.parent.mkdir(parents=True, exist_ok=True)
        yield os.fspath(path), None
        return
    held.check()
    *folders, name = path.relative_to(held.path).parts
    with ExitStack() as stack:
        here, way = held.descriptor, held.path
        for folder in folders:
            way /= folder
            called = folder if here is not None else os.fspath(way)
            if make:
                with suppress(FileExistsError):
                    os.mkdir(called, dir_fd=here)
                    if held.durable:
                        flush_folder(way.parent, here)
            if here is None:
                refuse_link(way)
                continue
            try:
                here = os.open(called, _folder_flags(follow=False), dir_fd=here)
            except OSError:
                refuse_link(way)
                raise
            stack.callback(close_quietly, here)
        yield name if here is not None else os.fspath(path), here


def open_own_file(path: Path, flags: int) -> int:
    """Open a regular file, no link, pipe or device, with flags of `os.open`; return its descriptor.

    Raises: ConfigError for a link; OSError
    """
    with os_location(path, make=True) as (name, folder):
        try:
            descriptor = os.open(name, flags | OWN_FILE | getattr(os, "O_NONBLOCK", 0), 0o666, dir_fd=folder)
        except OSError:
            refuse_link(path)
            raise
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        close_quietly(descriptor)
        raise OSError(errno.EINVAL, "a pipe or a device, not a file", os.fspath(path))
    return descriptor


def is_same_file(path: Path, descriptor: int) -> bool:
    """True if an open file is the one that has the path now."""
    try:
        with os_location(path) as (name, folder):
            found = os.stat(name, dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError:
        return False
    return identity_of(found) == identity_of(os.fstat(descriptor))
