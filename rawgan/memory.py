"""Memory that Tensors share, and the check that it still holds the numbers that a graph was computed from.

A recorded op keeps its inputs, not copies of them: its backward pass would be silently wrong if one were written to in
between. Writes through a Tensor are known. Writes past it (into `t.numpy()`, into the array that the Tensor was made
from, through another Tensor of that array) can come only from somebody who holds the array itself. So memory that was
handed out is copied when an op uses it, and compared with the copy when the backward pass asks for it; memory that
nobody was given costs nothing. Numbers are compared, and only those that the op used, so a write elsewhere is no fault.

On a GPU, where each comparison would wait for the device, only writes through Tensors are noticed.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.lib.array_utils import byte_bounds

SMALL = 4096
"""Size in bytes up to which a copy is a Python `bytes`, made and compared in a tenth of the time of NumPy's calls."""


class Contents:
    """Numbers in some memory from one write to the next, as long as a recorded op needs them.

    `copy` is None as long as nobody can have changed it unnoticed.
    """

    __slots__ = ("array", "bits", "copy")

    def __init__(self, array: Any) -> None:
        self.array = array
        self.copy: Any = None
        self.bits: Any = None
        """The numbers in bf16, if an op keeps them so; see `rawgan.autograd.packing`."""

    def keep(self) -> None:
        """Copy the contents, before somebody is able to change them. On a GPU, nothing is copied."""
        array = self.array
        if self.copy is None and isinstance(array, np.ndarray):
            self.copy = array.tobytes() if array.nbytes <= SMALL else array.copy("K")

    def are_in(self, array: Any) -> bool:
        """True if all numbers of the array, which is this memory, are the same as then."""
        if self.copy.__class__ is bytes:
            return bool(array.tobytes() == self.copy)
        return _same_bits(array, self.copy)

    def are_in_part(self, view: Any) -> bool:
        """True if the numbers of `view`, a part of this memory, are the same as then."""
        array = self.array
        if not lies_within(view, array):
            return not view.size  # other memory by now
        if self.are_in(array):
            return True
        forwards = tuple(slice(None, None, -1 if stride < 0 else 1) for stride in array.strides)
        places = array[(*forwards, ...)]  # the first has the lowest address
        then = np.empty_like(places)
        if then.strides != places.strides:
            return False  # with gaps between its numbers; then it is compared as a whole
        copy = np.frombuffer(self.copy, array.dtype).reshape(array.shape) if isinstance(self.copy, bytes) else self.copy
        then[...] = copy[(*forwards, ...)]  # type: ignore[arg-type]
        offset = _address(view) - byte_bounds(array)[0]
        return _same_bits(
            view, np.ndarray(view.shape, view.dtype, then.ravel("K").view(np.uint8), offset, view.strides)
        )


class Memory:
    """The memory behind a Tensor and behind its views.

    `contents` is None unless a recorded op has used the present numbers. If `exposed`, somebody holds the array itself,
    and may write to it unnoticed.
    """

    __slots__ = ("array", "contents", "exposed")

    def __init__(self, array: Any, exposed: bool = False) -> None:
        self.array = array
        self.contents: Contents | None = None
        self.exposed = exposed

    def used(self) -> Contents:
        """The contents, for an op that uses them."""
        contents = self.contents
        if contents is not None:
            copy, array = contents.copy, self.array
            if copy is None or (array.tobytes() == copy if copy.__class__ is bytes else contents.are_in(array)):
                return contents
        contents = self.contents = Contents(self.array)  # the first that are used, or written to, unnoticed so far
        if self.exposed:
            contents.keep()
        return contents

    def expose(self) -> None:
        """Note that the array itself is handed out."""
        if not self.exposed:
            self.keep()
            self.exposed = True

    def keep(self) -> None:
        """Keep a copy of the contents that an op has used, if any has, before some of them are written to."""
        if self.contents is not None:
            self.contents.keep()


def owner_of(array: Any) -> Any:
    """The array, or other object, that the memory of an array belongs to: the array itself unless it is a view.

    >>> x = np.arange(6)
    >>> owner_of(x[2:].reshape(2, 2)) is x
    True
    """
    base = array.base
    while base is not None:
        array, base = base, getattr(base, "base", None)
    return array


def is_constant(array: Any) -> bool:
    """True if nobody can write to an array: it is read-only, and no view of one that may be written to."""
    return array.base is None and not getattr(array.flags, "writeable", True)


def lies_within(view: Any, array: Any) -> bool:
    """True if a view of the same memory begins and ends within the array. On a GPU, always true.

    >>> x = np.arange(6)
    >>> lies_within(x[2:4], x[1:]), lies_within(x[:2], x[1:])
    (True, False)
    """
    if not isinstance(view, np.ndarray):
        return True
    (start, stop), (low, high) = byte_bounds(view), byte_bounds(array)
    return low <= start <= stop <= high


def _same_bits(a: Any, b: Any) -> bool:
    """True if two arrays of one shape and dtype hold the same bits: NaN is the same as NaN."""
    bits = f"u{a.dtype.itemsize}"
    return bool((a.view(bits) == b.view(bits)).all())


def _address(array: Any) -> int:
    return int(array.__array_interface__["data"][0])
