"""A checkpoint: all that a run is after a step, in one safetensors file.

Random numbers need no place there: noise, shuffling and initial weights are pure functions of the seed and the step.
Nothing is pickled. A checksum over everything that the file says finds damage that left it readable.
"""

import dataclasses
import hashlib
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from rawgan.errors import ArgumentError, ConfigError, DTypeError, shown
from rawgan.files import open_file
from rawgan.runs._files import naming, replacing

FORMAT = 1
"""Of the file; a later one may say more."""

NUMBERS = frozenset({"BOOL", "U8", "I8", "U16", "I16", "F16", "U32", "I32", "F32", "U64", "I64", "F64"})
"""What arrays may be made of. Other types, such as bfloat16, NumPy has only while some other library is loaded."""


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
    with replacing(path, durable=True) as temporary:
        temporary.write_bytes(data)


def read(path: Path) -> Checkpoint:
    """Read a checkpoint, and see to it that it is what was written.

    Raises: ConfigError when it is missing, cut short, damaged, of a later format, or no checkpoint at all
    """
    with _opened(path) as file:
        text, checksum = _heading(path, file.metadata())
        kinds = {name: file.get_slice(name).get_dtype() for name in file.keys()}  # noqa: SIM118 (not a dict)
        for name, kind in kinds.items():
            if kind not in NUMBERS:
                raise ConfigError(
                    f"{path} holds numbers of a type that NumPy lacks: {shown(name)} is {kind}\n"
                    "  rawgan writes no such file; take another checkpoint"
                )
        arrays = {name: file.get_tensor(name) for name in kinds}
    if checksum_of(text, arrays) != checksum:
        raise ConfigError(f"{path} is damaged: its checksum does not fit\n  take another checkpoint")
    return Checkpoint(_about(path, text), arrays)


def read_about(path: Path) -> About:
    """What a checkpoint says besides its arrays, which are neither read nor checked.

    Raises: as `read`
    """
    with _opened(path) as file:
        return _about(path, _heading(path, file.metadata())[0])


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    from safetensors import SafetensorError, safe_open

    try:
        with naming(path, "read"):
            open_file(path).close()  # refuses what is no file
            with safe_open(path, framework="np") as file:
                yield file
    except SafetensorError as error:
        raise ConfigError(f"{path} is damaged or cut short: {error}\n  take another checkpoint") from error


def _heading(path: Path, metadata: Mapping[str, str] | None) -> tuple[str, str]:
    """The text about the run, and the checksum."""
    try:
        heading = json.loads((metadata or {}).get("rawgan", "null"))
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"{path} is damaged: {error}\n  take another checkpoint") from error
    match heading:
        case {"format": int(form)} if form > FORMAT:
            raise LaterFormat(
                f"{path} was written by a later rawgan: its format is {form}, and this one reads up to {FORMAT}\n"
                "  pip install --upgrade rawgan"
            )
        case {"format": int(), "about": str(about), "checksum": str(checksum)}:
            return about, checksum
    raise ConfigError(f"{path} is no checkpoint of rawgan: it does not say of which run it is\n  take another")


def _about(path: Path, text: str) -> About:
    try:
        about = About(**json.loads(text))
    except (TypeError, ValueError, RecursionError) as error:
        raise ConfigError(f"{path} is damaged: {error}\n  take another checkpoint") from error
    numbers = about.step, about.steps, about.rollbacks
    tables = about.config, about.counts, about.rates, about.made_by
    if (
        not all(type(number) is int and number >= 0 for number in numbers)
        or not all(isinstance(table, dict) for table in tables)
        or not all(isinstance(counts, list) and all(type(n) is int for n in counts) for counts in about.counts.values())
        or not all(type(rate) is float and 0 < rate < float("inf") for rate in about.rates.values())
    ):
        raise ConfigError(f"{path} is damaged: what it says about its run makes no sense\n  take another checkpoint")
    return about


def checksum_of(about: str, arrays: Mapping[str, np.ndarray[Any, Any]]) -> str:
    """SHA-256 of all that the file says, however it is laid out."""
    digest = hashlib.sha256(about.encode())
    for name in sorted(arrays):
        array = arrays[name]
        digest.update(f"\0{name}\0{array.dtype.str}\0{array.shape}\0".encode())
        digest.update(np.ascontiguousarray(array).reshape(-1).view(np.uint8).data)
    return digest.hexdigest()
