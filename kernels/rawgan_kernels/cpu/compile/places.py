"""Folders for compiled kernels: where they may be, and which of them can be trusted.

A user who can write to a cache of machine code decides what the next start runs. So files are read only from folders
that no user can write to but this one, the system's administrator, and the owner of rawgan's own sources, who can
change what runs anyway.
"""

import os
import stat
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from numba.misc.appdirs import user_cache_dir

VARIABLE = "NUMBA_CACHE_DIR"

BACKEND = Path(__file__).resolve().parents[1]
"""The folder of the CPU backend."""


# --- trust -----------------------------------------------------------------------------------------------------------


def distrust(*folders: Path) -> str | None:
    """The reason why other users could exchange the files of a folder; None if they cannot.

    `folders` is the folder, the folder it is in, and so on. On Windows, whose permissions are of another kind, every
    folder is trusted.

    >>> with tempfile.TemporaryDirectory() as folder:
    ...     inner = Path(folder).resolve()
    ...     print(distrust(inner, *inner.parents))
    None
    """
    if not hasattr(os, "geteuid"):
        return None
    for place in folders:
        info = place.stat()
        if info.st_uid not in trusted_users():
            return f"{place} belongs to another user"
        if writable_by_others(info) and not (place != folders[0] and info.st_mode & stat.S_ISVTX):
            return f"others can write to {place}"
    return None


@cache
def trusted_users() -> frozenset[int]:
    """This user, the administrator, and the owner of rawgan's sources."""
    return frozenset((os.geteuid(), os.stat("/").st_uid, os.stat(__file__).st_uid))


def writable_by_others(info: os.stat_result) -> bool:
    """True if other users may write to this file or folder."""
    if not hasattr(os, "geteuid"):
        return False
    return bool(info.st_mode & stat.S_IWOTH or (info.st_mode & stat.S_IWGRP and not is_private(info.st_gid)))


@cache
def is_private(group: int) -> bool:
    """True if a group has this user as its only member, as on systems with a group for each user, or is root's."""
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
    """A folder for compiled kernels, inside of `root`, which may hold other files, too."""

    root: Path
    kept: bool = True
    """True if files are likely to be still there at the next start."""
    beside_sources: bool = False
    """True if `root` is beside the sources: kernels that were compiled from other states of them are then deleted."""

    @property
    def folder(self) -> Path:
        """The folder itself."""
        return self.root / "rawgan"

    def distrust(self) -> str | None:
        """The reason why other users could exchange its files; None if they cannot.

        Raises: OSError if the folder does not exist
        """
        beyond = () if self.beside_sources else self.root.parents  # with the sources exchanged, the cache is no matter
        return distrust(self.folder, self.root, *beyond)

    def make(self) -> None:
        """Make the folder, writable for this user alone. Raises: OSError if that is impossible"""
        if not self.folder.is_dir():
            self.root.mkdir(mode=0o755 if self.kept else 0o700, parents=self.kept, exist_ok=True)
            self.folder.mkdir(mode=0o755, exist_ok=True)
        if why := self.distrust():
            with suppress(OSError):
                self.folder.rmdir()  # if it was made just now
            raise PermissionError(why)

    def takes_files(self) -> bool:
        """True if files can be written to it."""
        try:
            self.make()
            tempfile.TemporaryFile(dir=self.folder).close()
        except OSError:
            return False
        return True


def places() -> list[Place]:
    """Folders that are searched for compiled kernels, in this order; the first that takes files gets new ones."""
    chosen = _chosen()
    if chosen and chosen[0].takes_files():
        return chosen
    found = [*chosen, Place(BACKEND / "__pycache__", beside_sources=True)]
    if os.path.isabs(users := user_cache_dir("rawgan", appauthor=False)):  # it is relative where there is no home
        found.append(Place(Path(os.path.realpath(users), "kernels")))
    return found + [Place(root, kept=False) for root in _temporary_roots()]


def _chosen() -> list[Place]:
    """The folder that the user names, with links resolved; none if it begins with `~` and there is no home."""
    path = os.path.expanduser(os.environ.get(VARIABLE, ""))
    return [] if not path or path.startswith("~") else [Place(Path(os.path.realpath(path)))]


def _temporary_roots() -> list[Path]:
    """This user's own folder in each folder for temporary files; the current folder is never one of these."""
    folders = [os.environ.get(name) for name in ("TMPDIR", "TEMP", "TMP")]
    folders += ["/tmp", "/var/tmp"] if os.name == "posix" else []
    owner = os.geteuid() if hasattr(os, "geteuid") else "user"
    return [Path(os.path.realpath(folder), f"rawgan-kernels-{owner}") for folder in dict.fromkeys(folders) if folder]
