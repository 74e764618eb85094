"""The file evaluation.json of a run folder."""

from typing import Any

from rich.console import Console

from rawgan import __version__
from rawgan.cli.terminal.text import say
from rawgan.storage import RunFolder
from rawgan.storage.json_file import write_json
from rawgan_kernels import FLOAT32


def write_report(console: Console, folder: RunFolder, step: int, **facts: Any) -> None:
    """Write facts and figures about a step, with the precision it was trained in, and say where they are."""
    path = folder.path / "evaluation.json"
    precision = folder.read_config().get("precision", FLOAT32)
    write_json(path, {"rawgan": __version__, "step": step, "precision": precision, **facts})
    say(console, f"figures: {path}")
