"""Colours of ADA: brightness, contrast, luma flip, hue and saturation; one affine map of colours for each image."""

import numpy as np
from numpy.typing import NDArray

from rawgan.gan.augmentations.augmentation import constant_like, recoloured
from rawgan.tensor import Tensor

BRIGHTNESS = 0.2
"""Standard deviation of what is added to all colours. Pixels are from −1 to 1."""
CONTRAST, SATURATION = 0.5, 1.0
"""Standard deviations of the binary logarithm of factors."""
GREY = np.full((3, 3), 1 / 3)
"""Projection of a colour on the axis of greys, (1, 1, 1)."""
CROSS = np.array([[0.0, -1.0, 1.0], [1.0, 0.0, -1.0], [-1.0, 1.0, 0.0]]) / np.sqrt(3)
"""Cross product with the axis of greys, of length 1: a turn by 90° about it."""


def coloured(images: Tensor, rng: np.random.Generator, p: float) -> Tensor:
    """Change the colours of each image by a random affine map. Alpha stays as it is.

    Grey images take the part of the map that leads from greys to greys: brightness, contrast and luma flip.

    Shapes: images (N, H, W, C), C 1 to 4 → the same
    """
    matrix, offset = random_colours(len(images), rng, p)
    if (matrix == np.eye(3)).all() and not offset.any():
        return images

    def change(x: Tensor) -> Tensor:
        maps = matrix if x.shape[3] == 3 else matrix.sum(axis=(1, 2)).reshape(-1, 1, 1) / 3
        changed = constant_like(offset.reshape(-1, 1, 1, 1), images)
        for k in range(x.shape[3]):  # sums of products, not a matrix product: bf16 would round the pixels
            changed = changed + x[..., k : k + 1] * constant_like(maps[:, None, None, :, k], images)
        return changed

    return recoloured(images, change)


def random_colours(count: int, rng: np.random.Generator, p: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Maps of colours, x → matrix @ x + offset; the offset is the same for all three. All draws are made whatever p is.

    The luma flip makes light colours dark, and keeps their hue and saturation. Hue turns a colour about the axis of
    greys, saturation is a factor of its distance from there.

    Shapes: → (count, 3, 3), (count,)

    >>> matrix, offset = random_colours(1, np.random.default_rng(0), 0.0)
    >>> (matrix == np.eye(3)).all(), offset
    (np.True_, array([0.]))
    """

    def draw(values: NDArray[np.float64], otherwise: float) -> NDArray[np.float64]:
        return np.where(rng.random(count) < p, values, otherwise)

    brightness = draw(rng.normal(0, BRIGHTNESS, count), 0.0)
    contrast = draw(2 ** rng.normal(0, CONTRAST, count), 1.0)
    luma = draw(rng.choice([-1.0, 1.0], count), 1.0)
    angle = draw(rng.uniform(-np.pi, np.pi, count), 0.0)
    saturation = draw(2 ** rng.normal(0, SATURATION, count), 1.0)
    turned = np.cos(angle)[:, None, None] * (np.eye(3) - GREY) + np.sin(angle)[:, None, None] * CROSS
    matrix = contrast[:, None, None] * (luma[:, None, None] * GREY + saturation[:, None, None] * turned)
    plain = (contrast == 1) & (luma == 1) & (angle == 0) & (saturation == 1)
    matrix[plain] = np.eye(3)  # not GREY + (1 − GREY), which rounding makes another number
    return matrix, luma * contrast * brightness
