"""Options of a command, read by tyro from dataclasses: names, types, defaults of fields, help from docstrings."""

import inspect
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import MISSING
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Literal, Required, TypedDict, TypeVar

import tyro
from tyro.constructors import ConstructorRegistry, PrimitiveConstructorSpec, PrimitiveTypeInfo

from rawgan.cli.docstrings import help_of, paragraphs
from rawgan.cli.terminal.help_page import Entry, print_help
from rawgan.config.options import Hidden, Option, composed, options_of, value_of
from rawgan.errors import one_line
from rawgan.files import expanded

Config = TypeVar("Config")
Values = dict[str, Any]
"""Options by name, those that are given."""


def parse(kind: type[Config], command: str, arguments: list[str]) -> Config:
    """The configuration that arguments ask for, a dataclass of that kind, with each number in its range.

    Raises: SystemExit, of code 0 after `--help`, of code 2 for arguments that make no sense; ArgumentError for a number
    out of its range, or a path in the home folder of nobody

    >>> from dataclasses import dataclass
    >>> @dataclass(frozen=True)
    ... class Speed:
    ...     steps: int = 3
    >>> parse(Speed, "walk", ["--steps", "4"])
    Speed(steps=4)
    """
    config = composed(kind, read(command, arguments, kind))
    for option in options_of(kind).values():
        option.check(value_of(config, option))
    return config


def read(
    command: str, arguments: list[str], *kinds: type, defaults: Callable[[Values], Values] = lambda given: {}
) -> Values:
    """The options that arguments give, of those that some dataclasses declare.

    `--help` prints a page about all of them: the docstring of the first dataclass, and of each field. `defaults` says
    what their defaults are beside options that are given.

    Raises: SystemExit as `parse`
    """
    options = {name: option for kind in kinds for name, option in options_of(kind).items()}
    shown = [option for option in options.values() if option.marker(Hidden) is None]
    if {"-h", "--help"} & {*arguments}:
        others, given = [argument for argument in arguments if argument not in ("-h", "--help")], Values()
        if others:
            with suppress(SystemExit):  # help comes before complaints
                given = _read(command, others, [_optional(option) for option in shown], console_outputs=False)
        changed = defaults(given)
        entries = [Entry(option, changed.get(option.name, option.default), help_of(option)) for option in shown]
        print_help(command, paragraphs(inspect.getdoc(kinds[0]) or ""), entries)
        raise SystemExit(0)
    try:
        return _read(command, arguments, shown, console_outputs=False)
    except SystemExit:  # names of files may tell the terminal what to do: tyro complains of them as they are shown
        _read(command, [one_line(argument) for argument in arguments], shown, explained=True)
        raise


def _read(
    command: str, arguments: list[str], options: list[Option], explained: bool = False, console_outputs: bool = True
) -> Values:
    """The options that are given. Where nothing is wrong, no help is needed."""
    fields = {option.name: _annotation(option, help_of(option) if explained else "") for option in options}
    lists = {option.name: () for option in options if option.default == ()}  # tyro appends to them
    registry = ConstructorRegistry()
    registry.primitive_rule(_number)
    given: Mapping[str, Any] = tyro.cli(
        TypedDict("Options", fields, total=False),  # type: ignore[operator]
        prog=command,
        args=arguments,
        default=lists,
        registry=registry,
        console_outputs=console_outputs,
    )
    return {name: _at_home(value) for name, value in given.items() if name not in lists or value}


def _optional(option: Option) -> Option:
    return option._replace(default=None) if option.default is MISSING else option


def _annotation(option: Option, help: str) -> Any:
    """The type of an option for tyro, with its own words about values and defaults where it tells of mistakes."""
    entry = Entry(option, option.default, help)
    kind: Any = Literal[option.choices] if option.choices else option.kinds[0]
    words = tyro.conf.arg(metavar=None if entry.is_switch else entry.value, help=help, help_behavior_hint=entry.hint)
    of_tyro = [marker for marker in option.markers if marker in (tyro.conf.Positional, tyro.conf.UseAppendAction)]
    annotated = Annotated[(kind, words, *of_tyro)]
    return Required[annotated] if option.default is MISSING else annotated


def _number(info: PrimitiveTypeInfo) -> PrimitiveConstructorSpec[Any] | None:
    """The way to read a number, and the words about text that is none; tyro's own are Python's."""
    for kind, words, metavar in ((int, "a whole number", "INT"), (float, "a number", "FLOAT")):
        if info.type is kind:
            return PrimitiveConstructorSpec(
                nargs=1,
                metavar=metavar,
                instance_from_str=partial(_read_number, kind, words),
                is_instance=lambda x: isinstance(x, int | float),
                str_from_instance=lambda x: [str(x)],
            )
    return None


def _read_number(kind: type[int] | type[float], words: str, given: list[str]) -> int | float:
    try:
        return kind(given[0])
    except ValueError:
        raise ValueError(f"must be {words}, not {given[0]!r}") from None


def _at_home(value: Any) -> Any:
    """The value, with the home folder in the place of `~` in every path; a shell sees to some of them only."""
    match value:
        case Path():
            return expanded(value)
        case tuple():
            return tuple(map(_at_home, value))
    return value
