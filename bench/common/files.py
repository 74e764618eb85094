"""Reports as JSON files, written whole or not at all."""

import json
from pathlib import Path
from typing import Any

from bench.common.errors import BenchError
from bench.common.experiment import BENCH
from rawgan.storage.atomic import write_file

FOLDER = BENCH / "results"


def write(path: Path, report: dict[str, Any]) -> None:
    """Write a report, whole or not at all."""
    write_file(path, f"{json.dumps(report, indent=1, ensure_ascii=False)}\n".encode())


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
