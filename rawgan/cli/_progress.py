"""A progress bar that keeps quiet about work that is soon done."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import Progress, TaskID

PATIENCE = 1.0
"""Seconds before a bar appears."""


@contextmanager
def progress_of(console: Console, what: str) -> Iterator[Callable[[int, int], None]]:
    """Give a function (done, total) that moves a bar, which appears if the work takes long and is gone afterwards."""
    progress = Progress(console=console, transient=True)
    task: TaskID | None = None
    started = time.monotonic()

    def show(done: int, total: int) -> None:
        nonlocal task
        if task is None and time.monotonic() - started > PATIENCE:
            progress.start()
            task = progress.add_task(what)
        if task is not None:
            progress.update(task, completed=done, total=total)

    try:
        yield show
    finally:
        if task is not None:
            progress.stop()
