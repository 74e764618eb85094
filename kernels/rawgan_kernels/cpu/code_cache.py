"""Compiled kernels on disk.

Whoever can write to a cache of machine code decides what the next start runs. So files are read only from folders that
nobody can write to but this user, the system's administrator and the owner of rawgan's own sources, who decide that
anyway; and a file counts only if its digest, of its name and all its bytes, is right. Any other file, cut short by a
full disk say, is as good as none: the kernel is compiled again, and the file replaced. Numba's own cache, which
unpickles whatever it finds, is not used.

A kernel is looked for in each of these folders, and written to the first that takes it:

    beside the sources, in `__pycache__`
    the user's cache folder
    the system's folder for temporary files, with one line on stderr

If `NUMBA_CACHE_DIR` is set to a folder that can be written to, there alone. Where no folder takes it, it is compiled
again by each process, with one line on stderr, too.

The code counts for one state of all sources of this folder, as kernels are built out of each other across files.
"""

import hashlib
import os
import pickle
import shutil
import stat
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import llvmlite
import numba
from numba.core import caching, config, sigutils
from numba.core.compiler import CompileResult
from numba.core.serialize import dumps
from numba.misc.appdirs import user_cache_dir

from rawgan_kernels import formulas

VARIABLE = "NUMBA_CACHE_DIR"

MAGIC = b"rawgan kernel 1\n"
"""How a file begins; its SHA-256 follows, then what the digest is of."""

LARGEST = 1 << 26
"""Bytes of the largest file that is looked at; those of kernels have some 100,000."""

ABANDONED_SECONDS = 3600
"""Age of an unfinished file whose writer must be gone."""


@cache
def sources_stamp() -> bytes:
    """A hash of all sources that kernels are made of."""
    digest = hashlib.sha256()
    for path in (*sorted(Path(__file__).parent.glob("*.py")), Path(formulas.__file__)):
        digest.update(path.read_bytes())
    return digest.digest()


# --- which folders can be trusted ------------------------------------------------------------------------------------


def distrust(*folders: Path) -> str | None:
    """Why others could exchange what is in the first of these folders, each in the next; None if nobody can.

    On Windows, whose permissions are of another kind, nothing is said against any folder.

    >>> with tempfile.TemporaryDirectory() as folder:
    ...     inner = Path(folder).resolve()
    ...     print(distrust(inner, *inner.parents))
    None
    """
    if not hasattr(os, "geteuid"):
        return None
    for place in folders:
        info = place.stat()
        if info.st_uid not in _trusted_users():
            return f"{place} belongs to another user"
        if _writable_by_others(info) and not (place != folders[0] and info.st_mode & stat.S_ISVTX):
            return f"others can write to {place}"
    return None


@cache
def _trusted_users() -> frozenset[int]:
    return frozenset((os.geteuid(), os.stat("/").st_uid, os.stat(__file__).st_uid))


def _writable_by_others(info: os.stat_result) -> bool:
    if not hasattr(os, "geteuid"):
        return False
    return bool(info.st_mode & stat.S_IWOTH or (info.st_mode & stat.S_IWGRP and not _is_private(info.st_gid)))


@cache
def _is_private(group: int) -> bool:
    """Whether a group has no member but this user, as on systems that give each user one; or is the administrators'."""
    import grp
    import pwd

    try:
        user, entry = pwd.getpwuid(os.geteuid()), grp.getgrgid(group)
    except KeyError:
        return group == os.stat("/").st_gid
    alone = (entry.gr_name, group) == (user.pw_name, user.pw_gid) and {*entry.gr_mem} <= {user.pw_name}
    return alone or group == os.stat("/").st_gid


