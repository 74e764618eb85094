"""Options of commands: what `--help` says of them, and in which order."""

from dataclasses import dataclass, field
from typing import Annotated, ClassVar

import pytest
import tyro

from rawgan.cli.parsing import parse


@dataclass(frozen=True)
class Walk:
    """Go somewhere."""

    unit: ClassVar[str] = "steps"
    """No option."""
    steps: int = 3
    """How many steps to take, which is as many as it takes to get there, and one more, to be quite sure of it, as
    long as nobody else is there."""
    pace: float = 1.0
    """How fast."""


@dataclass(frozen=True)
class Climb(Walk):
    """Go up
    somewhere.

    Raises: nobody to a height

    >>> Climb(mountain="Ararat").pace
    0.5
    """

    mountain: Annotated[str, tyro.conf.Positional] = field(kw_only=True)
    """Which one."""
    rope: bool = True
    """Whether to be safe.

    It is:

        wiser
    """
    pace: float = 0.5


@pytest.fixture
def wide(monkeypatch):
    monkeypatch.setenv("COLUMNS", "400")


def explained(capsys):
    with pytest.raises(SystemExit) as stopped:
        parse(Climb, "go climb", ["--help"])
    assert stopped.value.code == 0
    return capsys.readouterr().out


def test_paragraphs_are_lines_wherever_the_source_breaks_them(capsys, wide):
    said = explained(capsys)
    assert "How many steps to take, which is as many as it takes to get there, and one more, to be quite sure" in said
    assert "quite sure of it, as long as nobody else is there. (default: 3)" in said
    assert "\nGo up somewhere.\n" in said
    assert [line.strip("│ ") for line in said.splitlines() if "wiser" in line] == ["wiser (default: True)"]


def test_examples_in_python_are_for_those_who_read_the_source(capsys, wide):
    said = explained(capsys)
    assert ">>>" not in said
    assert "Raises" not in said


def test_what_a_command_alone_has_comes_first(capsys, wide):
    usage = explained(capsys).splitlines()[0]
    assert usage == "usage: go climb [-h] STR [--rope | --no-rope] [--pace FLOAT] [--steps INT]"


def test_a_new_default_keeps_what_was_said_of_the_option(capsys, wide):
    assert "How fast. (default: 0.5)" in explained(capsys)


def test_what_belongs_to_the_class_is_no_option(capsys, wide):
    assert "unit" not in explained(capsys)


def test_defaults_are_those_of_the_class_or_of_the_default(capsys):
    assert parse(Walk, "walk", ["--pace", "2"]) == Walk(pace=2.0)
    assert parse(Walk, "walk", ["--pace", "2"], Walk(steps=7)) == Walk(steps=7, pace=2.0)
    assert parse(Climb, "climb", ["Ararat", "--no-rope"]) == Climb(mountain="Ararat", rope=False)
    with pytest.raises(SystemExit) as stopped:
        parse(Climb, "climb", [])
    assert stopped.value.code == 2
