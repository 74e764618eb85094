"""Networks on paper: each weight has its shape, and none takes memory.

So the size of a network is known, and a file can be compared with it, before any memory is allocated.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import numpy as np

from rawgan.errors import ArgumentError

_ON_PAPER = ContextVar("rawgan_on_paper", default=False)


@contextmanager
def on_paper() -> Iterator[None]:
    """Inside, new weights, buffers and moments have their shapes only: they can be neither used nor written to.

    >>> from rawgan import nn
    >>> with on_paper():
    ...     layer = nn.Linear(10**6, 10**6, rng=np.random.default_rng(0))
    >>> layer.w.shape
    (1000000, 1000000)
    """
    before = _ON_PAPER.set(True)
    try:
        yield
    finally:
        _ON_PAPER.reset(before)


def is_on_paper() -> bool:
    """True if arrays are made on paper now."""
    return _ON_PAPER.get()


def blank(shape: tuple[int, ...]) -> np.ndarray[Any, Any]:
    """Zeros of a shape, read-only: one number in memory stands for all.

    Raises: ArgumentError for a shape that no array has

    >>> blank((2, 3)).strides
    (0, 0)
    """
    try:
        return np.broadcast_to(np.zeros((), np.float32), shape)
    except ValueError:
        raise ArgumentError(f"an array {shape} would be larger than any memory; ask for less") from None
