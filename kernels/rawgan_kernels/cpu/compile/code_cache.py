"""Numba's interface to compiled kernels on disk. Numba's own cache, which unpickles any file it finds, is not used.

A kernel is looked for in each of these folders, and written to the first that takes it:

    beside the sources, in `__pycache__`
    the user's cache folder
    the system's folder for temporary files, with one line on stderr

If `NUMBA_CACHE_DIR` names a folder that can be written to, only that one is used. Where no folder takes files, each
process compiles its kernels again, with one line on stderr.

Code is valid for one state of the sources that it is compiled from; see `sources`. Beside the sources, code of other
states is deleted.
"""

import hashlib
import pickle
import re
import sys
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from typing import Any

import llvmlite
import numba
from numba.core import caching, config, sigutils
from numba.core.compiler import CompileResult
from numba.core.serialize import dumps

from rawgan_kernels.cpu.compile.sources import name_of, stamp_of
from rawgan_kernels.cpu.compile.store import Store, default_store


@cache
def environment() -> tuple[Any, ...]:
    """All that machine code depends on, besides sources, types and CPU."""
    versions = sys.implementation.cache_tag, sys.version, numba.__version__, llvmlite.__version__
    settings: Any = config  # whose names are made when it is imported
    return (*versions, settings.OPT, settings.BOUNDSCHECK, settings.LOOP_VECTORIZE, settings.SLP_VECTORIZE)


class CodeCache(caching._Cache):
    """The compiled forms of a function, each in a file."""

    def __init__(
        self,
        function: Any,
        store: Callable[[], Store] = default_store,
        environment: Callable[[], tuple[Any, ...]] = environment,
    ) -> None:
        self.function, self.module, self.name = function, name_of(function), function.__name__.strip("_")
        self.about = function.__module__, function.__qualname__, function.__code__.co_firstlineno
        self._store, self._environment = store, environment

    @property
    def stamp(self) -> str | None:
        """The state of the sources; None if it is unknown. Code is then compiled by each process."""
        return stamp_of(self.function)

    @property
    def cache_path(self) -> str | None:
        place = self._store().place
        return None if place is None else str(place.folder)

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        """Code compiled for these arguments; None if there is none, or it does not fit this Numba."""
        target_context.refresh()
        if self.stamp is None:
            return None
        arguments = self._arguments(sig)
        for body in self._store().read(self.file(arguments, target_context.codegen())):
            with suppress(Exception):  # the file is this user's, but libraries may have changed since it was written
                of, parts = pickle.loads(body)
                if of == arguments:
                    return CompileResult._rebuild(target_context, *parts)
        return None

    def save_overload(self, sig: Any, data: Any) -> None:
        """Write compiled code, unless it contains addresses, which differ in the next process."""
        if self.stamp is not None and not data.library.has_dynamic_globals:
            arguments = self._arguments(sig)
            outdated = rf"{re.escape(self.module)}-(?!{self.stamp}-).*"
            body = dumps((arguments, data._reduce()))
            self._store().write(self.file(arguments, data.codegen), body, outdated=outdated)

    def enable(self) -> None:
        """Do nothing: it is always enabled."""

    def disable(self) -> None:
        """Do nothing: it is always enabled."""

    def flush(self) -> None:
        """Do nothing: nothing is held back."""

    @staticmethod
    def _arguments(sig: Any) -> tuple[Any, ...]:
        return tuple(sigutils.normalize_signature(sig)[0])

    def file(self, arguments: tuple[Any, ...], codegen: Any) -> str:
        """Name of the file for arguments of these types, on the CPU of `codegen`."""
        key = self.about, str(arguments), codegen.magic_tuple(), self._environment()
        digest = hashlib.sha256(repr(key).encode()).hexdigest()[:32]
        return f"{self.module}-{self.stamp}-{self.name}-{digest}.code"
