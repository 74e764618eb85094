"""PSNR: peak signal-to-noise ratio of images, relative to their targets.

PSNR, SSIM and L1 compare pixels. They notice less of what a person sees than FID does: a blurred image often scores
best in all three. So both kinds of figures belong together.
"""

import numpy as np
from numpy.typing import NDArray

from rawgan.metrics.figures.metric import Figure, ImagePairs, Metric
from rawgan.metrics.figures.pixel_checks import PEAK, Images, checked_pixels


def psnr(images: Images, targets: Images, finite: bool = False) -> NDArray[np.float64]:
    """Peak signal-to-noise ratio of each image, in dB: 10 · log₁₀(255² / mean squared error).

    Equal images have ∞, or, with `finite`, the value for a single number that is wrong by 1. No other image comes
    closer, so means over all images are possible.

    Shapes: images and targets (N, H, W, C) → (N,)
    Raises: ShapeError unless images and targets have one shape; DTypeError unless both are uint8

    >>> zeros = np.zeros((1, 16, 16, 1), np.uint8)
    >>> psnr(zeros + 51, zeros).round(2)
    array([13.98])
    >>> psnr(zeros, zeros, finite=True).round(2)
    array([72.21])
    """
    x, y = checked_pixels("psnr", images, targets)
    error = ((x - y) ** 2).mean(axis=(1, 2, 3))
    if finite:
        error = np.maximum(error, 1 / x[0].size)
    with np.errstate(divide="ignore"):
        return 10 * np.log10(PEAK**2 / error)


PSNR = Metric(
    name="psnr",
    summary="peak signal-to-noise ratio, in dB",
    takes=ImagePairs,
    figures=(Figure("psnr", "PSNR, dB", ".2f", "more is closer", "PSNR"),),
    compute=lambda pairs: {"psnr": psnr(pairs.images, pairs.targets, finite=True)},
)
