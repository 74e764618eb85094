"""IDX, the file format of MNIST: a magic number, the sizes as big-endian 32-bit integers, then the bytes.

Headers are not trusted: memory is allocated for the bytes that are there, not for those that a header promises.
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

from rawgan.data.image_set import Arrays
from rawgan.data.memory_limits import read_at_most
from rawgan.errors import DataError
from rawgan.files import open_file


class IdxType(NamedTuple):
    """Type of IDX file. Its magic number is two zero bytes, 8 for "unsigned bytes", and the rank of the array."""

    name: str
    rank: int

    @property
    def magic(self) -> bytes:
        """First four bytes of such a file."""
        return bytes([0, 0, 8, self.rank])


IMAGES, LABELS = IdxType("images", 3), IdxType("labels", 1)
SPLITS = {"train": "train", "test": "t10k"}
"""First word of the file names of each split, as in `t10k-images-idx3-ubyte.gz`."""


def is_idx_folder(folder: Path) -> bool:
    """True if the folder holds an IDX file under one of the names of MNIST's files."""
    return any(_find(folder, split, kind) for split in SPLITS for kind in (IMAGES, LABELS))


def has_idx_split(folder: Path, split: str) -> bool:
    """True if the folder holds images of that split."""
    return _find(folder, split, IMAGES) is not None


def read_idx_folder(folder: Path, split: str) -> Arrays:
    """Images of one split and, if there is a file of them, its labels.

    Shapes: → (N, H, W) uint8 and (N,) int64 or None
    Raises: DataError for a missing split, a damaged file, or files of different lengths

    >>> from rawgan.data.known_sets import MNIST
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


def read_idx(path: Path, kind: IdxType) -> NDArray[np.uint8]:
    """Array of one IDX file, gzipped or not.

    Shapes: → (N, H, W) uint8 for IMAGES, (N,) for LABELS
    Raises: DataError for a file that is damaged, of another type, or that does not hold what its header promises

    >>> from rawgan.data.known_sets import MNIST
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
        body = read_at_most(stream, promised + 1)
    if len(body) != promised:
        held = "more than that" if len(body) > promised else f"{len(body)} bytes"
        raise DataError(
            f"{path}: the header promises {_sizes(shape)} {kind.name}, {promised} bytes, "
            f"but the file holds {held}; download or copy it again"
        )
    return np.frombuffer(body, np.uint8).reshape(shape)


@contextmanager
def unpacked(path: Path) -> Iterator[BinaryIO]:
    """Open a file for reading its bytes, decompressed if they are gzipped, whatever its name.

    Raises: DataError for a damaged file or one that cannot be read, here or inside the context

    >>> from rawgan.data.known_sets import MNIST
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
    """SHA-256, in hexadecimal digits, of the decompressed content of a file.

    >>> from rawgan.data.known_sets import MNIST
    >>> checksum(MNIST / "t10k-labels-idx1-ubyte.gz")
    'ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2'
    """
    with unpacked(path) as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()  # type: ignore[arg-type]


def _find(folder: Path, split: str, kind: IdxType) -> Path | None:
    """File of that type and split, or None; some mirrors write a dot for a dash."""
    names = (f"{SPLITS[split]}-{kind.name}{dash}idx{kind.rank}-ubyte" for dash in "-.")
    files = (folder / (name + suffix) for name in names for suffix in ("", ".gz"))
    return next((file for file in files if file.is_file()), None)


def _check_magic(path: Path, magic: bytes, kind: IdxType) -> None:
    """Raise a DataError unless the first four bytes are those of the type."""
    if magic == kind.magic:
        return
    other = LABELS if kind is IMAGES else IMAGES
    if magic == other.magic:
        raise DataError(f"{path}: holds {other.name}, expected {kind.name}; were two files swapped?")
    raise DataError(
        f"{path}: not an IDX file of {kind.name}; it starts with the bytes {magic.hex(' ') or '(none)'}, "
        f"expected {kind.magic.hex(' ')}"
    )


def _sizes(shape: tuple[int, ...]) -> str:
    return " × ".join(map(str, shape))
