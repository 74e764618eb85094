"""Results that take long to compute, kept in the user's cache folder: whole or not at all, and only the latest few.

A file holds the SHA-256 of its content before the content, so that a damaged one counts as missing. Where the folder
cannot be written to, nothing is kept, and everything is computed again.
"""

import hashlib
import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from rawgan.data.memory_limits import read_whole
from rawgan.data.user_cache import PART, cache_folder, delete_abandoned, part_of, put_in_place
from rawgan.errors import DataError
from rawgan.files import open_file

DIGEST = hashlib.sha256().digest_size


def kept(kind: str, name: str, compute: Callable[[], bytes], most: int) -> bytes:
    """The result of that name, from the cache folder; or computed now, and kept there with the latest `most` - 1 of its
    kind.

    `kind` is the name of a folder, `name` that of a file: what the result follows from, as a digest.

    >>> from tempfile import TemporaryDirectory
    >>> from unittest.mock import patch
    >>> with TemporaryDirectory() as folder, patch.dict(os.environ, RAWGAN_CACHE=folder):
    ...     kept("sums", "1+1", lambda: b"2", most=9), kept("sums", "1+1", lambda: b"3", most=9)
    (b'2', b'2')
    """
    try:
        path = cache_folder() / kind / name
    except DataError:  # no home folder
        return compute()
    data = _read(path)
    if data is None:
        data = compute()
        with suppress(OSError):
            _write(path, data)
            _delete_old(path.parent, most)
    return data


def _read(path: Path) -> bytes | None:
    """The content of a file, which becomes the latest one; None if it is missing or damaged."""
    try:
        with open_file(path) as file:
            found = read_whole(file, str(path))
    except (OSError, DataError):
        return None
    if hashlib.sha256(found[DIGEST:]).digest() != found[:DIGEST]:
        return None
    with suppress(OSError):
        os.utime(path)
    return found[DIGEST:]


def _write(path: Path, data: bytes) -> None:
    """Write a file whole or not at all. Raises: OSError"""
    path.parent.mkdir(parents=True, exist_ok=True)
    delete_abandoned(path)
    with part_of(path) as (part, file):
        file.write(hashlib.sha256(data).digest() + data)
        put_in_place(part, file, path)


def _delete_old(folder: Path, most: int) -> None:
    """Delete all but the latest `most` complete files."""
    times = []
    for path in folder.iterdir():
        with suppress(OSError):  # another process has deleted it
            if not path.name.startswith(PART):
                times.append((path.stat().st_mtime_ns, path))
    for _, path in sorted(times)[: max(0, len(times) - most)]:
        with suppress(OSError):
            path.unlink()
