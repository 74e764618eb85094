"""Memory that is used again.

A training step asks for arrays of the same sizes each time. A large array from `np.empty` is mapped anew at every call,
and the first touch of each of its pages costs more than writing to memory that is already there. So memory comes from
here: when the last array (or view) that uses a piece of it is gone, the piece goes back on the shelf, and the next
request for that many bytes gets it.

Nobody sees through it: a piece is never on the shelf while an array uses it, and what is handed out counts as
uninitialised. (The tests fill every returned piece with NaN to prove that.)
"""

from __future__ import annotations

from collections import OrderedDict, deque
from threading import Lock
from typing import Any

import numpy as np

SMALL = 1 << 15
"""Bytes below which the C library's own allocator is as good."""

Piece = np.ndarray[Any, Any]

ALIGNMENT = 64
"""Bytes: a cache line, and the longest vector."""


class Shelf:
    """Free pieces of memory by size, the longest unused first; at most `limit` bytes altogether.

    >>> shelf = Shelf(limit=1 << 20)
    >>> x = shelf.empty((256, 256), np.dtype("float32"))
    >>> first = x.ctypes.data
    >>> del x
    >>> shelf.empty((128, 256), np.dtype("float64")).ctypes.data == first
    True
    """

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.free_bytes = 0
        self.pieces: OrderedDict[int, list[Piece]] = OrderedDict()
        # Arrays die at any moment, in any thread, even inside the methods below: all they do is leave their piece here.
        self.returned: deque[tuple[int, Piece]] = deque()
        self.lock = Lock()

    def empty(self, shape: tuple[int, ...], dtype: np.dtype[Any]) -> np.ndarray[Any, Any]:
        """An array of this shape whose numbers are whatever was there before."""
        size = dtype.itemsize
        for n in shape:
            size *= n
        if size < SMALL:
            return np.empty(shape, dtype)
        return np.asarray(Lease(self, shape, dtype, size))

    def take(self, size: int) -> Piece:
        """A piece of so many bytes: from the shelf, or new."""
        with self.lock:
            self._collect()
            pieces = self.pieces.get(size)
            if not pieces:
                return np.empty(size + ALIGNMENT, np.uint8)
            self.free_bytes -= size
            return pieces.pop()

    def clear(self) -> None:
        """Give all free memory back to the system."""
        with self.lock:
            self._collect()
            self.pieces.clear()
            self.free_bytes = 0

    def _collect(self) -> None:
        """Put what was returned on the shelf, and let go of the longest unused pieces if there are too many."""
        while self.returned:
            size, piece = self.returned.popleft()
            self.pieces.setdefault(size, []).append(piece)
            self.pieces.move_to_end(size)
            self.free_bytes += size
        while self.free_bytes > self.limit:
            oldest = next(iter(self.pieces))
            self.free_bytes -= oldest * len(self.pieces.pop(oldest))


class Lease:
    """Who owns an array's memory: NumPy keeps it alive as long as the array or any view of it is."""

    __slots__ = ("__array_interface__", "__weakref__", "nbytes", "piece", "shelf")

    def __init__(self, shelf: Shelf, shape: tuple[int, ...], dtype: np.dtype[Any], size: int) -> None:
        self.shelf, self.nbytes = shelf, size
        self.piece = shelf.take(size)
        address = self.piece.__array_interface__["data"][0]
        self.__array_interface__ = {
            "version": 3,
            "shape": shape,
            "typestr": dtype.str,
            "data": (address + -address % ALIGNMENT, False),
        }

    def __del__(self) -> None:
        self.shelf.returned.append((self.nbytes, self.piece))


shelf = Shelf(limit=1 << 30)
empty = shelf.empty
