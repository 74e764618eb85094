"""What makes images out of images without a network: what translators and enhancers have to be better than."""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rawgan.config.translation import PairedConfig
from rawgan.data.pairs.degradations import resampled
from rawgan.metrics.fidelity import bell, windowed

Images = NDArray[Any]
"""(N, H, W, C), of floats in [−1, 1]."""
Maker = Callable[[Images], Images]
"""Source images → what should have been made of them."""

SIGMAS = tuple(round(0.3 + 0.1 * k, 1) for k in range(28))
"""Standard deviations of Gaussian filters that are tried, in pixels."""


def baselines_of(config: PairedConfig, source: Images, target: Images) -> dict[str, Maker]:
    """Makers by name. Where one has something to choose, it is what is best for these images, in squared error.

    Shapes: source (N, h, w, sources), target (N, H, W, channels): a few that the network was trained with
    """
    degradation = config.degradation
    if degradation is None:
        average = target.mean(axis=0)
        return {
            "the source as it is": partial(as_it_is, channels=target.shape[3]),
            "the mean target": lambda images: np.broadcast_to(average, (len(images), *average.shape)),
        }
    if degradation.task == "super-resolution":
        return {"bicubic": lambda images: resampled(images, target.shape[1:3])}
    if degradation.task == "inpaint":
        return {"the mean of what is left": filled}
    sigma = min(SIGMAS, key=lambda each: float(((blurred(source, each) - target) ** 2).mean()))
    width = min((3, 5), key=lambda each: float(((median(source, each) - target) ** 2).mean()))
    return {
        f"Gaussian filter, σ {sigma}": partial(blurred, sigma=sigma),
        f"median filter, {width} × {width}": partial(median, width=width),
    }


def as_it_is(images: Images, channels: int) -> Images:
    """The source, made grey or repeated in all channels, where it has another number of them.

    >>> as_it_is(np.zeros((2, 4, 4, 1)), 3).shape
    (2, 4, 4, 3)
    """
    if images.shape[3] != channels:
        images = images.mean(axis=3, keepdims=True)
    return np.broadcast_to(images, (*images.shape[:3], channels))


def blurred(images: Images, sigma: float) -> Images:
    """Weighted means of neighbours, as far as four standard deviations. Borders are mirrored.

    >>> float(blurred(np.ones((1, 8, 8, 1)), 1.0).round(6).min())
    1.0
    """
    reach = min(int(4 * sigma + 0.5), *(side - 1 for side in images.shape[1:3]))
    return windowed(_bordered(images, reach), bell(2 * reach + 1, sigma))


def median(images: Images, width: int) -> Images:
    """Medians of neighbours, `width` × `width` of them. Borders are mirrored.

    >>> spot = np.zeros((1, 5, 5, 1))
    >>> spot[0, 2, 2] = 1
    >>> float(median(spot, 3).max())
    0.0
    """
    bordered = _bordered(images, width // 2)
    return np.stack(  # one by one, as each takes many times its size
        [
            np.median(np.lib.stride_tricks.sliding_window_view(image, (width, width), (0, 1)), axis=(3, 4))
            for image in bordered
        ]
    )


def filled(images: Images) -> Images:
    """Images with a hole, where the last channel is 1, filled with the mean of what is left.

    >>> filled(np.array([[[[0.5, -1.0], [0.0, 1.0]]]]))[..., 0]
    array([[[0.5, 0.5]]])
    """
    seen, hole = images[..., :-1], images[..., -1:] > 0
    total = np.where(hole, 0, seen).sum(axis=(1, 2), keepdims=True)
    mean = total / np.maximum((~hole).sum(axis=(1, 2), keepdims=True), 1)
    return np.where(hole, mean, seen)


def _bordered(images: Images, reach: int) -> Images:
    return np.pad(images, ((0, 0), (reach, reach), (reach, reach), (0, 0)), mode="reflect")
