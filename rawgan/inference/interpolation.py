"""Interpolation between noise vectors."""

import numpy as np
from numpy.typing import ArrayLike

from rawgan.errors import DTypeError, ShapeError


def slerp(z0: np.ndarray, z1: np.ndarray, t: ArrayLike) -> np.ndarray:
    """Spherical interpolation from z0 to z1 along the great circle that joins them.

    Gaussian noise in many dimensions lies close to a sphere. The straight line between two samples cuts through its
    inside, where the generator was never trained. With ω the angle between the two vectors,

        z(t) = sin((1−t)·ω)/sin ω · z0  +  sin(t·ω)/sin ω · z1

    If no single great circle joins them (parallel, opposite or zero vectors), the path is the straight line.

    Shapes: z0, z1 (..., D), t a number or (...) → (..., D); the leading axes broadcast, so that
        vectors (D,) and times (T,) make a path (T, D), and (N, D) with (T, 1) make (T, N, D)
    Raises: DTypeError unless both are float32 or both float64; ShapeError if the shapes do not broadcast
    Source: Shoemake 1985; White 2016, "Sampling Generative Networks"

    >>> path = slerp(np.array([1.0, 0.0]), np.array([0.0, 1.0]), [0, 0.5, 1])
    >>> path.round(3).tolist()
    [[1.0, 0.0], [0.707, 0.707], [0.0, 1.0]]
    """
    dtype = z0.dtype
    if dtype != z1.dtype or dtype not in (np.float32, np.float64):
        raise DTypeError(f"slerp: z0 and z1 are both float32 or both float64, not {z0.dtype} and {z1.dtype}")
    times = np.asarray(t, dtype=np.float64)
    try:
        if z0.shape[-1:] != z1.shape[-1:] or z0.ndim == 0:
            raise ValueError
        np.broadcast_shapes(z0.shape[:-1], z1.shape[:-1], times.shape)
    except ValueError:
        raise ShapeError(
            "slerp: the vectors need the same length D, and the axes before it must broadcast with t\n"
            f"  z0 {z0.shape}   z1 {z1.shape}   t {times.shape}"
        ) from None

    z0, z1, times = z0.astype(np.float64), z1.astype(np.float64), times[..., None]
    cosine = np.sum(_directions(z0) * _directions(z1), axis=-1, keepdims=True)
    angle = np.arccos(np.clip(cosine, -1, 1))
    sine = np.sin(angle)
    straight = (sine < 1e-6) | ~z0.any(axis=-1, keepdims=True) | ~z1.any(axis=-1, keepdims=True)
    sine = np.where(straight, 1.0, sine)
    weight0 = np.where(straight, 1 - times, np.sin((1 - times) * angle) / sine)
    weight1 = np.where(straight, times, np.sin(times * angle) / sine)
    return (weight0 * z0 + weight1 * z1).astype(dtype)


def _directions(z: np.ndarray) -> np.ndarray:
    """Vectors scaled to length 1 without overflow or underflow; those of length 0 stay as they are."""
    largest = np.abs(z).max(axis=-1, keepdims=True, initial=0.0)
    z = z / np.where(largest > 0, largest, 1.0)
    length = np.linalg.norm(z, axis=-1, keepdims=True)
    return z / np.where(length > 0, length, 1.0)
