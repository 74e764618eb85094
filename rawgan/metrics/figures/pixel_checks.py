"""Checks of images and their targets."""

import numpy as np
from numpy.typing import NDArray

from rawgan.errors import DTypeError, ShapeError, shapes

Images = NDArray[np.uint8]
"""(N, H, W, C)."""

PEAK = 255.0
"""Largest possible difference of two pixels."""


def checked_pixels(metric: str, images: Images, targets: Images) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Images and targets as float64, if they are alike.

    Raises: DTypeError unless both are uint8; ShapeError unless both are (N, H, W, C) of one shape, at least one
    """
    for name, x in (("images", images), ("targets", targets)):
        if x.dtype != np.uint8:
            raise DTypeError(f"{metric}: {name} must be uint8, but are {x.dtype}; rawgan.data.to_uint8 makes them so")
    if images.ndim != 4 or images.shape != targets.shape or not images.size:
        raise ShapeError(
            f"{metric}: images and targets must be alike, (N, H, W, C), at least one\n"
            f"{shapes(images=images, targets=targets)}"
        )
    return images.astype(np.float64), targets.astype(np.float64)
