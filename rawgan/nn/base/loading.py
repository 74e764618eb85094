"""Arrays that are loaded into a module's parameters and buffers."""

from typing import Any

import numpy as np

from rawgan.arrays import plain
from rawgan.device import to_device
from rawgan.errors import ArgumentError, DTypeError, ShapeError
from rawgan.tensor import Tensor
from rawgan_kernels import array_module


def as_weights(value: Any, like: Tensor) -> Any:
    """A copy of these values, of the dtype and on the device of a parameter.

    Raises: ShapeError, DTypeError, ArgumentError for values that it cannot have
    """
    array = plain(value._array if isinstance(value, Tensor) else value, "its value")
    if array.shape != like.shape:
        raise ShapeError(f"{array.shape} should be {like.shape}")
    if array.dtype.kind != "f":
        raise DTypeError(f"should be floats, not {array.dtype}")
    with np.errstate(over="ignore"):
        new = array.astype(like.dtype, order="C")
    xp = array_module(array)
    if (xp.isinf(new) & xp.isfinite(array)).any():
        raise ArgumentError(f"has numbers that are too large for {like.dtype}")
    return to_device(new, like.device)
