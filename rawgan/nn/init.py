"""Initial weights: functions (shape, fan_in, fan_out, rng) → float64 array.

`fan_in` is the number of inputs that an output sums up, `fan_out` the number of outputs that an input goes into. For
convolutions both count every tap of the kernel, whatever the stride.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from rawgan.errors import ArgumentError, described
from rawgan.ops.arguments import checked_generator, is_number, shape_of, whole

Array = np.ndarray[Any, Any]
Shape = tuple[int, ...]
Initializer = Callable[[Shape, int, int, np.random.Generator], Array]


def glorot_uniform(shape: Shape, fan_in: int, fan_out: int, rng: np.random.Generator) -> Array:
    """Uniform in ±√(6 / (fan_in + fan_out)): Keras's default.

    Source: Glorot and Bengio 2010

    >>> glorot_uniform((2, 3), 2, 3, np.random.default_rng(0)).shape
    (2, 3)
    """
    _check("glorot_uniform", shape, fan_in, fan_out, rng)
    limit = np.sqrt(6 / (fan_in + fan_out))
    return rng.uniform(-limit, limit, shape)


def he_normal(shape: Shape, fan_in: int, fan_out: int, rng: np.random.Generator) -> Array:
    """Normal with standard deviation √(2 / fan_in): keeps the scale through ReLU layers.

    Source: He et al. 2015

    >>> he_normal((2, 3), 2, 3, np.random.default_rng(0)).shape
    (2, 3)
    """
    _check("he_normal", shape, fan_in, fan_out, rng)
    return rng.normal(0, np.sqrt(2 / fan_in), shape)


def normal(std: float = 0.02) -> Initializer:
    """Normal with a fixed standard deviation; 0.02 is DCGAN's.

    Source: Radford, Metz, Chintala 2016

    >>> normal(0.02)((2, 3), 2, 3, np.random.default_rng(0)).shape
    (2, 3)
    """
    if not (is_number(std) and 0 <= std < float("inf")):
        raise ArgumentError(f"normal: std must be a number, at least 0 and finite, but is {described(std)}")

    def initializer(shape: Shape, fan_in: int, fan_out: int, rng: np.random.Generator) -> Array:
        _check("normal", shape, fan_in, fan_out, rng)
        return rng.normal(0, std, shape)

    return initializer


def orthogonal(shape: Shape, fan_in: int, fan_out: int, rng: np.random.Generator) -> Array:
    """A random matrix (all axes but the last, the last) whose shorter side is orthonormal.

    Source: Saxe, McClelland, Ganguli 2014

    >>> w = orthogonal((4, 2), 4, 2, np.random.default_rng(0))
    >>> np.allclose(w.T @ w, np.eye(2))
    True
    """
    _check("orthogonal", shape, fan_in, fan_out, rng)
    columns = shape[-1]
    rows = int(np.prod(shape[:-1]))
    q, r = np.linalg.qr(rng.normal(size=(max(rows, columns), min(rows, columns))))
    q *= np.sign(np.diag(r))  # QR alone favours some orthogonal matrices; with these signs all are equally likely
    return (q if rows >= columns else q.T).reshape(shape)


def _check(name: str, shape: Shape, fan_in: int, fan_out: int, rng: np.random.Generator) -> None:
    """Raise an ArgumentError unless these are the arguments of an initialiser."""
    if not shape_of(name, shape):
        raise ArgumentError(f"{name}: shape must have an axis at least, but is ()")
    whole(name, "fan_in", fan_in, 1)
    whole(name, "fan_out", fan_out, 1)
    checked_generator(name, rng)
