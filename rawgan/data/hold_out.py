"""Hold-out sets: images that are kept from training, for pictures and measurements."""

from os import PathLike

import numpy as np

from rawgan.data.image_set import ImageSet, Progress
from rawgan.data.pixels import CROP
from rawgan.data.sources import has_test_split, load
from rawgan.errors import ArgumentError
from rawgan.random import make_rng

SHARE, MOST = 0.1, 1000
"""Share of the user's own images that is held out, and the largest number of them."""
FEW, LEAST = 128, 10
"""Most and fewest held-out images by which a run watches its D: with fewer, chance would be seen."""


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
        return images, load_test_images(source, images, on_progress, skip_broken, fit)
    return hold_out(images, int(len(images) * share), seed)


def load_test_images(
    source: str | PathLike[str],
    like: ImageSet,
    on_progress: Progress = lambda done, total: None,
    skip_broken: bool = False,
    fit: str = CROP,
) -> ImageSet:
    """Test images of `source`, of the size, the channels and the white of its training images, `like`.

    Raises: DataError for images that cannot be read
    """
    size, _, channels = like.shape
    return load(
        source, image_size=size, channels=channels, split="test", skip_broken=skip_broken, white=like.white,
        fit=fit, on_progress=on_progress,
    )  # fmt: skip


def few_of(images: ImageSet, seed: int) -> ImageSet | None:
    """At most FEW images of a set, chosen at random; None of fewer than LEAST."""
    order = make_rng(seed, "split").permutation(len(images))[:FEW]
    return images.part(order) if len(order) >= LEAST else None


def hold_out_few(images: ImageSet, batch_size: int, seed: int) -> tuple[ImageSet, ImageSet | None]:
    """Split a set at random: all but a few images, and these, by which a run watches its D.

    They are a tenth of the images, at most FEW. None if that were fewer than LEAST, or would leave no whole batch. One
    image of each class is always trained with.

    >>> import numpy as np
    >>> rest, few = hold_out_few(ImageSet(np.zeros((400, 8, 8, 1), np.uint8), None, "zeros"), 64, seed=0)
    >>> len(rest), len(few)
    (360, 40)
    >>> hold_out_few(ImageSet(np.zeros((99, 8, 8, 1), np.uint8), None, "zeros"), 64, seed=0)[1]
    """
    order = make_rng(seed, "split").permutation(len(images))
    labels = np.zeros(len(images)) if images.labels is None else images.labels
    first = np.unique(labels[order], return_index=True)[1]
    order = np.concatenate([np.delete(order, first), order[first]])
    count = min(hold_out_size(len(images)), FEW, len(images) - max(batch_size, len(first)))
    if count < LEAST:
        return images, None
    return images.part(np.sort(order[count:])), images.part(order[:count])


def evenly_spread(count: int) -> set[int]:
    """Positions of the images to hold out of `count`, evenly spread, as neighbours are often alike.

    >>> sorted(evenly_spread(25))
    [11, 24]
    """
    held_out = hold_out_size(count)
    return {(n + 1) * count // held_out - 1 for n in range(held_out)}
