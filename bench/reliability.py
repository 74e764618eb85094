"""python -m bench reliability: what runs, and the readers of files, survive."""

import os
import tempfile
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from rich.box import SIMPLE
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from bench import faults, fuzz, machine, store
from bench.errors import BenchError
from bench.saving import saving
from bench.terminal import make_console, print_lines
from bench.workers import in_own_process
from rawgan.cli.parsing import parse

DONE = ("killed", "full", "damaged", "inputs")
"""What counts what was done."""
FED = ("inputs", "accepted", "refused", "escaped")
BAD = ("lost", "unseen", "failed to go on", "escaped")
"""What must not be found: other bits at the end, damage that was not noticed, errors that are not ours."""


@dataclass(frozen=True)
class ReliabilityConfig(store.SaveConfig):
    """Do to runs and files what happens to them, and count what is lost.

    Runs are killed at random moments, have their disk filled up and their newest checkpoint damaged; each goes on, and
    at the end its files are compared, byte by byte, with those of a run that nothing happened to. Everything that is
    read from outside gets files that were cut, flipped, spliced and made up.
    """

    kills: int = 200
    """Processes that are killed (-9)."""
    full_disks: int = 24
    """Points of a run at which there is no space left."""
    damages: int = 2000
    """Checkpoints that are cut off or have a bit flipped."""
    files: int = 100_000
    """Files that are fed to the readers."""


def main(options: list[str]) -> None:
    """Do it all, and report.

    Raises: SystemExit(1) if anything was lost
    """
    config = parse(ReliabilityConfig, "python -m bench reliability", options)
    if not hasattr(os, "fork"):
        raise BenchError("processes are forked here, which this system does not do")
    console, facts = make_console(), machine.facts()
    os.environ["OPENBLAS_NUM_THREADS"] = "1"  # what is forked must have no other threads
    results: dict[str, dict[str, int]] = {}
    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()
    with Progress(*columns, console=console, transient=True) as progress:
        for name, (total, at_a_time) in {
            "kills": (config.kills, 20),
            "full_disks": (config.full_disks, config.full_disks),
            "damages": (config.damages, 500),
        }.items():
            task, found = progress.add_task(name, total=total), Counter[str]()
            for start in range(0, total, at_a_time or 1):
                count = min(at_a_time, total - start)
                found += in_own_process(_done, name, count, start)
                progress.advance(task, count)
            results[name] = dict(found)
        task = progress.add_task("files", total=config.files)
        fed = fuzz.run(config.files, on_progress=lambda done, total: progress.update(task, completed=done))
    results |= {f"{name} files": {key: report[key] for key in FED} for name, report in fed.items()}
    table = Table(title="What was done, and what was found", title_justify="left", box=SIMPLE)
    for heading in ("", "survived", "lost", "in detail"):
        table.add_column(heading, justify="right" if heading in ("survived", "lost") else "left")
    lost = 0
    for name, found in results.items():
        bad = sum(found.get(key, 0) for key in BAD)
        lost += bad
        done = found[next(key for key in DONE if key in found)]
        detail = ", ".join(f"{key} {count:,}" for key, count in found.items() if count and key not in DONE)
        table.add_row(name, f"{done - bad:,}", f"{bad:,}", detail)
    console.print(table)
    cost = in_own_process(saving)
    step = cost["a step"]
    lines = [f"{what}: {value:.3f} s, {value / step:.2f} steps" for what, value in cost.items() if "bytes" not in what]
    print_lines(console, ("dcgan, 64×64×3, batch 64:", *(f"  {line}" for line in lines)))
    escapes = [f"{name}: {escape}" for name, report in fed.items() for escape in report["escapes"]]
    print_lines(console, (*escapes, *machine.in_words(facts)))
    report = {"benchmark": "reliability", "machine": facts, "results": results, "escapes": escapes, "saving": cost}
    store.save(console, config, "reliability", report)
    if lost:
        raise SystemExit(1)


def _done(name: str, count: int, seed: int) -> Counter[str]:
    """Some of the faults, in a folder of their own."""
    with tempfile.TemporaryDirectory(prefix="rawgan-bench-") as folder:
        path = Path(folder)
        return getattr(faults, name)(faults.small_run(path), path, count, seed)
