"""Known sets, loaded by name: MNIST and stacked MNIST come with rawgan, the others are downloaded."""

import tarfile
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np

from rawgan.data.download import Expected, fetch
from rawgan.data.files.idx import IMAGES, LABELS, SPLITS, checksum, read_idx, read_idx_folder
from rawgan.data.image_set import Arrays
from rawgan.data.memory_limits import read_at_most
from rawgan.data.user_cache import cache_folder
from rawgan.errors import DataError
from rawgan.random import make_rng

MNIST = Path(__file__).parent / "mnist"
MNIST_SHA256 = {  # of the decompressed files
    "train-images-idx3-ubyte.gz": "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    "train-labels-idx1-ubyte.gz": "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    "t10k-images-idx3-ubyte.gz": "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    "t10k-labels-idx1-ubyte.gz": "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
}


class Remote(NamedTuple):
    """Source of a download: a `url` to which the names of the files are appended."""

    url: str
    files: dict[str, Expected]


FASHION_MNIST = Remote(
    "https://github.com/zalandoresearch/fashion-mnist/raw/master/data/fashion/",
    {
        "train-images-idx3-ubyte.gz": Expected(
            26421880, "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84"
        ),
        "train-labels-idx1-ubyte.gz": Expected(
            29515, "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845"
        ),
        "t10k-images-idx3-ubyte.gz": Expected(
            4422102, "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073"
        ),
        "t10k-labels-idx1-ubyte.gz": Expected(5148, "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5"),
    },
)
CIFAR10 = Remote(
    "https://www.cs.toronto.edu/~kriz/",
    {
        "cifar-10-binary.tar.gz": Expected(
            170052171, "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd"
        ),
    },
)
CIFAR10_RECORD = 1 + 3 * 32 * 32
"""Bytes: a label, and three planes of 32 × 32 pixels."""
CIFAR10_FILES = {"train": [f"data_batch_{i}.bin" for i in range(1, 6)], "test": ["test_batch.bin"]}


def mnist(split: str) -> Arrays:
    """Handwritten digits of LeCun, Cortes and Burges, from the files that come with rawgan.

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
    """Raise a DataError for a file of the installation whose content has changed; checks once in a process."""
    way_out = "rawgan's installation is damaged: pip install --force-reinstall --no-deps . in its folder"
    try:
        came = checksum(path)
    except DataError as error:
        raise DataError(f"{error}\n  {way_out}") from None
    if came != sha256:
        raise DataError(f"{path}: expected content of SHA-256 {sha256}, came {came}\n  {way_out}")


STACKED = {"train": 128_000, "test": 26_000}
"""Number of triples in each split, as in the published protocol."""


def stacked_mnist(split: str, seed: int = 0) -> Arrays:
    """Three digits as red, green and blue of one image: 1000 modes, labelled hundreds · tens · ones.

    The digits are drawn from the same split of MNIST, with repetition, by the seed. "train" takes 300 MB of memory.

    Shapes: → (N, 28, 28, 3) uint8 and (N,) int64, where N is 128000 for "train" and 26000 for "test"
    Raises: DataError for a damaged installation
    Source: Metz et al. 2017; in these numbers, Lin et al. 2018 (PacGAN)
    """
    digits, names = mnist(split)
    triples = make_rng(seed, f"stacked-mnist {split}").integers(len(digits), size=(STACKED[split], 3))
    images = np.empty((len(triples), *digits.shape[1:], 3), np.uint8)
    for channel, chosen in enumerate(triples.T):
        images[..., channel] = digits[chosen]
    return images, names[triples] @ np.array([100, 10, 1])  # type: ignore[index]  # MNIST is labelled


def fashion_mnist(split: str) -> Arrays:
    """Zalando's pictures of clothes, a replacement for MNIST; downloaded once (30 MB).

    Shapes: → (N, 28, 28) uint8 and (N,) int64, where N is 60000 for "train" and 10000 for "test"
    Raises: DataError for a download that fails
    Source: Xiao, Rasul, Vollgraf 2017
    """
    images, labels = (
        read_idx(fetch(FASHION_MNIST.url + name, cache_folder() / "fashion-mnist" / name, expected), kind)
        for kind in (IMAGES, LABELS)
        for name, expected in FASHION_MNIST.files.items()
        if name.startswith(f"{SPLITS[split]}-{kind.name}")
    )
    return images, labels.astype(np.int64)


def cifar10(split: str) -> Arrays:
    """Small photographs of ten classes; downloaded once (170 MB), in the version without pickles.

    Shapes: → (N, 32, 32, 3) uint8 and (N,) int64, where N is 50000 for "train" and 10000 for "test"
    Raises: DataError for a download that fails
    Source: Krizhevsky 2009
    """
    ((name, expected),) = CIFAR10.files.items()
    return read_cifar10(fetch(CIFAR10.url + name, cache_folder() / "cifar10" / name, expected), split)


def read_cifar10(path: Path, split: str) -> Arrays:
    """One split of CIFAR-10, read from the archive of its binary version without unpacking it to disk.

    Shapes: → (N, 32, 32, 3) uint8 and (N,) int64
    Raises: DataError for another archive
    """
    try:
        with tarfile.open(path, "r:gz") as archive:
            files = [archive.extractfile(f"cifar-10-batches-bin/{name}") for name in CIFAR10_FILES[split]]
            records = b"".join(read_at_most(file, 10000 * CIFAR10_RECORD) for file in files if file)
    except Exception as error:  # tarfile raises many kinds of errors for another archive
        raise DataError(f"{path}: not the archive of CIFAR-10's binary version ({error})") from None

    if not records or len(records) % CIFAR10_RECORD:
        raise DataError(f"{path}: expected records of 3073 bytes, a label and 3 × 32 × 32; came {len(records)} bytes")
    table = np.frombuffer(records, np.uint8).reshape(-1, CIFAR10_RECORD)
    planes = table[:, 1:].reshape(-1, 3, 32, 32)
    return np.ascontiguousarray(planes.transpose(0, 2, 3, 1)), table[:, 0].astype(np.int64)


KNOWN_SETS: dict[str, Callable[[str], Arrays]] = {
    "mnist": mnist,
    "stacked-mnist": stacked_mnist,
    "fashion-mnist": fashion_mnist,
    "cifar10": cifar10,
}
"""Functions that read a split of a known set, by its name."""

PACKAGED = ("mnist", "stacked-mnist")
"""Sets that come with rawgan: they can be read at any time."""

CLASS_NAMES = {
    "fashion-mnist": (
        "t-shirt", "trouser", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag", "ankle-boot",
    ),
    "cifar10": ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"),
}  # fmt: skip
"""Names of the classes of known sets, except sets of digits."""
