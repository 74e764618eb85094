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

SMALL = 1 << 16
"""Bytes up to which the C library's own allocator is as good: it keeps what was freed."""

ALIGNMENT = 64
"""Bytes: a cache line, and the longest vector."""


class Piece:
    """Memory of `size` bytes from `address` on, which is aligned."""

    __slots__ = ("address", "memory", "size")

    def __init__(self, size: int) -> None:
        self.memory = np.empty(size + ALIGNMENT, np.uint8)
        start = self.memory.__array_interface__["data"][0]
        self.address, self.size = start + -start % ALIGNMENT, size


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
        self.pieces: dict[int, Piece] = {}  # by address, the longest unused first
        self.by_size: dict[int, list[Piece]] = {}  # the same: as a step repeats itself, most requests find their size
        self.bytes = 0  # of all of them
        # Arrays die at any moment, in any thread, even inside the methods below: all they do is leave their piece here.
        self.returned: deque[Piece] = deque()
        self.lock = Lock()

    def empty(self, shape: tuple[int, ...], dtype: np.dtype[Any]) -> np.ndarray[Any, Any]:
        """An array of this shape whose numbers are whatever was there before."""
        size = dtype.itemsize
        for n in shape:
            size *= n
        if size <= SMALL:
            return np.empty(shape, dtype)
        return np.asarray(Lease(self, self.take(size), shape, dtype.str, size))

    def take(self, size: int) -> Piece:
        """A piece of so many bytes or more: from the shelf, or new."""
        with self.lock:
            if self.returned:
                self._collect()
            fitting = self.by_size.get(size)
            if not fitting:
                sizes = [each for each, pieces in self.by_size.items() if pieces and size < each < 2 * size]
                if not sizes:
                    return Piece(size)
                fitting = self.by_size[min(sizes)]
            piece = fitting.pop()
            del self.pieces[piece.address]
            self.bytes -= piece.size
            return piece

    @property
    def free_bytes(self) -> int:
        """Bytes of all free pieces."""
        return self.bytes + sum(piece.size for piece in self.returned)

    def clear(self) -> None:
        """Give all free memory back to the system."""
        with self.lock:
            self._collect()
            self.pieces.clear()
            self.by_size.clear()
            self.bytes = 0

    def _collect(self) -> None:
        """Put what was returned on the shelf, and let go of the longest unused pieces if there are too many."""
        while self.returned:
            piece = self.returned.popleft()
            self.pieces[piece.address] = piece
            self.by_size.setdefault(piece.size, []).append(piece)
            self.bytes += piece.size
        while self.bytes > self.limit:
            oldest = self.pieces.pop(next(iter(self.pieces)))
            self.by_size[oldest.size].remove(oldest)
            self.bytes -= oldest.size


class Lease:
    """Who owns an array's memory: NumPy keeps it alive as long as the array or any view of it is."""

    __slots__ = ("__array_interface__", "nbytes", "piece", "shelf")

    def __init__(self, shelf: Shelf, piece: Piece, shape: tuple[int, ...], typestr: str, nbytes: int) -> None:
        self.shelf, self.piece, self.nbytes = shelf, piece, nbytes
        self.__array_interface__ = {"version": 3, "shape": shape, "typestr": typestr, "data": (piece.address, False)}

    def __del__(self) -> None:
        self.shelf.returned.append(self.piece)


shelf = Shelf(limit=1 << 30)
empty = shelf.empty
