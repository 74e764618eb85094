"""Checkpoints: the whole state of a run after a step, in one safetensors file.

No state of random numbers is stored, as noise, shuffling and initial weights are pure functions of the seed and the
step. Nothing is pickled. A checksum over the whole content finds damage that leaves the file readable.
"""

import dataclasses
import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from rawgan.errors import ArgumentError, ConfigError, DTypeError, shown
from rawgan.files import open_file
from rawgan.storage.atomic import write_file
from rawgan.storage.lookup import errors_naming

FORMAT = 1
"""Version of the file format. A later one may hold more."""

MOST_STEPS, MOST_RATE = 2**53, 1e6
"""Limits that no run reaches: of steps, which are whole numbers as floats, too, and of a learning rate."""

NUMBERS = frozenset({"BOOL", "U8", "I8", "U16", "I16", "F16", "U32", "I32", "F32", "U64", "I64", "F64"})
"""Types of numbers that arrays may have. Others, such as bfloat16, exist in NumPy only while another library is loaded.
"""


MOST_HEADER = 10**8
"""Most bytes of the header of a safetensors file, as the format allows."""


class Damaged(ConfigError):
    """A checkpoint whose content is proved wrong by its format or its checksum. If it merely cannot be read, that is a
    FileError."""


class LaterFormat(ConfigError):
    """A checkpoint that seems whole, but that only a later rawgan can read."""


@dataclass(frozen=True)
class About:
    """Facts in a checkpoint besides its arrays."""

    step: int
    """Steps taken."""
    steps: int
    """Steps asked for."""
    config: Mapping[str, Any]
    """Configuration of the run, as in config.toml."""
    counts: Mapping[str, list[int]] = field(default_factory=dict)
    """Number of updates of each parameter, by optimiser."""
    rates: Mapping[str, float] = field(default_factory=dict)
    """Learning rate, by optimiser."""
    rollbacks: int = 0
    """Number of times that the run went back because of numbers that were not finite."""
    made_by: Mapping[str, str] = field(default_factory=dict)
    """Data, versions and kernels; if they differ, the next step may have other bits. See `provenance`."""


@dataclass(frozen=True)
class Checkpoint:
    """Content of a checkpoint: facts, and arrays by name (weights, running statistics, moments)."""

    about: About
    arrays: Mapping[str, np.ndarray[Any, Any]]


def write(path: Path, checkpoint: Checkpoint) -> None:
    """Write a checkpoint. It is on the disk, whole, before it replaces an older file of that name.

    Raises: DTypeError for a value that is not a NumPy array of numbers; ArgumentError for an array called
        ``__metadata__``; ConfigError when the file cannot be written

    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     path = Path(folder) / "step-000007.safetensors"
    ...     write(path, Checkpoint(About(7, 10, {"seed": 3}), {"generator.0.w": np.ones(3)}))
    ...     read(path).about.config
    {'seed': 3}
    """
    from safetensors.numpy import save

    for name, array in checkpoint.arrays.items():
        if not isinstance(array, np.ndarray):
            raise DTypeError(f"{path}: {name} must be a NumPy array, not {array!r:.60}")
        if array.dtype.kind not in "biuf" or array.dtype.itemsize > 8:
            raise DTypeError(f"{path}: {name} has dtype {array.dtype}, which checkpoints do not hold")
        if name == "__metadata__":
            raise ArgumentError(f"{path}: no array can be called {name}; give it another name")
    arrays = {
        name: np.asarray(array, array.dtype.newbyteorder("="), order="C") for name, array in checkpoint.arrays.items()
    }
    about = json.dumps(dataclasses.asdict(checkpoint.about), sort_keys=True)
    # One entry of metadata, as safetensors writes several in random order.
    heading = json.dumps({"format": FORMAT, "checksum": checksum_of(about, arrays), "about": about})
    data = save(arrays, {"rawgan": heading})
    write_file(path, data, durable=True)


def read(path: Path) -> Checkpoint:
    """Read a checkpoint, and verify its checksum.

    Raises: FileError when it is missing or cannot be read; Damaged when it is incomplete, damaged, or no checkpoint at
        all; LaterFormat for one of a later rawgan
    """
    from safetensors import SafetensorError
    from safetensors.numpy import load

    # Read, not mapped into memory, where a failing disk would kill the process without an error.
    with errors_naming(path, "read"), open_file(path) as file:
        text, checksum = _heading(path, file)
        file.seek(0)
        data = file.read()
    try:
        arrays = load(data)
    except (SafetensorError, KeyError, TypeError, ValueError) as error:
        raise Damaged(f"{path} is damaged or cut short: {shown(str(error))}\n  take another checkpoint") from error
    if checksum_of(text, arrays) != checksum:
        raise Damaged(f"{path} is damaged: its checksum does not fit\n  take another checkpoint")
    return Checkpoint(_about(path, text), arrays)


