"""Adaptive discriminator augmentation (ADA): flips, turns, geometry and colour, each of an image with probability p.

p follows how much D overfits: see :mod:`rawgan.gan.augmentations.adaptation`. While p is below about 0.8, G does not
learn the transformations, though most images that D sees may be transformed.

Source: Karras et al. 2020, "Training Generative Adversarial Networks with Limited Data": the transformations, their
order and their ranges are those of its pixel blitting, general geometry and colour
"""

import numpy as np

from rawgan.gan.augmentations.augmentation import Augmentation
from rawgan.gan.augmentations.colour import coloured
from rawgan.gan.augmentations.geometry import moved
from rawgan.tensor import Tensor


def ada(images: Tensor, rng: np.random.Generator, p: float) -> Tensor:
    """Transform images: where their pixels are, then their colours.

    With p = 0 the result is the images themselves.

    Shapes: images (N, H, W, C) in [−1, 1], square → the same

    >>> images = Tensor(np.zeros((2, 8, 8, 3), np.float32))
    >>> ada(images, np.random.default_rng(0), 0.0) is images
    True
    """
    return coloured(moved(images, rng, p), rng, p)


ADA = Augmentation(
    "ada", "flips, turns, geometry and colour, with a probability that follows how much D overfits", ada, adaptive=True
)
