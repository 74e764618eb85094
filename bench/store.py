"""Results as JSON files: everything that was measured, and on what."""

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import tyro
from rich.console import Console

from bench.errors import BenchError
from bench.terminal import print_lines

FOLDER = Path(__file__).parent / "results"


@dataclass(frozen=True)
class SaveConfig:
    """Options of every benchmark: what becomes of the figures."""

    save: bool = True
    """Write the figures as JSON, and pictures of them."""
    results: Annotated[Path, tyro.conf.arg(help_behavior_hint="(default: bench/results)")] = FOLDER
    """The folder to write them into."""


def save(console: Console, config: SaveConfig, name: str, report: dict[str, Any]) -> None:
    """Write a report into the folder, if that is wanted, and the pictures that belong to it."""
    if not config.save:
        return
    from bench import plots  # which needs matplotlib

    config.results.mkdir(parents=True, exist_ok=True)
    path = config.results / f"{name}.json"
    write(path, report)
    print_lines(console, (f"written: {file}" for file in (path, *plots.draw(path))))


def write(path: Path, report: dict[str, Any]) -> None:
    """Write a report, whole or not at all."""
    half = path.with_name(f".{path.name}.half")
    try:
        half.write_text(json.dumps(report, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
        os.replace(half, path)
    finally:
        half.unlink(missing_ok=True)


def read(path: Path) -> dict[str, Any]:
    """A report that was written before.

    Raises: BenchError if the file is missing, or is no report
    """
    try:
        report = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise BenchError(f"{path}: cannot be read as a benchmark's report\n  {error}") from None
    if not isinstance(report, dict) or "benchmark" not in report:
        raise BenchError(f"{path}: is JSON, but no report of a benchmark")
    return report
