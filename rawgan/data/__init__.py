"""Training data: where images and points come from, and how they become batches.

:func:`load` reads everything before training starts, so whatever is wrong with the data is said at once
and not an hour into the training. It returns an :class:`ImageSet`; :class:`Batches` deals it out.
:class:`PointBatches` draws from a :class:`Mixture`, which has no end.
"""

from difflib import get_close_matches
from os import PathLike
from pathlib import Path

from rawgan.data.arrays import read_arrays
from rawgan.data.batches import Batches
from rawgan.data.folder import read_image_folder
from rawgan.data.idx import has_idx_split, is_idx_folder, read_idx_folder
from rawgan.data.imageset import ImageSet, Progress
from rawgan.data.known import KNOWN
from rawgan.data.mixtures import MIXTURES, Mixture, PointBatches, grid25, ring8
from rawgan.data.pairs import PairSet, load_pairs, made_pairs
from rawgan.data.pixels import resized, to_uint8, to_unit
from rawgan.data.tiles import load_tiles
from rawgan.errors import ArgumentError, DataError

__all__ = [
    "KNOWN",
    "MIXTURES",
    "Batches",
    "ImageSet",
    "Mixture",
    "PairSet",
    "PointBatches",
    "grid25",
    "has_test_split",
    "is_image_folder",
    "load",
    "load_pairs",
    "load_tiles",
    "made_pairs",
    "may_be_image_folder",
    "name_of",
    "ring8",
    "to_uint8",
    "to_unit",
]


def load(
    source: str | PathLike[str],
    *,
    image_size: int,
    channels: int | None = None,
    split: str = "train",
    skip_broken: bool = False,
    on_progress: Progress | None = None,
) -> ImageSet:
    """All images of `source`, square, `image_size` pixels wide and high.

    `source` is one of

    - the name of a known set: `mnist`, `stacked-mnist`, `fashion-mnist`, `cifar10` (a folder so named is `./mnist`);
    - a folder of IDX files, under the names that MNIST's files have, gzipped or not;
    - a folder of PNG, JPEG, WebP, GIF and BMP files, sub-folders included;
    - an `.npy` file, or an `.npz` file with `images` and perhaps `labels`: uint8, (N, H, W) or (N, H, W, C).

    Images of another size are cut to the largest square in the middle and resized (bicubic), never distorted.
    `channels` is 1 (grey), 3 (colour), or None for what the data has; 2 and 4, with alpha, are for arrays
    that have them. Otherwise transparency is laid on white. `split` is "train" or "test"; only known sets and
    IDX folders have a "test". `skip_broken` goes on without those images of a folder that cannot be read, and
    lists them in `ImageSet.skipped`. `on_progress(done, total)` counts images.

    Raises: DataError naming the file, what is wrong with it and the way out; ArgumentError for `channels`
            or a `split` that mean nothing

    >>> load("mnist", image_size=28, split="test")
    ImageSet('mnist', 10000 images of 28 × 28 × 1, labelled)
    """
    if channels not in (None, 1, 2, 3, 4):
        raise ArgumentError(f"channels={channels}: images have 1 (grey) or 3 (colour); None takes what the data has")
    if split not in ("train", "test"):
        raise ArgumentError(f"split={split!r}: expected 'train' or 'test'")
    if source in KNOWN:
        images, labels = KNOWN[str(source)](split)
        return ImageSet(resized(images, image_size, channels, str(source), on_progress), labels, str(source))

    try:
        return _load_own(source, image_size, channels, split, skip_broken, on_progress)
    except OSError as error:
        raise DataError(f"{source}: cannot be read ({error.strerror or error})") from None
    except MemoryError:
        raise DataError(
            f"{source}: these images take more memory than there is\n  take fewer of them, or a smaller image size"
        ) from None


def _load_own(
    source: str | PathLike[str],
    image_size: int,
    channels: int | None,
    split: str,
    skip_broken: bool,
    on_progress: Progress | None,
) -> ImageSet:
    """What is no known set: a folder or a file of the user's own."""
    try:
        path = Path(source).expanduser()
        name = name_of(path)
    except (ValueError, RuntimeError) as error:  # characters that no name can have, links in a circle, no such home
        raise DataError(f"{source}: cannot be the path of a file or folder ({error})") from None
    if not path.exists():
        raise DataError(_nothing_there(str(source)))
    if path.is_dir() and is_idx_folder(path):
        images, labels = read_idx_folder(path, split)
        return ImageSet(resized(images, image_size, channels, str(path), on_progress), labels, name)

    if split == "test":
        raise DataError(
            f"{path}: only a known set or a folder of IDX files has a 'test' split; for images of your own, "
            "keep those to test with in a folder or file apart"
        )
    if path.is_dir():
        images, names, skipped = read_image_folder(path, image_size, channels, skip_broken, on_progress)
        return ImageSet(images, None, name, skipped, names)
    if path.suffix.lower() in (".npy", ".npz"):
        images, labels = read_arrays(path)
        return ImageSet(resized(images, image_size, channels, str(path), on_progress), labels, name)
    raise DataError(
        f"{path}: not a kind of file that holds a set of images; expected .npy or .npz, or a folder of "
        "images or of IDX files (put images into a folder, unpack an archive)"
    )


def name_of(source: str | PathLike[str]) -> str:
    """What the images of `source` are called, once they are loaded.

    >>> name_of("mnist"), name_of("photos/of/mine.npz")
    ('mnist', 'mine.npz')
    """
    return str(source) if source in KNOWN else Path(source).expanduser().resolve().name


def has_test_split(source: str | PathLike[str]) -> bool:
    """Whether :func:`load` can read a "test" split of `source`, as far as names tell.

    >>> has_test_split("mnist"), has_test_split("photos")
    (True, False)
    """
    return source in KNOWN or has_idx_split(Path(source).expanduser(), "test")


def is_image_folder(source: str | PathLike[str]) -> bool:
    """Whether `source` is a folder of image files, as far as names tell.

    >>> is_image_folder("mnist"), is_image_folder(".")
    (False, True)
    """
    place = Path(source).expanduser()
    return source not in KNOWN and place.is_dir() and not is_idx_folder(place)


def may_be_image_folder(source: str | PathLike[str]) -> bool:
    """Whether `source` is a folder of image files, or could be one if it existed.

    >>> may_be_image_folder("mnist"), may_be_image_folder("no/such/folder"), may_be_image_folder("images.npy")
    (False, True, False)
    """
    place = Path(source).expanduser()
    return is_image_folder(source) or (
        source not in KNOWN and not place.exists() and place.suffix.lower() not in (".npy", ".npz")
    )


KNOWN_SETS = f"{', '.join(KNOWN)}; of points: {', '.join(MIXTURES)}"


def _nothing_there(source: str) -> str:
    """The message for a `source` that does not exist, with the known set that was perhaps meant.

    >>> print(_nothing_there("cifar-10"))
    cifar-10: no such file or folder, nor a known set; did you mean cifar10?
      known sets: mnist, stacked-mnist, fashion-mnist, cifar10; of points: ring8, grid25
    """
    near = get_close_matches(source.lower(), [*KNOWN, *MIXTURES], n=1)
    hint = f"; did you mean {near[0]}?" if near else ""
    place = "" if near or Path(source).is_absolute() else f" in {Path.cwd()}"
    return f"{source}: no such file or folder{place}, nor a known set{hint}\n  known sets: {KNOWN_SETS}"
