"""The example in the README of rawgan.testing: it passes its checks, and its mistake is found in the words printed."""

import re

import pytest
from paths import PACKAGES

from rawgan.errors import GradientMismatch
from rawgan.testing import CHECKS

FILE = PACKAGES["rawgan"] / "testing" / "README.md"
TEXT = FILE.read_text(encoding="utf-8")


@pytest.fixture
def code():
    (found,) = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)
    return found


def test_the_layer_passes_its_checks(code, capsys):
    exec(compile(code, FILE, "exec"), {})
    assert re.findall(r"^(\w+): gradients agree", capsys.readouterr().out, re.MULTILINE) == ["Swish", "SwishLayer"]


def test_the_mistake_is_found_in_the_words_that_are_printed(code):
    assert "ops.sigmoid(x)" in code
    with pytest.raises(GradientMismatch) as error:
        exec(compile(code.replace("ops.sigmoid(x)", "ops.sigmoid(x.detach())"), FILE, "exec"), {})
    (printed,) = re.findall(r"```\n(Swish: .*?)\n```", TEXT, re.DOTALL)
    number = r"\d+\.\d+"
    assert re.sub(number, "…", str(error.value)) == re.sub(number, "…", printed)
    found = [float(n) for n in re.findall(number, str(error.value))]
    assert found == pytest.approx([float(n) for n in re.findall(number, printed)], rel=1e-6)


def test_links_lead_to_files_that_exist():
    links = re.findall(r"\]\(([^)#]+)\)", TEXT)
    assert links
    assert [link for link in links if not (FILE.parent / link).exists()] == []


def test_the_table_of_checks_describes_each():
    """The constant's description, below it in the source, has a line for each name."""
    source = (FILE.parent / "functions" / "checks.py").read_text(encoding="utf-8")
    assert re.findall(r"^- (\w+): ", source, re.MULTILINE) == [*CHECKS]
