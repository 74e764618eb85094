"""Options of commands: what `--help` says of them, and in which order."""

import dataclasses
import re
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Annotated, ClassVar, Literal

import pytest
import tyro

from rawgan.cli import COMMANDS, main
from rawgan.cli.parsing import parse, read
from rawgan.config.commands import CONFIGS
from rawgan.config.noise import TrainConfig
from rawgan.config.options import Group, Named, OneOf, Range, Word, options_of


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


def explained(capsys, kind=Climb):
    with pytest.raises(SystemExit) as stopped:
        parse(kind, "go climb", ["--help"])
    assert stopped.value.code == 0
    return capsys.readouterr().out


def test_paragraphs_are_lines_wherever_the_source_breaks_them(capsys, wide):
    said = explained(capsys)
    lines = [line.strip() for line in said.splitlines()]
    first = next(number for number, line in enumerate(lines) if "How many steps" in line)
    assert lines[first].endswith("many as it takes to get there, and one more, to be")  # as much as fits 120 columns
    assert lines[first + 1] == "quite sure of it, as long as nobody else is there. (default: 3)"
    assert "\nGo up somewhere.\n" in said
    assert [line.strip() for line in said.splitlines() if "wiser" in line] == ["wiser (default: on)"]


def test_examples_in_python_are_for_those_who_read_the_source(capsys, wide):
    said = explained(capsys)
    assert ">>>" not in said
    assert "Raises" not in said


def test_a_new_default_keeps_what_was_said_of_the_option(capsys, wide):
    assert "How fast. (default: 0.5)" in explained(capsys)


def test_what_belongs_to_the_class_is_no_option(capsys, wide):
    assert "unit" not in explained(capsys)


def test_defaults_are_those_of_the_class(capsys):
    assert parse(Walk, "walk", ["--pace", "2"]) == Walk(pace=2.0)
    assert parse(Climb, "climb", ["Ararat", "--no-rope"]) == Climb(mountain="Ararat", rope=False)
    with pytest.raises(SystemExit) as stopped:
        parse(Climb, "climb", [])
    assert stopped.value.code == 2


# --- the page --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Dive:
    """Go down."""

    where: Annotated[Literal["sea", "lake"], tyro.conf.Positional] = "sea"
    """What to dive in."""
    seed: int = 0
    """Seed."""
    hold: bool = False
    """Hold your breath."""
    width: int | None = None
    """How wide. Unset: as wide as the arms are."""
    steps: float | None = None
    """How deep."""
    out: Annotated[str | None, Word("FOLDER")] = None
    """Where to."""
    threads: Annotated[int, tyro.conf.arg(help_behavior_hint="(default: all cores)")] = 0
    """How many."""


GASES = {name: SimpleNamespace(summary=f"{oxygen} % oxygen") for name, oxygen in (("nitrox", 32), ("trimix", 18))}


@dataclass(frozen=True)
class Air(Group):
    """Something to breathe."""

    name: Annotated[str, Named("air"), OneOf(GASES)] = "nitrox"
    """Gas. For the way down."""
    pressure: Annotated[int, Named("air_pressure"), Range(1, 300)] = 200
    """How much, in bar."""


@dataclass(frozen=True)
class Expedition:
    """Go far down."""

    air: Air = Air(pressure=100)
    days: int = 1
    """How long."""


def sections(said):
    """First words of the lines of each section of a page."""
    groups = re.findall(r"^(\w+):\n((?:  .*\n)+)", said, re.MULTILINE)
    return {heading: re.findall(r"^  (\S+)", lines, re.MULTILINE) for heading, lines in groups}


def test_arguments_stand_before_options(capsys):
    said = explained(capsys, Dive)
    assert said.startswith("usage: go climb [OPTIONS] [WHERE]\n\nGo down.\n\narguments:\n")
    assert sections(said) == {
        "arguments": ["WHERE"], "options": ["--seed", "--hold,", "--width", "--steps", "--out", "--threads"],
        "help": ["-h,"],
    }  # fmt: skip


