"""Memory in proportion to what a file holds, whatever its header promises."""

import math
import os
from typing import IO

from rawgan.errors import DataError

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
    """Memory that this machine has; infinite where it does not say.

    >>> machine_bytes() > 2**20
    True
    """
    if not hasattr(os, "sysconf"):
        return math.inf
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")


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
