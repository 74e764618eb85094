"""Reports as JSON files, written whole or not at all."""

import json
import os
from pathlib import Path
from typing import Any

from bench.common.errors import BenchError
from bench.common.experiment import BENCH

FOLDER = BENCH / "results"


def write(path: Path, report: dict[str, Any]) -> None:
    """Write a report, whole or not at all."""
    half = path.with_name(f".{path.name}.half")
    try:
        half.write_text(json.dumps(report, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
        os.replace(half, path)
    finally:
        half.unlink(missing_ok=True)


def read(path: Path) -> dict[str, Any]:
    """Read a report.

    Raises: BenchError if the file is missing or no report
    """
    try:
        report = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise BenchError(f"{path} cannot be read as a report of an experiment\n  {error}") from None
    if not isinstance(report, dict) or "benchmark" not in report:
        raise BenchError(f"{path} is JSON, but no report of an experiment")
    return report
