"""Hold-out sets: images that are kept from training, for pictures and measurements."""

from os import PathLike

from rawgan.data.image_set import ImageSet, Progress
from rawgan.data.pixels import CROP
from rawgan.data.sources import has_test_split, load
from rawgan.errors import ArgumentError
from rawgan.random import make_rng

SHARE, MOST = 0.1, 1000
"""Share of the user's own images that is held out, and the largest number of them."""


def hold_out_size(count: int) -> int:
    """Number of images to hold out of `count`: a tenth, at least 1, at most MOST.

    >>> hold_out_size(5), hold_out_size(500), hold_out_size(50_000)
    (1, 50, 1000)
    """
    return max(1, min(MOST, int(count * SHARE)))


def hold_out(images: ImageSet, count: int, seed: int) -> tuple[ImageSet, ImageSet]:
    """Split a set at random: all but `count` images, and these.

    Raises: ArgumentError unless both parts have at least one image

    >>> import numpy as np
    >>> rest, held_out = hold_out(ImageSet(np.zeros((10, 8, 8, 1), np.uint8), None, "zeros"), 3, seed=0)
    >>> len(rest), len(held_out)
    (7, 3)
    """
    if not 1 <= count < len(images):
        few = "1 image is" if len(images) == 1 else f"{len(images)} images are"
        least = f": at least {max(count + 1, 2)}" if count > 0 or len(images) < 2 else ""
        raise ArgumentError(f"{images.name}: {few} too few to set {max(count, 1)} apart; add images{least}")
    order = make_rng(seed, "split").permutation(len(images))
    return images.part(order[count:]), images.part(order[:count])


def with_hold_out(
    source: str | PathLike[str],
    images: ImageSet,
    share: float,
    seed: int = 0,
    on_progress: Progress = lambda done, total: None,
    skip_broken: bool = False,
    fit: str = CROP,
) -> tuple[ImageSet, ImageSet]:
    """Images that were loaded from `source`, and others like them: its test images or, if it has none, a share of its
    images, which are then missing from the first set.

    Raises: DataError for test images that cannot be read; ArgumentError for too few images
    """
    if has_test_split(source):
        size, _, channels = images.shape
        return images, load(
            source, image_size=size, channels=channels, split="test", skip_broken=skip_broken, white=images.white,
            fit=fit, on_progress=on_progress,
        )  # fmt: skip
    return hold_out(images, int(len(images) * share), seed)


def evenly_spread(count: int) -> set[int]:
    """Positions of the images to hold out of `count`, evenly spread, as neighbours are often alike.

    >>> sorted(evenly_spread(25))
    [11, 24]
    """
    held_out = hold_out_size(count)
    return {(n + 1) * count // held_out - 1 for n in range(held_out)}
