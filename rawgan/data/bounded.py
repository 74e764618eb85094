"""Memory in proportion to what a file holds, whatever its header promises."""

import math
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import IO, BinaryIO

from rawgan.errors import DataError

try:
    import resource
except ImportError:  # Windows, where processes have no such limits
    resource = None  # type: ignore[assignment]

PIECE = 1 << 20
"""Bytes that are read at once."""


def at_most(stream: IO[bytes], size: int) -> bytearray:
    """Up to `size` bytes; the memory it takes grows with what comes, not with what was asked for.

    >>> import io
    >>> len(at_most(io.BytesIO(b"three"), 2**60))
    5
    """
    held = bytearray()
    while len(held) < size and (piece := stream.read(min(size - len(held), PIECE))):
        held += piece
    return held


def machine_bytes() -> float:
    """Memory that this process may have: that of the machine, or of its container, or what a limit leaves of it;
    infinite where none of them says.

    >>> machine_bytes() > 2**20
    True
    """
    limits = [math.inf]
    if hasattr(os, "sysconf"):
        limits.append(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"))
    if resource is not None:
        soft = (resource.getrlimit(each)[0] for each in (resource.RLIMIT_AS, resource.RLIMIT_DATA))
        limits += [limit for limit in soft if limit != resource.RLIM_INFINITY]
    return min(*limits, *container_limits())


@cache
def container_limits(
    membership: Path = Path("/proc/self/cgroup"), mount: Path = Path("/sys/fs/cgroup")
) -> tuple[int, ...]:
    """Memory, in bytes, that the control groups of this process allow on Linux: its own and those around them.

    `membership` names the groups, of version 1 or 2, and folders below `mount` hold their limits. Where a container
    sees no more than its own group, that is `mount` itself, whatever it is called outside.
    """
    try:
        lines = membership.read_text().splitlines()
    except (OSError, ValueError):
        return ()
    found = []
    for line in lines:
        _, kinds, group = (*line.split(":", 2), "", "")[:3]
        if kinds == "":
            root, file = (mount / "unified" if (mount / "unified").is_dir() else mount), "memory.max"
        elif "memory" in kinds.split(","):
            root, file = mount / "memory", "memory.limit_in_bytes"
        else:
            continue
        own = root / group.lstrip("/")
        for folder in (own, *own.parents):
            with suppress(OSError, ValueError):  # "max", or a group that is not to be seen from in here
                found.append(int((folder / file).read_text()))
            if folder == root:
                break
    return tuple(found)


def read_whole(file: BinaryIO, name: str) -> bytes:
    """All bytes of an open file, called `name`.

    Raises: DataError for more than there is memory for
    """
    size = os.fstat(file.fileno()).st_size
    if size > machine_bytes():
        raise DataError(f"{name}: {size:,} bytes are more than this machine has memory for")
    return file.read(size)


@contextmanager
def at_most_more(size: float) -> Iterator[None]:
    """Inside, this process gets so many bytes of memory more, and no more than there are: who asks for others gets a
    MemoryError, in C, too. So a file that makes a library ask for much is refused, instead of the process being ended.

    Linux alone keeps such a limit. It is the whole process's, so that only the main thread sets it, and once at a time.

    >>> with at_most_more(2**28):
    ...     data = bytes(2**20)
    """
    held = _held_bytes()
    if (
        held is None
        or threading.current_thread() is not threading.main_thread()
        or not _limited.acquire(blocking=False)
    ):
        yield
        return
    before = resource.getrlimit(resource.RLIMIT_DATA)
    counted, resident = held
    least = min(limit for limit in (counted + min(size, machine_bytes() - resident), *before) if limit >= 0)
    try:
        resource.setrlimit(resource.RLIMIT_DATA, (max(int(least), counted), before[1]))
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_DATA, before)
        _limited.release()


_limited = threading.Lock()
"""Held as long as the process has such a limit."""


def _held_bytes() -> tuple[int, int] | None:
    """Bytes that the system counts against the limit of data, and those in memory; None where it does not say."""
    try:
        with open("/proc/self/statm", "rb") as file:
            pages = [int(each) for each in file.read().split()]
    except OSError:
        return None
    return pages[5] * os.sysconf("SC_PAGE_SIZE"), pages[1] * os.sysconf("SC_PAGE_SIZE")


def refuse_too_large(name: str, size: int) -> None:
    """Raise a DataError if so many bytes are more than the machine has.

    The system might promise them all the same, and end the process when they are used.

    >>> refuse_too_large("photos", 2**60)
    Traceback (most recent call last):
    rawgan.errors.DataError: photos: these images take 1,073,741,824.0 GiB, more memory than this machine has
      take fewer of them, or a smaller image size
    """
    if size > machine_bytes():
        raise DataError(
            f"{name}: these images take {size / 2**30:,.1f} GiB, more memory than this machine has\n"
            "  take fewer of them, or a smaller image size"
        )
