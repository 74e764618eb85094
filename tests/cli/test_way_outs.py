"""Ways out that messages name: each command, option and package that one sends a person to is there."""

import ast
import dataclasses
import importlib
import re
import shlex
import tomllib
from functools import cache

import pytest
from paths import ROOT, SOURCES

from rawgan.cli import COMMANDS
from rawgan.cli.parsing import read
from rawgan.cli.training import Call
from rawgan.config.commands import CONFIGS
from rawgan.config.noise import TrainConfig
from rawgan.config.options import options_of
from rawgan.config.translation import CycleConfig, EnhanceConfig, Pix2pixConfig
from rawgan.tasks import task_class

VERBS = {"writes", "comes", "train-classifier", "reads", "on", "has", "needs", "cannot", "is", "runs", "or"}
"""Words that may follow "rawgan" in a sentence."""
EVERYWHERE = {"--help", "--version"}
OF_PIP = {"--force-reinstall", "--no-deps", "--upgrade"}
OTHERS = {"hypothesis", "onnxruntime"}
"""Packages that no extra has, and the index does."""


def config_classes():
    """The options' classes by command."""
    found = {kind.command: kind for kind in CONFIGS}
    for command in COMMANDS.keys() - found:
        module = importlib.import_module(f"rawgan.cli.commands.{command.replace('-', '_')}")
        for value in vars(module).values():
            own = isinstance(value, type) and value.__module__ == module.__name__
            if own and dataclasses.is_dataclass(value) and value.__name__.endswith("Config"):
                found[command] = value
    return found


OPTIONS = {
    command: {option.flag for option in options_of(kind).values()}
    | ({option.flag for option in options_of(Call).values()} if kind in CONFIGS else set())
    for command, kind in config_classes().items()
}
TRAINING = [kind.command for kind in CONFIGS]


def messages(path):
    """Every string of a file but docstrings; what is put into one is "…"."""
    nodes = list(ast.walk(ast.parse(path.read_text(encoding="utf-8"))))
    inside = {id(value) for node in nodes if isinstance(node, ast.JoinedStr) for value in ast.walk(node)}
    for node in nodes:
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            inside.add(id(node.value))
    for node in nodes:
        if isinstance(node, ast.JoinedStr):
            yield "".join(part.value if isinstance(part, ast.Constant) else "…" for part in node.values)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in inside:
            yield node.value


@cache
def all_messages():
    """Every string of every file, with the file."""
    return [(path.relative_to(ROOT), text) for path in SOURCES for text in messages(path)]


def test_every_command_has_options_to_look_among():
    assert OPTIONS.keys() == COMMANDS.keys()
    assert all(OPTIONS[command] for command in COMMANDS.keys() - {"info"})
    assert len(all_messages()) > 3000


def test_a_command_that_a_message_names_is_there_and_has_the_options_behind_it():
    found = 0
    for path, text in all_messages():
        for match in re.finditer(r"\brawgan ([a-z][a-z0-9-]*|…)((?: (?:--[a-z-]+(?: [\w.…+]+)?|[A-Z…]+))*)", text):
            command = match[1]
            assert command in {*COMMANDS, *VERBS, "…"}, f"{path}: {text!r} names a command that there is not"
            meant = [command] if command in COMMANDS else TRAINING if command == "…" else []
            for option in re.findall(r"--[a-z-]+", match[2]):
                assert all(option in OPTIONS[one] | EVERYWHERE for one in meant), f"{path}: {text!r}: no {option}"
                found += 1
    assert found >= 9


def test_an_option_that_a_message_names_is_one_of_its_command():
    for path, text in all_messages():
        own = OPTIONS.get(path.stem.replace("_", "-")) if path.parts[1] == "cli" else None
        anywhere = set().union(*OPTIONS.values())
        for option in re.findall(r"(?<![\w-])--[a-z][a-z-]+(?![\w…-])", text):
            assert option in anywhere | EVERYWHERE | OF_PIP, f"{path}: {text!r}: no command has {option}"
            elsewhere = re.search(r"rawgan [a-z-]+ |train with|one with|MODULE", text)  # of another command
            if own is not None and not elsewhere:
                assert option in own | EVERYWHERE, f"{path}: {text!r}: the command has no {option}"


def test_what_pip_is_to_install_is_there():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"]
    named = [*project["dependencies"], *(one for extra in extras.values() for one in extra)]
    known = {re.match(r"[\w-]+", requirement)[0] for requirement in named} | OTHERS
    found = 0
    for path, text in all_messages():
        for match in re.finditer(r"pip (?:un)?install ((?:--[a-z-]+ )*)('[^']*'|[\w.…-]+)(?: or ('[^']*'))?", text):
            for target in filter(None, match.groups()[1:]):
                found += 1
                package, _, extra = shlex.split(target)[0].partition("[")
                assert package == "." or package.replace("…", "12") in known, f"{path}: {text!r}"
                assert not extra or extra.rstrip("]").replace("…", "12") in extras, f"{path}: {text!r}"
                assert package != "." or "in rawgan's folder" in text or "in its folder" in text or extra, text
    assert found >= 6


# --- what the doctor says --------------------------------------------------------------------------------------------

TRAINED = [
    TrainConfig.of(),
    TrainConfig.of(model="tutorial"),
    TrainConfig.of(model="residual"),
    TrainConfig.of(objective="minimax"),
    TrainConfig.of(conditional="projection"),
    TrainConfig.of(pack=4),
    TrainConfig.of(augment="diffaugment"),
    TrainConfig.of(augment="ada"),
    TrainConfig.of(data="ring8"),
    Pix2pixConfig.of(),
    EnhanceConfig.of(),
    CycleConfig.of(),
]


def remedies(config):
    return task_class(config).remedies(config)


@pytest.mark.parametrize("config", TRAINED, ids=lambda config: f"{config.command} {config.model} {config.data.place}")
def test_what_the_doctor_says_to_change_can_be_changed(config):
    for remedy in filter(None, remedies(config).values()):
        for part in re.split(r"; (?:or )?|, or |, with ", remedy):
            values = r"r1\+r2|r1|relativistic|non-saturating|residual|diffaugment|ada|[\d.]+"
            options = re.findall(rf"--[a-z-]+(?: (?:{values}))?", part)
            given = " ".join(options).split()
            for name in (one for one in given if one.startswith("--")):
                assert name in OPTIONS[config.command], f"{config.command}: {remedy!r} has {name}"
            if given and not given[-1].startswith("--"):  # with values, as they are to be typed
                config.replace(**read("test", given, type(config))).check()


def test_points_and_classes_are_not_sent_to_what_is_for_others():
    for options in ({"data": "ring8"}, {}, {"model": "attention"}):  # whose D takes penalties
        assert "--model" not in remedies(TrainConfig.of(**options))["mode collapse"]
    assert "--pack" not in remedies(TrainConfig.of(conditional="projection"))["mode collapse"]
    assert (
        "--penalty r1+r2 --objective relativistic --model residual, or --pack 2"
        in (remedies(TrainConfig.of(model="dcgan"))["mode collapse"])
    )
