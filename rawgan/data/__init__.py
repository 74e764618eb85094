"""Training data: where images and points come from, and how they become batches.

:func:`load` reads everything before training starts, so whatever is wrong with the data is said at once
and not an hour into the training. It returns an :class:`ImageSet`; :class:`Batches` deals it out.
:class:`PointBatches` draws from a :class:`Mixture`, which has no end.
"""

import math
from difflib import get_close_matches
from os import PathLike
from pathlib import Path

from rawgan.data.arrays import read_arrays
from rawgan.data.batches import Batches
from rawgan.data.folder import Reading, load_image_folder
from rawgan.data.idx import has_idx_split, is_idx_folder, read_idx_folder
from rawgan.data.imageset import Arrays, ImageSet, Progress
from rawgan.data.known import CLASS_NAMES, KNOWN
from rawgan.data.listing import split_of
from rawgan.data.mixtures import MIXTURES, Mixture, PointBatches, grid25, ring8
from rawgan.data.pairs import PairSet, load_pairs, made_pairs
from rawgan.data.pixels import resized, to_uint8, to_unit
from rawgan.data.tiles import load_tiles
from rawgan.errors import ArgumentError, DataError
from rawgan.files import expanded

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


GROWN, MOST_GROWN = 1032, 1 << 28
"""Bytes of images that a byte of a file of arrays may become, unpacked and enlarged; and as many as any file may."""


def load(
    source: str | PathLike[str],
    *,
    image_size: int,
    channels: int | None = None,
    split: str = "train",
    skip_broken: bool = False,
    enlarge: bool = True,
    white: float | None = None,
    on_progress: Progress | None = None,
) -> ImageSet:
    """All images of `source`, square, `image_size` pixels wide and high.

    `source` is one of

    - the name of a known set: `mnist`, `stacked-mnist`, `fashion-mnist`, `cifar10` (a folder so named is `./mnist`);
    - a folder of IDX files, under the names that MNIST's files have, gzipped or not;
    - a folder of images of any format that Pillow reads, sub-folders and links to folders included; if all lie in
      several sub-folders, these are classes, numbered in the order of their names;
    - an `.npy` file, or an `.npz` file with `images` and perhaps `labels`: uint8, (N, H, W) or (N, H, W, C).

    Images of another size are cut to the largest square in the middle and resized (bicubic), never distorted; those
    that would have to be enlarged are left out if `enlarge` is false. `channels` is 1 (grey), 3 (colour), 2 or 4 (these
    with alpha), or None for what the data has, transparency laid on white. `split` is "train" or "test"; known sets,
    IDX folders, and folders with sub-folders called train and test (or val) have a "test". Black is 0 in images of 16
    bits, 32 bits or floats; `white` says what white is, or it is the least of 1, 3, 7, …, 255, 1023, 4095, 16383,
    65535, … that no image of the set exceeds. `skip_broken` goes on without those images of a folder that cannot be
    read, and lists them in `ImageSet.skipped`. `on_progress(done, total)` counts images.

    Raises: DataError naming the file, what is wrong with it and the way out; ArgumentError for `channels`
            or a `split` that mean nothing

    >>> load("mnist", image_size=28, split="test")
    ImageSet('mnist', 10000 images of 28 × 28 × 1, labelled)
    """
    check_channels(channels)
    if split not in ("train", "test"):
        raise ArgumentError(f"split={split!r}: expected 'train' or 'test'")
    reading = Reading(image_size, channels, skip_broken, enlarge, white, on_progress)
    if source in KNOWN:
        name = str(source)
        return _of_arrays(KNOWN[name](split), name, name, reading, CLASS_NAMES.get(name, ()))
    try:
        return _load_own(source, split, reading)
    except OSError as error:
        raise DataError(f"{source}: cannot be read ({error.strerror or error})") from None
    except MemoryError:
        raise DataError(
            f"{source}: these images take more memory than there is\n  take fewer of them, or a smaller image size"
        ) from None


