"""Mixtures of Gaussians in the plane: the smallest data on which a GAN loses modes, and what is counted there.

Published figures are from 2,500 samples.
"""

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rawgan.errors import ShapeError, shapes
from rawgan.metrics._checks import checked


class MixtureQuality(NamedTuple):
    """What generated points make of a mixture."""

    modes: int
    """Components with at least one high-quality point near them."""
    high_quality: float
    """Share of points within 3 σ of a component's centre. Of the mixture's own, 1 − e^(−9/2) = 98.9 %."""
    counts: NDArray[np.int64]
    """High-quality points of each component. (K,)"""


@dataclass(frozen=True)
class Mixture:
    """Gaussians of one width and of equal weight.

    Shapes: centres (K, 2)

    >>> points = ring8().sample(2500, np.random.default_rng(0))
    >>> points.shape, ring8().quality(points).modes
    ((2500, 2), 8)
    """

    name: str
    centres: NDArray[np.float64]
    std: float

    def sample(self, count: int, rng: np.random.Generator) -> NDArray[np.float32]:
        """Points of the mixture. Shapes: → (count, 2)"""
        which = rng.integers(len(self.centres), size=count)
        return (self.centres[which] + rng.normal(0, self.std, (count, 2))).astype(np.float32)

    def quality(self, points: ArrayLike) -> MixtureQuality:
        """How many components points cover, and how many of them are within 3 σ of one.

        Shapes: points (N, 2)
        Raises: ShapeError, ArgumentError for what are no points, or for NaN
        Source: Srivastava et al. 2017 (VEEGAN); Lin et al. 2018 (PacGAN)
        """
        (x,) = checked(self.name, 1, points=points)
        if x.shape[1] != 2:
            raise ShapeError(f"{self.name}: points must be (N, 2)\n{shapes(points=x)}")
        distances = np.linalg.norm(x[:, None] - self.centres, axis=2)  # (N, K)
        nearest, good = distances.argmin(axis=1), distances.min(axis=1) <= 3 * self.std
        counts = np.bincount(nearest[good], minlength=len(self.centres))
        return MixtureQuality(int((counts > 0).sum()), float(good.mean()), counts)


def ring8() -> Mixture:
    """Eight Gaussians on the unit circle, standard deviation 0.01.

    Source: the protocol of PacGAN (Lin et al. 2018), after VEEGAN (Srivastava et al. 2017)
    """
    angles = 2 * math.pi * np.arange(8) / 8
    return Mixture("ring8", np.stack([np.cos(angles), np.sin(angles)], axis=1), 0.01)


def grid25() -> Mixture:
    """Twenty-five Gaussians, at −4, −2, 0, 2 and 4 in each direction, standard deviation 0.05.

    Source: the protocol of PacGAN (Lin et al. 2018), after VEEGAN (Srivastava et al. 2017)
    """
    places = np.arange(-4.0, 5.0, 2.0)
    return Mixture("grid25", np.stack(np.meshgrid(places, places, indexing="ij"), axis=2).reshape(25, 2), 0.05)


MIXTURES = {"ring8": ring8, "grid25": grid25}
"""What makes each mixture that has a name."""
