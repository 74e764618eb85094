"""DiffAugment: colour, translation and cutout of every image."""

import numpy as np

from rawgan.arrays import constant
from rawgan.device import to_device
from rawgan.gan.augmentations.augmentation import Augmentation, constant_like, recoloured
from rawgan.ops import mean, reshape
from rawgan.ops.sampling import SamplePixels
from rawgan.tensor import Tensor
from rawgan_kernels import array_module

SHIFTED, CUT = 1 / 8, 1 / 2
"""Largest translation, and side of the square that is cut out, relative to the side of the image."""
NONE = -1
"""Number of no pixel, instead of which there is 0."""


def diffaugment(images: Tensor, rng: np.random.Generator, p: float = 1.0) -> Tensor:
    """Change the colours of every image, move it, and cut a square out of it.

    Pixels that come from outside of the image, and those in the square, are 0, a medium grey.

    Shapes: images (N, H, W, C) in [−1, 1] → the same
    Source: Zhao et al. 2020 (DiffAugment)

    >>> white = Tensor(np.ones((1, 4, 4, 1), np.float32))
    >>> diffaugment(white, np.random.default_rng(5)).data[0, ..., 0].round(2)
    array([[0.  , 1.31, 1.31, 1.31],
           [0.  , 1.31, 1.31, 1.31],
           [0.  , 1.31, 1.31, 1.31],
           [0.  , 1.31, 1.31, 1.31]], dtype=float32)
    """
    brightness, saturation, contrast = (
        constant_like(low + rng.random((len(images), 1, 1, 1)) * width, images)
        for low, width in ((-0.5, 1.0), (0.0, 2.0), (0.5, 1.0))
    )

    def change(x: Tensor) -> Tensor:
        x = x + brightness
        if x.shape[3] > 1:
            grey = mean(x, axis=3, keepdims=True)
            x = grey + (x - grey) * saturation
        level = mean(x, axis=(1, 2, 3), keepdims=True)
        return level + (x - level) * contrast

    return _moved_and_cut(recoloured(images, change), rng)


def _moved_and_cut(images: Tensor, rng: np.random.Generator) -> Tensor:
    """Move each image by whole pixels, and cut a square out of it, some of which may lie outside.

    Both are one op: each pixel is taken from one of the old image, or from none.
    """
    (count, *size, channels), taken, cut = images.shape, [], []
    for side in size:
        most, hole = round_half_up(side * SHIFTED), round_half_up(side * CUT)
        pixel = np.arange(side)
        old = pixel - rng.integers(-most, most + 1, (count, 1))
        first = rng.integers(0, side + 1 - hole % 2, (count, 1)) - hole // 2
        taken.append(np.where((old >= 0) & (old < side), old, NONE))
        cut.append((first <= pixel) & (pixel < first + hole))
    down, along, rows, columns = (to_device(each, images.device) for each in (*taken, *cut))
    xp, pixels = array_module(down), size[0] * size[1]
    down, along = down[:, :, None], along[:, None, :]
    is_none = (down == NONE) | (along == NONE) | (rows[:, :, None] & columns[:, None, :])
    indices = xp.where(is_none, NONE, down * size[1] + along).reshape(count, pixels, 1)
    weights = Tensor.wrap(xp.ones(indices.shape, images.dtype))
    moved = SamplePixels(constant(indices))(reshape(images, (count, pixels, channels)), weights)
    return reshape(moved, images.shape)


def round_half_up(value: float) -> int:
    """The nearest whole number; the larger one of two. `round` would take the even one.

    >>> round_half_up(2.5), round(2.5)
    (3, 2)
    """
    return int(value + 0.5)


DIFFAUGMENT = Augmentation("diffaugment", "colour, translation and cutout of every image", diffaugment)
