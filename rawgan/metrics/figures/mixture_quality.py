"""Quality of generated points: modes of a mixture of Gaussians that they cover, and points near a mode."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rawgan.data.mixtures import Mixture
from rawgan.errors import ShapeError, shapes
from rawgan.metrics.figures.checks import checked
from rawgan.metrics.figures.metric import Figure, Metric, Points
from rawgan.random import make_rng

POINTS = 2500
"""Number of points in published figures."""


class MixtureQuality(NamedTuple):
    """Modes that generated points cover, and the share of points near one."""

    modes: int
    """Number of components with at least one high-quality point."""
    high_quality: float
    """Share of points within 3 σ of a component's centre. For the mixture's own points, 1 − e^(−9/2) = 98.9 %."""
    counts: NDArray[np.int64]
    """High-quality points of each component. (K,)"""


def is_good(points: ArrayLike, mixture: Mixture) -> tuple[NDArray[np.bool_], NDArray[np.int64]]:
    """True for each point within 3 σ of a component's centre, and the number of its nearest component.

    Shapes: points (N, 2) → (N,), (N,)
    Raises: ShapeError unless points are (N, 2); ArgumentError for NaN
    """
    (x,) = checked(mixture.name, 1, points=points)
    if x.shape[1] != 2:
        raise ShapeError(f"{mixture.name}: points must be (N, 2)\n{shapes(points=x)}")
    distances = np.linalg.norm(x[:, None] - mixture.centres, axis=2)  # (N, K)
    return distances.min(axis=1) <= 3 * mixture.std, distances.argmin(axis=1)


def quality(points: ArrayLike, mixture: Mixture) -> MixtureQuality:
    """Number of components that points cover, and share of points within 3 σ of one.

    Shapes: points (N, 2)
    Raises: as `is_good`
    Source: Srivastava et al. 2017 (VEEGAN); Lin et al. 2018 (PacGAN)

    >>> from rawgan.data import ring8
    >>> quality([[1.0, 0.02], [1.0, 0.04], [0.0, 1.0], [0.0, 0.0]], ring8())
    MixtureQuality(modes=2, high_quality=0.5, counts=array([1, 0, 1, 0, 0, 0, 0, 0]))
    """
    good, nearest = is_good(points, mixture)
    counts = np.bincount(nearest[good], minlength=len(mixture.centres))
    return MixtureQuality(int((counts > 0).sum()), float(good.mean()), counts)


def evaluate_points(points: ArrayLike, mixture: Mixture) -> dict[str, Any]:
    """Every figure of generated points, by name.

    `unmatched` is the share of points that are of low quality, or surplus: more than their component should have.

    Shapes: points (N, 2)
    Raises: as `is_good`
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
    """Figures of `count` points of the mixture itself: no generator should do better."""
    return evaluate_points(mixture.sample(count, make_rng(seed, "floor")), mixture)


MIXTURE_QUALITY = Metric(
    name="mixture_quality",
    summary="modes of a mixture of Gaussians, and points near them",
    takes=Points,
    figures=(
        Figure("high_quality", "high quality", ".3f", "within 3 σ", "high quality"),
        Figure("unmatched", "off-mode or surplus", ".3f", "share of points; 0 as the mixture", "unmatched"),
    ),
    compute=lambda sample: evaluate_points(sample.points, sample.mixture),
)
