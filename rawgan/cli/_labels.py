"""The class that a command's --label asks for."""

import numpy as np

from rawgan.gan import GAN, Labels
from rawgan.runs.options import check_range


def labels_of(gan: GAN, label: int | None, count: int) -> Labels | None:
    """So many times the label; None if none is asked for.

    Raises: ArgumentError for a label that is no class of the GAN
    """
    if label is not None and gan.classes:
        check_range("label", label, 0, gan.classes - 1)
    return None if label is None else np.full(count, label)
