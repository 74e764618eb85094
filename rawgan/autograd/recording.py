"""State of the engine in each thread: the recording flag, and the gradients that the walk in progress wants."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from contextlib import ContextDecorator

from rawgan.tensor import Node


class Walk:
    """A walk back in progress. It stands for the walk in tables with weak keys, whose entries end with the walk."""

    __slots__ = ("__weakref__",)


class State(threading.local):
    """State of the engine, of each thread by itself."""

    recording: bool = True
    """Ops called now become part of a graph."""
    walk: Walk = Walk()
    """The walk in progress."""
    needs: Mapping[Node, tuple[bool, ...]] = {}
    """Of that walk: for each op, True for each input whose gradient leads to something wanted."""


state = State()


def is_recording() -> bool:
    """True if ops called now become part of a graph."""
    return state.recording


class recording(ContextDecorator):  # a class: Ctrl-C inside a generator's `with` could leave the flag as it is
    """Switch recording on or off: the one flag behind both `no_grad` and `create_graph`."""

    def __init__(self, flag: bool) -> None:
        self._flag = flag
        self._before: list[bool] = []

    def __enter__(self) -> None:
        self._before.append(state.recording)
        state.recording = self._flag

    def __exit__(self, *error: object) -> None:
        state.recording = self._before[-1]
        self._before.pop()


def no_grad() -> recording:
    """Run ops without recording a graph: faster, and nothing is kept for a backward pass.

    >>> from rawgan import Tensor
    >>> x = Tensor([1.0], requires_grad=True)
    >>> with no_grad():
    ...     (x * 2).requires_grad
    False
    """
    return recording(False)
