"""Files of JSON lines, which a crash may cut short in the last one: metrics.jsonl and alarms.jsonl."""

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from rawgan.errors import ConfigError
from rawgan.files import open_file
from rawgan.runs._files import is_there, naming


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

    Raises: ConfigError for any other line that is not a JSON object, naming the line.
    """
    if not is_there(path):
        return []
    with naming(path, "read"), open_file(path) as file:
        lines = file.read().split(b"\n")
    records = []
    for number, line in enumerate(lines, start=1):
        record = _parse(line)
        if record is not None:
            records.append({name: math.nan if value is None else value for name, value in record.items()})
        elif line.strip() and number < len(lines):  # the last piece has no newline: it was cut short
            start = line[:60].decode(errors="replace")
            raise ConfigError(
                f"{path}, line {number}, is not a JSON object: {start}\n"
                "  mend or delete that line by hand; the others are whole"
            )
    return records


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
