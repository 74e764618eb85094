"""`python bench/metrics_check.py [DRAWS]`: precision, recall, density and coverage against published values.

With their code, Naeem et al. 2020 publish what two sets of 10,000 samples of N(0, I) in 1000 dimensions give for k = 5:
of one draw, whose seed is not known. Draws differ: in so many dimensions, the few samples nearest to the centre are in
the balls of very many others. So what is asked is that each draw is as near to the published one as draws are.
"""

import math
import sys
import time

import numpy as np

from rawgan.metrics import PRDC, prdc

PUBLISHED = PRDC(precision=0.477, recall=0.471, density=1.056, coverage=0.974)
SCATTER = PRDC(precision=0.014, recall=0.008, density=0.055, coverage=0.006)
"""Standard deviations over the draws 0 … 5, whose means are 0.474, 0.483, 0.970 and 0.964."""


def main(draws: int = 1, samples: int = 10_000, dimensions: int = 1000) -> int:
    """Measure, print, and return 1 if a draw is further from the published one than three standard deviations."""
    bounds = 3 * math.sqrt(2) * np.array(SCATTER)  # √2, as both draws scatter
    failed = False
    for seed in range(draws):
        started, rng = time.monotonic(), np.random.default_rng(seed)
        found = prdc(*rng.standard_normal((2, samples, dimensions)), k=5)
        failed |= bool((abs(np.array(found) - PUBLISHED) > bounds).any())
        values = ", ".join(
            f"{name} {value:.3f} (published {published:.3f} ± {bound:.3f})"
            for name, value, published, bound in zip(PRDC._fields, found, PUBLISHED, bounds, strict=True)
        )
        print(f"draw {seed}: {values}, {time.monotonic() - started:.0f} s", flush=True)
    print("differs from what is published" if failed else "agrees with what is published")
    return int(failed)


if __name__ == "__main__":
    sys.exit(main(*map(int, sys.argv[1:])))
