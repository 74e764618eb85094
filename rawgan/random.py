"""Random numbers as a pure function of (seed, purpose, index).

Philox is counter-based: any draw can be made without the draws before it. So step 7000 of a run gets the same noise and
the same images whether the run started at step 0 or at step 6999, and on every device.
"""

import zlib

import numpy as np

from rawgan.errors import ArgumentError


def make_rng(seed: int, purpose: str, index: int = 0) -> np.random.Generator:
    """Make the random number generator of one purpose ("noise", "shuffle", …) at one index (a step, an epoch).

    Raises: ArgumentError for a negative seed
    Source: Salmon et al. 2011, "Parallel random numbers: as easy as 1, 2, 3"

    >>> make_rng(0, "noise", 7).random() == make_rng(0, "noise", 7).random()
    True
    >>> make_rng(0, "noise", 7).random() == make_rng(0, "noise", 8).random()
    False
    """
    if seed < 0:
        raise ArgumentError(f"seed must be 0 or more, but is {seed}")
    entropy = (seed, zlib.crc32(purpose.encode()), index)
    return np.random.Generator(np.random.Philox(np.random.SeedSequence(entropy)))
