"""Sources of images: a known set by name, or a folder or file of the user's own."""

import math
from difflib import get_close_matches
from os import PathLike
from pathlib import Path

from rawgan.data.files.idx import has_idx_split, is_idx_folder, read_idx_folder
from rawgan.data.files.numpy_files import read_arrays
from rawgan.data.folders.decoding import ReadOptions
from rawgan.data.folders.image_folder import load_image_folder
from rawgan.data.folders.parts import split_of
from rawgan.data.image_set import Arrays, ImageSet, Progress
from rawgan.data.known_sets import CLASS_NAMES, KNOWN_SETS
from rawgan.data.memory_limits import refuse_too_large
from rawgan.data.mixtures import MIXTURES
from rawgan.data.pixels import CROP, FITS, resized
from rawgan.errors import ArgumentError, DataError
from rawgan.files import expanded

GROWN, MOST_GROWN = 1032, 1 << 28
"""Bytes of images that one byte of a file of arrays may become, unpacked and enlarged; and bytes allowed for any file,
however small."""


def load(
    source: str | PathLike[str],
    *,
    image_size: int,
    channels: int | None = None,
    split: str = "train",
    skip_broken: bool = False,
    enlarge: bool = True,
    white: float | None = None,
    fit: str = CROP,
    on_progress: Progress | None = None,
) -> ImageSet:
    """Load all images of `source`, as squares of `image_size` pixels.

    `source` is one of

    - the name of a known set: `mnist`, `stacked-mnist`, `fashion-mnist`, `cifar10` (write `./mnist` for a folder of
      that name);
    - a folder of IDX files with the names of MNIST's files, gzipped or not;
    - a folder of images of any format that Pillow reads, with its sub-folders and links to folders; if all images lie
      in several sub-folders, these are classes, numbered in the order of their names;
    - an `.npy` file, or an `.npz` file with `images` and perhaps `labels`: uint8, (N, H, W) or (N, H, W, C).

    Images of another size are resized (bicubic); `fit` says how they become squares: "crop" cuts the largest square
    from the middle, "pad" keeps all and adds transparent sides (white ones without alpha), "stretch" scales each axis
    by itself. With `enlarge` false, images that would have to be enlarged are left out. `channels` is 1 (grey), 3
    (colour), 2 or 4 (with alpha), or None for those of the data, with transparency laid on white. `split` is "train" or
    "test"; known sets, IDX folders, and folders with sub-folders called train and test (or val) have a "test" split. In
    images of 16 bits, 32 bits or floats, black is 0 and white is `white`, by default the least of 1, 3, 7, …, 255,
    1023, 4095, 16383, 65535, … that no image of the set exceeds. With `skip_broken`, images of a folder that cannot be
    read are left out and listed in `ImageSet.skipped`. `on_progress(done, total)` counts images. What is decoded from a
    folder of images is kept for the next time: see `image_cache`.

    Raises: DataError naming the file, the problem and the way out; ArgumentError for `channels`, a `split` or a `fit`
            that do not exist

    >>> load("mnist", image_size=28, split="test")
    ImageSet('mnist', 10000 images of 28 × 28 × 1, labelled)
    """
    check_channels(channels)
    if split not in ("train", "test"):
        raise ArgumentError(f"split={split!r}: expected 'train' or 'test'")
    check_fit(fit)
    options = ReadOptions(image_size, channels, skip_broken, enlarge, white, fit, on_progress)
    if source in KNOWN_SETS:
        name = str(source)
        return _of_arrays(KNOWN_SETS[name](split), name, name, options, CLASS_NAMES.get(name, ()))
    try:
        return _load_own(source, split, options)
    except OSError as error:
        raise DataError(f"{source}: cannot be read ({error.strerror or error})") from None
    except MemoryError:
        raise DataError(
            f"{source}: these images take more memory than there is\n  take fewer images, or a smaller image size"
        ) from None


def check_channels(channels: int | None) -> None:
    """Raise an ArgumentError for a number of channels that no image has."""
    if channels not in (None, 1, 2, 3, 4):
        raise ArgumentError(
            f"channels={channels}: images have 1 (grey), 3 (colour), 2 or 4 (these with alpha); None takes "
            "those of the data"
        )


def check_fit(fit: str) -> None:
    """Raise an ArgumentError for a framing that does not exist."""
    if fit not in FITS:
        raise ArgumentError(f"fit={fit!r}: expected one of {', '.join(FITS)}")


