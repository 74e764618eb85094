"""The programs of kernels/README.md, among them the one that compiles a kernel for a GPU."""

import re

from paths import ROOT


def test_the_programs_of_the_page_run(capsys):
    page, names = ROOT / "kernels" / "README.md", {}
    blocks = re.findall(r"```python\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL)
    programs = [code for code in blocks if code.startswith(("import ", "from "))]
    assert any("machine_code(" in code for code in programs)
    for code in programs:
        exec(compile(code, str(page), "exec"), names)
    assert abs(names["y"] - [-0.2, 2, -0.6]).max() < 1e-6
    assert ".entry" in names["code"].ptx
    assert "registers" in capsys.readouterr().out
