"""Texts: every one in both languages, with the same places to fill in; all are used, and no other is asked for."""

import re
import string
from pathlib import Path

import pytest

import rawgan.lab
from rawgan.gan import parts
from rawgan.lab.texts import LANGUAGES, Texts, _texts

FOLDER = Path(rawgan.lab.__file__).parent


def flat(table, prefix=""):
    for name, value in table.items():
        if isinstance(value, dict) and not value.keys() & set(LANGUAGES):
            yield from flat(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value


ALL = dict(flat(_texts()))


@pytest.mark.parametrize("key", ALL)
def test_a_text_is_in_both_languages_with_the_same_places_to_fill_in(key):
    assert ALL[key].keys() == set(LANGUAGES)
    places = [sorted(name for _, name, _, _ in string.Formatter().parse(text) if name) for text in ALL[key].values()]
    assert places[0] == places[1]
    assert re.search("[\u4e00-\u9fff]", ALL[key]["zh"]) or key == "language"
    assert not re.search("[\u4e00-\u9fff]", ALL[key]["en"]) or key == "language"


def test_every_text_is_used_and_every_one_that_is_asked_for_is_there():
    source = "\n".join(path.read_text() for path in FOLDER.rglob("*.py"))
    asked = set(re.findall(r"""\btext\(\s*["']([\w.]+)["']""", source))
    asked |= set(re.findall(r'"((?:now|step)\.\w+)"', source))
    assert asked <= ALL.keys()
    made = {"step.generator", "step.discriminator", "now.room", "step.room"}  # by their names
    made |= {f"{table}.{kind}" for table in ("step", "kinds") for kind in ("value", "output", "gradient", "update")}
    made |= {f"parts.{part.network}{part.number}" for part in vars(parts).values() if isinstance(part, parts.Part)}
    assert ALL.keys() == asked | made


def test_an_unknown_language_is_english():
    assert Texts("xx")("now.room") == "Now"
    assert Texts("en").other == "zh"
    assert Texts("zh").other == "en"