def test_groups_are_sections_and_their_options_are_flat(capsys):
    said = explained(capsys, Expedition)
    assert sections(said) == {"air": ["--air", "--air-pressure"], "run": ["--days"], "help": ["-h,"]}
    assert "--air {nitrox,trimix}" in said
    assert "Gas. nitrox: 32 % oxygen; trimix: 18 % oxygen. For the way down. (default: nitrox)" in " ".join(
        said.split()
    )
    assert "How much, in bar. (default: 100)" in said
    arguments = ["--air-pressure", "300", "--days", "2"]
    assert parse(Expedition, "walk", arguments) == Expedition(Air("nitrox", 300), 2)


def test_values_and_defaults_are_in_plain_words(capsys, wide):
    lines = [" ".join(line.split()) for line in explained(capsys, Dive).splitlines()]
    assert "WHERE What to dive in. One of sea, lake. (default: sea)" in lines
    assert "--width INT How wide. Default: as wide as the arms are." in lines
    assert "--steps FLOAT How deep. (default: none)" in lines
    assert "--out FOLDER Where to. (default: none)" in lines
    assert "Hold your breath. (default: off)" in " ".join(lines)
    assert "--threads INT How many. (default: all cores)" in lines


def test_a_default_that_was_changed_is_the_one_that_is_shown(capsys, wide):
    with pytest.raises(SystemExit):
        read("dive", ["--help", "--seed", "8"], Dive, defaults=lambda given: {"width": given["seed"] - 1})
    assert "as wide as the arms are. (default: 7)" in capsys.readouterr().out


def test_defaults_are_shown_that_suit_the_data(capsys, wide):
    with pytest.raises(SystemExit):
        main(["train", "--help", "--data", "ring8"])
    said = " ".join(capsys.readouterr().out.split())
    assert "the narrowest hidden layer; cost grows with the square. (default: 128)" in said
    assert "Default: 2000, for points 8000" in said


def test_none_is_no_value(capsys):
    """A folder may be called so."""
    assert parse(Dive, "dive", ["--out", "None"]).out == "None"
    with pytest.raises(SystemExit) as stopped:
        parse(Dive, "dive", ["--width", "None"])
    assert stopped.value.code == 2


@pytest.mark.parametrize("columns", [60, 80, 200])
@pytest.mark.parametrize("command", COMMANDS)
def test_the_page_of_every_command(command, columns, monkeypatch, capsys):
    monkeypatch.setenv("COLUMNS", str(columns))
    with pytest.raises(SystemExit):
        main([command, "--help"])
    said = capsys.readouterr().out
    headings = re.findall(r"^(\w+):$", said, re.MULTILINE)
    assert len(headings) == len({*headings})
    assert not re.search(r"\bNone\b|\bTrue\b|\bFalse\b|\bSTR\b|<class|MISSING|Unset", said)
    lines = said.splitlines()
    examples = [line for line in lines if line.startswith("    rawgan")]
    assert all(len(line) <= columns for line in lines if line not in examples)
    assert max(map(len, lines)) > min(columns, 120) * 0.6  # there is room, and it is used
    options = re.findall(r"^  (--[\w-]+)", said, re.MULTILINE)
    names = [option[2:].replace("-", "_") for option in options]
    assert len(names) == len({*names})
    if command in ("train", "pix2pix", "enhance", "cyclegan"):
        (kind,) = (kind for kind in CONFIGS if kind.command == command)
        assert headings == [*(field.name for field in dataclasses.fields(kind) if field.name != "seed"), "run", "help"]


def test_what_runs_write_down_for_themselves_is_not_shown(capsys, wide):
    with pytest.raises(SystemExit):
        main(["train", "--help"])
    said = capsys.readouterr().out
    assert "--classes INT" in said
    assert "class-names" not in said
    assert "class_names" in options_of(TrainConfig)


def test_what_is_wrong_is_told_in_the_same_words(capsys):
    with pytest.raises(SystemExit):
        parse(Dive, "dive", ["--widht", "7"])
    error = capsys.readouterr().err
    assert "--width INT" in error
    assert "{None}" not in error
