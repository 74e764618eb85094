"""The class that a command's --label asks for."""

import numpy as np

from rawgan.errors import ArgumentError
from rawgan.gan import GAN, Labels
from rawgan.runs.options import check_range


def labels_of(gan: GAN, label: int | None, count: int) -> Labels | None:
    """So many times the label; None if none is asked for.

    Raises: ArgumentError for a label that is no class of the GAN, or for a GAN that knows none
    """
    if label is None:
        return None
    if not gan.classes:
        raise ArgumentError(
            f"label {label}: this run was trained without classes\n"
            "  leave out --label, or train with --conditional projection on images that have labels"
        )
    check_range("label", label, 0, gan.classes - 1)
    return np.full(count, label)
