"""Files that are either the old one or the new one, never half of each; folders that are held; errors that name both.

Whatever a run writes or deletes goes through here: by :func:`write_file`, which sees to it that every byte is written,
and, inside of a folder that is held, by no path that a link could lead astray.
"""

import errno
import os
import re
import stat
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from secrets import token_hex

from rawgan.errors import ConfigError, FileError

LACKING = frozenset({errno.EINVAL, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP})
"""Errors of a file system that lacks a call. Then nothing is to be gained by refusing to go on without it."""
NO_FOLLOW = getattr(os, "O_NOFOLLOW", 0)
HERE = getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0) | NO_FOLLOW
"""Opens the file of that name itself, no link, for this process alone."""
BY_FOLDER = os.name == "posix"
"""Whether the system finds files in an open folder. Elsewhere, paths have to do."""


def refuse_link(path: Path) -> None:
    """Raise a ConfigError for a link: what a run writes stays in its folder, wherever somebody's link may lead.

    Files that are replaced as a whole need no such care: the link itself is replaced.
    """
    if is_link(path):
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


def is_link(path: Path) -> bool:
    """Whether there is a link of that name.

    Raises: FileError when the system does not tell
    """
    with naming(path, "read"):
        return path.is_symlink()


def is_folder(path: Path) -> bool:
    """Whether there is a folder of that name, or a link to one.

    Raises: FileError when the system does not tell
    """
    with naming(path, "read"):
        return path.is_dir()


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


# --- folders that are held -----------------------------------------------------------------------------------------


@dataclass(eq=False)
class Held:
    """A folder that is held open: files in it are found by it, and no more by its path."""

    path: Path
    descriptor: int | None
    """None where the system cannot find files by it."""
    identity: tuple[int, int]
    """By which it is known where there is no descriptor."""
    durable: bool
    checks: list[Callable[[], None]] = field(default_factory=list)
    """Called before anything is written there: each may raise."""
    is_open: bool = True

    def check(self) -> None:
        """Raise a ConfigError if the path leads to another folder by now, or an OSError if the system does not tell."""
        try:
            now = os.stat(self.path)
        except (FileNotFoundError, NotADirectoryError):
            now = None
        own = self.identity if self.descriptor is None else identity_of(os.fstat(self.descriptor))  # it may change
        if now is None or identity_of(now) != own:
            raise ConfigError(
                f"{self.path} has disappeared while it was written to: it was moved, deleted or replaced\n"
                "  nothing more is written to it; if it was moved, go on with it where it is now"
            )
        for check in self.checks:
            check()


_held: list[Held] = []
"""Innermost last."""


def identity_of(found: os.stat_result) -> tuple[int, int]:
    """Device and number, which tell a file from all others."""
    return found.st_dev, found.st_ino


@contextmanager
def holding(folder: Path, durable: bool = False, follow: bool = False) -> Iterator[Held]:
    """Inside, all that is written or deleted at paths in this folder is so in the very folder that is there now.

    A link that takes the place of a folder in it leads nowhere; if another folder takes its own place, nothing more is
    written. With ``durable``, every file is on the disk, name and bytes, before the next one is begun. With
    ``follow``, the folder may itself be given by a link.

    Raises: ConfigError for a link; FileError when it cannot be opened

    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder, holding(Path(folder)):
    ...     Path(folder, "samples").symlink_to("/tmp")
    ...     try:
    ...         _ = write_file(Path(folder, "samples", "a.png"), b"")
    ...     except ConfigError as error:
    ...         print(error.args[0].splitlines()[1])
      put a file or folder of its own there
    """
    outer = next((each for each in reversed(_held) if each.path == folder), None)
    with ExitStack() as stack:
        if outer is not None:
            held = Held(folder, outer.descriptor, outer.identity, durable or outer.durable, outer.checks)
        else:
            if not follow:
                refuse_link(folder)
            with naming(folder, "opened"), inside(folder) as (name, at):
                descriptor = os.open(name, _folder_flags(follow), dir_fd=at) if BY_FOLDER else None
                if descriptor is not None:
                    stack.callback(let_go, descriptor)
                found = os.stat(folder if descriptor is None else descriptor)
                held = Held(folder, descriptor, identity_of(found), durable)
        _held.append(held)
        try:
            yield held
        finally:
            _held.remove(held)
            held.is_open = False


def holder_of(path: Path) -> Held | None:
    """The innermost folder that is held, and that the path is in."""
    around = [each for each in reversed(_held) if path != each.path and path.is_relative_to(each.path)]
    return max(around, key=lambda held: len(held.path.parts), default=None)


def _folder_flags(follow: bool) -> int:
    return os.O_RDONLY | os.O_DIRECTORY | (HERE & ~NO_FOLLOW if follow else HERE)


