"""Docstrings as help: of the fields of dataclasses, and of commands."""

import ast
import inspect
from collections.abc import Iterator
from dataclasses import is_dataclass
from functools import cache
from itertools import pairwise
from textwrap import dedent

from rawgan.config.options import OneOf, Option


def help_of(option: Option) -> str:
    """The docstring of an option's field, or of the same field of the nearest base class that has one: paragraphs, each
    on a line. Where the option has names with summaries, these follow the first sentence."""
    owners = filter(is_dataclass, option.owner.__mro__)
    found = next((found for owner in owners if (found := _documented(owner).get(option.field))), "")
    names = option.marker(OneOf)
    if names is None or not names.help:
        return found
    first, _, rest = found.partition(". ")
    return " ".join(filter(None, (f"{first.removesuffix('.')}. {names.help}.", rest)))


@cache
def _documented(kind: type) -> dict[str, str]:
    """Docstrings of the fields of a class that have one."""
    (definition,) = ast.parse(dedent(inspect.getsource(kind))).body
    assert isinstance(definition, ast.ClassDef)
    found = {}
    for field, text in pairwise(definition.body):
        match field, text:
            case ast.AnnAssign(target=ast.Name(id=name)), ast.Expr(value=ast.Constant(value=str(written))):
                found[name] = "\n\n".join(paragraphs(inspect.cleandoc(written)))
    return found


def paragraphs(docstring: str) -> Iterator[str]:
    """Paragraphs of a docstring for people who type a command: each on one line, indented ones as they are, without
    examples in Python."""
    for paragraph in docstring.split("\n\n"):
        if not paragraph.startswith((">>>", "Raises:")):
            yield paragraph if paragraph.startswith(" ") else " ".join(paragraph.split())
