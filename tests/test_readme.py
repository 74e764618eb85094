"""The README's Python runs as it is printed, but for the number of steps."""

import json
import re

import numpy as np
from paths import BENCH, README, ROOT

TEXT = README.read_text(encoding="utf-8")


def the_code_with(word):
    (code,) = [code for code in re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL) if word in code]
    return code


def test_the_tutorials_gan_in_the_readme_trains():
    code = the_code_with("Batches")
    assert code.count("range(1000)") == 1
    names = {}
    exec(compile(code.replace("range(1000)", "range(3)"), "README.md", "exec"), names)
    assert names["images"].shape == (64, 28, 28, 1)
    assert names["g_adam"].steps == names["d_adam"].steps == 3
    assert np.isfinite([names["d_loss"].item(), names["g_loss"].item()]).all()


def test_the_layer_in_the_readme_passes_its_checks_in_30_lines(capsys):
    code = the_code_with("class Swish")
    assert len(code.splitlines()) <= 30
    exec(compile(code, "README.md", "exec"), {})
    assert re.findall(r"^(\w+): gradients agree", capsys.readouterr().out, re.MULTILINE) == ["Swish", "SwishLayer"]


def test_the_readme_links_to_files_that_exist():
    links = [link for link in re.findall(r"\]\(([^)#]+)\)", TEXT) if "://" not in link]
    assert links
    assert [link for link in links if not (ROOT / link).exists()] == []


def test_the_costs_of_options_are_those_that_were_measured():
    results = json.loads((BENCH / "results" / "options.json").read_text())["results"]
    printed = {
        picture: float(cost) for cost, picture in re.findall(r"⏱ (\d+\.\d+)[^⏱]*?bench/results/options/([^\"]+)", TEXT)
    }
    assert printed == {row["picture"]: round(row["cost"]["median"], 2) for row in results}
