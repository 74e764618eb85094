"""Plain Python values, which JSON and TOML can hold, from NumPy numbers, paths and containers of them."""

import os
from collections.abc import Mapping
from typing import Any

import numpy as np


def plain(value: Any) -> Any:
    """Convert NumPy numbers to Python's, paths to strings, mappings and sequences to dicts and lists, recursively.

    Other values are returned as they are.

    >>> from pathlib import Path
    >>> plain({"size": np.int64(28), "loss": np.array(0.5), "folder": Path("runs"), "betas": (0.5, 0.999)})
    {'size': 28, 'loss': 0.5, 'folder': 'runs', 'betas': [0.5, 0.999]}
    """
    if isinstance(value, Mapping):
        return {str(name): plain(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    if isinstance(value, np.generic) or (isinstance(value, np.ndarray) and value.ndim == 0):
        return value.item()
    return value
