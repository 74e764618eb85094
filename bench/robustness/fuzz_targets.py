"""Every reader of data from outside, as a function of bytes."""

import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

from bench.robustness import fuzz_corpus as corpus
from rawgan.config.noise import TrainConfig
from rawgan.data import load
from rawgan.data.download import LOOPBACK, Expected, fetch
from rawgan.data.files.idx import IMAGES, read_idx
from rawgan.data.known_sets import read_cifar10
from rawgan.errors import RawganError
from rawgan.pictures import animate_folder
from rawgan.storage import RunFolder, checkpoint
from rawgan.storage.new_folder import refuse_taken
from rawgan.storage.toml_file import read_toml
from rawgan.training.state import restore_gan

PICTURE = 16 * 90_000_000
"""Bytes: a few kilobytes can hold all the blank pixels that Pillow allows, of 4 bytes each, beside three copies."""


class Target(NamedTuple):
    """A reader: `read` gets a file with the bytes, called `file`, in a folder of its own.

    `parts` are inputs of `wrap`, which puts them into a container, such as an archive, whose checksums would keep
    mutations out.
    """

    file: str
    read: Callable[[Path], object]
    corpus: Callable[[], list[bytes]]
    parts: Callable[[], list[bytes]] = list
    wrap: Callable[[bytes], bytes] = bytes
    room: int = 64 << 20
    """Bytes of memory that reading one input of a few kilobytes may take on top of the process's own."""


def feed(name: str, data: bytes) -> bool:
    """Let a reader read the bytes. Returns True if it accepts them, False if it raises an error of rawgan's own.

    Raises: any other exception of the reader, which is a fault

    >>> feed("idx", b"no IDX file")
    False
    """
    target = TARGETS[name]
    path = _folder(name) / target.file
    path.write_bytes(data)
    try:
        target.read(path)
    except RawganError as error:
        if not all(line.isprintable() for line in str(error).split("\n")):
            raise AssertionError(f"an error with control characters: {error!s:.200}") from error
        return False
    return True


@cache
def _workplace() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(prefix="rawgan-fuzz-")  # removed at the end of the process


@cache
def _folder(name: str) -> Path:
    folder = Path(_workplace().name, name)
    (folder / "samples").mkdir(parents=True)
    return folder


# --- the readers -------------------------------------------------------------------------------------------------


_gan = cache(corpus.tiny_gan)


def _checkpoint(path: Path) -> None:
    checkpoint.read_about(path)
    restore_gan(_gan(), checkpoint.read(path))


def _config(path: Path) -> None:
    TrainConfig.from_dict(read_toml(path), path.name)


def _metrics(path: Path) -> None:
    with RunFolder(path.parent) as run:
        try:
            run.read_metrics()
        finally:
            run.append_metrics({"step": 1})


def _path(path: Path) -> None:
    """A name in any characters: of data, of a run, of a run to be."""
    text = path.read_bytes().decode(errors="surrogateescape").replace("/", "_").replace("..", "")
    inside = path.parent / "samples" / text
    refuse_taken(inside)
    try:
        RunFolder.open(inside)
    except RawganError:
        load(inside, image_size=4)


def _url(path: Path) -> None:
    """An address that is not https. The test is that no request is sent."""
    url = "http://" + path.read_bytes().decode(errors="replace").lstrip("/\\")
    try:
        if urlsplit(url).hostname in LOOPBACK:
            return
    except ValueError:
        pass
    fetch(url, path.parent / "download", Expected(1, "0" * 64))
    raise AssertionError(f"{url} was accepted")


def _array(path: Path) -> object:
    return load(path, image_size=4)


def _one_image(path: Path) -> object:
    return load(path.parent, image_size=4)


def _animation(path: Path) -> object:
    return animate_folder(path.with_name("a.gif"), path.parent)


def _idx(path: Path) -> object:
    return read_idx(path, IMAGES)


def _photos(path: Path) -> object:
    return read_cifar10(path, "test")


TARGETS: dict[str, Target] = {
    "idx": Target("images", _idx, corpus.idx_files),
    "gzip": Target("images.gz", _idx, corpus.gzip_files, corpus.idx_files, corpus.zipped),
    "npy": Target("set.npy", _array, corpus.npy_files),
    "npz": Target("set.npz", _array, corpus.npz_files, corpus.npy_files, corpus.npz),
    "image": Target("a.png", _one_image, corpus.image_files, corpus.png_files, corpus.with_right_checksums, PICTURE),
    "sample": Target(
        "step-1.png", _animation, corpus.png_files, corpus.png_files, corpus.with_right_checksums, PICTURE
    ),
    "checkpoint": Target(
        "step-1.safetensors", _checkpoint, corpus.checkpoint_files, corpus.checkpoint_texts, corpus.with_right_checksum
    ),
    "config": Target("config.toml", _config, corpus.config_files),
    "metrics": Target("metrics.jsonl", _metrics, corpus.metrics_files),
    "archive": Target("cifar.tar.gz", _photos, corpus.zipped_archives, corpus.archives, corpus.zipped),
    "path": Target("name", _path, corpus.names),
    "url": Target("host", _url, corpus.hosts),
}
"""Targets by name. Their readers are those that `rawgan` itself calls; accepted data is examined no further."""
