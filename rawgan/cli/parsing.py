"""Options of a command, read by tyro from a dataclass: names, types, defaults of its fields, help from docstrings."""

import ast
import inspect
from collections.abc import Iterator
from dataclasses import MISSING, fields, is_dataclass, replace
from functools import cache, partial
from itertools import pairwise
from pathlib import Path
from textwrap import dedent
from typing import Annotated, Any, TypeVar, get_type_hints

import tyro
from tyro.constructors import (
    ConstructorRegistry,
    PrimitiveConstructorSpec,
    PrimitiveTypeInfo,
    StructConstructorSpec,
    StructFieldSpec,
    StructTypeInfo,
)

from rawgan.cli.subjects import in_order, subject_of, word_of
from rawgan.cli.terminal.help_page import Option, print_help
from rawgan.errors import one_line
from rawgan.files import expanded

Options = TypeVar("Options")


def parse(kind: type[Options], command: str, arguments: list[str], default: Options | None = None) -> Options:
    """Options of that kind, a dataclass, as arguments give them; the others are those of `default`, or the usual ones.

    `--help` says what the docstring of each field says, by subject: see `rawgan.cli.subjects`.

    Raises: SystemExit, of code 0 after `--help`, of code 2 for arguments that make no sense; ArgumentError for a path
    in the home folder of nobody

    >>> from dataclasses import dataclass
    >>> @dataclass(frozen=True)
    ... class Speed:
    ...     steps: int = 3
    >>> parse(Speed, "walk", ["--steps", "4"])
    Speed(steps=4)
    """
    options = _options(kind, command, default)
    if {"-h", "--help"} & {*arguments}:
        print_help(command, _paragraphs(inspect.getdoc(kind) or ""), options)
        raise SystemExit(0)
    registry = ConstructorRegistry()
    registry.struct_rule(partial(_constructor, options))
    registry.primitive_rule(_number)
    read = partial(
        tyro.cli,
        kind,
        prog=command,
        default=tyro.MISSING_NONPROP if default is None else default,
        registry=registry,
        config=(tyro.conf.DisallowNone,),
    )
    shown = [one_line(argument) for argument in arguments]
    if shown == arguments:
        return _at_home(read(args=arguments))
    try:
        return _at_home(read(args=arguments, console_outputs=False))
    except SystemExit:  # names of files may tell the terminal what to do: it is those shown that tyro complains of
        read(args=shown)
        raise


def _options(kind: type, command: str, default: Any) -> list[Option]:
    """The options of a dataclass, in the order in which they are listed: positional ones first."""
    classes = tuple(owner for owner in kind.__mro__ if is_dataclass(owner))
    hints, known = get_type_hints(kind, include_extras=True), {field.name: field for field in fields(kind)}
    options = []
    for name in in_order(known):
        usual = tyro.MISSING_NONPROP if known[name].default is MISSING else known[name].default
        given = usual if default is None else getattr(default, name)
        about = subject_of(command, name), word_of(command, name)
        options.append(Option(name, *about, hints[name], given, partial(_help, classes, name)))
    return sorted(options, key=lambda option: not option.positional)


def _constructor(options: list[Option], info: StructTypeInfo) -> StructConstructorSpec | None:
    """tyro's own way with a dataclass, but for the words about values and defaults where it tells of mistakes."""
    if not is_dataclass(info.type):
        return None
    specs = []
    for option in options:
        words = tyro.conf.arg(metavar=None if option.is_switch else option.value, help_behavior_hint=option.hint)
        kind: Any = Annotated[option.annotation, words]
        specs.append(StructFieldSpec(option.name, kind, option.default, option.help))
    return StructConstructorSpec(info.type, tuple(specs))


def _number(info: PrimitiveTypeInfo) -> PrimitiveConstructorSpec[Any] | None:
    """How a number is read, and what is said of text that is none; tyro says it in Python's words."""
    for kind, words, metavar in ((int, "a whole number", "INT"), (float, "a number", "FLOAT")):
        if info.type in (kind, kind | None):
            return PrimitiveConstructorSpec(
                nargs=1,
                metavar=metavar,
                instance_from_str=partial(_read, kind, words),
                is_instance=_is_number,
                str_from_instance=_as_text,
            )
    return None


def _at_home(options: Options) -> Options:
    """The options, with the home folder in the place of `~` in every path; a shell sees to some of them only."""
    given = {field.name: getattr(options, field.name) for field in fields(options)}  # type: ignore[arg-type]
    meant = {name: _meant(value) for name, value in given.items()}
    return options if meant == given else replace(options, **meant)  # type: ignore[type-var]


def _meant(value: Any) -> Any:
    match value:
        case Path():
            return expanded(value)
        case tuple():
            return tuple(map(_meant, value))
    return value


def _is_number(x: Any) -> bool:
    return x is None or isinstance(x, int | float)


def _as_text(x: Any) -> list[str]:
    return [str(x)]


def _read(kind: type[int] | type[float], words: str, given: list[str]) -> int | float:
    try:
        return kind(given[0])
    except ValueError:
        raise ValueError(f"must be {words}, not {given[0]!r}") from None


def _help(classes: tuple[type, ...], name: str) -> str:
    """What the first of these classes says of a field that says something."""
    return next((_documented(owner)[name] for owner in classes if name in _documented(owner)), "")


@cache
def _documented(kind: type) -> dict[str, str]:
    """The fields of a class that have docstrings, and what these say."""
    (definition,) = ast.parse(dedent(inspect.getsource(kind))).body
    assert isinstance(definition, ast.ClassDef)
    found = {}
    for field, text in pairwise(definition.body):
        match field, text:
            case ast.AnnAssign(target=ast.Name(id=name)), ast.Expr(value=ast.Constant(value=str(written))):
                found[name] = "\n\n".join(_paragraphs(inspect.cleandoc(written)))
    return found


def _paragraphs(docstring: str) -> Iterator[str]:
    """What a docstring says to whoever types a command: each paragraph as one line, indented ones as they are, without
    examples in Python.
    """
    for paragraph in docstring.split("\n\n"):
        if not paragraph.startswith((">>>", "Raises:")):
            yield paragraph if paragraph.startswith(" ") else " ".join(paragraph.split())
