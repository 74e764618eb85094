"""Planted faults find their places: a rename that loses one is noticed here in seconds, without planting any."""

from collections import defaultdict
from contextlib import suppress

import pytest
from _pytest.mark import KeywordMatcher  # -k itself
from _pytest.mark.expression import Expression
from definitions import Index, index_of_sources
from fault import planted_faults


def problems(fault, index):
    """Messages of lookups that fail, for a definition, a snippet in it, or a test file."""
    for look_up in (lambda: index.find(fault.where, fault.old), lambda: fault.test_file):
        try:
            look_up()
        except LookupError as error:
            yield f"{fault.name}: {error}"


def test_every_fault_finds_its_place_and_its_tests():
    index = index_of_sources()
    found = [message for fault in planted_faults() for message in problems(fault, index)]
    assert not found, "\n\n" + "\n\n".join(found)


def test_every_fault_selects_tests_by_its_words(request):
    """Checked for the files that this session has collected as a whole: for all of them, if it runs all tests."""
    options = request.config.option
    if options.keyword or options.lf or any("::" in argument for argument in request.config.args):
        pytest.skip("only some tests of each file are collected")
    collected = defaultdict(list)
    for item in request.session.items:
        collected[item.path].append(KeywordMatcher.from_item(item))
    found = []
    for fault in planted_faults():
        with suppress(LookupError):  # a missing file is reported above
            tests, words = collected.get(fault.test_file), Expression.compile(fault.words)
            if tests and not any(words.evaluate(each) for each in tests):
                found.append(f"{fault.name}: no test is selected by {fault.caught_by}")
    assert not found, "\n\n" + "\n".join(found)


def test_no_two_faults_share_a_name():
    names = [fault.name for fault in planted_faults()]
    assert len(names) > 400
    assert sorted(set(names)) == sorted(names)


def squeezed(text):
    return "".join(text.split())


FIRST = """
LIMIT = 3

class Mul:
    slope: float = 1.0

    def forward(self, a, b):
        if a is None:
            return b
        return a * b

    @property
    def rate(self):
        return self.slope

    @rate.setter
    def rate(self, value):
        self.slope = value


def scale(x):
    def inner(y):
        return y * LIMIT
    return inner(x) + inner(x)
"""
SECOND = "def scale(x): return x\n"


@pytest.fixture
def index(tmp_path):
    sources = {"pack.first": tmp_path / "first.py", "pack.second": tmp_path / "second.py"}
    sources["pack.first"].write_text(FIRST)
    sources["pack.second"].write_text(SECOND)
    return Index(sources)


@pytest.mark.parametrize(
    ("where", "old", "new", "result"),
    [
        ("Mul.forward", "a*b", "a + b", "        return a + b\n"),
        (
            "Mul.forward",
            "if a is None:\n    return b",
            "if b is None:\n    return a",
            "is None:\n            return a\n",
        ),
        ("Mul", "slope: float = 1.0", "slope: float = 2.0", "    slope: float = 2.0\n"),
        ("Mul.rate", "self.slope = value", "pass", "def rate(self, value):\n        pass\n"),
        ("LIMIT", "3", "4", "LIMIT = 4\n"),
        ("scale.inner", "y * LIMIT", "y", "        return y\n"),
        ("first:scale", "+", "-", "    return inner(x) - inner(x)\n"),
        ("pack.second:scale", "return x", "return -x", "def scale(x): return -x\n"),
        ("second:", "scale", "scaled", "def scaled(x): return x\n"),
    ],
)
def test_a_snippet_is_replaced_where_the_fault_says(where, old, new, result, index):
    place = index.find(where, old)
    assert result in index.replaced(place, new)
    assert squeezed(index.replaced(place, old)) == squeezed(place.file.read_text())


@pytest.mark.parametrize(
    ("where", "old", "message"),
    [
        ("scale", "return x", "scale: several modules have it.*\n  pack.first:scale\n  pack.second:scale\nthe snippet"),
        ("third:scale", "return x", "no such definition.*\n  pack.first:scale\n  pack.second:scale\nthe snippet"),
        ("Mul.backward", "return a * b", "occurs in:\n  pack.first:Mul.forward   first.py:10: return a [*] b$"),
        ("LIMITS", "LIMIT = 3", "no such definition.*\n  pack.first:LIMIT\nthe snippet.*\n  pack.first:LIMIT   first"),
        ("Mul.forward", "return a * c", "0 times.*\n  first.py:10: return a [*] b\n(.*\n)*the snippet occurs nowhere$"),
        ("first:scale", "inner(x)", "2 times.*\n  first.py:24: return inner.*\n  first.py:24: return inner[^\n]*$"),
    ],
)
def test_what_cannot_be_found_is_reported_with_candidates(where, old, message, index):
    with pytest.raises(LookupError, match=message):
        index.find(where, old)
