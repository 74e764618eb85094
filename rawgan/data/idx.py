"""IDX, the file format of MNIST: a magic number, the sizes as big-endian 32-bit integers, then the bytes.

Nothing is believed: memory is set aside for the bytes that are there, not for those that a header promises.
Source: http://yann.lecun.com/exdb/mnist/
"""

import gzip
import hashlib
import math
import struct
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, NamedTuple

import numpy as np
from numpy.typing import NDArray

from rawgan.data.bounded import at_most
from rawgan.data.imageset import Arrays
from rawgan.errors import DataError
from rawgan.files import open_file


class Kind(NamedTuple):
    """A kind of IDX file: its magic is two zero bytes, 8 for "unsigned bytes", and the rank of the array."""

    name: str
    rank: int

    @property
    def magic(self) -> bytes:
        return bytes([0, 0, 8, self.rank])


IMAGES, LABELS = Kind("images", 3), Kind("labels", 1)
SPLITS = {"train": "train", "test": "t10k"}
"""How the files of a split are called, as in `t10k-images-idx3-ubyte.gz`."""


def is_idx_folder(folder: Path) -> bool:
    """Whether the folder holds an IDX file of any split under one of the names that MNIST's files have."""
    return any(_find(folder, split, kind) for split in SPLITS for kind in (IMAGES, LABELS))


def has_idx_split(folder: Path, split: str) -> bool:
    """Whether the folder holds images of that split."""
    return _find(folder, split, IMAGES) is not None


def read_idx_folder(folder: Path, split: str) -> Arrays:
    """The images and, where there is a file of them, the labels of one split.

    Shapes: → (N, H, W) uint8 and (N,) int64 or None
    Raises: DataError for a split that is not there, a damaged file, or files of different lengths

    >>> from rawgan.data.known import MNIST
    >>> images, labels = read_idx_folder(MNIST, "test")
    >>> images.shape, labels[:5]
    ((10000, 28, 28), array([7, 2, 1, 0, 4]))
    """
    file = _find(folder, split, IMAGES)
    if file is None:
        raise DataError(
            f"{folder}: no images for split {split!r}; "
            f"expected a file {SPLITS[split]}-images-idx3-ubyte or {SPLITS[split]}-images-idx3-ubyte.gz"
        )
    images = read_idx(file, IMAGES)
    labels_file = _find(folder, split, LABELS)
    if labels_file is None:
        return images, None
    labels = read_idx(labels_file, LABELS)
    if len(labels) != len(images):
        raise DataError(
            f"{labels_file}: {len(labels)} labels, but {file.name} beside it has {len(images)} images; "
            "these files do not belong together"
        )
    return images, labels.astype(np.int64)


def read_idx(path: Path, kind: Kind) -> NDArray[np.uint8]:
    """One IDX file, gzipped or not.

    Shapes: → (N, H, W) uint8 for IMAGES, (N,) for LABELS
    Raises: DataError for a file that is damaged, of another kind, or does not hold what its header promises

    >>> from rawgan.data.known import MNIST
    >>> read_idx(MNIST / "t10k-labels-idx1-ubyte.gz", LABELS).shape
    (10000,)
    """
    with unpacked(path) as stream:
        header = stream.read(4 + 4 * kind.rank)
        _check_magic(path, header[:4], kind)
        if len(header) < 4 + 4 * kind.rank:
            raise DataError(f"{path}: the file ends within its header; download or copy it again")
        shape = struct.unpack(f">{kind.rank}I", header[4:])
        promised = math.prod(shape)
        if not promised:
            raise DataError(f"{path}: holds no {kind.name}; its header says {_sizes(shape)}")
        body = at_most(stream, promised + 1)
    if len(body) != promised:
        held = "more than that" if len(body) > promised else f"{len(body)} bytes"
        raise DataError(
            f"{path}: the header promises {_sizes(shape)} {kind.name}, {promised} bytes, "
            f"but the file holds {held}; download or copy it again"
        )
    return np.frombuffer(body, np.uint8).reshape(shape)


@contextmanager
def unpacked(path: Path) -> Iterator[BinaryIO]:
    """The bytes of a file, unpacked if they are gzipped, whatever its name says. Trouble becomes a DataError.

    >>> from rawgan.data.known import MNIST
    >>> with unpacked(MNIST / "t10k-labels-idx1-ubyte.gz") as stream:
    ...     stream.read(4)
    b'\\x00\\x00\\x08\\x01'
    """
    try:
        with open_file(path) as file:
            zipped = file.read(2) == b"\x1f\x8b"
            file.seek(0)
            if not zipped:
                yield file
                return
            with gzip.GzipFile(fileobj=file) as stream:
                yield stream  # type: ignore[misc]  # a GzipFile reads as a BinaryIO does
    except EOFError:
        raise DataError(f"{path}: the gzipped data end too early; download or copy the file again") from None
    except (gzip.BadGzipFile, zlib.error) as error:
        raise DataError(f"{path}: damaged gzip file ({error}); download or copy it again") from None
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror or error})") from None


def checksum(path: Path) -> str:
    """The SHA-256, as hexadecimal digits, of what a file holds once it is unpacked.

    >>> from rawgan.data.known import MNIST
    >>> checksum(MNIST / "t10k-labels-idx1-ubyte.gz")
    'ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2'
    """
    with unpacked(path) as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()  # type: ignore[arg-type]


def _find(folder: Path, split: str, kind: Kind) -> Path | None:
    """The file of that kind and split, if the folder has one; some mirrors write a dot for a dash."""
    names = (f"{SPLITS[split]}-{kind.name}{dash}idx{kind.rank}-ubyte" for dash in "-.")
    files = (folder / (name + suffix) for name in names for suffix in ("", ".gz"))
    return next((file for file in files if file.is_file()), None)


def _check_magic(path: Path, magic: bytes, kind: Kind) -> None:
    """Raises DataError unless the first four bytes are those of the kind."""
    if magic == kind.magic:
        return
    other = LABELS if kind is IMAGES else IMAGES
    if magic == other.magic:
        raise DataError(f"{path}: an IDX file of {other.name}; expected one of {kind.name}. Were two files swapped?")
    raise DataError(
        f"{path}: not an IDX file of {kind.name}; it starts with the bytes {magic.hex(' ') or '(none)'}, "
        f"expected {kind.magic.hex(' ')}"
    )


def _sizes(shape: tuple[int, ...]) -> str:
    return " × ".join(map(str, shape))