# --- folders ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Place:
    """A folder for compiled kernels; `root` may hold those of other states of the sources, too."""

    root: Path
    kept: bool = True
    """Whether what is there is likely to be there at the next start."""
    beside_sources: bool = False
    """Whether `root` is beside the sources: what belongs to other states of them is deleted."""

    @property
    def folder(self) -> Path:
        return self.root / f"rawgan-{sources_stamp().hex()[:16]}"

    def distrust(self) -> str | None:
        """Why others could exchange what is there; None if nobody can. Raises: OSError if there is no such folder"""
        beyond = () if self.beside_sources else self.root.parents  # who can exchange the sources has no need of a cache
        return distrust(self.folder, self.root, *beyond)

    def make(self) -> None:
        """Have the folder, that only this user can write to. Raises: OSError if there can be none"""
        if not self.folder.is_dir():
            if self.beside_sources:
                for old in self.root.glob("rawgan-*"):
                    shutil.rmtree(old, ignore_errors=True)
            self.root.mkdir(mode=0o755 if self.kept else 0o700, parents=self.kept, exist_ok=True)
            self.folder.mkdir(mode=0o755, exist_ok=True)
        if why := self.distrust():
            with suppress(OSError):
                self.folder.rmdir()  # if it was made just now
            raise PermissionError(why)

    def takes_files(self) -> bool:
        """Whether it can be written to."""
        try:
            self.make()
            tempfile.TemporaryFile(dir=self.folder).close()
        except OSError:
            return False
        return True


def places() -> list[Place]:
    """Where compiled kernels are looked for, and put, in this order."""
    chosen = _chosen()
    if chosen and chosen[0].takes_files():
        return chosen
    sources = Place(Path(__file__).resolve().parent / "__pycache__", beside_sources=True)
    found = [*chosen, sources]
    if os.path.isabs(users := user_cache_dir("rawgan", appauthor=False)):  # not, where there is no home
        found.append(Place(Path(os.path.realpath(users), "kernels")))
    return found + [Place(root, kept=False) for root in _temporary_roots()]


def _chosen() -> list[Place]:
    """The folder that the user names, with no link in it; none where `~` stands for nothing, as there is no home."""
    path = os.path.expanduser(os.environ.get(VARIABLE, ""))
    return [] if not path or path.startswith("~") else [Place(Path(os.path.realpath(path)))]


def _temporary_roots() -> list[Path]:
    """Where this user's own could be in the folders for temporary files; the current folder is none of them."""
    folders = [os.environ.get(name) for name in ("TMPDIR", "TEMP", "TMP")]
    folders += ["/tmp", "/var/tmp"] if os.name == "posix" else []
    owner = os.geteuid() if hasattr(os, "geteuid") else "user"
    return [Path(os.path.realpath(folder), f"rawgan-kernels-{owner}") for folder in dict.fromkeys(folders) if folder]


class Store:
    """Files in the first of some places that takes them.

    >>> with tempfile.TemporaryDirectory() as folder:
    ...     store = Store([Place(Path(folder).resolve())])
    ...     store.write("add", b"code")
    ...     [*store.read("add")], [*store.read("subtract")]
    ([b'code'], [])
    """

    def __init__(self, places: Sequence[Place]) -> None:
        self.places = places
        self.trusted: set[Path] = set()
        """Folders that were looked at, and that only this user can write to."""
        self.failures: dict[Path, str] = {}
        """Why a folder took nothing; it is not tried again."""

    @property
    def place(self) -> Place | None:
        """Where files are put; None if no place takes any."""
        return next((place for place in self.places if place.folder not in self.failures), None)

    def takes_files(self) -> bool:
        """Whether there is a place that can be written to."""
        while (place := self.place) is not None:
            if place.takes_files():
                return True
            self.failures[place.folder] = "cannot be written to"
        return False

    def has(self, name: str) -> bool:
        return any(True for _ in self.read(name))

    def read(self, name: str) -> Iterator[bytes]:
        """Files written under this name, from every place that has it whole."""
        for place in self.places:
            try:
                if place.folder not in self.trusted:
                    if place.distrust():
                        continue
                    self.trusted.add(place.folder)
                data = _read(place.folder / name)
            except OSError:
                continue
            head, body = data[: len(MAGIC) + 32], data[len(MAGIC) + 32 :]
            if head == MAGIC + _digest(name, body):
                yield body

    def write(self, name: str, body: bytes) -> None:
        """Put a file into the first place that takes it, for all to read."""
        while (place := self.place) is not None:
            try:
                place.make()
                _write(place.folder / name, MAGIC + _digest(name, body) + body)
                break
            except OSError as error:
                self.failures[place.folder] = error.strerror or str(error)
        if place is None or not place.kept or (self.failures and VARIABLE in os.environ):
            _tell(self, place)