def read_about(path: Path) -> About:
    """Read the facts in a checkpoint without its arrays, which are not verified.

    Raises: as `read`
    """
    with errors_naming(path, "read"), open_file(path) as file:
        text, _ = _heading(path, file)
    return _about(path, text)


def _heading(path: Path, file: BinaryIO) -> tuple[str, str]:
    """Text about the run, and checksum, from the header of a safetensors file that ends where its last array does."""
    whole = os.fstat(file.fileno()).st_size
    size = int.from_bytes(file.read(8), "little")
    if not 0 < size <= min(whole - 8, MOST_HEADER):
        raise Damaged(f"{path} is damaged or cut short: it does not begin as a checkpoint\n  take another checkpoint")
    try:
        header = json.loads(file.read(size))
    except (ValueError, RecursionError) as error:
        raise Damaged(f"{path} is damaged or cut short: {shown(str(error))}\n  take another checkpoint") from error
    if not isinstance(header, dict):
        raise Damaged(f"{path} is damaged: its header is not a table\n  take another checkpoint")
    text_and_checksum = _text_and_checksum(path, header)  # first, as a later rawgan may have other types of numbers
    end = 8 + size + max((_end(path, name, tensor) for name, tensor in header.items()), default=0)
    if whole != end:
        raise Damaged(
            f"{path} is damaged or cut short: it should have {end:,} bytes, but has {whole:,}\n"
            "  take another checkpoint"
        )
    return text_and_checksum


def _text_and_checksum(path: Path, header: Mapping[str, Any]) -> tuple[str, str]:
    """Text about the run, and checksum, from the metadata of a header."""
    metadata = header.get("__metadata__")
    text = metadata.get("rawgan") if isinstance(metadata, dict) else None
    try:
        heading = json.loads(text) if isinstance(text, str) else None
    except (ValueError, RecursionError) as error:
        raise Damaged(f"{path} is damaged: {error}\n  take another checkpoint") from error
    match heading:
        case {"format": int(form)} if form > FORMAT:
            raise LaterFormat(
                f"{path} was written by a later rawgan: "
                f"its format is {shown(form)}, and this one reads up to {FORMAT}\n"
                "  get that rawgan, and install it: pip install . in its folder"
            )
        case {"format": int(), "about": str(about), "checksum": str(checksum)}:
            return about, checksum
    raise Damaged(f"{path} is not a checkpoint of rawgan: it says nothing about a run\n  take another")


def _end(path: Path, name: str, tensor: Any) -> int:
    """End of an array, in bytes after the header."""
    match tensor:
        case _ if name == "__metadata__":
            return 0
        case {"dtype": str(kind), "data_offsets": [int(), int(end)]} if kind in NUMBERS:
            return end
        case {"dtype": str(kind), "data_offsets": [int(), int()]}:
            raise Damaged(
                f"{path} has numbers of a type that NumPy lacks: {shown(name)} is {shown(kind)}\n"
                "  rawgan writes no such file; take another checkpoint"
            )
    raise Damaged(f"{path} is damaged: it does not say where {shown(name)} is\n  take another checkpoint")


def _about(path: Path, text: str) -> About:
    """Facts from their text, each of which is checked.

    Raises: Damaged
    """
    try:
        about = About(**json.loads(text))
    except (TypeError, ValueError, RecursionError) as error:
        raise Damaged(f"{path} is damaged: {error}\n  take another checkpoint") from error
    numbers = about.step, about.steps, about.rollbacks
    tables = about.config, about.counts, about.rates, about.made_by
    if (
        not all(map(_is_count, numbers))
        or not all(isinstance(table, dict) for table in tables)
        or not all(isinstance(counts, list) and all(map(_is_count, counts)) for counts in about.counts.values())
        or not all(type(rate) is float and 0 < rate <= MOST_RATE for rate in about.rates.values())
        or not all(isinstance(fact, str) for fact in about.made_by.values())
    ):
        raise Damaged(f"{path} is damaged: what it says about its run makes no sense\n  take another checkpoint")
    return about


def _is_count(number: Any) -> bool:
    """True for a number of steps that a run can have taken."""
    return type(number) is int and 0 <= number <= MOST_STEPS


def checksum_of(about: str, arrays: Mapping[str, np.ndarray[Any, Any]]) -> str:
    """SHA-256 of the content of a checkpoint, independent of the layout of the file."""
    digest = hashlib.sha256(about.encode())
    for name in sorted(arrays):
        array = arrays[name]
        digest.update(f"\0{name}\0{array.dtype.str}\0{array.shape}\0".encode())
        digest.update(np.ascontiguousarray(array).reshape(-1).view(np.uint8).data)
    return digest.hexdigest()
