"""How kernels are compiled: with which liberties, kept where, and what the user sees meanwhile.

Compiled code is kept on disk: beside the sources, or in the user's cache folder where these cannot be written to, or in
`NUMBA_CACHE_DIR` if that is set. It counts for one state of all sources of this folder: kernels are built out of each
other across files, and Numba by itself would look at the one file only.

A kernel that closes over another compiled function would not be found again on disk: bodies belong at module level.
"""

import hashlib
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from time import perf_counter
from typing import Any, TypeVar

from numba import cfunc, config, njit
from numba.core import caching, event

from rawgan_kernels import formulas

Function = TypeVar("Function", bound=Callable[..., Any])

KEEP_NAN = {"contract", "nsz"}
"""Multiply and add in one instruction, take −0 for 0: nothing else changes, and NaN and infinity stay what they are."""

SUMS = {*KEEP_NAN, "reassoc"}
"""Besides, sums in any order: what a sum needs to be computed in vector registers. The order is settled when the kernel
is compiled, so results are the same from run to run."""

SLOW_SECONDS = 0.5
"""From when on a person should be told what takes so long."""


@cache
def sources_stamp() -> bytes:
    """A hash of all sources that kernels are made of."""
    digest = hashlib.sha256()
    for path in (*sorted(Path(__file__).parent.glob("*.py")), Path(formulas.__file__)):
        digest.update(path.read_bytes())
    return digest.digest()


class _AllSources:
    """Mixed into Numba's cache locators: a folder for each state of the sources, wherever these lie."""

    def get_cache_path(self) -> str:
        return str(Path(super().get_cache_path(), _folder()))  # type: ignore[misc]  # of the locator it is mixed into

    def get_source_stamp(self) -> bytes:
        return sources_stamp()


class ChosenByUser(_AllSources, caching.UserProvidedCacheLocator):
    """In `NUMBA_CACHE_DIR`."""

    @classmethod
    def get_suitable_cache_subpath(cls, py_file: str) -> str:
        return ""  # it would name the folder after where the sources lie


class BesideSources(_AllSources, caching.InTreeCacheLocator):
    """In `__pycache__`; what was compiled from other sources is deleted, as it will not be asked for again."""

    def ensure_cache_path(self) -> None:
        if not Path(self.get_cache_path()).exists():
            for old in Path(self.get_cache_path()).parent.glob("rawgan-*"):
                shutil.rmtree(old, ignore_errors=True)
        super().ensure_cache_path()


class InUsersCache(_AllSources, caching.UserWideCacheLocator):
    """In the user's cache folder."""

    @classmethod
    def get_suitable_cache_subpath(cls, py_file: str) -> str:
        return ""


def _folder() -> str:
    return f"rawgan-{sources_stamp().hex()[:16]}"


_LOCATORS = ",".join(f"{__name__}.{locator.__name__}" for locator in (ChosenByUser, BesideSources, InUsersCache))


def kernel(function: Function | None = None, *, parallel: bool = False, fastmath: set[str] = KEEP_NAN) -> Any:
    """Compile for this CPU at the first call with arrays of each dtype, and keep the result on disk.

    Division by zero gives infinity or NaN, as in NumPy.
    """
    if function is None:
        return lambda function: kernel(function, parallel=parallel, fastmath=fastmath)
    with _cached_by_all_sources():
        return njit(cache=True, nogil=True, error_model="numpy", parallel=parallel, fastmath=fastmath)(function)


def standalone(signature: Any, function: Function) -> Any:
    """Compile now, to be called by its address; see `simd.by_address`."""
    with _cached_by_all_sources():
        return cfunc(signature, cache=True, error_model="numpy")(function)


@contextmanager
def _cached_by_all_sources() -> Iterator[None]:
    settings: Any = config  # whose names are made when it is imported
    before, settings.CACHE_LOCATOR_CLASSES = settings.CACHE_LOCATOR_CLASSES, _LOCATORS
    try:
        yield
    finally:
        settings.CACHE_LOCATOR_CLASSES = before


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
