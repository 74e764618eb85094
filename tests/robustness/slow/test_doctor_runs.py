"""The doctor's verdicts on whole runs: the same whatever the seed."""

import json
import re

import pytest
from paths import BENCH, PACKAGES

from rawgan.cli import main
from rawgan.storage import RunFolder

SEEDS = [0, 1, 2]


@pytest.fixture
def diagnosis(tmp_path, capsys):
    """A function that trains. It returns the exit code of `rawgan diagnose`, the alarms, and open verdicts."""

    def made(command, seed, *options):
        name, *asked = command.split()
        assert name == "rawgan"
        if "--out" in asked:
            del asked[asked.index("--out") : asked.index("--out") + 2]
        out = tmp_path / "run"
        assert main([*asked, *options, "--seed", str(seed), "--out", str(out)]) == 0
        code = main(["diagnose", str(out)])
        symptoms = json.loads((out / "diagnosis.json").read_text())["symptoms"]
        alarms = {symptom["symptom"] for symptom in symptoms if symptom["alarm"]}
        pending = {symptom["symptom"] for symptom in symptoms if symptom["pending"]}
        told = {alarm["symptom"] for alarm in RunFolder.open(out).read_alarms()}
        return code, alarms | told, pending

    return made


@pytest.mark.parametrize("seed", SEEDS)
def test_the_documented_example_alarms(seed, diagnosis):
    page = (PACKAGES["rawgan"] / "diagnosis" / "README.md").read_text(encoding="utf-8")
    (command,) = re.findall(r"^(rawgan train .*)$", page, re.MULTILINE)
    code, alarms, _ = diagnosis(command, seed)
    assert (code, "D is winning" in alarms) == (1, True)


@pytest.mark.parametrize("seed", SEEDS)
def test_points_raise_no_alarm(seed, diagnosis):
    """Though most units of G's second layer are off by then, as at the end of the 8000 steps."""
    assert diagnosis("rawgan train --data ring8", seed, "--steps", "600") == (0, set(), set())


def test_the_tutorial_is_not_trained_after_half_of_its_steps(diagnosis):
    """Nor after all 1000 of them, which take a minute and a half."""
    page = (BENCH / "README.md").read_text(encoding="utf-8")
    (command,) = re.findall(r"`(rawgan train --model tutorial [^`]*) --steps 1000`", page)
    assert diagnosis(command, 0, "--steps", "450") == (1, set(), {"not trained yet, or unlike the data"})


@pytest.mark.parametrize(
    "command",
    ["rawgan train --width 8 --batch-size 32", "rawgan train --width 8 --batch-size 32 --conditional auxiliary",
     "rawgan pix2pix --width 8 --batch-size 8", "rawgan enhance --width 8 --batch-size 8"],
)  # fmt: skip
def test_short_runs_that_go_well_are_healthy(command, diagnosis):
    assert diagnosis(command, 0, "--steps", "450") == (0, set(), set())
