"""Images to draw, and pictures read back from files."""

import numpy as np
from PIL import Image

rng = np.random.default_rng(7)


def noise(*shape):
    """Bytes that no background equals."""
    return rng.integers(65, 256, shape, dtype=np.uint8)


def read(path):
    """Pixels of a picture file; grey as (H, W)."""
    with Image.open(path) as picture:
        return np.asarray(picture)
