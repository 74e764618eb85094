"""Lines of text for the terminal."""

from rich.console import Console

from rawgan.errors import one_line


def say(console: Console, *lines: str) -> None:
    """Print lines as they are: not coloured, not broken, brackets no markup, and control characters escaped.

    >>> say(Console(), "runs/a[/b]\\x1b[2J")
    runs/a[/b]\\x1b[2J
    """
    for line in lines:
        console.print(one_line(line), highlight=False, markup=False, soft_wrap=True)
