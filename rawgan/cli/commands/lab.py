"""Runs: watch a run in the browser, and take its training steps apart."""

from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

import tyro

from rawgan.cli.parsing import parse
from rawgan.cli.terminal.text import Terminal, say
from rawgan.config.options import Range, Word
from rawgan.errors import ConfigError
from rawgan.storage.run_folder import RunFolder


@dataclass(frozen=True)
class LabConfig:
    """Show a run in the browser: samples and figures as they grow; and its next training step, part by part.

    The page is for this machine alone. Watching changes nothing of the run: what is tried in the lab happens in a copy.
    """

    run: Annotated[Path, tyro.conf.Positional, Word("RUN")]
    """The run folder, of a run that is training or not."""
    port: Annotated[int | None, Range(1, 65535)] = None
    """Port of the page. Unset: one that is free."""
    no_browser: bool = False
    """Print the address, and open no browser."""


def main(options: list[str]) -> int:
    """Serve the page until Ctrl-C."""
    config = parse(LabConfig, "rawgan lab", options)
    console = Terminal()
    RunFolder.open(config.run)
    if find_spec("nicegui") is None:
        raise ConfigError("the lab needs nicegui, which is not installed\n  pip install nicegui")
    from rawgan.lab.server import serve

    serve(config.run, config.port, not config.no_browser, lambda address: say(console, f"{address}  (Ctrl-C ends it)"))
    return 0
