"""Class that --label names."""

from collections.abc import Sequence
from difflib import get_close_matches

import numpy as np

from rawgan.config.noise import TrainConfig
from rawgan.config.options import Range
from rawgan.errors import ArgumentError
from rawgan.gan import GAN, Labels

LISTED = 20
"""Most classes that an error lists."""


def labels_of(gan: GAN, config: TrainConfig, label: str | None, count: int) -> Labels | None:
    """Labels of `count` images of the class that a name or number stands for; None without one.

    Raises: ArgumentError for a label that is no class of the run
    """
    if label is None:
        return None
    if not gan.classes:
        raise ArgumentError(
            f"label {label}: this run was trained without classes\n"
            "  leave out --label, or train with --conditional projection on images that have labels"
        )
    return np.full(count, number_of(label, config.networks.class_names or (), gan.classes))


def number_of(label: str, names: Sequence[str], classes: int) -> int:
    """Number of a class, from its name or number. Names come first, as they may look like numbers.

    Raises: ArgumentError for anything else

    >>> number_of("dog", ["cat", "dog"], 2), number_of("1", ["cat", "dog"], 2), number_of("1", ["0", "10", "1"], 3)
    (1, 1, 2)
    """
    if label in names:
        return names.index(label)
    try:
        number = int(label)
    except ValueError:
        listed = ", ".join(f"{n} {name}" for n, name in enumerate(names[:LISTED])) + ", …" * (len(names) > LISTED)
        near = get_close_matches(label, names, n=1)
        hint = f"; did you mean {near[0]}?" if near else ""
        known = listed or f"numbers from 0 to {classes - 1}"
        raise ArgumentError(f"label {label}: there is no such class{hint}\n  classes of this run: {known}") from None
    Range(0, classes - 1).check("label", number)
    return number
