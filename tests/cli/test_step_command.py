"""`rawgan step`: the next step of a run, printed whole; the run stays as it is."""

import re
import shutil

import numpy as np
import pytest
from run_files import TINY, files

from rawgan.cli import main
from rawgan.storage import RunFolder


def printed(capsys, *arguments):
    assert main(["step", *map(str, arguments)]) == 0
    return capsys.readouterr().out


def test_a_step_is_printed_whole_and_the_run_stays_as_it_is(trained, capsys):
    before = files(RunFolder.open(trained))
    out = printed(capsys, trained)
    assert f"{trained}: step 4, a batch of 4\n" in out
    headings = re.findall(r"^[GD] \d: .*", out, re.M)
    parts = "".join(heading[:3].replace(" ", "") for heading in headings)
    assert parts == "G1G2D1D2D3D4D1D2D3D4D4G3G4G5"
    for words in (
        "generator, forwards: what each layer makes",
        "discriminator, backwards: gradient of the loss with respect to what each layer made",
        "generator, update by Adam, learning rate 0.02: w ← w − lr · m̂ / (√v̂ + eps)",
    ):
        assert words in out
    assert files(RunFolder.open(trained)) == before


def test_the_step_is_the_one_that_training_takes_next(trained, tmp_path, capsys):
    run = shutil.copytree(trained, tmp_path / "run")
    out = printed(capsys, run, "--parts", "D3", "G4", "--pictures", "0")
    losses = [float(number) for number in re.findall(r"(?:loss_\w+|g_loss) +(\S+)", out)]
    assert main(["train", "--resume", str(run), "--steps", "4"]) == 0
    line = RunFolder.open(run).read_metrics()[-1]
    assert line["step"] == 4
    assert sum(losses[:2]) == pytest.approx(line["d_loss"], rel=1e-5)
    assert losses[2:] == [pytest.approx(line["g_loss"], rel=1e-5)]


def test_only_the_parts_that_are_asked_for_are_printed(trained, capsys):
    out = printed(capsys, trained, "--parts", "G1", "D1")
    assert re.findall(r"^[GD] \d", out, re.M) == ["G 1", "D 1", "D 1"]
    assert "forwards" not in out


def test_pictures_are_as_many_as_asked_for(trained, capsys):
    def lines_of(count):
        out = printed(capsys, trained, "--parts", "D1", "--pictures", count)
        return [line for line in out.splitlines() if line.startswith("    :")]  # frames of the first picture

    assert lines_of(0) == []
    one, two = (max(map(len, lines_of(count))) for count in (1, 2))
    assert one < two


def test_images_that_have_moved_are_found_with_data(images, tmp_path, capsys):
    moved, run = tmp_path / "moved.npy", tmp_path / "run"
    shutil.copy(images, tmp_path / "x.npy")
    assert main(["train", "--data", str(tmp_path / "x.npy"), "--steps", "1", "--out", str(run), *TINY]) == 0
    (tmp_path / "x.npy").rename(moved)
    assert main(["step", str(run)]) == 1
    assert "give --data PLACE" in capsys.readouterr().err
    printed(capsys, run, "--data", moved, "--parts", "G1")
    np.save(moved, np.zeros((12, 8, 8), np.uint8))
    assert main(["step", str(run), "--data", str(moved)]) == 1
    assert "differs from what step 1 was trained with" in capsys.readouterr().err


def test_points_and_fine_tuned_runs_have_steps_too(trained, images, tmp_path, capsys):
    points = ["train", "--data", "ring8", "--steps", "2", "--batch-size", "4", "--width", "4", "--noise-size", "2"]
    assert main([*points, "--out", str(tmp_path / "points")]) == 0
    assert "real                                     4 × 2" in printed(capsys, tmp_path / "points", "--parts", "D1")
    tuned = ["train", "--data", images, "--init", str(trained), "--steps", "1", "--out", str(tmp_path / "tuned"), *TINY]
    assert main(tuned) == 0
    assert "step 2, a batch" in printed(capsys, tmp_path / "tuned", "--parts", "G1")
