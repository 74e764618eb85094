"""Page that `--help` prints: the options of a command by group, each with its values, its purpose and its default."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import MISSING
from pathlib import Path
from textwrap import wrap
from typing import Any, NamedTuple

import tyro
from rich.text import Text

from rawgan.cli.terminal.text import Terminal
from rawgan.config.options import Option, Word

INDENT = 26
"""Column in which explanations begin, in a narrow terminal."""
WIDE_INDENT = 32
"""Column in which explanations begin, in a wide terminal."""
WIDEST = 120
"""Columns beyond which lines are hard to read."""
KINDS = {int: "INT", float: "FLOAT", Path: "PATH"}
"""Words for values by their type."""
UNSET = "Unset:"
"""Word that begins the default of an option in a docstring, where it is not a value."""


class Entry(NamedTuple):
    """An option of a command, as the page shows it."""

    option: Option
    default: Any
    """dataclasses.MISSING where a value has to be given."""
    help: str
    """Purpose of the option: paragraphs, each on a line."""

    @property
    def positional(self) -> bool:
        """True if the value is given without a flag."""
        return tyro.conf.Positional in self.option.markers

    @property
    def is_switch(self) -> bool:
        """True if the option is on or off."""
        return self.option.kind is bool

    @property
    def required(self) -> bool:
        """True if a value has to be given."""
        return self.default is MISSING

    @property
    def value(self) -> str:
        """Words for the value.

        >>> Entry(Option("steps", "", "steps", object, int | None, None), None, "").value
        'INT'
        """
        if self.option.choices:
            return f"{{{','.join(map(str, self.option.choices))}}}"
        word = self.option.marker(Word)
        return "|".join(KINDS.get(kind, "TEXT") for kind in self.option.kinds) if word is None else word.word

    @property
    def flags(self) -> str:
        """The option as it is typed."""
        flag = self.option.flag
        if self.positional:
            return self.option.name.upper() if self.option.choices else self.value
        return f"{flag}, --no-{flag[2:]}" if self.is_switch else f"{flag} {self.value}"

    @property
    def hint(self) -> str:
        """Note that the option is required, or its default; an annotation may have words of its own."""
        own = [getattr(marker, "help_behavior_hint", None) for marker in self.option.markers]
        if any(own):
            return str(next(filter(None, own)))
        return "(required)" if self.required else f"(default: {_in_words(self.default)})"

    @property
    def explained(self) -> str:
        """Purpose of the option, with its choices and its default."""
        if self.default is None and UNSET in self.help:
            return self.help.replace(UNSET, "Default:")
        choices = f"One of {', '.join(self.option.choices)}." if self.positional and self.option.choices else ""
        return " ".join(filter(None, (self.help, choices, self.hint)))


def print_help(command: str, purpose: Iterable[str], entries: list[Entry]) -> None:
    """Print the page, as wide as the terminal, up to a width that is easy to read.

    `purpose` are paragraphs; indented ones are printed as they are.
    """
    console = Terminal(soft_wrap=True)
    width = min(console.width, WIDEST)
    positional = [each.flags if each.required else f"[{each.flags}]" for each in entries if each.positional]
    console.print(Text.assemble(("usage:", "bold"), " ", " ".join([command, "[OPTIONS]", *positional])))
    for paragraph in purpose:
        console.print()
        console.print(paragraph if paragraph.startswith(" ") else "\n".join(_wrapped(paragraph, width)))
    sections = dict[str, list[tuple[str, str]]]()
    in_no_group = "run" if any(each.option.group for each in entries) else "options"
    for each in sorted(entries, key=lambda entry: not entry.positional):
        heading = "arguments" if each.positional else each.option.group or in_no_group
        sections.setdefault(heading, []).append((each.flags, each.explained))
    sections["help"] = [("-h, --help", "Show this page.")]
    for heading, members in sections.items():
        console.print()
        console.print(Text(f"{heading}:", "bold"))
        for flags, explained in members:
            for line in _lines(flags, explained, width):
                console.print(line)


def _lines(flags: str, explained: str, width: int) -> Iterator[Text]:
    """Lines about an option: flags on the left, or above if they are too long, and the explanation."""
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
    """Lines of a paragraph. Words with hyphens and short defaults are not broken."""
    together = re.sub(r"\(default: [^)]{,24}\)$", lambda found: found[0].replace(" ", "\xa0"), paragraph)
    lines = wrap(together, max(width, 20), break_on_hyphens=False, break_long_words=False)
    return [line.replace("\xa0", " ") for line in lines]


def _in_words(default: Any) -> str:
    """A default value in plain words."""
    match default:
        case None | ():
            return "none"
        case bool():
            return "on" if default else "off"
        case float():
            return f"{default:g}"
        case _:
            return str(default)
