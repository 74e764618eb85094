"""Exchange of the code of functions, and what it refuses."""

import importlib.util

import pytest
from exchange import exchange, functions_of_this_process

TEXT = """
from functools import cache

SIZE = 2
TABLE = [each * SIZE for each in range(3)]

@cache
def area(a, b=3):
    return a * b

class Box:
    def volume(self, x):
        scaled = lambda y: y * 2
        return scaled(x)

    half = property(lambda self: 0.5)

def adder(n):
    def add(x):
        return x + n
    return add

add_two = adder(2)
"""


@pytest.fixture
def module(tmp_path):
    file = tmp_path / "boxes.py"
    file.write_text(TEXT)
    spec = importlib.util.spec_from_file_location("boxes", file)
    made = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(made)
    return made


def exchanged(module, old, new):
    assert TEXT.count(old) == 1
    return exchange(functions_of_this_process(), module.__file__, TEXT, TEXT.replace(old, new))


@pytest.mark.parametrize(
    ("old", "new", "call", "expected"),
    [
        ("a * b", "a + b\n", lambda m: m.area(4), 7),
        ("y * 2", "y * 3", lambda m: m.Box().volume(5), 15),
        ("self: 0.5", "self: 0.25", lambda m: m.Box().half, 0.25),
        ("x + n", "x - n", lambda m: (m.add_two(9), m.adder(1)(9)), (7, 8)),
        ("\n\nadd_two", "\n\n# a line\nadd_two", lambda m: m.area(4), 12),
    ],
    ids=["decorated", "lambda within a method", "property", "closure that exists", "comment"],
)
def test_functions_are_exchanged_wherever_they_are(module, old, new, call, expected):
    assert exchanged(module, old, new)
    assert call(module) == expected


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("SIZE = 2", "SIZE = 3"),
        ("each * SIZE", "each + SIZE"),
        ("b=3", "b=4"),
        ("@cache\n", ""),
        ("return scaled(x)", "return (lambda z: z)(x)"),
        ("return x + n", "return x"),
    ],
    ids=["constant", "comprehension at import", "default", "decorator", "another function inside", "no closure"],
)
def test_what_runs_at_import_or_has_another_form_is_not_exchanged(module, old, new):
    assert not exchanged(module, old, new)
