"""How kernels are compiled: with which liberties, and what the user sees meanwhile.

`code_cache` keeps the result on disk.

A kernel that closes over another compiled function would not be found again on disk: bodies belong at module level.
"""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import perf_counter
from typing import Any, TypeVar

from numba import njit
from numba.core import event, sigutils
from numba.core.ccallback import CFunc

from rawgan_kernels.cpu.code_cache import CodeCache

Function = TypeVar("Function", bound=Callable[..., Any])

KEEP_NAN = {"contract", "nsz"}
"""Multiply and add in one instruction, take −0 for 0: nothing else changes, and NaN and infinity stay what they are."""

SUMS = {*KEEP_NAN, "reassoc"}
"""Besides, sums in any order: what a sum needs to be computed in vector registers. The order is settled when the kernel
is compiled, so results are the same from run to run."""

SLOW_SECONDS = 0.5
"""From when on a person should be told what takes so long."""


def kernel(function: Function | None = None, *, parallel: bool = False, fastmath: set[str] = KEEP_NAN) -> Any:
    """Compile for this CPU at the first call with arrays of each dtype, and keep the result on disk.

    Division by zero gives infinity or NaN, as in NumPy.
    """
    if function is None:
        return lambda function: kernel(function, parallel=parallel, fastmath=fastmath)
    compiled: Any = njit(nogil=True, error_model="numpy", parallel=parallel, fastmath=fastmath)(function)
    compiled._cache = CodeCache(function)
    return compiled


def standalone(signature: Any, function: Function) -> Any:
    """Compile now, to be called by its address; see `simd.by_address`."""
    compiled: Any = CFunc(function, sigutils.normalize_signature(signature), {}, {"error_model": "numpy"})
    compiled._cache = CodeCache(function)
    compiled.compile()
    return compiled


# --- what the user sees ------------------------------------------------------------------------------------------


def _tell(name: str, seconds: float) -> None:
    """One line on stderr at the first kernel that takes long."""
    if seconds > SLOW_SECONDS and not _told:
        _told.append(name)
        print("rawgan: compiling kernels for this CPU, each of them once", file=sys.stderr)


_told: list[str] = []
_watchers: list[Callable[[str, float], None]] = [_tell]


@contextmanager
def watch_compilation(watcher: Callable[[str, float], None]) -> Iterator[None]:
    """Inside, `watcher(name, seconds)` is called when a kernel starts to compile (seconds 0) and when it is done.

    It takes the place of the line on stderr that is printed otherwise.
    """
    _watchers.append(watcher)
    try:
        yield
    finally:
        _watchers.remove(watcher)


class _Listener(event.Listener):
    """Passes on the outermost compilation of our kernels; those of the functions that it calls are part of it."""

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
        if function.__module__.startswith(__package__):
            _watchers[-1](function.__name__.strip("_"), seconds)


event.register("numba:compile", _Listener())
