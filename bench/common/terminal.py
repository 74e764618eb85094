"""Output to the terminal."""

from collections.abc import Iterable

from rich.console import Console

WIDTH = 150
"""Columns in a file or a pipe, which have no width of their own."""


def make_console() -> Console:
    """Make a console that does not squeeze tables in files and pipes."""
    console = Console()
    return console if console.is_terminal else Console(width=WIDTH)


def print_lines(console: Console, lines: Iterable[str]) -> None:
    """Print lines as they are: neither coloured nor broken."""
    for line in lines:
        console.print(line, highlight=False, markup=False, soft_wrap=True)
