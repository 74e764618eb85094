"""The README's Python runs as it is printed, but for the number of steps."""

import re
from pathlib import Path

import numpy as np

README = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")


def test_the_tutorials_gan_in_the_readme_trains():
    (code,) = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    assert code.count("range(1000)") == 1
    names = {}
    exec(compile(code.replace("range(1000)", "range(3)"), "README.md", "exec"), names)
    assert names["images"].shape == (64, 28, 28, 1)
    assert names["g_adam"].steps == names["d_adam"].steps == 3
    assert np.isfinite([names["d_loss"].item(), names["g_loss"].item()]).all()


def test_the_readme_links_to_files_that_exist():
    links = [link for link in re.findall(r"\]\(([^)#]+)\)", README) if "://" not in link]
    assert links
    assert [link for link in links if not (Path(__file__).parents[1] / link).exists()] == []
