"""Generated images of earlier steps."""

import numpy as np

from rawgan import nn
from rawgan.paper import blank


class History(nn.Module):
    """Generated images of earlier steps. D sees some of them again, so that it does not forget what G no longer makes.

    While it is not full, images are stored and returned unchanged. Then half of them, chosen at random, are exchanged
    for stored ones.

    Source: Shrivastava et al. 2017

    >>> history = History(1, (1, 1, 1))
    >>> [history.exchange(np.full((1, 1, 1, 1), n, "float32"), np.random.default_rng(n)).item() for n in range(4)]
    [0.0, 1.0, 0.0, 2.0]
    """

    def __init__(self, capacity: int, shape: tuple[int, int, int]) -> None:
        self.images = nn.Buffer(blank((capacity, *shape)))
        """(capacity, H, W, C)."""
        self.count = nn.Buffer(np.zeros(1, np.float32))
        """Number of images stored. (1,)"""

    def exchange(self, images: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """These images, some of them replaced by earlier ones.

        Shapes: (N, H, W, C) → the same
        """
        found, kept, count = images.copy(), self.images.data, self.count.data
        for n, image in enumerate(images):
            held = int(count[0])
            if held < len(kept):
                kept[held] = image
                count += 1
            elif held and rng.random() < 0.5:
                place = rng.integers(held)
                found[n], kept[place] = kept[place].copy(), image
        return found