@contextmanager
def inside(path: Path, make: bool = False) -> Iterator[tuple[str, int | None]]:
    """What a file is called, as functions of `os` take it with ``dir_fd``: in a folder that is held by its name and the
    open folder that it is in, elsewhere by its path and None. With ``make``, folders that it lacks are made.

    Raises: ConfigError for a link among the folders of one that is held, or if that has been replaced
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
            stack.callback(let_go, here)
        yield name if here is not None else os.fspath(path), here


def let_go(descriptor: int) -> None:
    """Close a folder, or a file that nothing was written to. Whatever the system says of it, nothing is lost."""
    with suppress(OSError):
        os.close(descriptor)


# --- writing ---------------------------------------------------------------------------------------------------------


def write_file(path: str | Path, data: bytes, durable: bool = False) -> Path:
    """Write a file that is the old one or the new one, whole, whatever happens; return its path.

    An error, Ctrl-C included, leaves the old one as it was. With ``durable`` the bytes are on the disk before the old
    file goes, and so is the new name at the end: a power cut costs neither. The folder is made when it does not exist.
    In place of a link comes the file; where the link led, nothing changes.

    Raises: FileError when the system refuses (full disk, no permission); ConfigError for a link on the way there, in a
        folder that is held.

    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     path = write_file(Path(folder) / "note.txt", b"whole or not at all")
    ...     [file.name for file in Path(folder).iterdir()]
    ['note.txt']
    """
    path = Path(path)
    temporary = f".{path.name[-40:]}.{token_hex(4)}.tmp"  # names have 255 bytes at most; see whole_of
    with naming(path, "written"), inside(path, make=True) as (name, folder):
        held = holder_of(path)
        durable = durable or (held is not None and held.durable)
        if folder is None:
            temporary = os.fspath(path.with_name(temporary))
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | HERE, 0o666, dir_fd=folder)
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


def whole_of(path: Path) -> str | None:
    """The name of the file that a temporary one was to become, which a crash left; None for any other file.

    >>> whole_of(Path("samples/.step-000500.png.0123abcd.tmp"))
    'step-000500.png'
    """
    found = re.fullmatch(r"\.(.+)\.[0-9a-f]{8}\.tmp", path.name, re.DOTALL)
    return found[1] if found else None


def write_whole(descriptor: int, data: bytes) -> None:
    """Write all of the data: a system may write less than it is given, and say so by a number alone.

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
    """Close a file at the end. What a system says of it that was interrupted while it closed is no error: it has."""
    try:
        yield
    finally:
        with suppress(InterruptedError):
            os.close(descriptor)


def flush(descriptor: int) -> None:
    """Have a file's bytes written to the disk, if the file system can do that.

    Raises: OSError
    """
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in LACKING:
            raise


def flush_folder(path: Path, descriptor: int | None = None) -> None:
    """Have the names in a folder, which may be open already, written to the disk, if the file system can do that;
    Windows does so by itself, and lets nobody ask for it.

    Raises: OSError
    """
    if not BY_FOLDER:
        return
    with ExitStack() as stack:
        if descriptor is None:
            descriptor = os.open(path, os.O_RDONLY)
            stack.callback(let_go, descriptor)
        try:
            flush(descriptor)
        except OSError as error:
            if error.errno != errno.EBADF:
                raise


# --- opening, deleting, renaming -------------------------------------------------------------------------------------


def open_own(path: Path, flags: int) -> int:
    """Open a file of one's own, no link, pipe or device, with flags of `os.open`; return its descriptor.

    Raises: ConfigError for a link; OSError
    """
    with inside(path, make=True) as (name, folder):
        try:
            descriptor = os.open(name, flags | HERE | getattr(os, "O_NONBLOCK", 0), 0o666, dir_fd=folder)
        except OSError:
            refuse_link(path)
            raise
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        let_go(descriptor)
        raise OSError(errno.EINVAL, "a pipe or a device, not a file", os.fspath(path))
    return descriptor


def is_still(path: Path, descriptor: int) -> bool:
    """Whether an open file is the one of that name."""
    try:
        with inside(path) as (name, folder):
            found = os.stat(name, dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError:
        return False
    return identity_of(found) == identity_of(os.fstat(descriptor))


def delete(path: Path) -> None:
    """Delete a file, or a link, and not where it leads. It may be gone already.

    Raises: FileError when the system refuses; ConfigError as :func:`write_file`
    """
    with naming(path, "deleted"), inside(path) as (name, folder), suppress(FileNotFoundError):
        os.unlink(name, dir_fd=folder)


def rename(path: Path, name: str) -> Path:
    """Give a file another name in the same folder, in place of what is called so; return its new path.

    Raises: FileError when the system refuses; ConfigError as :func:`write_file`
    """
    after = path.with_name(name)
    with naming(path, "renamed"), inside(path) as (before, folder):
        os.replace(before, after.name if folder is not None else after, src_dir_fd=folder, dst_dir_fd=folder)
    return after


def make_folder(path: Path) -> bool:
    """Make a folder; say whether it was not there yet.

    Raises: FileError when the system refuses, or a file has the name; ConfigError for a link
    """
    refuse_link(path)
    with naming(path, "made"), inside(path, make=True) as (name, folder):
        try:
            os.mkdir(name, dir_fd=folder)
        except FileExistsError:
            if not stat.S_ISDIR(os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode):
                raise
            return False
    return True
