"""Limits on memory: no more than a file can justify, whatever its header promises, and no more than the machine has."""

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
"""Bytes to read at once."""


def read_at_most(stream: IO[bytes], size: int) -> bytearray:
    """Read up to `size` bytes, in memory that grows with the bytes that come.

    >>> import io
    >>> len(read_at_most(io.BytesIO(b"three"), 2**60))
    5
    """
    held = bytearray()
    while len(held) < size and (piece := stream.read(min(size - len(held), PIECE))):
        held += piece
    return held


def machine_bytes() -> float:
    """Memory, in bytes, that this process may have: the least of the machine's, its container's, and the limits of the
    process; infinite where none of them is known.

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
    """Limits of memory, in bytes, of the control groups around this process on Linux.

    `membership` names the groups, of version 1 or 2; folders below `mount` hold their limits. Inside a container that
    sees nothing but its own group, `mount` itself is that group.
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
            with suppress(OSError, ValueError):  # "max", or a group that cannot be seen from inside a container
                found.append(int((folder / file).read_text()))
            if folder == root:
                break
    return tuple(found)


def read_whole(file: BinaryIO, name: str) -> bytes:
    """Read all bytes of an open file; `name` is for the error.

    Raises: DataError for more bytes than the machine has memory
    """
    size = os.fstat(file.fileno()).st_size
    if size > machine_bytes():
        raise DataError(f"{name}: {size:,} bytes are more than this machine has memory for")
    return file.read(size)


@contextmanager
def limited_extra_memory(size: float) -> Iterator[None]:
    """Inside, limit the memory that this process may add: to `size` bytes, and to what the machine has.

    Beyond that, allocations raise MemoryError, in C libraries, too. So a file that makes a library allocate too much is
    refused, instead of the system killing the process. Only Linux keeps such a limit. It holds for the whole process,
    so that only the main thread sets it, and not while it is set already.

    >>> with limited_extra_memory(2**28):
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
    more = max(0, min(size, machine_bytes() - resident))
    least = min(limit for limit in (counted + more, *before) if limit >= 0)  # a negative limit is none
    try:
        resource.setrlimit(resource.RLIMIT_DATA, (max(int(least), counted), before[1]))
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_DATA, before)
        _limited.release()


_limited = threading.Lock()
"""Held while the process has such a limit."""


def _held_bytes() -> tuple[int, int] | None:
    """Bytes that the system counts against the limit of data, and bytes in memory; None where it does not tell."""
    try:
        with open("/proc/self/statm", "rb") as file:
            pages = [int(each) for each in file.read().split()]
    except OSError:
        return None
    return pages[5] * os.sysconf("SC_PAGE_SIZE"), pages[1] * os.sysconf("SC_PAGE_SIZE")


def refuse_too_large(name: str, size: int) -> None:
    """Raise a DataError if `size` bytes of images are more than the machine has.

    The system might grant them all the same, and kill the process when they are used.

    >>> refuse_too_large("photos", 2**60)
    Traceback (most recent call last):
    rawgan.errors.DataError: photos: these images take 1,073,741,824.0 GiB, more memory than this machine has
      take fewer images, or a smaller image size
    """
    if size > machine_bytes():
        raise DataError(
            f"{name}: these images take {size / 2**30:,.1f} GiB, more memory than this machine has\n"
            "  take fewer images, or a smaller image size"
        )
