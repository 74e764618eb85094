"""The trainings, pictures and report of `bench options`."""

import json

import numpy as np
import pytest
from PIL import Image

from bench.common.errors import BenchError
from bench.experiments import options
from bench.experiments.options import OPTIONS, OptionsConfig, asked, beside, take_turns

QUICK = ["--steps", "2", "--width", "2", "--samples", "80", "--rounds", "2"]


@pytest.mark.parametrize("option", OPTIONS, ids=lambda option: option.name)
def test_both_sides_differ_by_the_option_alone(option):
    without, with_it = asked(OptionsConfig(), option)
    for side in (without, with_it):
        side.check()
    before, after = without.underived, with_it.underived
    changed = {name for name in after if after[name] != before.get(name)}
    assert changed == option.asked.keys()
    assert option.flags.startswith(tuple(f"--{name.replace('_', '-')}" for name in changed))


def test_pictures_of_options_have_different_names():
    assert len({option.name for option in OPTIONS}) == len(OPTIONS)


def test_figures_and_pictures_are_written(tmp_path):
    options.main(["--only", "pack", "auxiliary", *QUICK, "--results", str(tmp_path)])
    report = json.loads((tmp_path / "options.json").read_text())
    auxiliary, packed = report["results"]
    assert [auxiliary["option"], packed["option"]] == ["--conditional auxiliary", "--pack 2"]
    for row in (auxiliary, packed):
        with Image.open(tmp_path / "options" / row["picture"]) as picture:
            height, width = picture.size[::-1]
        assert min(width - 16 * 28, height - 4 * 28) > 0
        assert min(row["fid"]["without"], row["fid"]["with"], row["cost"]["median"]) > 0
    # Both are beside the same training, which is not repeated, though steps were taken with it in between.
    assert auxiliary["fid"]["without"] == packed["fid"]["without"] != packed["fid"]["with"]


def test_nothing_is_written_unless_wanted(tmp_path):
    options.main(["--only", "pack", *QUICK, "--no-save", "--results", str(tmp_path)])
    assert not list(tmp_path.iterdir())


def test_an_unknown_option_is_an_error_that_lists_all():
    with pytest.raises(BenchError, match="there is no such option; they are: --objective minimax, "):
        options.main(["--only", "dropout"])


def test_grids_are_joined_side_by_side():
    left, right = np.zeros((32, 2, 2, 1), "float32"), np.ones((32, 2, 2, 1), "float32")
    both = beside(left, right).reshape(4, 17, 2, 2, 1)
    assert [set(part.ravel()) for part in (both[:, :8], both[:, 8], both[:, 9:])] == [{0.0}, {-0.5}, {1.0}]


def test_steps_are_taken_in_turn():
    taken = []

    class Counted:
        def __init__(self, name):
            self.name, self.reached = name, 0

        def step(self, number):
            assert number == self.reached + 1
            self.reached = number
            taken.append(self.name)

    seconds = take_turns([Counted("without"), Counted("with")], rounds=2, steps=3)
    assert taken == (["without"] * 4 + ["with"] * 4) * 2  # one to warm up, which is not counted, and three
    assert [len(each) for each in seconds] == [2, 2]
