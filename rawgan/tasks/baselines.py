"""Baselines without a network, which translators and enhancers have to beat."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rawgan.metrics.figures.ssim import bell, windowed

Images = NDArray[Any]
"""Images (N, H, W, C) of floats in [−1, 1]."""
Maker = Callable[[Images], Images]
"""Function from source images to guesses of the targets."""

SIGMAS = tuple(round(0.3 + 0.1 * k, 1) for k in range(28))
"""Standard deviations of Gaussian filters to try, in pixels."""


def as_it_is(images: Images, channels: int) -> Images:
    """Source images; if their number of channels differs, they are made grey and repeated in all channels.

    >>> as_it_is(np.zeros((2, 4, 4, 1)), 3).shape
    (2, 4, 4, 3)
    """
    if images.shape[3] != channels:
        images = images.mean(axis=3, keepdims=True)
    return np.broadcast_to(images, (*images.shape[:3], channels))


def blurred(images: Images, sigma: float) -> Images:
    """Gaussian filter, as far as four standard deviations. Borders are mirrored.

    >>> float(blurred(np.ones((1, 8, 8, 1)), 1.0).round(6).min())
    1.0
    """
    reach = min(int(4 * sigma + 0.5), *(side - 1 for side in images.shape[1:3]))
    return windowed(_bordered(images, reach), bell(2 * reach + 1, sigma))


def median(images: Images, width: int) -> Images:
    """Median filter over `width` × `width` pixels. Borders are mirrored.

    >>> spot = np.zeros((1, 5, 5, 1))
    >>> spot[0, 2, 2] = 1
    >>> float(median(spot, 3).max())
    0.0
    """
    bordered = _bordered(images, width // 2)
    return np.stack(  # image by image, as each takes many times its size
        [
            np.median(np.lib.stride_tricks.sliding_window_view(image, (width, width), (0, 1)), axis=(3, 4))
            for image in bordered
        ]
    )


def filled(images: Images) -> Images:
    """Images whose hole, where the last channel is 1, is filled with the mean of the other pixels.

    >>> filled(np.array([[[[0.5, -1.0], [0.0, 1.0]]]]))[..., 0]
    array([[[0.5, 0.5]]])
    """
    seen, hole = images[..., :-1], images[..., -1:] > 0
    total = np.where(hole, 0, seen).sum(axis=(1, 2), keepdims=True)
    mean = total / np.maximum((~hole).sum(axis=(1, 2), keepdims=True), 1)
    return np.where(hole, mean, seen)


def _bordered(images: Images, reach: int) -> Images:
    """Images with `reach` more pixels on each side, mirrored."""
    return np.pad(images, ((0, 0), (reach, reach), (reach, reach), (0, 0)), mode="reflect")
