"""JSON files of results, such as evaluation.json. JSON has no NaN and no infinity: both become null."""

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rawgan.storage.atomic import write_file
from rawgan.storage.plain_values import plain


def json_text(value: Any, indent: int | None = None) -> str:
    """JSON of a value, with null for numbers that are not finite.

    Raises: TypeError or ValueError for a value that JSON cannot hold

    >>> json_text({"step": 1, "d_loss": float("inf")})
    '{"step": 1, "d_loss": null}'
    """
    return json.dumps(_finite(plain(value)), indent=indent, allow_nan=False)


def write_json(path: Path, values: Mapping[str, Any]) -> Path:
    """Write a file of results for people and programs to read; return its path.

    Raises: FileError when it cannot be written
    """
    return write_file(path, f"{json_text(values, indent=2)}\n".encode())


def _finite(value: Any) -> Any:
    """Plain value with None for numbers that are not finite."""
    if isinstance(value, dict):
        return {name: _finite(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
