"""Progress of compilation: one line on stderr when it takes long, or a watcher of the caller's."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import perf_counter
from typing import Any

from numba.core import event

Watcher = Callable[[str, float], None]

SLOW_SECONDS = 0.5
"""Seconds of compilation after which the user is told about it."""


class Notice:
    """One line on stderr, at the first function that takes long to compile."""

    def __init__(self) -> None:
        self.shown = False

    def __call__(self, name: str, seconds: float) -> None:
        if seconds > SLOW_SECONDS and not self.shown:
            self.shown = True
            print("rawgan: compiling kernels for this CPU, each of them once", file=sys.stderr)


NOTICE = Notice()
_watchers: list[Watcher] = [NOTICE]


@contextmanager
def watch_compilation(watcher: Watcher) -> Iterator[None]:
    """Inside, call `watcher(name, seconds)` when a function starts to compile (seconds 0) and when it is compiled.

    It replaces the line on stderr.
    """
    _watchers.append(watcher)
    try:
        yield
    finally:
        _watchers.remove(watcher)


class Listener(event.Listener):
    """Passes on the outermost compilation of this backend's functions; functions that they call are part of it."""

    def __init__(self) -> None:
        self.depth, self.started = 0, 0.0

    def on_start(self, event: Any) -> None:
        if self.depth == 0:
            self.started = perf_counter()
            self.report(event, 0.0)
        self.depth += 1

    def on_end(self, event: Any) -> None:
        self.depth -= 1
        if self.depth == 0:
            self.report(event, perf_counter() - self.started)

    @staticmethod
    def report(event: Any, seconds: float) -> None:
        function = event.data["dispatcher"].py_func
        if function.__module__.startswith("rawgan_kernels.cpu."):
            _watchers[-1](function.__name__.strip("_"), seconds)


event.register("numba:compile", Listener())
