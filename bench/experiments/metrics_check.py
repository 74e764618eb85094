"""python -m bench metrics_check: precision, recall, density and coverage against published values."""

import math
import time
from dataclasses import dataclass

import numpy as np

from bench.common.errors import BenchError
from bench.common.experiment import Experiment
from rawgan.cli.parsing import parse
from rawgan.metrics import PRDC, prdc

PUBLISHED = PRDC(precision=0.477, recall=0.471, density=1.056, coverage=0.974)
SCATTER = PRDC(precision=0.014, recall=0.008, density=0.055, coverage=0.006)
"""Standard deviations over the draws 0 … 5, whose means are 0.474, 0.483, 0.970 and 0.964."""


@dataclass(frozen=True)
class MetricsCheckConfig:
    """Compare precision, recall, density and coverage of two sets of samples of N(0, I) with published values.

    With their code, Naeem et al. 2020 publish the values for two sets of 10,000 samples in 1000 dimensions and k = 5:
    of one draw, whose seed is unknown. Draws differ: in so many dimensions, the few samples nearest to the centre lie
    in the balls of very many others. So each draw has to be as near to the published one as draws are to each other.
    """

    draws: int = 1
    """Draws to compare."""
    samples: int = 10_000
    """Samples in each of the two sets."""
    dimensions: int = 1000
    """Dimensions of a sample."""


def main(options: list[str]) -> None:
    """Measure and print.

    Raises: BenchError if a draw is further from the published one than three standard deviations
    """
    config = parse(MetricsCheckConfig, "python -m bench metrics_check", options)
    if not agrees(config):
        raise BenchError("differs from the published values")
    print("agrees with the published values")


def agrees(config: MetricsCheckConfig, published: PRDC = PUBLISHED) -> bool:
    """Measure and print each draw. Returns True if all are as near to the published one as draws are to each other."""
    bounds = 3 * math.sqrt(2) * np.array(SCATTER)  # √2: both draws scatter
    near = True
    for seed in range(config.draws):
        started, rng = time.monotonic(), np.random.default_rng(seed)
        found = prdc(*rng.standard_normal((2, config.samples, config.dimensions)), k=5)
        near &= bool((abs(np.array(found) - published) <= bounds).all())
        values = ", ".join(
            f"{name} {value:.3f} (published {expected:.3f} ± {bound:.3f})"
            for name, value, expected, bound in zip(PRDC._fields, found, published, bounds, strict=True)
        )
        print(f"draw {seed}: {values}, {time.monotonic() - started:.0f} s", flush=True)
    return near


EXPERIMENT = Experiment("precision, recall, density and coverage against published values", minutes=1, main=main)
