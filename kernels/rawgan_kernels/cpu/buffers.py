"""Memory that is used again.

A training step asks for arrays of the same sizes each time. A large array from `np.empty` is mapped anew at every call,
and the first touch of each of its pages costs more than writing to memory that is already there. So memory comes from
here: when the last array (or view) that uses a piece of it is gone, the piece is free for the next request.

Pieces are cut out of slabs of addresses, behind which there is no memory before it is first touched. A request is cut
from the smallest free piece that is large enough, of the oldest slab that has one, and what comes back is joined with
its free neighbours. So a step takes hardly more memory than what is in use at its worst moment: for dcgan at 64×64×3, 2
to 4 % more.

Nobody sees through it: a piece is never free while an array uses it, and what is handed out counts as uninitialised.
(The tests fill every piece with NaN to prove that.)
"""

from __future__ import annotations

from bisect import bisect, bisect_left
from collections import deque
from threading import Lock
from typing import Any

import numpy as np

SMALL = 1 << 16
"""Bytes up to which the C library's own allocator is as good: it keeps what was freed."""

SLAB = 1 << 30
"""Bytes of addresses that are asked for at a time."""

ALIGNMENT = 64
"""Bytes: a cache line, and the longest vector. All pieces are whole multiples."""


class Shelf:
    """Slabs of memory, and which pieces of them are free.

    >>> shelf = Shelf(slab=1 << 20)
    >>> x = shelf.empty((256, 256), np.dtype("float32"))
    >>> first = x.ctypes.data
    >>> del x
    >>> shelf.empty((128, 250), np.dtype("float64")).ctypes.data == first
    True
    """

    def __init__(self, slab: int = SLAB) -> None:
        self.slab = slab
        self.slabs: dict[int, np.ndarray[Any, Any]] = {}  # by the address of their first piece
        self.starts: list[int] = []  # addresses of the free pieces, ascending
        self.sizes: list[int] = []  # theirs
        # Arrays die at any moment, in any thread, even inside the methods below: all they do is leave their piece here.
        self.returned: deque[tuple[int, int]] = deque()
        self.lock = Lock()

    def empty(self, shape: tuple[int, ...], dtype: np.dtype[Any]) -> np.ndarray[Any, Any]:
        """An array of this shape whose numbers are whatever was there before."""
        nbytes = dtype.itemsize
        for n in shape:
            nbytes *= n
        if nbytes <= SMALL:
            return np.empty(shape, dtype)
        size = nbytes + -nbytes % ALIGNMENT
        return np.asarray(Lease(self, self.take(size), size, shape, dtype.str, nbytes))

    def take(self, size: int) -> int:
        """The address of a piece of so many bytes, a multiple of `ALIGNMENT`."""
        with self.lock:
            self._collect()
            best = self._best(size)
            if best < 0:
                best = self._add_slab(size)
            address, free = self.starts[best], self.sizes[best]
            if free == size:
                del self.starts[best], self.sizes[best]
            else:
                self.starts[best], self.sizes[best] = address + size, free - size
            return address

    def _best(self, size: int) -> int:
        """Which free piece to cut so many bytes from; −1 if none has as many.

        The oldest slab first: by size alone, pieces would come from both of two slabs, which then are both touched from
        end to end.
        """
        for address, memory in self.slabs.items():
            best = -1
            for index in range(bisect_left(self.starts, address), bisect(self.starts, address + _usable(memory))):
                if self.sizes[index] >= size and (best < 0 or self.sizes[index] < self.sizes[best]):
                    best = index
            if best >= 0:
                return best
        return -1

    def clear(self) -> None:
        """Give the slabs of which nothing is in use back to the system."""
        with self.lock:
            self._collect()
            for address, memory in list(self.slabs.items()):
                index = bisect(self.starts, address) - 1
                if index >= 0 and (self.starts[index], self.sizes[index]) == (address, _usable(memory)):
                    del self.slabs[address], self.starts[index], self.sizes[index]

    def _collect(self) -> None:
        """Join what was returned with the free pieces beside it."""
        starts, sizes = self.starts, self.sizes
        while self.returned:
            start, size = self.returned.popleft()
            after = bisect(starts, start)
            if after and starts[after - 1] + sizes[after - 1] == start:
                after -= 1
                sizes[after] += size
            else:
                starts.insert(after, start)
                sizes.insert(after, size)
            if after + 1 < len(starts) and starts[after] + sizes[after] == starts[after + 1]:
                sizes[after] += sizes[after + 1]
                del starts[after + 1], sizes[after + 1]

    def _add_slab(self, size: int) -> int:
        """Where among the free pieces that of a new slab is. Raises: MemoryError if there is none of so many bytes."""
        length = max(self.slab, size + ALIGNMENT)
        while True:
            try:
                memory = np.empty(length, np.uint8)
                break
            except MemoryError:  # where even addresses are scarce, as under `ulimit -v`
                if length == size + ALIGNMENT:
                    raise
                length = max(length // 2, size + ALIGNMENT)
        start = memory.__array_interface__["data"][0]
        start += -start % ALIGNMENT
        self.slabs[start] = memory
        index = bisect(self.starts, start)
        self.starts.insert(index, start)
        self.sizes.insert(index, _usable(memory))
        return index


def _usable(memory: np.ndarray[Any, Any]) -> int:
    """Bytes of a slab that are lent: less than all of it, so that no piece ever reaches into the next slab."""
    return (memory.nbytes - ALIGNMENT) // ALIGNMENT * ALIGNMENT


class Lease:
    """Who owns an array's memory: NumPy keeps it alive as long as the array or any view of it is."""

    __slots__ = ("__array_interface__", "nbytes", "piece", "shelf")

    def __init__(
        self, shelf: Shelf, address: int, size: int, shape: tuple[int, ...], typestr: str, nbytes: int
    ) -> None:
        self.shelf, self.piece, self.nbytes = shelf, (address, size), nbytes
        self.__array_interface__ = {"version": 3, "shape": shape, "typestr": typestr, "data": (address, False)}

    def __del__(self) -> None:
        self.shelf.returned.append(self.piece)


shelf = Shelf()
empty = shelf.empty
