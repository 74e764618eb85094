"""Number crunching for rawgan: arrays in, arrays out.

A kernel is one name with one signature and one implementation per backend::

    reference/   plain array formulas over NumPy or CuPy: the specification and the oracle of every other backend
    cpu/         compiled by Numba for the vector instructions and the cores of this CPU; the default for NumPy arrays
    cuda/        compiled by Numba for NVIDIA's GPUs; not the default for CuPy arrays before it has run on one

`rawgan_kernels.conv2d(x, w, window)` looks at the array it is given, picks the backend, and calls that backend's
`conv2d`. Kernels never validate (the op above has done so), keep the dtype they are given (float32 or float64) and
never write to an input; the optimiser updates, whose purpose it is to write, say so in their names and docstrings.
"""

import importlib
import sys
from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np

from rawgan_kernels import forking  # noqa: F401  # which has to be there before any fork
from rawgan_kernels.errors import MissingKernel
from rawgan_kernels.window import Window

__all__ = ["AUTO", "BACKENDS", "MissingKernel", "Window", "array_module", "backend_of", "chosen", "trim_memory", "use"]

BACKENDS = {"reference": ("cpu", "cuda"), "cpu": ("cpu",), "cuda": ("cuda",)}
"""The backends, and where the arrays may be that each of them takes."""


class _Modules(dict[str, str]):
    """The module of each backend; its name is put together once."""

    def __missing__(self, backend: str) -> str:
        return self.setdefault(backend, f"rawgan_kernels.{backend}")


_MODULES = _Modules()

AUTO = "auto"
"""The choice that leaves it to the array: cpu for NumPy's, reference for CuPy's."""

_chosen = AUTO


def array_module(array: Any) -> ModuleType:
    """The library an array belongs to: `numpy`, or `cupy` if that is loaded and the array is one of its own.

    >>> array_module(np.zeros(3)).__name__
    'numpy'
    """
    if isinstance(array, np.ndarray):
        return np
    cupy = sys.modules.get("cupy")
    if cupy is not None and isinstance(array, cupy.ndarray):
        return cupy
    return np


def backend_of(array: Any) -> str:
    """The name of the backend whose kernels run on this array.

    Raises: MissingKernel if that was chosen by name and does not take such arrays

    >>> backend_of(np.zeros(3))
    'cpu'
    """
    device = "cpu" if array_module(array) is np else "cuda"
    if _chosen == AUTO:
        return "cpu" if device == "cpu" else "reference"
    if device not in BACKENDS[_chosen]:
        mine, other = ("NumPy", "CuPy") if device == "cuda" else ("CuPy", "NumPy")
        raise MissingKernel(
            f"backend {_chosen!r} takes {mine} arrays, not {other}'s; use('reference') or use('auto') takes both"
        )
    return _chosen


def chosen() -> str:
    """What `use` was last called with."""
    return _chosen


def use(backend: str) -> None:
    """Choose the backend of every kernel called from now on, by name, or `"auto"` for the best one of each array.

    >>> use("reference")
    >>> backend_of(np.zeros(3))
    'reference'
    >>> use("auto")
    >>> use("abacus")
    Traceback (most recent call last):
        ...
    rawgan_kernels.errors.MissingKernel: there is no backend 'abacus'; choose one of: auto, reference, cpu, cuda
    """
    global _chosen
    if backend != AUTO and backend not in BACKENDS:
        raise MissingKernel(f"there is no backend {backend!r}; choose one of: {', '.join((AUTO, *BACKENDS))}")
    _chosen = backend


def trim_memory() -> None:
    """Give memory that no array uses back to the system, on the CPU and, where CuPy is in use, on the GPU.

    Kernels keep the memory of arrays that are gone, for the next ones. Call this between two models, say.

    >>> trim_memory()
    """
    if (buffers := sys.modules.get("rawgan_kernels.cpu.run.pool")) is not None:
        buffers.pool.trim()
    if (cupy := sys.modules.get("cupy")) is not None:
        cupy.get_default_memory_pool().free_all_blocks()


def __getattr__(name: str) -> Callable[..., Any]:
    """Make `rawgan_kernels.<kernel>`: a function that finds the backend by its first array, then calls the kernel."""
    if name.startswith("_"):
        raise AttributeError(name)
    if not hasattr(_implementations("reference"), name):
        raise AttributeError(f"rawgan_kernels has no kernel {name!r}")

    def kernel(*args: Any) -> Any:
        first = args[0]
        if isinstance(first, list):
            first = first[0]
        backend = "cpu" if _chosen == AUTO and first.__class__ is np.ndarray else backend_of(first)
        implementation = getattr(sys.modules.get(_MODULES[backend]) or _implementations(backend), name, None)
        if implementation is None:  # or another thread is about to import it, and is waited for
            implementation = getattr(_implementations(backend), name, None)
        if implementation is None:
            raise MissingKernel(f"backend {backend!r} has no kernel {name!r}; use('reference') has every kernel")
        return implementation(*args)

    kernel.__name__ = name
    globals()[name] = kernel  # the next look-up finds it without coming here
    return kernel


def _implementations(backend: str) -> ModuleType:
    return importlib.import_module(_MODULES[backend])
