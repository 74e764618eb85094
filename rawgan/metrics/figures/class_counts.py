"""Counts of classes."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rawgan.data.memory_limits import machine_bytes
from rawgan.errors import ArgumentError, ShapeError, shapes
from rawgan.metrics.figures.checks import checked_labels


def class_histogram(labels: ArrayLike, classes: int) -> NDArray[np.int64]:
    """Number of samples of each class.

    Shapes: labels (N,) integers → (classes,)
    Raises: ShapeError, ArgumentError for labels outside 0 … classes − 1

    >>> class_histogram([0, 2, 2], 3).tolist()
    [1, 0, 2]
    """
    return np.bincount(checked_labels("class_histogram", labels, classes), minlength=classes)


def confusion_matrix(labels: ArrayLike, named: ArrayLike, classes: int) -> NDArray[np.float64]:
    """[i, j]: share of class i that was taken for class j. A class without samples is taken for itself.

    Shapes: labels, named (N,) integers → (classes, classes), rows that sum to 1
    Raises: ShapeError, ArgumentError for labels outside 0 … classes − 1

    >>> confusion_matrix([0, 0, 1], [0, 1, 1], 2).tolist()
    [[0.5, 0.5], [0.0, 1.0]]
    """
    true, named = (checked_labels("confusion_matrix", each, classes) for each in (labels, named))
    if true.shape != named.shape:
        raise ShapeError(f"confusion_matrix: one name for each label\n{shapes(labels=true, named=named)}")
    if 3 * 8 * classes**2 > machine_bytes():  # counts, what is added to them, shares
        raise ArgumentError(f"confusion_matrix: {classes:,} × {classes:,} classes take more memory than there is")
    counts = np.bincount(true * classes + named, minlength=classes * classes).reshape(classes, classes)
    counts += np.diag(counts.sum(axis=1) == 0).astype(counts.dtype)
    return counts / counts.sum(axis=1, keepdims=True)
