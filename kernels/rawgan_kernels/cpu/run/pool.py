"""The memory pool: memory of arrays that are gone serves the next arrays.

A training step needs arrays of the same sizes each time. A large array from `np.empty` is mapped anew at every call,
and the first touch of each of its pages takes longer than writing to memory that is already there. So arrays get their
memory from this pool: when the last array (or view) that uses a block is gone, the block is free for another array.

**Regions** are ranges of addresses, behind which there is no memory before it is first touched. **Blocks** are parts of
them. A request is rounded up to a *size class*, 32 for each doubling, so that a block also serves a slightly
different size later and no slivers remain. It is cut from the smallest free block that is large enough, in the oldest
region that has one; a block that comes back is joined with its free neighbours. So a step takes hardly more memory than
it uses at its peak. One that has just come back is still in the cache, so it serves a request of its own size at once.

All of this is on the path of every kernel, and takes as long as adding some thousand numbers: about 2 µs.

A block is never free while an array uses it, and new arrays count as uninitialised. (The tests fill every block with
NaN to prove that.)

Ctrl-C may raise between any two lines of Python. So there is one truth, `allocated`, which changes in a single
assignment. The lists of free blocks follow from it, and are made anew if a change to them was not finished.
"""

from __future__ import annotations

import ctypes
import mmap
import os
import sys
import weakref
from bisect import bisect, bisect_left
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache, lru_cache
from math import prod
from threading import Lock, get_ident
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]
Observer = Callable[[int, int], None]
"""Called with the address and the size of each block, in bytes, before its array is used."""

SMALL = 1 << 17
"""Bytes up to which arrays come from the C library's allocator, which is as good: it keeps what was freed."""

REGION = 1 << 30
"""Bytes of addresses that are reserved at a time."""

ALIGNMENT = 64
"""Bytes: a cache line, and the longest vector. All blocks are whole multiples."""

CLASSES = 32
"""Size classes for each doubling of the size: a block is at most a thirty-second larger than its array."""


