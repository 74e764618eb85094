"""python -m bench inception_check: FID by Inception v3, beside PyTorch, or pytorch-fid, with the same weights."""

import time
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from bench.common.errors import BenchError
from bench.common.experiment import Experiment
from rawgan.cli.parsing import parse
from rawgan.data.known_sets import stacked_mnist
from rawgan.metrics import Moments, fid, moments
from rawgan.metrics.extractors.inception import AT_ONCE, Inception, as_input

TOLERANCE = 1e-3
"""Largest relative difference of both FIDs."""


@dataclass(frozen=True)
class InceptionCheckConfig:
    """Compare FID of coloured digits and noisy ones, by rawgan's Inception v3 and by PyTorch.

    The weights are random, so nothing has to be downloaded. Images are resized by rawgan, as clean-fid does.
    """

    images: int = 2000
    """Images, half of which are noisy."""
    seed: int = 0
    """Seed of weights and noise."""
    rival: Literal["layers", "pytorch-fid"] = "layers"
    """Other side of the comparison: a network of PyTorch's layers, with another formula of the distance; or
    pytorch-fid, after `pip install pytorch-fid`."""


def main(options: list[str]) -> None:
    """Measure and print.

    Raises: BenchError if both differ by more than a thousandth, or if pytorch-fid is missing
    """
    from bench.competitors import torch_inception
    from bench.competitors.torch_inception import features_of

    config = parse(InceptionCheckConfig, "python -m bench inception_check", options)
    theirs, distance = torch_inception.random_inception(config.seed), _distance
    ours = Inception({name: value.numpy() for name, value in theirs.state_dict().items()})
    if config.rival == "pytorch-fid":
        try:
            theirs, distance = torch_inception.of_pytorch_fid(theirs.state_dict())
        except ImportError as error:
            raise BenchError(f"pytorch-fid cannot be imported: {error}\n  pip install pytorch-fid") from error
    seconds, sets = [0.0, 0.0], []
    for part in _parts(config):
        started = time.monotonic()
        mine = ours.features(part)
        seconds[0] += time.monotonic() - started
        batches = (as_input(part[start : start + AT_ONCE]) for start in range(0, len(part), AT_ONCE))
        started = time.monotonic()
        its = np.concatenate([features_of(theirs, batch) for batch in batches])
        seconds[1] += time.monotonic() - started
        sets.append((mine, its))
        print(f"largest difference of a feature, relative to the largest: {abs(mine - its).max() / its.max():.1e}")
    (mine, its), (my_other, its_other) = sets
    found, expected = fid(mine, my_other), distance(moments(its), moments(its_other))
    difference = abs(found / expected - 1)
    print(
        f"FID {found:.6f} (PyTorch {expected:.6f}, relative difference {difference:.1e})\n"
        f"seconds for 1000 images: {seconds[0] / config.images * 1000:.0f} (PyTorch "
        f"{seconds[1] / config.images * 1000:.0f})"
    )
    if difference > TOLERANCE:
        raise BenchError("FID differs from PyTorch's")


def _parts(config: InceptionCheckConfig) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Coloured digits, and others with noise. Shapes: → (images / 2, 28, 28, 3) each"""
    half, rng = config.images // 2, np.random.default_rng(config.seed)
    digits = stacked_mnist("test")[0][: 2 * half]
    noisy = digits[half:] + rng.normal(0, 30, digits[half:].shape)
    return digits[:half], noisy.clip(0, 255).astype(np.uint8)


def _distance(a: Moments, b: Moments) -> float:
    """Fréchet distance with the root of the product of covariances as it is, by the roots of its eigenvalues."""
    roots = np.sqrt(np.linalg.eigvals(a.covariance @ b.covariance).real.clip(0))
    difference = a.mean - b.mean
    return float(difference @ difference + np.trace(a.covariance + b.covariance) - 2 * roots.sum())


EXPERIMENT = Experiment(
    "FID by Inception v3, beside PyTorch, or pytorch-fid, with the same random weights", minutes=20, main=main
)
