"""What generated points make of a mixture of Gaussians: modes, and points of high quality."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rawgan.data import Mixture
from rawgan.errors import ShapeError, shapes
from rawgan.metrics._checks import checked
from rawgan.random import make_rng

POINTS = 2500
"""As many as published figures are from."""


class MixtureQuality(NamedTuple):
    """What generated points make of a mixture."""

    modes: int
    """Components with at least one high-quality point near them."""
    high_quality: float
    """Share of points within 3 σ of a component's centre. Of the mixture's own, 1 − e^(−9/2) = 98.9 %."""
    counts: NDArray[np.int64]
    """High-quality points of each component. (K,)"""


def is_good(points: ArrayLike, mixture: Mixture) -> tuple[NDArray[np.bool_], NDArray[np.int64]]:
    """Whether each point lies within 3 σ of a component's centre, and which component is nearest.

    Shapes: points (N, 2) → (N,), (N,)
    Raises: ShapeError, ArgumentError for what are no points, or for NaN
    """
    (x,) = checked(mixture.name, 1, points=points)
    if x.shape[1] != 2:
        raise ShapeError(f"{mixture.name}: points must be (N, 2)\n{shapes(points=x)}")
    distances = np.linalg.norm(x[:, None] - mixture.centres, axis=2)  # (N, K)
    return distances.min(axis=1) <= 3 * mixture.std, distances.argmin(axis=1)


def quality(points: ArrayLike, mixture: Mixture) -> MixtureQuality:
    """How many components points cover, and how many of them are within 3 σ of one.

    Shapes: points (N, 2)
    Raises: what `is_good` raises
    Source: Srivastava et al. 2017 (VEEGAN); Lin et al. 2018 (PacGAN)

    >>> from rawgan.data import ring8
    >>> quality([[1.0, 0.02], [1.0, 0.04], [0.0, 1.0], [0.0, 0.0]], ring8())
    MixtureQuality(modes=2, high_quality=0.5, counts=array([1, 0, 1, 0, 0, 0, 0, 0]))
    """
    good, nearest = is_good(points, mixture)
    counts = np.bincount(nearest[good], minlength=len(mixture.centres))
    return MixtureQuality(int((counts > 0).sum()), float(good.mean()), counts)


def evaluate_points(points: ArrayLike, mixture: Mixture) -> dict[str, Any]:
    """Every figure of generated points, by name: as `evaluate` has them of images.

    `unmatched` is the share of points that are of low quality or more than their component should have.

    Shapes: points (N, 2)
    Raises: what `is_good` raises
    """
    found = quality(points, mixture)
    share, fair = found.counts / len(np.asarray(points)), 1 / len(found.counts)
    return {
        "modes": found.modes,
        "high_quality": found.high_quality,
        "unmatched": 1 - float(np.minimum(share, fair).sum()),
        "histogram": found.counts.tolist(),
    }


def floor_of(mixture: Mixture, count: int, seed: int) -> dict[str, Any]:
    """The figures that so many points of the mixture itself reach: no generator should do better."""
    return evaluate_points(mixture.sample(count, make_rng(seed, "floor")), mixture)
