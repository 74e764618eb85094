"""The decorator of functions that Numba compiles for this CPU, and its permissions for floating-point arithmetic.

Most functions are called by other compiled ones, or by their address (`run.launch`). They are compiled without the code
that unpacks Python's objects, which takes a fifth of the time.

`code_cache` keeps the result on disk. A function that closes over another compiled one would not be found there again:
compiled functions belong at module level.
"""

from collections.abc import Callable
from functools import partial
from typing import Any, NoReturn, TypeVar

from numba.core import sigutils, types
from numba.core.ccallback import CFunc
from numba.core.registry import CPUDispatcher

from rawgan_kernels.cpu.compile import progress  # noqa: F401  # listens to Numba from now on
from rawgan_kernels.cpu.compile.code_cache import CodeCache
from rawgan_kernels.cpu.compile.store import Store, default_store

Function = TypeVar("Function", bound=Callable[..., Any])

KEEP_NAN = {"contract", "nsz"}
"""Fuse a multiplication with an addition, and take −0 for 0. NaN and infinity stay what they are."""

SUMS = {*KEEP_NAN, "reassoc"}
"""Also add in any order, which a sum in vector registers needs. The order is fixed when the function is compiled, so
results are the same from run to run."""


class Inner(CPUDispatcher):
    """A compiled function that Python cannot call."""

    def __call__(self, *args: Any, **kwargs: Any) -> NoReturn:
        """Raises: TypeError"""
        raise TypeError(f"{self.py_func.__name__} is called from Python: declare it with @compiled(entry=True)")


class Entry(CPUDispatcher):
    """A compiled function that Python can call. It is not compiled once more for read-only arrays."""

    def compile(self, sig: Any) -> Any:
        """Return the way in for arguments of these types, and have arguments of these types take it from now on."""
        given = tuple(sigutils.normalize_signature(sig)[0])
        plain = tuple(map(writable, given))
        entry = super().compile(plain)
        if given != plain:
            self._insert([kind._code for kind in given], entry, False)  # type: ignore[attr-defined]  # of a C type
        return entry


def writable(kind: Any) -> Any:
    """The type with writable arrays in place of read-only ones, which lie in memory alike."""
    if isinstance(kind, types.Array):
        return kind.copy(readonly=False)
    if type(kind) in (types.Tuple, types.UniTuple):
        return types.BaseTuple.from_types([writable(each) for each in kind.types])
    return kind


def compiled(
    function: Function | None = None,
    *,
    parallel: bool = False,
    fastmath: set[str] = KEEP_NAN,
    inline: bool = False,
    entry: bool = False,
    store: Callable[[], Store] = default_store,
) -> Any:
    """Compile for this CPU at the first call with arrays of each dtype, and keep the result on disk.

    Division by zero gives infinity or NaN, as in NumPy. A function to `inline` becomes part of a loop that calls it
    however long it is, so that the loop can become vector code. Python can call an `entry` only.
    """
    if function is None:
        return partial(compiled, parallel=parallel, fastmath=fastmath, inline=inline, entry=entry, store=store)
    options = {"nopython": True, "nogil": True, "error_model": "numpy", "parallel": parallel, "fastmath": fastmath}
    options |= {"forceinline": inline, "boundscheck": None, "no_cpython_wrapper": not entry, "no_cfunc_wrapper": True}
    dispatcher: Any = (Entry if entry else Inner)(function, targetoptions=options)
    dispatcher._cache = CodeCache(function, store)
    return dispatcher


def standalone(signature: Any, function: Function) -> Any:
    """Compile at once a function that is called by its address; see `vector.pointers.by_address`."""
    callback: Any = CFunc(function, sigutils.normalize_signature(signature), {}, {"error_model": "numpy"})
    callback._cache = CodeCache(function)
    callback.compile()
    return callback
