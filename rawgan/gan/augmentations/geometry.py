"""Geometry of ADA: pixels are moved, flipped, turned, scaled; one affine map for each image."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

import rawgan_kernels
from rawgan.gan.augmentations.augmentation import constant_like
from rawgan.ops import affine_grid, grid_sample
from rawgan.tensor import Tensor

Matrices = NDArray[np.float64]
"""A matrix of homogeneous coordinates (horizontal, vertical, 1) for each image, (N, 3, 3)."""

SHIFTED = 1 / 8
"""Largest translation by whole pixels, and standard deviation of other translations, relative to the image's side."""
SCALED = 0.2
"""Standard deviation of the binary logarithm of scales."""


def moved(images: Tensor, rng: np.random.Generator, p: float) -> Tensor:
    """Move the pixels of each image by a random affine map. Beyond its edges, an image is mirrored.

    Pixels are interpolated (bilinear) at the resolution of the images. Scales stay near 1, two thirds of them between
    0.87 and 1.15, so little is lost or aliased; the published filter at twice the resolution would take several times
    as long. Flips, turns by 90° and translations by whole pixels copy pixels, up to rounding.

    Shapes: images (N, H, W, C), square → the same
    """
    count, height, width, channels = images.shape
    places = random_places(count, height, rng, p)
    if (places == np.eye(3)).all():
        return images
    with rawgan_kernels.precision("float32"):  # places rounded to 8 bits would be pixels apart
        grid = affine_grid(constant_like(places[:, :2], images), (count, height, width, channels))
    return grid_sample(images, grid, padding_mode="reflection")


def random_places(count: int, size: int, rng: np.random.Generator, p: float) -> Matrices:
    """Maps from places in the new images to those in the old ones, each in [−1, 1].

    The image is transformed step by step, so the place is taken back by the inverse of each step, in the same order of
    factors. All draws are made whatever p is. Rotations before and after the anisotropic scale each have the
    probability 1 − √(1 − p), so that an image is turned by one of both with probability p.

    Shapes: → (count, 3, 3)

    >>> random_places(1, 8, np.random.default_rng(0), 0.0)
    array([[[1., 0., 0.],
            [0., 1., 0.],
            [0., 0., 1.]]])
    """

    def chosen(probability: float) -> NDArray[np.bool_]:
        return rng.random(count) < probability

    def where(is_chosen: NDArray[np.bool_], values: NDArray[Any], otherwise: float) -> NDArray[np.float64]:
        return np.where(is_chosen, values, otherwise)

    turned = 1 - np.sqrt(1 - p)
    flip = where(chosen(p), rng.choice([-1.0, 1.0], count), 1.0)
    quarter = where(chosen(p), rng.integers(4, size=count) * (np.pi / 2), 0.0)
    pixels = where(chosen(p), np.round(rng.uniform(-SHIFTED, SHIFTED, (2, count)) * size) * (2 / size), 0.0)
    scale = where(chosen(p), 2 ** rng.normal(0, SCALED, count), 1.0)
    before = where(chosen(turned), rng.uniform(-np.pi, np.pi, count), 0.0)
    stretch = where(chosen(p), 2 ** rng.normal(0, SCALED, count), 1.0)
    after = where(chosen(turned), rng.uniform(-np.pi, np.pi, count), 0.0)
    shift = where(chosen(p), rng.normal(0, 2 * SHIFTED, (2, count)), 0.0)
    return (
        scaling(flip, np.ones(count))
        @ rotation(quarter)
        @ translation(*pixels)
        @ scaling(1 / scale, 1 / scale)
        @ rotation(before)
        @ scaling(1 / stretch, stretch)
        @ rotation(after)
        @ translation(*shift)
    )


def scaling(horizontal: NDArray[np.float64], vertical: NDArray[np.float64]) -> Matrices:
    """Matrices that scale places. Shapes: (N,), (N,) → (N, 3, 3)"""
    made = np.zeros((len(horizontal), 3, 3))
    made[:, 0, 0], made[:, 1, 1], made[:, 2, 2] = horizontal, vertical, 1.0
    return made


def rotation(angle: NDArray[np.float64]) -> Matrices:
    """Matrices that turn places by an angle, in radians; by multiples of 90° exactly. Shapes: (N,) → (N, 3, 3)

    >>> rotation(np.array([np.pi / 2]))[0, :2, :2]
    array([[ 0., -1.],
           [ 1.,  0.]])
    """
    cos, sin = (np.where(abs(each) < 1e-12, 0.0, each) for each in (np.cos(angle), np.sin(angle)))
    made = scaling(cos, cos)
    made[:, 0, 1], made[:, 1, 0] = -sin, sin
    return made


def translation(horizontal: NDArray[np.float64], vertical: NDArray[np.float64]) -> Matrices:
    """Matrices that move places. Shapes: (N,), (N,) → (N, 3, 3)"""
    made = scaling(np.ones(len(horizontal)), np.ones(len(horizontal)))
    made[:, 0, 2], made[:, 1, 2] = horizontal, vertical
    return made
