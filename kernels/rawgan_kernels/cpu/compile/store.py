"""Files of compiled kernels: written whole, and read only if their digest is right.

A damaged file, such as one cut short by a full disk, counts as missing: the kernel is compiled again and the file
replaced.
"""

import hashlib
import os
import re
import stat
import sys
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from functools import cache
from pathlib import Path

from rawgan_kernels.cpu.compile.places import VARIABLE, Place, places, trusted_users, writable_by_others

MAGIC = b"rawgan kernel 1\n"
"""First bytes of a file. The SHA-256 of the file's name and contents follows, then the contents."""

LARGEST = 1 << 26
"""Size in bytes of the largest file that is read. Compiled kernels have about 100,000."""

ABANDONED_SECONDS = 3600
"""Age in seconds of an unfinished file that its writer must have abandoned."""


class Store:
    """Files in the first of several places that takes them.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     store = Store([Place(Path(folder).resolve())])
    ...     store.write("add", b"code")
    ...     [*store.read("add")], [*store.read("subtract")]
    ([b'code'], [])
    """

    def __init__(self, places: Sequence[Place], *, largest: int = LARGEST) -> None:
        self.places, self.largest = places, largest
        self.trusted: set[Path] = set()
        """Folders found to be writable for this user alone."""
        self.failures: dict[Path, str] = {}
        """Folders that took no file, each with the reason; they are not tried again."""
        self.has_told = False
        """True once the user was told that kernels are kept in an unusual place, or nowhere."""

    @property
    def place(self) -> Place | None:
        """The place that files are written to; None if no place takes any."""
        return next((place for place in self.places if place.folder not in self.failures), None)

    def takes_files(self) -> bool:
        """True if some place can be written to."""
        while (place := self.place) is not None:
            if place.takes_files():
                return True
            self.failures[place.folder] = "cannot be written to"
        return False

    def has(self, name: str) -> bool:
        """True if a whole file of this name exists."""
        return any(True for _ in self.read(name))

    def read(self, name: str) -> Iterator[bytes]:
        """Yield the contents of the whole files of this name, place by place."""
        for place in self.places:
            try:
                if place.folder not in self.trusted:
                    if place.distrust():
                        continue
                    self.trusted.add(place.folder)
                data = _read(place.folder / name, self.largest)
            except OSError:
                continue
            head, body = data[: len(MAGIC) + 32], data[len(MAGIC) + 32 :]
            if head == MAGIC + _digest(name, body):
                yield body

    def write(
        self, name: str, body: bytes, write: Callable[[Path, bytes], None] | None = None, outdated: str = ""
    ) -> None:
        """Write a file, readable for all, to the first place that takes it; `write(path, data)` is for tests.

        Beside the sources, files whose whole name matches the regular expression `outdated` are deleted.
        """
        while (place := self.place) is not None:
            try:
                place.make()
                (write or write_or_nothing)(place.folder / name, MAGIC + _digest(name, body) + body)
                if place.beside_sources:
                    delete(place.folder, outdated)
                break
            except OSError as error:
                self.failures[place.folder] = error.strerror or str(error)
        if place is None or not place.kept or (self.failures and VARIABLE in os.environ):
            self._tell(place)

    def _tell(self, place: Place | None) -> None:
        """Print one line on stderr, once: compiled kernels go to an unexpected folder, or nowhere."""
        if not self.has_told:
            self.has_told = True
            where = f"kept in {place.folder}" if place else "compiled again by each process"
            reasons = "; ".join(f"{folder.parent}: {why}" for folder, why in self.failures.items())
            print(f"rawgan: compiled kernels are {where} ({reasons or 'no folder is known'})", file=sys.stderr)


def _digest(name: str, body: bytes) -> bytes:
    return hashlib.sha256(name.encode() + b"\0" + body).digest()


def _read(path: Path, largest: int) -> bytes:
    """Contents of a file that no other user can have written to. Raises: OSError if there is no such file"""
    flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    with open(os.open(path, flags), "rb") as file:
        info = os.fstat(file.fileno())
        foreign = hasattr(os, "geteuid") and info.st_uid not in trusted_users()
        if not stat.S_ISREG(info.st_mode) or info.st_size > largest or foreign or writable_by_others(info):
            raise OSError("not a file of this user")
        return file.read(info.st_size)


def write_or_nothing(path: Path, data: bytes) -> None:
    """Write a file, all of it or nothing. Raises: OSError"""
    part = path.with_name(f"{path.name}.{uuid.uuid4().hex}.part")
    try:
        with open(
            os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o644), "wb"
        ) as file:
            file.write(data)
        part.replace(path)
    except BaseException:
        with suppress(OSError):
            part.unlink()
        raise
    sweep(path.parent)


def delete(folder: Path, pattern: str) -> None:
    """Delete files whose whole name matches a regular expression. One that cannot be deleted is left there."""
    for file in folder.iterdir():
        if re.fullmatch(pattern, file.name):
            with suppress(OSError):
                file.unlink()


@cache
def sweep(folder: Path) -> None:
    """Delete unfinished files of processes that were killed while writing."""
    with suppress(OSError):
        for part in folder.glob("*.part"):
            if time.time() - part.stat().st_mtime > ABANDONED_SECONDS:
                part.unlink()


@cache
def default_store() -> Store:
    """The store of this process."""
    return Store(places())