def _digest(name: str, body: bytes) -> bytes:
    return hashlib.sha256(name.encode() + b"\0" + body).digest()


def _read(path: Path) -> bytes:
    """All of a file that nobody else can have written to. Raises: OSError if there is none"""
    flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    with open(os.open(path, flags), "rb") as file:
        info = os.fstat(file.fileno())
        foreign = hasattr(os, "geteuid") and info.st_uid not in _trusted_users()
        if not stat.S_ISREG(info.st_mode) or info.st_size > LARGEST or foreign or _writable_by_others(info):
            raise OSError("not a file of ours")
        return file.read(info.st_size)


def _write(path: Path, data: bytes) -> None:
    """All or nothing. Raises: OSError"""
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
    _sweep(path.parent)


@cache
def _sweep(folder: Path) -> None:
    """Delete what processes left behind that were killed while they wrote."""
    with suppress(OSError):
        for part in folder.glob("*.part"):
            if time.time() - part.stat().st_mtime > ABANDONED_SECONDS:
                part.unlink()


def _tell(store: Store, place: Place | None) -> None:
    """One line on stderr, once: compiled kernels go where the user would not look for them, or nowhere."""
    if not _told:
        where = f"kept in {place.folder}" if place else "compiled again by each process"
        reasons = "; ".join(f"{folder.parent}: {why}" for folder, why in store.failures.items())
        _told.append(where)
        print(f"rawgan: compiled kernels are {where} ({reasons or 'no folder is known'})", file=sys.stderr)


_told: list[str] = []


@cache
def store() -> Store:
    """The store of this process."""
    return Store(places())


# --- what Numba asks -------------------------------------------------------------------------------------------------


class CodeCache(caching._Cache):
    """The compiled forms of a function, each a file."""

    def __init__(self, function: Any) -> None:
        self.name = function.__name__
        self.about = function.__module__, function.__qualname__, function.__code__.co_firstlineno

    @property
    def cache_path(self) -> str | None:
        place = store().place
        return None if place is None else str(place.folder)

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        """Code compiled for these arguments; None if nothing was, or it does not fit this Numba."""
        target_context.refresh()
        arguments = self._arguments(sig)
        for body in store().read(self._file(arguments, target_context.codegen())):
            with suppress(Exception):  # written by us, but who knows what libraries were exchanged since
                of, parts = pickle.loads(body)
                if of == arguments:
                    return CompileResult._rebuild(target_context, *parts)
        return None

    def save_overload(self, sig: Any, data: Any) -> None:
        if not data.library.has_dynamic_globals:  # addresses, which are others in the next process
            arguments = self._arguments(sig)
            store().write(self._file(arguments, data.codegen), dumps((arguments, data._reduce())))

    def enable(self) -> None:
        """It always is."""

    def disable(self) -> None:
        """It never is."""

    def flush(self) -> None:
        """Nothing is held back."""

    @staticmethod
    def _arguments(sig: Any) -> tuple[Any, ...]:
        return tuple(sigutils.normalize_signature(sig)[0])

    def _file(self, arguments: tuple[Any, ...], codegen: Any) -> str:
        key = self.about, str(arguments), codegen.magic_tuple(), environment()
        return f"{self.name.strip('_')}-{hashlib.sha256(repr(key).encode()).hexdigest()[:32]}.code"


@cache
def environment() -> tuple[Any, ...]:
    """What machine code depends on, besides sources, types and CPU."""
    versions = sys.implementation.cache_tag, sys.version, numba.__version__, llvmlite.__version__
    settings: Any = config  # whose names are made when it is imported
    return (*versions, settings.OPT, settings.BOUNDSCHECK, settings.LOOP_VECTORIZE, settings.SLP_VECTORIZE)
