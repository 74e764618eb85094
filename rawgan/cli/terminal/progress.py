"""Progress of long work: a bar in a terminal that can move one, lines of text elsewhere. Short work shows nothing."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Event, Thread, Timer

from rich.console import Console
from rich.progress import Progress

from rawgan.cli.terminal.text import say
from rawgan.units import duration

PATIENCE = 1.0
"""Seconds before a bar appears."""
LINE_SECONDS = 5.0
"""Seconds before the first line of text, and between two of them."""

Show = Callable[[int, int], None]


def moves_cursor(console: Console) -> bool:
    """True if printed text can be replaced: not in files, pipes, and terminals such as that of an editor."""
    return console.is_terminal and not console.is_dumb_terminal and not console.legacy_windows


@contextmanager
def progress_of(
    console: Console, what: str, patience: float = PATIENCE, interval: float = LINE_SECONDS
) -> Iterator[Show]:
    """Yield a function (done, total) that shows progress: a bar, gone afterwards, or lines of text.

    The bar appears after `patience` seconds, lines every `interval` seconds, however long the first piece of work
    takes.
    """
    with _bar(console, what, patience) if moves_cursor(console) else _lines(console, what, interval) as show:
        yield show


@contextmanager
def waiting(console: Console, what: str, interval: float = LINE_SECONDS) -> Iterator[Callable[[str], None]]:
    """Show the name of work whose progress is unknown. Yields a function that changes the name."""
    if moves_cursor(console):
        with console.status(what) as status:
            yield status.update
        return
    started, words = time.monotonic(), [what]

    def name(what: str) -> None:
        words[0] = what

    with repeating(interval, lambda: say(console, f"{words[0]}: {duration(time.monotonic() - started)} so far")):
        yield name


@contextmanager
def _bar(console: Console, what: str, patience: float) -> Iterator[Show]:
    progress = Progress(console=console, transient=True)
    task = progress.add_task(what, total=None)
    timer = Timer(patience, progress.start)
    timer.daemon = True
    timer.start()
    try:
        yield lambda done, total: progress.update(task, completed=done, total=total)
    finally:
        timer.cancel()
        timer.join()
        if progress.live.is_started:
            progress.stop()


@contextmanager
def _lines(console: Console, what: str, interval: float) -> Iterator[Show]:
    started, far = time.monotonic(), [""]

    def show(done: int, total: int) -> None:
        far[0] = f" {100 * done // total} %," if total else ""

    def line() -> None:
        say(console, f"{what}:{far[0]} {duration(time.monotonic() - started)} so far")

    with repeating(interval, line):
        yield show


@contextmanager
def repeating(seconds: float, action: Callable[[], None]) -> Iterator[None]:
    """Inside, a thread acts every `seconds`."""
    ended = Event()

    def repeat() -> None:
        while not ended.wait(seconds):
            action()

    thread = Thread(target=repeat, name="rawgan-progress", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join(seconds)  # no longer: a terminal that nobody reads may hold it up
