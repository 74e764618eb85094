"""Sources made from target images: edges, greys, or a map of bright and dark regions.

A model learns to restore the images from them.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from rawgan.data.image_set import ImageSet
from rawgan.data.pairs.pair_set import PairSet
from rawgan.errors import DataError

Images = NDArray[np.uint8]

LEVELS = 4
"""Number of regions that `regions` tells apart."""
CHUNK = 1000
"""Number of images converted at once, which bounds the memory for floats."""


def edges(images: Images) -> Images:
    """Steepness of the brightness, by Sobel's filter: 255 where it is steepest in the image. Borders are repeated.

    Shapes: (N, H, W, C) → (N, H, W, 1)
    Source: Sobel, Feldman 1968

    >>> image = np.zeros((1, 3, 4, 1), np.uint8)
    >>> image[:, :, 2:] = 255
    >>> edges(image)[0, 1, :, 0]
    array([  0, 255, 255,   0], dtype=uint8)
    """
    x = np.pad(_brightness(images), ((0, 0), (1, 1), (1, 1)), mode="edge")
    along = x[:, :, 2:] - x[:, :, :-2]  # right minus left, of each row
    across = x[:, 2:] - x[:, :-2]  # lower minus upper, of each column
    horizontal = along[:, :-2] + 2 * along[:, 1:-1] + along[:, 2:]
    vertical = across[:, :, :-2] + 2 * across[:, :, 1:-1] + across[:, :, 2:]
    slope = np.hypot(horizontal, vertical)
    steepest = slope.max(axis=(1, 2), keepdims=True)
    return _as_bytes(255 * slope / np.where(steepest, steepest, 1))


def grey(images: Images) -> Images:
    """Brightness of colours. Shapes: (N, H, W, C) → (N, H, W, 1)

    Source: ITU-R BT.601

    >>> grey(np.array([[[[255, 0, 0]]]], np.uint8)).item()
    76
    """
    return _as_bytes(_brightness(images))


def regions(images: Images) -> Images:
    """Label map: the brightness of each pixel as one of four levels, after a mean over 3 × 3 pixels.

    Shapes: (N, H, W, C) → (N, H, W, 1), with the values 0, 85, 170 and 255

    >>> np.unique(regions(np.arange(256, dtype=np.uint8).reshape(1, 16, 16, 1)))
    array([  0,  85, 170, 255], dtype=uint8)
    """
    x = np.pad(_brightness(images), ((0, 0), (1, 1), (1, 1)), mode="edge")
    rows = x[:, :-2] + x[:, 1:-1] + x[:, 2:]
    smooth = (rows[:, :, :-2] + rows[:, :, 1:-1] + rows[:, :, 2:]) / 9
    return _as_bytes((smooth * LEVELS / 256).astype(int) * (255 / (LEVELS - 1)))


MADE_SOURCES: dict[str, Callable[[Images], Images]] = {"edges": edges, "grey": grey, "regions": regions}
"""Functions that make a source from a target, by the name that the user gives."""


def made_pairs(images: ImageSet, how: str) -> PairSet:
    """Pair each image with a source made from it, by a name of MADE_SOURCES.

    Raises: DataError for greys of images that are grey already

    >>> made_pairs(ImageSet(np.zeros((4, 8, 8, 3), np.uint8), None, "zeros"), "edges").images.shape
    (4, 8, 8, 4)
    """
    if how == "grey" and images.shape[2] == 1:
        raise DataError(f"{images.name}: its images are grey already; take colours, or make pairs by edges or regions")
    chunks = np.array_split(images.images, len(images) // CHUNK + 1)
    source = np.concatenate([MADE_SOURCES[how](chunk) for chunk in chunks])
    together = np.concatenate([source, images.images], axis=3)
    return PairSet.of(images, together, f"{how} of {images.name}", sources=1)


def _brightness(images: Images) -> NDArray[np.float64]:
    """Brightness from 0 to 255. Shapes: (N, H, W, C) → (N, H, W)"""
    if images.shape[3] < 3:
        return images[..., 0].astype(np.float64)
    return images[..., :3] @ np.array([0.299, 0.587, 0.114])


def _as_bytes(x: NDArray[np.float64]) -> Images:
    """Nearest bytes, with a channel axis. Shapes: (N, H, W) → (N, H, W, 1)"""
    return np.rint(x).astype(np.uint8)[..., None]