def _load_own(source: str | PathLike[str], split: str, options: ReadOptions) -> ImageSet:
    """Load a folder or file of the user's own."""
    try:
        path = expanded(source)
        name = name_of(path)
    except ArgumentError as error:  # `~` of an unknown user
        raise DataError(str(error)) from None
    except (ValueError, RuntimeError) as error:  # characters that no name can have, links in a circle
        raise DataError(f"{source}: cannot be the path of a file or folder ({error})") from None
    if not path.exists():
        raise DataError(_nothing_there(str(path)))
    if path.is_dir() and is_idx_folder(path):
        held = sum(file.stat().st_size for file in path.iterdir() if file.is_file())
        return _of_arrays(read_idx_folder(path, split), str(path), name, options, held=held)
    if path.is_dir():
        return load_image_folder(path, name, split, options)
    if split == "test":
        raise DataError(f"{path}: a single file has no 'test' split; keep the images to test with in another file")
    if path.suffix.lower() in (".npy", ".npz"):
        return _of_arrays(read_arrays(path), str(path), name, options, held=path.stat().st_size)
    raise DataError(
        f"{path}: not a kind of file that holds a set of images; expected .npy or .npz, or a folder of "
        "images or of IDX files (put images into a folder, unpack an archive)"
    )


def _of_arrays(
    arrays: Arrays,
    path: str,
    name: str,
    options: ReadOptions,
    class_names: tuple[str, ...] = (),
    held: float = math.inf,
) -> ImageSet:
    """Set of the images in one array, and their labels; files of the user have `held` bytes on the disk."""
    (images, labels), size, notes = arrays, options.size, tuple[str, ...]()
    taken = len(images) * size * size * (options.channels or 1)
    refuse_too_large(path, taken)
    if taken > max(MOST_GROWN, GROWN * held):
        raise DataError(
            f"{path}: {len(images):,} images of {size} × {size} pixels take {taken / 2**20:,.0f} MiB, but the file has "
            f"{held:,} bytes\n  take a smaller image size, or save images of that size"
        )
    shortest = FITS[options.fit].side(images.shape[2], images.shape[1])
    if shortest < size:
        sides = f"{images.shape[2]} × {images.shape[1]} pixels"
        if not options.enlarge:
            raise DataError(
                f"{path}: its images are {sides}, smaller than {size} × {size}, and would teach blur if enlarged\n"
                f"  take --image-size {shortest} at most"
            )
        notes = (f"{name}: enlarged its images from {sides} to {size} × {size}",)
    squares = resized(images, size, options.channels, path, options.on_progress, options.fit)
    return ImageSet(squares, labels, name, class_names=class_names, notes=notes)


def name_of(source: str | PathLike[str]) -> str:
    """Name that the images of `source` will have once they are loaded.

    >>> name_of("mnist"), name_of("photos/of/mine.npz")
    ('mnist', 'mine.npz')
    """
    return str(source) if source in KNOWN_SETS else expanded(source).resolve().name


def has_test_split(source: str | PathLike[str]) -> bool:
    """True if `source` has a "test" split, as far as names tell.

    >>> has_test_split("mnist"), has_test_split("photos")
    (True, False)
    """
    if source in KNOWN_SETS:
        return True
    place = expanded(source)
    if is_image_folder(place):
        return split_of(place) is not None
    return has_idx_split(place, "test")


def is_image_folder(source: str | PathLike[str]) -> bool:
    """True if `source` is a folder of image files, as far as names tell.

    >>> is_image_folder("mnist"), is_image_folder(".")
    (False, True)
    """
    place = expanded(source)
    return source not in KNOWN_SETS and place.is_dir() and not is_idx_folder(place)


def may_be_image_folder(source: str | PathLike[str]) -> bool:
    """True if `source` is a folder of image files, or could be one if it existed.

    >>> may_be_image_folder("mnist"), may_be_image_folder("no/such/folder"), may_be_image_folder("images.npy")
    (False, True, False)
    """
    place = expanded(source)
    return is_image_folder(source) or (
        source not in KNOWN_SETS and not place.exists() and place.suffix.lower() not in (".npy", ".npz")
    )


_NAMES = f"{', '.join(KNOWN_SETS)}; of points: {', '.join(MIXTURES)}"


def _nothing_there(source: str) -> str:
    """Message for a `source` that does not exist, with the known set that was perhaps meant.

    >>> print(_nothing_there("cifar-10"))
    cifar-10: no such file or folder, nor a known set; did you mean cifar10?
      known sets: mnist, stacked-mnist, fashion-mnist, cifar10; of points: ring8, grid25
    """
    near = get_close_matches(source.lower(), [*KNOWN_SETS, *MIXTURES], n=1)
    hint = f"; did you mean {near[0]}?" if near else ""
    place = "" if near or Path(source).is_absolute() else f" in {Path.cwd()}"
    return f"{source}: no such file or folder{place}, nor a known set{hint}\n  known sets: {_NAMES}"
