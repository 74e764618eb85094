"""Files of JSON lines, which a crash may cut short in the last one: metrics.jsonl and alarms.jsonl."""

import json
import math
import os
from collections.abc import Mapping
from itertools import count
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from rawgan.data.bounded import machine_bytes
from rawgan.errors import ConfigError, shown
from rawgan.files import open_file
from rawgan.runs._files import is_there, naming

LONGEST = 1 << 20
"""Bytes of a line."""
RECORD_BYTES, ENTRY_BYTES = 128, 160
"""Memory that a line takes once it is read, about, and each of its entries."""
MOST_STEPS = 2**53
"""Up to which each whole number is a float."""
NUMBERS = frozenset({
    "epoch", "d_loss", "g_loss", "d_real", "d_fake", "class_real", "class_fake", "pixel", "feature", "cycle",
    "identity", "fid", "unmatched", "l1",
})  # fmt: skip
"""What the lines of metrics that rawgan looks at again say in numbers."""


def to_line(record: Mapping[str, Any]) -> bytes:
    """A JSON object as a line of a file. JSON has no NaN and no infinity: both become null.

    Raises: TypeError, ValueError for values that JSON cannot hold.

    >>> to_line({"step": 1, "d_loss": float("inf")})
    b'{"step": 1, "d_loss": null}\\n'
    """
    return json.dumps({name: _json_value(value) for name, value in record.items()}, allow_nan=False).encode() + b"\n"


def _json_value(value: Any) -> Any:
    """``value`` as JSON has it: Python numbers for NumPy's, None for what is not finite."""
    if isinstance(value, np.generic) or (isinstance(value, np.ndarray) and value.ndim == 0):
        value = value.item()
    return None if isinstance(value, float) and not math.isfinite(value) else value


def read_lines(path: Path) -> list[dict[str, Any]]:
    """Every line as a dict, in order; none where there is no file. null is NaN. A last line that a crash cut short is
    left out.

    Raises: ConfigError for any other line that is not a JSON object or holds what no run writes, naming the line; for
        more lines than memory holds.
    """
    if not is_there(path):
        return []
    records, held, most = list[dict[str, Any]](), 0, machine_bytes()
    with naming(path, "read"), open_file(path) as file:
        size = os.fstat(file.fileno()).st_size
        for number in count(1):
            line = file.readline(LONGEST + 1)
            if not line:
                return records
            record = _read(path, line, f"line {number}", is_last=file.tell() >= size)
            if record is not None:
                records.append(record)
                held += RECORD_BYTES + ENTRY_BYTES * len(record) + len(line)
                if held > most:
                    raise ConfigError(
                        f"{path} has more lines than fit into memory\n  delete the file, or its first lines"
                    )
    return records


def read_last_line(path: Path) -> dict[str, Any] | None:
    """The last whole line, as `read_lines` has it, without those before it; None where there is none.

    Raises: as `read_lines`
    """
    if not is_there(path):
        return None
    with naming(path, "read"), open_file(path) as file:
        file.seek(-min(os.fstat(file.fileno()).st_size, 2 * LONGEST), os.SEEK_END)
        lines = file.read(2 * LONGEST).split(b"\n")
    found = (_read(path, line, "last line", is_last=at == 0) for at, line in enumerate(reversed(lines)))
    return next((record for record in found if record is not None), None)


def _read(path: Path, line: bytes, name: str, is_last: bool) -> dict[str, Any] | None:
    """What a line says; None if nothing, or if a crash cut it short."""
    record = _parse(line) if len(line) <= LONGEST else None
    if record is None:
        if not line.strip() or (is_last and not line.endswith(b"\n")):
            return None
        raise ConfigError(
            f"{path}, {name}, is not a JSON object: {line[:60].decode(errors='replace')}\n"
            "  mend or delete that line by hand; the others are whole"
        )
    for key, value in record.items():
        if not _fits(key, value):
            raise ConfigError(
                f"{path}, {name}, says {shown(key)} is {shown(value)}, which no run writes\n"
                "  mend or delete that line by hand; the others are whole"
            )
    return {key: math.nan if value is None else value for key, value in record.items()}


def _fits(name: str, value: Any) -> bool:
    """Whether a line may have that value under that name."""
    if name == "step":
        return type(value) is int and 0 <= value <= MOST_STEPS
    if name == "disease":
        return isinstance(value, str)
    if name in NUMBERS:
        return value is None or type(value) is float or (type(value) is int and abs(value) <= MOST_STEPS)
    return not isinstance(value, list | dict)


def _parse(line: bytes) -> dict[str, Any] | None:
    """The JSON object on a line, or None."""
    try:
        record = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return record if isinstance(record, dict) else None


def open_at_end(path: Path) -> BinaryIO:
    """Open for appending whole lines: a last line without its newline is mended or cut off.

    Unbuffered: one write is one line in the file.
    """
    file = path.open("a+b", buffering=0)
    file.seek(0)
    data = file.read()
    last = data[data.rfind(b"\n") + 1 :]
    if _parse(last) is not None:
        file.write(b"\n")
    elif last:
        file.truncate(len(data) - len(last))
    return file
