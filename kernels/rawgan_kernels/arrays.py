"""NumPy and CuPy arrays: the library of an array, and the memory that neither library uses any more."""

import sys
from types import ModuleType
from typing import Any

import numpy as np

Array = Any
"""An array of NumPy or of CuPy, of float32 or float64 unless a kernel says otherwise."""


def array_module(array: Array) -> ModuleType:
    """The library of an array: `cupy` if that is loaded and the array is one of its own, else `numpy`.

    >>> array_module(np.zeros(3)).__name__
    'numpy'
    """
    if isinstance(array, np.ndarray):
        return np
    cupy = sys.modules.get("cupy")
    if cupy is not None and isinstance(array, cupy.ndarray):
        return cupy
    return np


def trim_memory() -> None:
    """Give memory that no array uses back to the system, on the CPU and, where CuPy is in use, on the GPU.

    The memory pools keep the memory of arrays that are gone for later arrays. Call this between two models, for
    example.

    >>> trim_memory()
    """
    if (cpu := sys.modules.get("rawgan_kernels.cpu.run.pool")) is not None:
        cpu.POOL.trim()
    if (cupy := sys.modules.get("cupy")) is not None:
        cupy.get_default_memory_pool().free_all_blocks()