def check_channels(channels: int | None) -> None:
    """Raise an ArgumentError for what no image has."""
    if channels not in (None, 1, 2, 3, 4):
        raise ArgumentError(
            f"channels={channels}: images have 1 (grey), 3 (colour), 2 or 4 (these with alpha); None takes what the "
            "data has"
        )


def _load_own(source: str | PathLike[str], split: str, reading: Reading) -> ImageSet:
    """What is no known set: a folder or a file of the user's own."""
    try:
        path = expanded(source)
        name = name_of(path)
    except ArgumentError as error:  # no such home
        raise DataError(str(error)) from None
    except (ValueError, RuntimeError) as error:  # characters that no name can have, links in a circle
        raise DataError(f"{source}: cannot be the path of a file or folder ({error})") from None
    if not path.exists():
        raise DataError(_nothing_there(str(path)))
    if path.is_dir() and is_idx_folder(path):
        held = sum(file.stat().st_size for file in path.iterdir() if file.is_file())
        return _of_arrays(read_idx_folder(path, split), str(path), name, reading, held=held)
    if path.is_dir():
        return load_image_folder(path, name, split, reading)
    if split == "test":
        raise DataError(
            f"{path}: a single file has no 'test' split; keep those images to test with in a file of their own"
        )
    if path.suffix.lower() in (".npy", ".npz"):
        return _of_arrays(read_arrays(path), str(path), name, reading, held=path.stat().st_size)
    raise DataError(
        f"{path}: not a kind of file that holds a set of images; expected .npy or .npz, or a folder of "
        "images or of IDX files (put images into a folder, unpack an archive)"
    )


def _of_arrays(
    arrays: Arrays, path: str, name: str, reading: Reading, class_names: tuple[str, ...] = (), held: float = math.inf
) -> ImageSet:
    """Images that lie in one array, and their labels; `held` bytes on the disk, where these are somebody's own."""
    (images, labels), size, notes = arrays, reading.size, tuple[str, ...]()
    taken = len(images) * size * size * (reading.channels or 1)
    if taken > max(MOST_GROWN, GROWN * held):
        raise DataError(
            f"{path}: {len(images):,} images of {size} × {size} pixels take {taken / 2**20:,.0f} MiB, but the file has "
            f"{held:,} bytes\n  take a smaller image size, or save images of that size"
        )
    if min(images.shape[1:3]) < size:
        sides = f"{images.shape[2]} × {images.shape[1]} pixels"
        if not reading.enlarge:
            raise DataError(
                f"{path}: its images are {sides}, smaller than {size} × {size}, and enlarged they would teach what is "
                f"blurred\n  take --image-size {min(images.shape[1:3])} at most"
            )
        notes = (f"{name}: its images are {sides}, and enlarged to {size} × {size}",)
    squares = resized(images, size, reading.channels, path, reading.on_progress)
    return ImageSet(squares, labels, name, class_names=class_names, notes=notes)


def name_of(source: str | PathLike[str]) -> str:
    """What the images of `source` are called, once they are loaded.

    >>> name_of("mnist"), name_of("photos/of/mine.npz")
    ('mnist', 'mine.npz')
    """
    return str(source) if source in KNOWN else expanded(source).resolve().name


def has_test_split(source: str | PathLike[str]) -> bool:
    """Whether :func:`load` can read a "test" split of `source`, as far as names tell.

    >>> has_test_split("mnist"), has_test_split("photos")
    (True, False)
    """
    if source in KNOWN:
        return True
    place = expanded(source)
    if is_image_folder(place):
        return split_of(place) is not None
    return has_idx_split(place, "test")


def is_image_folder(source: str | PathLike[str]) -> bool:
    """Whether `source` is a folder of image files, as far as names tell.

    >>> is_image_folder("mnist"), is_image_folder(".")
    (False, True)
    """
    place = expanded(source)
    return source not in KNOWN and place.is_dir() and not is_idx_folder(place)


def may_be_image_folder(source: str | PathLike[str]) -> bool:
    """Whether `source` is a folder of image files, or could be one if it existed.

    >>> may_be_image_folder("mnist"), may_be_image_folder("no/such/folder"), may_be_image_folder("images.npy")
    (False, True, False)
    """
    place = expanded(source)
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
