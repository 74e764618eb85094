"""The table of experiments, found by definition: a file of a room that defines an EXPERIMENT is a command.

The command has the name of its file: bench/cpu/step.py is `python -m bench step`. To add an experiment, add one such
file to one of the ROOMS::

    EXPERIMENT = Experiment("training steps beside the same networks in PyTorch", minutes=2, main=main)

Only the file of the command that runs is imported, so that one works where the libraries of another are missing.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

BENCH = Path(__file__).parents[1]
ROOT = BENCH.parent
"""The root of the repository."""
ROOMS = ("cpu", "gpu", "experiments", "robustness")
"""Folders of bench/ that hold experiments, in the order of the listing."""

Draw = Callable[[Any, dict[str, Any]], None]
"""A function that draws a report into a matplotlib figure."""


@dataclass(frozen=True)
class Experiment:
    """A command of `python -m bench`."""

    summary: str
    """One line for the listing."""
    minutes: float
    """Time it takes without options, on two cores."""
    main: Callable[[list[str]], None]
    """Parses the options, runs, and reports."""
    draw: Draw | None = None
    """Draws the picture of its report, if it has one."""


def experiments() -> dict[str, str]:
    """Modules that define an experiment, by the name of the command.

    >>> experiments()["step"]
    'bench.cpu.step'
    """
    files = [file for room in ROOMS for file in sorted((BENCH / room).glob("*.py"))]
    defining = [file for file in files if re.search(r"^EXPERIMENT = ", file.read_text(encoding="utf-8"), re.MULTILINE)]
    return {file.stem: f"bench.{file.parent.name}.{file.stem}" for file in defining}


def experiment(name: str) -> Experiment:
    """The experiment of a command.

    Raises: KeyError for an unknown name; ImportError where a library that it needs is missing
    """
    found: Experiment = import_module(experiments()[name]).EXPERIMENT
    return found


def listing() -> list[str]:
    """One line for each experiment: name, expected minutes, summary. Those whose libraries are missing say so."""
    lines = []
    for name in experiments():
        try:
            found = experiment(name)
            lines.append(f"  {name:<14} {found.minutes:>3g} min  {found.summary}")
        except ImportError as error:
            lines.append(f"  {name:<14}          needs {error.name}, which is not installed")
    return lines
