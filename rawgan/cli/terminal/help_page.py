"""Page that `--help` prints: the options of a command by subject, each with its values, its default and its purpose."""

import re
import types
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from textwrap import wrap
from typing import Any, Literal, NamedTuple, Union, get_args, get_origin

import tyro
from rich.text import Text

from rawgan.cli.terminal.text import Terminal

INDENT = 26
"""Column in which explanations begin, in a narrow terminal."""
WIDE_INDENT = 32
"""The same in a wide one."""
WIDEST = 120
"""Columns beyond which lines are hard to read."""
KINDS = {int: "INT", float: "FLOAT", Path: "PATH"}
"""Words for values by their type."""
UNSET = "Unset:"
"""Begins what a docstring says of an option that is None."""


class Option(NamedTuple):
    """An option of a command."""

    name: str
    """As Python has it."""
    subject: str
    """What it is about."""
    word: str | None
    """What stands for its value, if that is neither a number nor a choice."""
    annotation: Any
    """Type of the value, and tyro's markers."""
    default: Any
    """tyro.MISSING_NONPROP where a value has to be given."""
    help: Callable[[], str]
    """Gives what the option is for: paragraphs, each on a line."""

    @property
    def positional(self) -> bool:
        """Whether the value is given without a name."""
        return tyro.conf.Positional in getattr(self.annotation, "__metadata__", ())

    @property
    def hidden(self) -> bool:
        """Whether the option is not for people, but written down by runs."""
        return tyro.conf.Suppress in getattr(self.annotation, "__metadata__", ())

    @property
    def is_switch(self) -> bool:
        """Whether the option is on or off."""
        return self.annotation is bool

    @property
    def required(self) -> bool:
        """Whether a value has to be given."""
        return self.default is tyro.MISSING_NONPROP

    @property
    def choices(self) -> list[str]:
        """All values that there are, where they can be listed."""
        kinds = [kind for kind in _alternatives(self.annotation) if get_origin(kind) is Literal]
        return [str(choice) for kind in kinds for choice in get_args(kind)]

    @property
    def value(self) -> str:
        """Words for the value.

        >>> Option("steps", "optimiser", None, int | None, None, str).value
        'INT'
        """
        if self.choices:
            return f"{{{','.join(self.choices)}}}"
        kinds = [kind for kind in _alternatives(self.annotation) if kind is not type(None)]
        return self.word or "|".join(KINDS.get(kind, "TEXT") for kind in kinds)

    @property
    def flags(self) -> str:
        """The option as it is typed."""
        flag = self.name.replace("_", "-")
        if self.positional:
            return self.name.upper() if self.choices else self.value
        return f"--{flag}, --no-{flag}" if self.is_switch else f"--{flag} {self.value}"

    @property
    def hint(self) -> str:
        """Whether a value has to be given, or what holds if it is not; an annotation may have its own words."""
        own = [getattr(each, "help_behavior_hint", None) for each in getattr(self.annotation, "__metadata__", ())]
        if any(own):
            return str(next(filter(None, own)))
        return "(required)" if self.required else f"(default: {_in_words(self.default)})"

    @property
    def explained(self) -> str:
        """What the option is for, and the hint; where the default is nothing by itself, what stands for it."""
        help = self.help()
        if self.default is None and UNSET in help:
            return help.replace(UNSET, "Default:")
        unseen = f"One of {', '.join(self.choices)}." if self.positional and self.choices else ""
        return " ".join(filter(None, (help, unseen, self.hint)))


def print_help(command: str, purpose: Iterable[str], options: list[Option]) -> None:
    """Print the page, as wide as the terminal, up to a width that is easy to read.

    `purpose` are paragraphs; indented ones are printed as they are.
    """
    console = Terminal(soft_wrap=True)
    width = min(console.width, WIDEST)
    positional = [each.flags if each.required else f"[{each.flags}]" for each in options if each.positional]
    console.print(Text.assemble(("usage:", "bold"), " ", " ".join([command, "[OPTIONS]", *positional])))
    for paragraph in purpose:
        console.print()
        console.print(paragraph if paragraph.startswith(" ") else "\n".join(_wrapped(paragraph, width)))
    subjects = dict[str, list[tuple[str, str]]]()
    for each in (option for option in options if not option.hidden):
        subjects.setdefault("arguments" if each.positional else each.subject, []).append((each.flags, each.explained))
    subjects["help"] = [("-h, --help", "Show this page.")]
    for subject, members in subjects.items():
        console.print()
        console.print(Text(f"{subject}:", "bold"))
        for flags, explained in members:
            for line in _lines(flags, explained, width):
                console.print(line)


def _lines(flags: str, explained: str, width: int) -> Iterator[Text]:
    """Lines about an option: flags on the left, or above where they are too long, and what they do."""
    indent = INDENT if width < WIDEST else WIDE_INDENT
    lines = [line for paragraph in explained.split("\n\n") for line in _wrapped(paragraph, width - indent)]
    if len(flags) < indent - 3:
        yield Text.assemble("  ", (flags.ljust(indent - 2), "bold cyan"), lines.pop(0))
    else:
        above = [flags] if len(flags) < width - 2 else _wrapped(flags.replace(",", ", "), width - 6)
        for number, line in enumerate(above):
            yield Text.assemble("      " if number else "  ", (line, "bold cyan"))
    for line in lines:
        yield Text(" " * indent + line)


def _wrapped(paragraph: str, width: int) -> list[str]:
    """Lines of a paragraph; words, also those with hyphens, stay whole, and so do short defaults."""
    together = re.sub(r"\(default: [^)]{,24}\)$", lambda found: found[0].replace(" ", "\xa0"), paragraph)
    lines = wrap(together, max(width, 20), break_on_hyphens=False, break_long_words=False)
    return [line.replace("\xa0", " ") for line in lines]


def _alternatives(kind: Any) -> tuple[Any, ...]:
    """The types that a union is made of, or the type by itself."""
    kind = getattr(kind, "__origin__", kind) if hasattr(kind, "__metadata__") else kind
    return get_args(kind) if get_origin(kind) in (Union, types.UnionType) else (kind,)


def _in_words(default: Any) -> str:
    """A default value as a person would say it."""
    match default:
        case None | ():
            return "none"
        case bool():
            return "on" if default else "off"
        case float():
            return f"{default:g}"
        case _:
            return str(default)
