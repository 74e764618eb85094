"""A checkpoint: all that a run is after a step, in one safetensors file.

Random numbers need no place there: noise, shuffling and initial weights are pure functions of the seed and the step.
Nothing is pickled. A checksum over everything that the file says finds damage that left it readable.
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
from rawgan.storage.atomic import naming, write_file

FORMAT = 1
"""Of the file; a later one may say more."""

MOST_STEPS, MOST_RATE = 2**53, 1e6
"""What no run gets to: more steps, each a whole number as a float, too; and a larger learning rate."""

NUMBERS = frozenset({"BOOL", "U8", "I8", "U16", "I16", "F16", "U32", "I32", "F32", "U64", "I64", "F64"})
"""What arrays may be made of. Other types, such as bfloat16, NumPy has only while some other library is loaded."""


MOST_HEADER = 10**8
"""Bytes of the part of a safetensors file that says where arrays are: that is as much as the format allows."""


class Damaged(ConfigError):
    """A checkpoint whose content is proved wrong, by its format or its checksum. One that merely cannot be read is a
    FileError."""


class LaterFormat(ConfigError):
    """A checkpoint that is whole, for all that is known, but that only a later rawgan can read."""


@dataclass(frozen=True)
class About:
    """What a checkpoint says besides its arrays."""

    step: int
    """Steps taken."""
    steps: int
    """Steps asked for."""
    config: Mapping[str, Any]
    """The run's configuration, as in config.toml."""
    counts: Mapping[str, list[int]] = field(default_factory=dict)
    """Of each optimiser: how many updates each parameter has had."""
    rates: Mapping[str, float] = field(default_factory=dict)
    """Of each optimiser: its learning rate."""
    rollbacks: int = 0
    """How often the run went back because of numbers that were not finite."""
    made_by: Mapping[str, str] = field(default_factory=dict)
    """Versions and kernels: with others, the next step may have other bits."""


@dataclass(frozen=True)
class Checkpoint:
    """What is said, and the arrays by name: weights, running statistics, moments."""

    about: About
    arrays: Mapping[str, np.ndarray[Any, Any]]


def write(path: Path, checkpoint: Checkpoint) -> None:
    """Write a checkpoint. It is on the disk, whole, before an older file of that name goes.

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
            raise DTypeError(f"{path}: {name} has dtype {array.dtype}, which has no place there")
        if name == "__metadata__":
            raise ArgumentError(f"{path}: no array can be called {name}; give it another name")
    arrays = {
        name: np.asarray(array, array.dtype.newbyteorder("="), order="C") for name, array in checkpoint.arrays.items()
    }
    about = json.dumps(dataclasses.asdict(checkpoint.about), sort_keys=True)
    # One string, as several would come in another order each time.
    heading = json.dumps({"format": FORMAT, "checksum": checksum_of(about, arrays), "about": about})
    data = save(arrays, {"rawgan": heading})
    write_file(path, data, durable=True)


def read(path: Path) -> Checkpoint:
    """Read a checkpoint, and see to it that it is what was written.

    Raises: FileError when it is missing or cannot be read; Damaged when it is cut short, damaged, or no checkpoint at
        all; LaterFormat for one of a later rawgan
    """
    from safetensors import SafetensorError
    from safetensors.numpy import load

    # As bytes, not mapped into memory: there, a disk that fails would end the process without a word.
    with naming(path, "read"), open_file(path) as file:
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
    """What a checkpoint says besides its arrays, which are neither read nor checked.

    Raises: as `read`
    """
    with naming(path, "read"), open_file(path) as file:
        text, _ = _heading(path, file)
    return _about(path, text)


def _heading(path: Path, file: BinaryIO) -> tuple[str, str]:
    """The text about the run, and the checksum, which a safetensors file begins with; if it ends where the last of its
    arrays does."""
    whole = os.fstat(file.fileno()).st_size
    size = int.from_bytes(file.read(8), "little")
    if not 0 < size <= min(whole - 8, MOST_HEADER):
        raise Damaged(f"{path} is damaged or cut short: it does not begin as a checkpoint\n  take another checkpoint")
    try:
        header = json.loads(file.read(size))
    except (ValueError, RecursionError) as error:
        raise Damaged(f"{path} is damaged or cut short: {shown(str(error))}\n  take another checkpoint") from error
    if not isinstance(header, dict):
        raise Damaged(f"{path} is damaged: its header is no table\n  take another checkpoint")
    said = _said(path, header)  # first, as a later rawgan may have other numbers
    end = 8 + size + max((_end(path, name, tensor) for name, tensor in header.items()), default=0)
    if whole != end:
        raise Damaged(
            f"{path} is damaged or cut short: it should have {end:,} bytes, but has {whole:,}\n"
            "  take another checkpoint"
        )
    return said


def _said(path: Path, header: Mapping[str, Any]) -> tuple[str, str]:
    """The text about the run, and the checksum."""
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
    raise Damaged(f"{path} is no checkpoint of rawgan: it does not say of which run it is\n  take another")


def _end(path: Path, name: str, tensor: Any) -> int:
    """Where an array ends, in bytes behind the header."""
    match tensor:
        case _ if name == "__metadata__":
            return 0
        case {"dtype": str(kind), "data_offsets": [int(), int(end)]} if kind in NUMBERS:
            return end
        case {"dtype": str(kind), "data_offsets": [int(), int()]}:
            raise Damaged(
                f"{path} holds numbers of a type that NumPy lacks: {shown(name)} is {shown(kind)}\n"
                "  rawgan writes no such file; take another checkpoint"
            )
    raise Damaged(f"{path} is damaged: it does not say where {shown(name)} is\n  take another checkpoint")


def _about(path: Path, text: str) -> About:
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
    """Whether a value is a number of steps that a run can have taken."""
    return type(number) is int and 0 <= number <= MOST_STEPS


def checksum_of(about: str, arrays: Mapping[str, np.ndarray[Any, Any]]) -> str:
    """SHA-256 of all that the file says, however it is laid out."""
    digest = hashlib.sha256(about.encode())
    for name in sorted(arrays):
        array = arrays[name]
        digest.update(f"\0{name}\0{array.dtype.str}\0{array.shape}\0".encode())
        digest.update(np.ascontiguousarray(array).reshape(-1).view(np.uint8).data)
    return digest.hexdigest()
