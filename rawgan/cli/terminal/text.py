"""Lines of text for the terminal."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment
from rich.text import Text

from rawgan.errors import ConfigError, FileError, one_line

PIPE_WIDTH = 160
"""Width of tables without a terminal, in characters."""


class Terminal(Console):
    """Console that prints text as it is: without markup, emoji and highlighting, and with control characters escaped.

    >>> Terminal().print("runs/a[/b]:dog:\\x1b[2J")
    runs/a[/b]:dog:\\x1b[2J
    """

    def __init__(self, **options: Any) -> None:
        super().__init__(markup=False, emoji=False, highlight=False, **options)

    @classmethod
    def for_tables(cls) -> "Terminal":
        """Console that does not fold tables where there is no terminal."""
        found = cls()
        return found if found.is_terminal else cls(width=PIPE_WIDTH)

    def render_str(self, text: str, **options: Any) -> Text:
        # escaped before rich measures it
        return super().render_str(_escaped(text), **options)

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        # segments that control the terminal are marked; others are text
        for segment in super().render(renderable, options):
            if segment.control or segment.text.isprintable():
                yield segment
            else:
                yield Segment(_escaped(segment.text), segment.style)


def _escaped(text: str) -> str:
    return "\n".join(map(one_line, text.split("\n")))


def say(console: Console, *lines: str) -> None:
    """Print each line on one line, unbroken.

    >>> say(Terminal(), "runs/a\\nb")
    runs/a\\nb
    """
    for line in lines:
        console.print(one_line(line), soft_wrap=True)


@contextmanager
def telling(console: Console) -> Iterator[None]:
    """Inside, an error of a plot is printed, and the rest goes on."""
    try:
        yield
    except FileError:  # the disk is full: a second try may succeed
        raise
    except ConfigError as error:
        say(console, *str(error).splitlines())
