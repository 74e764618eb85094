"""L1: mean absolute difference between pixels of images and of their targets."""

import numpy as np
from numpy.typing import NDArray

from rawgan.metrics.figures.metric import Figure, ImagePairs, Metric
from rawgan.metrics.figures.pixel_checks import PEAK, Images, checked_pixels


def l1(images: Images, targets: Images) -> NDArray[np.float64]:
    """Mean absolute difference of each image's pixels, relative to the largest possible one: from 0 to 1.

    Shapes: images and targets (N, H, W, C) → (N,)
    Raises: as `psnr`

    >>> zeros = np.zeros((1, 16, 16, 1), np.uint8)
    >>> l1(zeros + 51, zeros)
    array([0.2])
    """
    x, y = checked_pixels("l1", images, targets)
    return np.abs(x - y).mean(axis=(1, 2, 3)) / PEAK


L1 = Metric(
    name="l1",
    summary="mean absolute difference of pixels",
    takes=ImagePairs,
    figures=(Figure("l1", "L1", ".4f", "0 if equal", "L1"),),
    compute=lambda pairs: {"l1": l1(pairs.images, pairs.targets)},
    position=1,
)
