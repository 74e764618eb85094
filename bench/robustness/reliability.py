"""python -m bench reliability: system calls that fail, runs that are killed, files that are damaged."""

import os
import tempfile
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from threading import Event

from rich.box import SIMPLE
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from bench.common import machine, store
from bench.common.errors import BenchError
from bench.common.experiment import Experiment
from bench.common.terminal import make_console, print_lines
from bench.common.workers import Worker, in_own_process
from bench.robustness import fuzz
from bench.robustness import kills as faults
from bench.robustness.disturbed import LOSSES, SCENARIOS, Disturber, Tally, in_memory
from bench.robustness.failing import compile_library, preloaded
from bench.robustness.saving import saving
from rawgan.cli.parsing import parse

DONE = ("points", "killed", "damaged", "inputs")
"""Counts of the work done."""
FED = ("inputs", "accepted", "refused", "escaped")
BAD = ("unseen", "escaped", *LOSSES)
"""Counts of losses: other bits at the end, unnoticed damage, errors that are not rawgan's own."""


@dataclass(frozen=True)
class ReliabilityConfig(store.SaveConfig):
    """Disturb commands, kill runs and damage files, and count the losses.

    In commands of every kind, one system call fails, or the process is killed at it. Runs are killed at random moments,
    and their newest checkpoints are damaged. Each then continues, and at the end its files are compared, byte by byte,
    with those of an undisturbed run. Every reader of files is fed files that were cut, flipped, spliced and made up.
    """

    every: int = 6
    """Try every Nth fault of a command's system calls. 1: all; 0: none, which needs no compiler."""
    kills: int = 200
    """Processes to kill (-9) at random moments."""
    damages: int = 2000
    """Checkpoints to cut off or to flip a bit of."""
    files: int = 100_000
    """Files to feed to the readers."""


def main(options: list[str]) -> None:
    """Run everything, and report.

    Raises: SystemExit(1) if anything was lost
    """
    config = parse(ReliabilityConfig, "python -m bench reliability", options)
    if not hasattr(os, "fork"):
        raise BenchError("this experiment forks processes, which this system does not support")
    console, facts = make_console(), machine.facts()
    os.environ["OPENBLAS_NUM_THREADS"] = "1"  # a process that forks must have no other threads
    results: dict[str, dict[str, int]] = {}
    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()
    with Progress(*columns, console=console, transient=True) as progress:
        tallies = disturb_all(progress, config.every) if config.every else {}
        for name, total, at_a_time in (("kills", config.kills, 20), ("damages", config.damages, 500)):
            if not total:
                continue
            task, found = progress.add_task(name, total=total), Counter[str]()
            for start in range(0, total, at_a_time):
                count = min(at_a_time, total - start)
                found += in_own_process(_done, name, count, start)
                progress.advance(task, count)
            results[name] = dict(found)
        task = progress.add_task("files", total=config.files)
        shown = partial(progress.update, task)
        fed = fuzz.run(config.files, on_progress=lambda done, _: shown(completed=done)) if config.files else {}
    results = {name: dict(tally.counts) for name, tally in tallies.items()} | results
    results |= {f"{name} files": {key: report[key] for key in FED} for name, report in fed.items()}
    table = Table(title="Disturbances and losses", title_justify="left", box=SIMPLE)
    for heading in ("", "survived", "lost", "in detail"):
        table.add_column(heading, justify="right" if heading in ("survived", "lost") else "left")
    lost = 0
    for name, found in results.items():
        bad = sum(found.get(key, 0) for key in BAD)
        lost += bad
        done = found[next(key for key in DONE if key in found)]
        detail = ", ".join(f"{key} {count:,}" for key, count in found.items() if count and key != DONE[0])
        table.add_row(name, f"{done - bad:,}", f"{bad:,}", detail)
    console.print(table)
    points, killed = (sum(tally.counts[key] for tally in tallies.values()) for key in ("points", "killed"))
    losses = [loss for tally in tallies.values() for loss in tally.losses]
    escapes = [f"{name}: {escape}" for name, report in fed.items() for escape in report["escapes"]]
    print_lines(
        console,
        (
            f"system calls disturbed: {points:,}, the process killed at {killed:,} of them",
            *escapes,
            f"lost: {f'{lost:,}' if lost else 'nothing'}",
        ),
    )
    cost = in_own_process(saving)
    step = cost["a step"]
    lines = [f"{what}: {value:.3f} s, {value / step:.2f} steps" for what, value in cost.items() if "bytes" not in what]
    print_lines(console, ("dcgan, 64×64×3, batch 64:", *(f"  {line}" for line in lines)))
    print_lines(console, machine.lines(facts))
    report = {
        "benchmark": "reliability", "machine": facts, "results": results, "points": points, "killed at a call": killed,
        "losses": losses, "escapes": escapes, "saving": cost,
    }  # fmt: skip
    store.save(console, config, "reliability", report)
    if lost:
        raise SystemExit(1)


def disturb_all(progress: Progress, every: int) -> dict[str, Tally]:
    """Disturb every scenario, as many at a time as there are cores.

    Raises: BenchError without a compiler
    """
    with tempfile.TemporaryDirectory(prefix="rawgan-bench-") as folder:
        library = compile_library(Path(folder))
        stopped = Event()
        tasks = {name: progress.add_task(name, total=None) for name in SCENARIOS}

        def disturb(number: int, name: str) -> Tally:
            tally = Tally()
            with (
                tempfile.TemporaryDirectory(prefix="rawgan-bench-", dir=in_memory()) as place,
                Worker(name, Disturber, name, Path(place)) as worker,
            ):
                chosen = range(number % every, len(worker.ask("all_faults")), every)
                progress.update(tasks[name], total=len(chosen))
                for point in chosen:
                    if stopped.is_set():
                        break
                    tally.add(worker.ask("disturb", point))
                    progress.advance(tasks[name])
            print_lines(
                progress.console, (f"{name}: {tally.counts['points']:,} points, lost {tally.lost:,}", *tally.losses)
            )
            return tally

        with preloaded(library), ThreadPoolExecutor(machine.usable_cores()) as pool:
            try:
                done = list(pool.map(disturb, range(len(SCENARIOS)), SCENARIOS))
            finally:
                stopped.set()  # Ctrl-C waits only for the faults that are being tried
                pool.shutdown(cancel_futures=True)
    return dict(zip(SCENARIOS, done, strict=True))


def _done(name: str, count: int, seed: int) -> Counter[str]:
    """Kill or damage `count` times, in a folder of its own."""
    with tempfile.TemporaryDirectory(prefix="rawgan-bench-", dir=in_memory()) as folder:
        path = Path(folder)
        return getattr(faults, name)(faults.small_run(path), path, count, seed)


EXPERIMENT = Experiment("system calls that fail, runs that are killed, files that are damaged", minutes=30, main=main)
