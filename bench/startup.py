"""python -m bench startup: how long a person waits before anything happens."""

import statistics
import subprocess
import sys
import time
from dataclasses import dataclass

import tyro
from rich.console import Console
from rich.progress import track
from rich.table import Table

from bench.errors import BenchError
from bench.machine import cpu_name, load

COMPETITORS = {
    "python -c 'import numpy'": ["-c", "import numpy"],
    "python -c 'import rawgan'": ["-c", "import rawgan"],
    "rawgan --help": ["-m", "rawgan", "--help"],
    "rawgan train --help": ["-m", "rawgan", "train", "--help"],
}


@dataclass(frozen=True)
class StartupConfig:
    """Time whole processes, in turn: importing NumPy, importing rawgan, and the command's help."""

    rounds: int = 9
    """How often each has its turn."""


def main(options: list[str]) -> None:
    """Measure and report.

    Raises: BenchError if one of them fails
    """
    config = tyro.cli(StartupConfig, prog="python -m bench startup", args=options)
    times: dict[str, list[float]] = {name: [] for name in COMPETITORS}
    for turn in track(range(config.rounds + 1), "starting up", transient=True):
        for name, arguments in COMPETITORS.items():
            started = time.perf_counter()
            ran = subprocess.run([sys.executable, *arguments], capture_output=True, text=True)
            if ran.returncode:
                raise BenchError(f"{name} failed:\n{ran.stderr}")
            if turn:  # the first round reads the files from the disk
                times[name].append(time.perf_counter() - started)
    table = Table("seconds", "median", "least", "most", title=f"{cpu_name()}, load {load()}", title_justify="left")
    for name, seconds in times.items():
        table.add_row(name, *(f"{value:.2f}" for value in (statistics.median(seconds), min(seconds), max(seconds))))
    Console().print(table)
