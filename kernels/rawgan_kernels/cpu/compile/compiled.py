"""The decorator of functions that Numba compiles for this CPU, and its permissions for floating-point arithmetic.

`code_cache` keeps the result on disk. A function that closes over another compiled one would not be found there again:
compiled functions belong at module level.
"""

from collections.abc import Callable
from typing import Any, TypeVar

from numba import njit
from numba.core import sigutils
from numba.core.ccallback import CFunc

from rawgan_kernels.cpu.compile import progress  # noqa: F401  # listens to Numba from now on
from rawgan_kernels.cpu.compile.code_cache import CodeCache
from rawgan_kernels.cpu.compile.store import Store, default_store

Function = TypeVar("Function", bound=Callable[..., Any])

KEEP_NAN = {"contract", "nsz"}
"""Fuse a multiplication with an addition, and take −0 for 0. NaN and infinity stay what they are."""

SUMS = {*KEEP_NAN, "reassoc"}
"""Also add in any order, which a sum in vector registers needs. The order is fixed when the function is compiled, so
results are the same from run to run."""


def compiled(
    function: Function | None = None,
    *,
    parallel: bool = False,
    fastmath: set[str] = KEEP_NAN,
    inline: bool = False,
    store: Callable[[], Store] = default_store,
) -> Any:
    """Compile for this CPU at the first call with arrays of each dtype, and keep the result on disk.

    Division by zero gives infinity or NaN, as in NumPy. A function to `inline` becomes part of a loop that calls it
    however long it is, so that the loop can become vector code.
    """
    if function is None:
        return lambda function: compiled(function, parallel=parallel, fastmath=fastmath, inline=inline, store=store)
    options: Any = {"nogil": True, "error_model": "numpy", "parallel": parallel, "fastmath": fastmath}
    dispatcher: Any = njit(**options, forceinline=inline)(function)
    dispatcher._cache = CodeCache(function, store)
    return dispatcher


def standalone(signature: Any, function: Function) -> Any:
    """Compile at once a function that is called by its address; see `vector.pointers.by_address`."""
    callback: Any = CFunc(function, sigutils.normalize_signature(signature), {}, {"error_model": "numpy"})
    callback._cache = CodeCache(function)
    callback.compile()
    return callback
