"""What the benchmarks print."""

from collections.abc import Iterable

from rich.console import Console

WIDTH = 150
"""Columns where there is no terminal to be as wide as."""


def make_console() -> Console:
    """A console whose tables are not squeezed in files and pipes."""
    console = Console()
    return console if console.is_terminal else Console(width=WIDTH)


def print_lines(console: Console, lines: Iterable[str]) -> None:
    """Lines as they are: neither coloured nor broken."""
    for line in lines:
        console.print(line, highlight=False, markup=False, soft_wrap=True)
