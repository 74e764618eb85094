"""`rawgan lab`, as far as it comes without its page."""

import pytest
from run_files import untrained_run

from rawgan.cli import main


def test_without_nicegui_it_says_what_to_install(tmp_path, monkeypatch, capsys):
    run = untrained_run(tmp_path / "run")
    monkeypatch.setattr("rawgan.cli.commands.lab.find_spec", lambda name: None)
    assert main(["lab", str(run.path)]) == 1
    assert "pip install nicegui" in capsys.readouterr().err


@pytest.mark.parametrize("options", [["nowhere"], ["RUN", "--port", "0"], ["RUN", "--port", "70000"]])
def test_what_makes_no_sense_is_refused(options, tmp_path, capsys):
    run = untrained_run(tmp_path / "run")
    assert main(["lab", *(str(run.path) if word == "RUN" else word for word in options)]) in (1, 2)
    assert capsys.readouterr().err.startswith("rawgan lab: ")
