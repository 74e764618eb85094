"""Checks of the inputs of metrics."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rawgan.arrays import plain
from rawgan.errors import ArgumentError, DeviceError, DTypeError, ShapeError, shapes


def checked(metric: str, least: int, **sets: ArrayLike) -> list[NDArray[np.float64]]:
    """Each set of points as float64, if a metric can be computed from it.

    Shapes: each (N, D), with the same D → the same
    Raises: ShapeError for another rank or for sets of different widths; DTypeError for other types than numbers;
            DeviceError for arrays on a GPU; ArgumentError for fewer than `least` points, or numbers that are not finite
    """
    arrays = {name: plain(points, f"{metric}: {name}") for name, points in sets.items()}
    for name, points in arrays.items():
        if not isinstance(points, np.ndarray):
            raise DeviceError(f"{metric}: {name} must be on the CPU: {name}.get()\n{shapes(**arrays)}")
        if points.dtype.kind not in "biuf":
            raise DTypeError(f"{metric}: {name} must hold numbers, but is {points.dtype}\n{shapes(**arrays)}")
    arrays = {name: points.astype(np.float64, copy=False) for name, points in arrays.items()}
    if any(points.ndim != 2 or not points.shape[1] for points in arrays.values()):
        raise ShapeError(f"{metric}: each set must be (N, D), one row for each sample\n{shapes(**arrays)}")
    if len({points.shape[1] for points in arrays.values()}) > 1:
        raise ShapeError(f"{metric}: the sets must have the same features, so as many of them\n{shapes(**arrays)}")
    for name, points in arrays.items():
        if len(points) < least:
            raise ArgumentError(f"{metric}: at least {least} samples are needed, but {name} has {len(points)}")
        if lost := int((~np.isfinite(points)).any(axis=1).sum()):
            raise ArgumentError(
                f"{metric}: {lost} of the {len(points)} samples of {name} hold numbers that are not finite; "
                "the network that made them has diverged"
            )
    return list(arrays.values())


def checked_labels(metric: str, labels: ArrayLike, classes: int) -> NDArray[np.int64]:
    """Class numbers as int64, if they can be counted.

    Shapes: (N,) integers → (N,) int64
    Raises: ShapeError for another rank, for other types, or without labels; ArgumentError for a label outside
        0 … classes − 1
    """
    numbers = plain(labels, f"{metric}: labels")
    if numbers.ndim != 1 or not numbers.size or numbers.dtype.kind not in "iu":
        raise ShapeError(
            f"{metric}: labels must be integers (N,), one or more\n{shapes(labels=numbers)} {numbers.dtype}"
        )
    if numbers.min() < 0 or numbers.max() >= classes:
        raise ArgumentError(
            f"{metric}: labels must lie in 0 … {classes - 1}, but go from {numbers.min()} to {numbers.max()}"
        )
    return numbers.astype(np.int64)
