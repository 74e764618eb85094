"""A progress bar that keeps quiet about work that is soon done."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Timer

from rich.console import Console
from rich.progress import Progress

PATIENCE = 1.0
"""Seconds before a bar appears."""


@contextmanager
def progress_of(console: Console, what: str) -> Iterator[Callable[[int, int], None]]:
    """Give a function (done, total) that moves a bar, which appears if the work takes long and is gone afterwards.

    It appears on time, however long the first piece of work takes.
    """
    progress = Progress(console=console, transient=True)
    task = progress.add_task(what, total=None)
    timer = Timer(PATIENCE, progress.start)
    timer.daemon = True
    timer.start()
    try:
        yield lambda done, total: progress.update(task, completed=done, total=total)
    finally:
        timer.cancel()
        timer.join()
        if progress.live.is_started:
            progress.stop()
