"""The pages of ops, nn and optim: their links, the names in their tables, and the op that they show."""

import re
import subprocess
import sys

import pytest
from paths import PACKAGES

from rawgan import nn, ops, optim

ROOMS = {"ops": ops, "nn": nn, "optim": optim}
every_room = pytest.mark.parametrize("room", ROOMS)


def page(room):
    return PACKAGES["rawgan"] / room / "README.md"


def text(room):
    return page(room).read_text(encoding="utf-8")


@every_room
def test_links_lead_to_files(room):
    links = re.findall(r"\]\(([^)#:]+)\)", text(room))
    assert links
    assert [link for link in links if not (page(room).parent / link).exists()] == []


@every_room
def test_the_table_names_what_there_is(room):
    rows = [line.split("|")[2] for line in text(room).splitlines() if line.startswith("| [")]
    names = [name for row in rows for part in re.findall(r"`([^`]*)`", row) for name in part.split()]
    assert names
    known = dir(ROOMS[room])
    assert [name for name in names if not any(re.fullmatch(name.replace("*", r"\w+"), each) for each in known)] == []


def test_the_op_on_the_page_passes_its_cases():
    (code,) = [block for block in re.findall(r"```python\n(.*?)```", text("ops"), re.DOTALL) if "class Square" in block]
    program = (
        "from typing import Any\n"
        "from rawgan.autograd import Gradients, Op\n"
        "from rawgan.ops.arguments import as_tensors\n"
        "from rawgan.ops.registry import CASES, case, normal, op\n"
        "from rawgan.tensor import Tensor\n"
        "from rawgan.testing import gradcheck\n"
        f"{code}\n"
        "(case,) = [case for case in CASES if case.op == 'square']\n"
        "print(gradcheck(case.function, *case.arrays(), order=case.order).orders)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[1, 2]"
