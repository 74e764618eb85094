"""The sets known by name: MNIST comes with rawgan, Fashion-MNIST and CIFAR-10 are downloaded."""

import hashlib
import tarfile
import zlib
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np

from rawgan.data.download import cache_folder, fetch
from rawgan.data.idx import SPLITS, checksum, read_idx_folder
from rawgan.data.imageset import Arrays
from rawgan.errors import DataError

MNIST = Path(__file__).parent / "mnist"
MNIST_SHA256 = {  # of what the files hold once they are unpacked
    "train-images-idx3-ubyte.gz": "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    "train-labels-idx1-ubyte.gz": "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    "t10k-images-idx3-ubyte.gz": "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    "t10k-labels-idx1-ubyte.gz": "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
}


class Remote(NamedTuple):
    """Where a set is downloaded from: `url` is what the names of the files are appended to."""

    url: str
    md5: dict[str, str]


FASHION_MNIST = Remote(
    "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
    {  # of what the files hold once they are unpacked
        "train-images-idx3-ubyte.gz": "f4a8712d7a061bf5bd6d2ca38dc4d50a",
        "train-labels-idx1-ubyte.gz": "9018921c3c673c538a1fc5bad174d6f9",
        "t10k-images-idx3-ubyte.gz": "8181f5470baa50b63fa0f6fddb340f0a",
        "t10k-labels-idx1-ubyte.gz": "15d484375f8d13e6eb1aabb0c3f46965",
    },
)
CIFAR10 = Remote("https://www.cs.toronto.edu/~kriz/", {"cifar-10-binary.tar.gz": "c32a1d4ab5d03f1284b67883e8d87530"})
CIFAR10_FILES = {"train": [f"data_batch_{i}.bin" for i in range(1, 6)], "test": ["test_batch.bin"]}


def mnist(split: str) -> Arrays:
    """The handwritten digits of LeCun, Cortes and Burges, from the files that come with rawgan.

    Shapes: → (N, 28, 28) uint8 and (N,) int64, where N is 60000 for "train" and 10000 for "test"
    Raises: DataError for a damaged installation

    >>> mnist("test")[0].shape
    (10000, 28, 28)
    """
    for name, sha256 in MNIST_SHA256.items():
        if name.startswith(SPLITS[split]):
            _check_packaged(MNIST / name, sha256)
    return read_idx_folder(MNIST, split)


@cache
def _check_packaged(path: Path, sha256: str) -> None:
    """Raises DataError for a file of the installation that is not as it was; looks once in a process."""
    way_out = "rawgan's installation is damaged: pip install --force-reinstall --no-deps rawgan"
    try:
        came = checksum(path, "sha256")
    except DataError as error:
        raise DataError(f"{error}\n  {way_out}") from None
    if came != sha256:
        raise DataError(f"{path}: expected contents of SHA-256 {sha256}, came {came}\n  {way_out}")


def fashion_mnist(split: str) -> Arrays:
    """Zalando's pictures of clothes, made to stand in for MNIST; downloaded once (30 MB).

    Shapes: → (N, 28, 28) uint8 and (N,) int64, where N is 60000 for "train" and 10000 for "test"
    Raises: DataError for a download that fails
    Source: Xiao, Rasul, Vollgraf 2017
    """
    folder = cache_folder() / "fashion-mnist"
    for name, md5 in FASHION_MNIST.md5.items():
        if name.startswith(SPLITS[split]):
            fetch(FASHION_MNIST.url + name, folder / name, md5, lambda path: checksum(path, "md5"))
    return read_idx_folder(folder, split)


def cifar10(split: str) -> Arrays:
    """Small photographs of ten kinds of things; downloaded once (170 MB), in the version without pickles.

    Shapes: → (N, 32, 32, 3) uint8 and (N,) int64, where N is 50000 for "train" and 10000 for "test"
    Raises: DataError for a download that fails
    Source: Krizhevsky 2009
    """
    ((name, md5),) = CIFAR10.md5.items()
    path = fetch(CIFAR10.url + name, cache_folder() / "cifar10" / name, md5, file_md5)
    try:
        with tarfile.open(path, "r:gz") as archive:
            files = [archive.extractfile(f"cifar-10-batches-bin/{name}") for name in CIFAR10_FILES[split]]
            records = b"".join(file.read() for file in files if file)
    except (KeyError, tarfile.TarError, zlib.error, OSError, EOFError) as error:
        raise DataError(f"{path}: not the archive of CIFAR-10's binary version ({error})") from None

    if not records or len(records) % 3073:
        raise DataError(f"{path}: expected records of 3073 bytes, a label and 3 × 32 × 32; came {len(records)} bytes")
    table = np.frombuffer(records, np.uint8).reshape(-1, 3073)
    planes = table[:, 1:].reshape(-1, 3, 32, 32)
    return np.ascontiguousarray(planes.transpose(0, 2, 3, 1)), table[:, 0].astype(np.int64)


def file_md5(path: Path) -> str:
    """The MD5 of a file as it is, as hexadecimal digits."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()


KNOWN: dict[str, Callable[[str], Arrays]] = {
    "mnist": mnist,
    "fashion-mnist": fashion_mnist,
    "cifar10": cifar10,
}
"""Every set that has a name, and what reads a split of it."""
