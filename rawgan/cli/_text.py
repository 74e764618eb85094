"""Lines of text for the terminal."""

from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console

from rawgan.errors import ConfigError, FileError, one_line


def say(console: Console, *lines: str) -> None:
    """Print lines as they are: not coloured, not broken, brackets no markup, and control characters escaped.

    >>> say(Console(), "runs/a[/b]\\x1b[2J")
    runs/a[/b]\\x1b[2J
    """
    for line in lines:
        console.print(one_line(line), highlight=False, markup=False, soft_wrap=True)


@contextmanager
def telling(console: Console) -> Iterator[None]:
    """Inside, a plot that cannot be drawn is told of, and is no reason to end without the rest."""
    try:
        yield
    except FileError:  # there is no room for it: asked for again, there may be
        raise
    except ConfigError as error:
        say(console, *str(error).splitlines())


def duration(seconds: float) -> str:
    """A time in the two largest units that it has.

    >>> duration(8.4), duration(143), duration(7500), duration(100_000)
    ('8 s', '2 min 23 s', '2 h 05 min', '1 d 3 h')
    """
    whole = round(seconds)
    minutes, hours, days = whole // 60, whole // 3600, whole // 86400
    if days:
        return f"{days} d {hours % 24} h"
    if hours:
        return f"{hours} h {minutes % 60:02d} min"
    return f"{minutes} min {whole % 60:02d} s" if minutes else f"{whole} s"
