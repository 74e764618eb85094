"""Memory that is used again.

A training step asks for arrays of the same sizes each time. A large array from `np.empty` is mapped anew at every call,
and the first touch of each of its pages costs more than writing to memory that is already there. So memory comes from
here: when the last array (or view) that uses a piece of it is gone, the piece goes back on the shelf, for the next
request that it fits.

Nobody sees through it: a piece is never on the shelf while an array uses it, and what is handed out counts as
uninitialised. (The tests fill every returned piece with NaN to prove that.)
"""

from __future__ import annotations

from collections import deque
from threading import Lock
from typing import Any

import numpy as np

SMALL = 1 << 15
"""Bytes below which the C library's own allocator is as good."""

Piece = np.ndarray[Any, Any]

ALIGNMENT = 64
"""Bytes: a cache line, and the longest vector."""


class Shelf:
    """Free pieces of memory, at most `limit` bytes of them, the longest unused being let go first.

    A request gets the smallest piece that is large enough, but none of twice its size.

    >>> shelf = Shelf(limit=1 << 20)
    >>> x = shelf.empty((256, 256), np.dtype("float32"))
    >>> first = x.ctypes.data
    >>> del x
    >>> shelf.empty((128, 250), np.dtype("float64")).ctypes.data == first
    True
    """

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.pieces: list[Piece] = []  # the latest last
        # Arrays die at any moment, in any thread, even inside the methods below: all they do is leave their piece here.
        self.returned: deque[Piece] = deque()
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
        """A piece of so many bytes or more: from the shelf, or new."""
        with self.lock:
            self._collect()
            fitting = [i for i, piece in enumerate(self.pieces) if size <= piece.nbytes - ALIGNMENT < 2 * size]
            if not fitting:
                return np.empty(size + ALIGNMENT, np.uint8)
            return self.pieces.pop(min(fitting, key=lambda i: self.pieces[i].nbytes))

    @property
    def free_bytes(self) -> int:
        """Bytes of all free pieces."""
        return sum(piece.nbytes for piece in (*self.pieces, *self.returned))

    def clear(self) -> None:
        """Give all free memory back to the system."""
        with self.lock:
            self._collect()
            self.pieces.clear()

    def _collect(self) -> None:
        """Put what was returned on the shelf, and let go of the longest unused pieces if there are too many."""
        if self.returned:
            while self.returned:
                self.pieces.append(self.returned.popleft())
            excess = self.free_bytes - self.limit
            while excess > 0:
                excess -= self.pieces.pop(0).nbytes


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
        self.shelf.returned.append(self.piece)


shelf = Shelf(limit=1 << 30)
empty = shelf.empty
