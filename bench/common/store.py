"""Saving of reports: a JSON file with everything that was measured, and its picture."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import tyro
from rich.console import Console

from bench.common.experiment import Draw
from bench.common.files import FOLDER, write
from bench.common.terminal import print_lines


@dataclass(frozen=True)
class SaveConfig:
    """Options of every experiment that saves its figures."""

    save: bool = True
    """Write the figures as JSON, and their picture."""
    results: Annotated[Path, tyro.conf.arg(help_behavior_hint="(default: bench/results)")] = FOLDER
    """Folder to write them into."""


def save(console: Console, config: SaveConfig, name: str, report: dict[str, Any], draw: Draw | None = None) -> None:
    """Write a report into the folder, and its picture beside it, unless `config` says not to."""
    if not config.save:
        return
    from bench.common.pictures import draw_report  # which needs matplotlib

    config.results.mkdir(parents=True, exist_ok=True)
    path = config.results / f"{name}.json"
    write(path, report)
    print_lines(console, (f"written: {file}" for file in (path, *draw_report(path, draw))))
