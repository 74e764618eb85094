"""rawgan runs"""

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import tyro
from rich.box import SIMPLE
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from rawgan.cli.parsing import parse
from rawgan.data import name_of
from rawgan.errors import ConfigError, FileError
from rawgan.gan import human_bytes
from rawgan.runs import RunFolder
from rawgan.runs.checkpoint import read_about
from rawgan.runs.config import TrainConfig
from rawgan.runs.folder import RUNS, runs_in

HEADINGS = ("run", "of", "step", "losses", "size", "state")
PIPE_WIDTH = 160
"""Characters of a line where there is no terminal to say how many fit."""


@dataclass(frozen=True)
class RunsConfig:
    """List runs: how far each is, whether it is running, finished or interrupted, and what it takes on the disk."""

    folder: Annotated[Path, tyro.conf.Positional] = RUNS
    """The folder that the runs are in."""


def main(options: list[str]) -> int:
    """Print the table."""
    config = parse(RunsConfig, "rawgan runs", options)
    console = Console()
    if not console.is_terminal:
        console = Console(width=PIPE_WIDTH)
    if config.folder != RUNS and not config.folder.is_dir():
        raise ConfigError(f"{config.folder}: there is no such folder")
    paths = list(runs_in(config.folder))
    if not paths:
        makers = "rawgan train, pix2pix, enhance or cyclegan"
        console.print(f"no runs in {config.folder}; {makers} makes one", highlight=False, soft_wrap=True)
        return 0
    table, faults = Table(box=SIMPLE, pad_edge=False, collapse_padding=True), list[str]()
    for heading in HEADINGS:
        table.add_column(heading, justify="right" if heading in ("step", "size") else "left", overflow="fold")
    for path in paths:
        folder = RunFolder(path)
        try:
            row = _row(folder)
        except (ConfigError, KeyError, TypeError, ValueError) as error:
            faults.append(str(error).partition("\n")[0])
            row = ("", "", "", "cannot be read" if isinstance(error, FileError) else "damaged")
        table.add_row(*map(escape, (path.name, *row[:-1], human_bytes(_bytes(path)), row[-1])))
    console.print(table)
    for fault in faults:
        console.print(fault, highlight=False, markup=False, soft_wrap=True)
    return 0


def _row(folder: RunFolder) -> tuple[str, ...]:
    """What it is a run of, its steps, its last losses, its state."""
    config, records, checkpoints = folder.read_config(), folder.read_metrics(), folder.checkpoints()
    last = records[-1] if records else {"step": 0}
    asked = read_about(checkpoints[-1]).steps if checkpoints else config.get("steps", 0)
    ended = "finished" if asked and last["step"] >= asked else "interrupted"
    return (
        f"{_what(config)}, {name_of(str(config['data']))}",
        f"{last['step']:,}" + (f" of {asked:,}" if asked else ""),
        f"D {last['d_loss']:.3f}  G {last['g_loss']:.3f}" if records else "",
        _state(folder, ended),
    )


def _state(folder: RunFolder, ended: str) -> str:
    """Whether a run is running; of runs whose lock cannot be tried, as they belong to others, how far they are."""
    try:
        return "running" if folder.is_running() else ended
    except FileError:
        return ended if ended == "finished" else "not finished"


def _what(config: dict[str, Any]) -> str:
    """What is trained; of images out of images, by which command and for what."""
    command = config.get("command", TrainConfig.command)
    if command == TrainConfig.command:
        return str(config["model"])
    return f"{command} {config.get('task') or config['model']}"


def _bytes(folder: Path) -> int:
    size = 0
    for path in folder.rglob("*"):
        with suppress(OSError):  # a training has just deleted it, or it belongs to somebody else
            size += path.stat().st_size if path.is_file() else 0
    return size
