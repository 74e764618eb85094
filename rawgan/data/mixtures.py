"""Mixtures of Gaussians in the plane: the smallest data on which a GAN loses modes, drawn without any file."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from rawgan.device import to_device
from rawgan.errors import ArgumentError
from rawgan.random import make_rng

EPOCH = 100_000
"""Nominal number of points in an epoch: the size of the training set in the published protocol. Here, points never
repeat."""


@dataclass(frozen=True)
class Mixture:
    """Mixture of Gaussians with one standard deviation and equal weights.

    Shapes: centres (K, 2)

    >>> ring8().sample(2500, np.random.default_rng(0)).shape
    (2500, 2)
    """

    name: str
    centres: NDArray[np.float64]
    std: float

    @property
    def extent(self) -> float:
        """Largest coordinate of a centre, by which points are divided before networks see them.

        >>> ring8().extent, grid25().extent
        (1.0, 4.0)
        """
        return float(np.abs(self.centres).max())

    def sample(self, count: int, rng: np.random.Generator) -> NDArray[np.float32]:
        """Draw points of the mixture. Shapes: → (count, 2)"""
        which = rng.integers(len(self.centres), size=count)
        return (self.centres[which] + rng.normal(0, self.std, (count, 2))).astype(np.float32)


class PointBatches:
    """Fresh points of a mixture in every batch. A batch is a function of the seed and the step alone.

    Raises: ArgumentError for a batch size below 1

    >>> batches = PointBatches(grid25(), batch_size=256, seed=0)
    >>> batches.per_epoch, batches.batch(5).shape
    (390, (256, 2))
    """

    def __init__(self, mixture: Mixture, batch_size: int, seed: int, device: str = "cpu") -> None:
        if batch_size < 1:
            raise ArgumentError(f"batch_size={batch_size}: expected at least 1")
        self.mixture, self.batch_size, self.seed, self.device = mixture, batch_size, seed, device

    @property
    def per_epoch(self) -> int:
        """Number of batches in an epoch."""
        return max(1, EPOCH // self.batch_size)

    def batch(self, step: int, dtype: DTypeLike = np.float32) -> Any:
        """Points of a step, divided by the extent of the mixture, as an array on the device.

        Shapes: → (batch_size, 2) of the dtype
        Raises: ArgumentError for a step below 0
        """
        if step < 0:
            raise ArgumentError(f"step={step}: expected 0 or more")
        points = self.mixture.sample(self.batch_size, make_rng(self.seed, "points", step)) / self.mixture.extent
        return to_device(points.astype(dtype), self.device)


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
"""Functions that make a mixture, by its name."""
