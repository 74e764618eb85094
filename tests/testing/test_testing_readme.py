"""The page of rawgan.testing: the mistake that it describes is found, and the table of checks is complete."""

import re

import pytest
from paths import PACKAGES

from rawgan.errors import GradientMismatch
from rawgan.testing import CHECKS

FILE = PACKAGES["rawgan"] / "testing" / "README.md"
TEXT = FILE.read_text(encoding="utf-8")


def test_the_mistake_is_found_in_the_words_that_the_page_prints():
    (code,) = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)
    assert "ops.sigmoid(x)" in code
    with pytest.raises(GradientMismatch) as error:
        exec(compile(code.replace("ops.sigmoid(x)", "ops.sigmoid(x.detach())"), FILE, "exec"), {})
    (printed,) = re.findall(r"```\n(Swish: .*?)\n```", TEXT, re.DOTALL)
    number = r"\d+\.\d+"
    assert re.sub(number, "…", str(error.value)) == re.sub(number, "…", printed)
    found = [float(n) for n in re.findall(number, str(error.value))]
    assert found == pytest.approx([float(n) for n in re.findall(number, printed)], rel=1e-6)


def test_the_table_of_checks_describes_each():
    """The constant's description, below it in the source, has a line for each name."""
    source = (FILE.parent / "functions" / "checks.py").read_text(encoding="utf-8")
    assert re.findall(r"^- (\w+): ", source, re.MULTILINE) == [*CHECKS]
