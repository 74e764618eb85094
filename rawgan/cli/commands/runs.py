"""Runs: list runs: progress and state of each."""

import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import tyro
from rich.box import SIMPLE
from rich.table import Table

from rawgan.cli.parsing import parse
from rawgan.cli.terminal.text import Terminal, say
from rawgan.config.noise import TrainConfig
from rawgan.config.options import Word
from rawgan.data import name_of
from rawgan.errors import ConfigError, FileError, RawganError, one_line
from rawgan.gan import human_bytes
from rawgan.storage import RunFolder
from rawgan.storage.lookup import is_folder
from rawgan.storage.run_search import RUNS, runs_in

HEADINGS = ("run", "of", "step", "losses", "size", "state")
LONGEST = 80
"""Most characters of a cell of the table."""


@dataclass(frozen=True)
class RunsConfig:
    """List runs: model and data, progress, losses, size on the disk; and which are running, finished or interrupted."""

    folder: Annotated[Path, tyro.conf.Positional, Word("FOLDER")] = RUNS
    """Folder of the runs."""


def main(options: list[str]) -> int:
    """Print the table."""
    config = parse(RunsConfig, "rawgan runs", options)
    console = Terminal.for_tables()
    if config.folder != RUNS and not is_folder(config.folder):
        raise ConfigError(f"{config.folder}: there is no such folder")
    paths = list(runs_in(config.folder))
    if not paths:
        say(console, f"no runs in {config.folder}; rawgan train, pix2pix, enhance or cyclegan makes one")
        return 0
    table, faults = Table(box=SIMPLE, pad_edge=False, collapse_padding=True), list[str]()
    for heading in HEADINGS:
        table.add_column(heading, justify="right" if heading in ("step", "size") else "left", overflow="fold")
    for path in paths:
        try:
            row = _row(RunFolder(path))
        except Exception as error:  # one bad folder does not hide the others
            faults.append(_fault(path, error))
            row = ("", "", "", "cannot be read" if isinstance(error, FileError | OSError) else "damaged")
        table.add_row(*map(one_line, (path.name, *row[:-1], human_bytes(_bytes(path)), row[-1])))
    console.print(table)
    say(console, *faults)
    return 0


def _fault(path: Path, error: Exception) -> str:
    """Line that names a run and its fault."""
    said = str(error).partition("\n")[0]
    if isinstance(error, RawganError):
        return said
    return f"{path}: its files make no sense ({type(error).__name__}: {said[:LONGEST]})"


def _row(folder: RunFolder) -> tuple[str, ...]:
    """Cells of a run: model and data, steps, last losses, state."""
    config, last, about = folder.read_config(), folder.read_last_metrics(), folder.newest_about()
    step, asked = (last or {}).get("step", 0), config.get("steps", 0) if about is None else about.steps
    ended = "finished" if asked and step >= asked else "interrupted"
    return (
        f"{_brief(_model(config))}, {_brief(name_of(str(config['data'])))}",
        f"{step:,}" + (f" of {asked:,}" if asked else ""),
        f"D {last['d_loss']:.3f}  G {last['g_loss']:.3f}" if last else "",
        _state(folder, ended),
    )


def _state(folder: RunFolder, ended: str) -> str:
    """State of a run. That of another user may hide that it is running."""
    try:
        return "running" if folder.is_running() else ended
    except FileError:
        return ended if ended == "finished" else "not finished"


def _model(config: dict[str, Any]) -> str:
    """Name of the model; for translated images, the command, and the task or the model."""
    command = config.get("command", TrainConfig.command)
    if command == TrainConfig.command:
        return str(config["model"])
    return f"{command} {config.get('task') or config['model']}"


def _brief(text: str) -> str:
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}…"


def _bytes(folder: Path) -> int:
    """Bytes of the files below a folder, without those behind links."""
    size, pending = 0, [os.fspath(folder)]
    while pending:
        with suppress(OSError), os.scandir(pending.pop()) as entries:
            for entry in entries:
                with suppress(OSError):  # just deleted, or of another user
                    if entry.is_dir(follow_symlinks=False):
                        pending.append(entry.path)
                    elif entry.is_file(follow_symlinks=False):
                        size += entry.stat(follow_symlinks=False).st_size
    return size