@lru_cache(maxsize=1024)  # a network needs the same few in every step
def size_class(nbytes: int) -> int:
    """Bytes of the block for an array of so many bytes.

    >>> [size_class(nbytes) for nbytes in (65536, 65537, 1_000_000)]
    [65536, 67584, 1015808]
    """
    step = max(ALIGNMENT, (1 << nbytes.bit_length() - 1) // CLASSES)
    return -(-nbytes // step) * step


class Pool:
    """Regions of memory and their free blocks.

    Arrays of at most `small` bytes do not come from the pool. `reserve(nbytes)` makes the memory of a region.

    >>> pool = Pool(region=1 << 20)
    >>> x = pool.empty((256, 256), np.dtype("float32"))
    >>> address = x.ctypes.data
    >>> del x
    >>> pool.empty((128, 250), np.dtype("float64")).ctypes.data == address
    True
    """

    def __init__(
        self,
        region: int = REGION,
        small: int = SMALL,
        reserve: Callable[[int], Array] = lambda nbytes: np.empty(nbytes, np.uint8),
    ) -> None:
        self.region, self.small, self.reserve = region, small, reserve
        self.regions: dict[int, Array] = {}
        """By the address of their first block."""
        self.allocated: dict[int, Block] = {}
        """Blocks by address. Those whose memory object is gone are free."""
        self.starts: list[int] = []
        """Addresses of the free blocks, ascending."""
        self.sizes: list[int] = []
        """Sizes of the free blocks, in the order of `starts`."""
        self.changing = False
        """True while `starts` and `sizes` are being changed, or if a change was interrupted."""
        # Arrays die at any moment, in any thread, even inside the methods below. Then C code, which no signal
        # interrupts, puts their block here.
        self.returned: deque[Block] = deque()
        self.lock = Lock()
        self.holder = 0
        """The thread that took the lock last."""
        self._observers: tuple[Observer, ...] = ()

    def empty(self, shape: tuple[int, ...], dtype: np.dtype[Any]) -> Array:
        """An uninitialised array."""
        nbytes = prod(shape) * dtype.itemsize
        if nbytes <= self.small or (self.lock.locked() and self._is_at_work_here()):
            return np.empty(shape, dtype)
        memory, address = self.allocate(size_class(nbytes))
        memory.nbytes = nbytes
        for observer in self._observers:
            observer(address, nbytes)
        return np.ndarray(shape, dtype, memory)  # type: ignore[arg-type]  # it has a buffer

    def allocate(self, size: int) -> tuple[Memory, int]:
        """A block of so many bytes, a multiple of `ALIGNMENT`, in use for as long as the memory object lives; and its
        address."""
        with self.lock:
            address = self._begin(size)
            best = -1 if address else self._best(size)
            if not address:
                if best < 0:
                    best = self._add_region(size)
                address, free = self.starts[best], self.sizes[best]
            memory = _memory_at(size)(address)
            block = Block(memory, self.returned.append)
            block.address, block.size = address, size
            self.allocated[address] = block
            if best >= 0:
                if free == size:
                    del self.starts[best], self.sizes[best]
                else:
                    self.starts[best], self.sizes[best] = address + size, free - size
            self.changing = False
        return memory, address

    def trim(self) -> None:
        """Give memory that no array uses back to the system: whole regions and, on Linux, pages of free blocks."""
        if self._is_at_work_here():
            return
        with self.lock:
            self._begin()
            self._drop_unused_regions()
            for start, size in zip(self.starts, self.sizes, strict=True):
                _give_back(start, size)
            self.changing = False

    @contextmanager
    def observe(self, observer: Observer) -> Iterator[None]:
        """Inside, call `observer(address, nbytes)` for each array that gets a block."""
        before = self._observers
        self._observers = (*before, observer)
        try:
            yield
        finally:
            self._observers = before

    def after_fork(self) -> None:
        """In a forked process, free the lock of threads that were not forked: `allocated` is true without them."""
        if self.holder != get_ident():
            self.lock = Lock()

    def _is_at_work_here(self) -> bool:
        """True if this thread is inside the pool and now runs a signal's handler, which must not wait for the lock."""
        if self.holder != get_ident() or not self.lock.locked():
            return False
        frame = sys._getframe(1)
        while frame is not None:
            if frame.f_code in (Pool.allocate.__code__, Pool.trim.__code__):
                return True
            frame = frame.f_back  # type: ignore[assignment]
        self.lock = Lock()  # the work was done, but an interrupt came before the lock was released
        return False

    def _begin(self, size: int = 0) -> int:
        """Bring the lists of free blocks up to date; make them anew if the last change was not finished.

        Returns: the address of a block of so many bytes that came back since the last time, and is not in the lists; 0
        if there is none
        """
        self.holder = get_ident()
        if self.changing:
            self._recount()
        self.changing, found = True, 0
        while self.returned:
            block = self.returned.pop()  # the newest first, which is most likely in the cache
            address = block.address
            if self.allocated.get(address) is block:  # or it was found to be free before
                if block.size == size and not found:
                    found = address
                else:
                    del self.allocated[address]
                    self._join(address, block.size)
        return found

    def _recount(self) -> None:
        """Find the free blocks: the gaps between those in use."""
        self.returned.clear()  # before looking: blocks that are returned from here on will be joined
        for address in [address for address, block in self.allocated.items() if block() is None]:
            del self.allocated[address]
        starts, sizes, used = [], [], sorted(self.allocated)
        for first, memory in sorted(self.regions.items()):
            end, free = first + _usable(memory), first
            for address in [*used[bisect_left(used, first) : bisect_left(used, end)], end]:
                if address > free:
                    starts.append(free)
                    sizes.append(address - free)
                free = address + (self.allocated[address].size if address < end else 0)
        self.starts, self.sizes = starts, sizes

    def _best(self, size: int) -> int:
        """Index of the free block to cut so many bytes from; −1 if none is large enough.

        The oldest region comes first: by size alone, blocks would come from both of two regions, and both would be
        touched from end to end.
        """
        for address, memory in self.regions.items():
            best = -1
            for index in range(bisect_left(self.starts, address), bisect(self.starts, address + _usable(memory))):
                if self.sizes[index] >= size and (best < 0 or self.sizes[index] < self.sizes[best]):
                    best = index
            if best >= 0:
                return best
        return -1

    def _join(self, start: int, size: int) -> None:
        """Add a free block, joined with its free neighbours."""
        starts, sizes = self.starts, self.sizes
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

    def _add_region(self, size: int) -> int:
        """Reserve a region with room for so many bytes. Returns the index of its free block.

        Raises: MemoryError if the system has no such region
        """
        length = max(self.region, size + ALIGNMENT)
        while True:
            try:
                memory = self.reserve(length)
                break
            except MemoryError:  # even addresses may be scarce, as under `ulimit -v`
                if length == size + ALIGNMENT and not self._drop_unused_regions():
                    raise
                length = max(length // 2, size + ALIGNMENT)
        start = _address(memory)
        start += -start % ALIGNMENT
        self.regions[start] = memory
        index = bisect(self.starts, start)
        self.starts.insert(index, start)
        self.sizes.insert(index, _usable(memory))
        return index

    def _drop_unused_regions(self) -> bool:
        """Give regions without a block in use back to the system. Returns True if there were any."""
        before = len(self.regions)
        for address, memory in list(self.regions.items()):
            index = bisect(self.starts, address) - 1
            if index >= 0 and (self.starts[index], self.sizes[index]) == (address, _usable(memory)):
                del self.regions[address], self.starts[index], self.sizes[index]
        return len(self.regions) < before


def _usable(memory: Array) -> int:
    """Bytes of a region that blocks are cut from: less than all, so that no block reaches into the next region."""
    return (memory.nbytes - ALIGNMENT) // ALIGNMENT * ALIGNMENT


def _address(memory: Array) -> int:
    return int(memory.__array_interface__["data"][0])


def _give_back(start: int, size: int) -> None:
    """Tell Linux that the whole pages of a block are not needed; their addresses stay reserved."""
    if sys.platform != "linux":
        return
    first, end = start + -start % mmap.PAGESIZE, (start + size) // mmap.PAGESIZE * mmap.PAGESIZE
    if first < end:
        ctypes.CDLL(None).madvise(ctypes.c_void_p(first), ctypes.c_size_t(end - first), mmap.MADV_DONTNEED)


class Memory(ctypes.Array):
    """The owner of an array's memory: NumPy keeps it alive for as long as the array or any view of it."""

    _type_, _length_ = ctypes.c_char, 0
    nbytes: int
    """Bytes of the array, which may be fewer than those of its block."""


@cache
def _memory_at(size: int) -> Callable[[int], Memory]:
    """A function that makes the memory object for a block of so many bytes, from its address."""
    return type("Memory", (Memory,), {"_length_": size}).from_address  # type: ignore[attr-defined]


class Block(weakref.ref[Memory]):
    """A block in use: its address, and its size in bytes."""

    __slots__ = ("address", "size")

    address: int
    size: int


POOL = Pool()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=POOL.after_fork)
empty = POOL.empty
