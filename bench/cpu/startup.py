"""python -m bench startup: time of whole processes, until imports, help or the first training step are done."""

import importlib.util
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from rich.box import SIMPLE
from rich.progress import track
from rich.table import Table

from bench.common import machine, store
from bench.common.errors import BenchError
from bench.common.experiment import ROOT, Experiment
from bench.common.rounds import Spread, in_turn
from bench.common.terminal import make_console, print_lines
from rawgan.cli.parsing import parse

COMMANDS = {
    "python -c 'import numpy'": ["-c", "import numpy"],
    "python -c 'import rawgan'": ["-c", "import rawgan"],
    "rawgan --help": ["-m", "rawgan", "--help"],
    "rawgan train --help": ["-m", "rawgan", "train", "--help"],
}
FIRST_STEP = "step 1/"
"""Beginning of the line that a training prints after its first step."""
MODEL, SIZE, CHANNELS, BATCH = "dcgan", 28, 1, 64
"""The training of `rawgan train` without options."""


@dataclass(frozen=True)
class StartupConfig(store.SaveConfig):
    """Time whole processes in turn: imports, help, and training up to the end of its first step.

    Training starts with compiled kernels, and with an empty cache, as after installation. PyTorch takes the same step
    with the same networks.
    """

    rounds: int = 9
    """Turns of each process."""
    cold_rounds: int = 3
    """Turns of training with an empty cache of kernels."""


def main(options: list[str]) -> None:
    """Measure and report.

    Raises: BenchError if one of them fails
    """
    config = parse(StartupConfig, "python -m bench startup", options)
    if config.rounds < 1 or config.cold_rounds < 0:
        raise BenchError("--rounds must be at least 1, and --cold-rounds at least 0")
    console, facts = make_console(), machine.facts()
    competitors: dict[str, Callable[[], float]] = {
        name: lambda name=name, arguments=arguments: _whole(name, arguments) for name, arguments in COMMANDS.items()
    }
    competitors["rawgan train: first step"] = _train
    if importlib.util.find_spec("torch") is not None:
        competitors["python -c 'import torch'"] = lambda: _whole("import torch", ["-c", "import torch"])
        arguments = ["-m", "bench.cpu.torch_start", MODEL, *map(str, (SIZE, CHANNELS, BATCH))]
        competitors["PyTorch: first step"] = lambda: _until_first_step("PyTorch", arguments)
    seconds: dict[str, list[float]] = {name: [] for name in competitors}
    rounds = in_turn([*competitors], config.rounds + 1)
    for number, turns in enumerate(track(rounds, "starting up", console=console, transient=True)):
        for name in turns:
            value = competitors[name]()
            if number:  # the first round reads the files from the disk, and compiles
                seconds[name].append(value)
    for _ in track(range(config.cold_rounds), "starting up, kernels to be compiled", console=console, transient=True):
        with tempfile.TemporaryDirectory(prefix="rawgan-bench-") as cache:
            seconds.setdefault("rawgan train: first step, empty kernel cache", []).append(_train(cache))

    results = {name: {"rounds": len(values), **Spread.of(values).as_dict()} for name, values in seconds.items()}
    table = Table(title=f"seconds; a step: {MODEL}, {SIZE}×{SIZE}×{CHANNELS}, batch {BATCH}",
                  title_justify="left", box=SIMPLE)  # fmt: skip
    table.add_column("", no_wrap=True)
    for heading in ("median", "least", "quartiles", "rounds"):
        table.add_column(heading, justify="right", no_wrap=True)
    for name, spread in results.items():
        table.add_row(
            name,
            f"{spread['median']:.2f}",
            f"{spread['least']:.2f}",
            f"{spread['lower_quartile']:.2f}–{spread['upper_quartile']:.2f}",
            str(spread["rounds"]),
        )
    console.print(table)
    print_lines(console, machine.lines(facts))
    report = {
        "benchmark": "startup",
        "machine": facts,
        "settings": {"model": MODEL, "image": [SIZE, SIZE, CHANNELS], "batch_size": BATCH},
        "results": results,
    }
    store.save(console, config, "startup", report)


def _whole(name: str, arguments: list[str]) -> float:
    """Run a Python process. Returns its seconds."""
    started = time.perf_counter()
    ran = subprocess.run([sys.executable, *arguments], capture_output=True, text=True, cwd=ROOT)
    if ran.returncode:
        raise BenchError(f"{name} failed:\n{ran.stderr}")
    return time.perf_counter() - started


def _train(kernel_cache: str | None = None) -> float:
    """Seconds from the start of `rawgan train` to its first step. `kernel_cache` replaces the usual folder."""
    environment = {"NUMBA_CACHE_DIR": kernel_cache} if kernel_cache else {}
    with tempfile.TemporaryDirectory(prefix="rawgan-bench-") as folder:
        arguments = ["-m", "rawgan", "train", "--steps", "1", "--model", MODEL, "--out", f"{folder}/run"]
        return _until_first_step("rawgan train", arguments, environment)


def _until_first_step(name: str, arguments: list[str], environment: dict[str, str] | None = None) -> float:
    """Seconds from the start of a Python process to the line that reports its first step."""
    variables: dict[str, Any] = {**os.environ, **(environment or {}), "PYTHONUNBUFFERED": "1"}
    found = None
    with tempfile.TemporaryFile("w+") as errors:
        started = time.perf_counter()
        with subprocess.Popen(
            [sys.executable, *arguments], stdout=subprocess.PIPE, stderr=errors, text=True, cwd=ROOT, env=variables
        ) as process:
            try:
                for line in process.stdout or ():
                    if found is None and line.startswith(FIRST_STEP):
                        found = time.perf_counter() - started
            except BaseException:  # such as a SIGINT, which the process itself does not get
                process.kill()
                raise
        errors.seek(0)
        if process.returncode or found is None:
            raise BenchError(f"{name} failed, or printed no line that begins with {FIRST_STEP!r}:\n{errors.read()}")
    return found


EXPERIMENT = Experiment("time to the first step, and of imports and help", minutes=4, main=main)
