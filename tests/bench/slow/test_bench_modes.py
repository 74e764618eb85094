"""The trainings, counts and picture of `bench modes`."""

import json

import numpy as np
import pytest

from bench.common.errors import BenchError
from bench.experiments import modes
from bench.experiments.modes import measured
from rawgan.data import load
from rawgan.metrics import feature_extractor


def test_all_modes_are_found_in_real_triples_and_one_in_copies():
    extractor, images = (
        feature_extractor("stacked-mnist"),
        load("stacked-mnist", image_size=28, split="test").images[:5000],
    )
    real, copies = measured(extractor, images), measured(extractor, np.repeat(images[:1], 500, axis=0))
    assert real["modes"] > 980
    assert real["kl"] < 0.15
    assert copies["modes"] == 1
    assert copies["kl"] == pytest.approx(np.log(1000))


def test_figures_and_a_picture_are_written(tmp_path, capsys):
    options = ["--plain-steps", "2", "--plain-every", "1", "--samples", "64", "--results", str(tmp_path)]
    modes.main([*options, "--more=--steps 2 --checkpoint-every 1 --width 2"])
    report = json.loads((tmp_path / "modes.json").read_text())
    assert [point["step"] for point in report["results"]["plain"]] == [1, 2]
    assert [point["step"] for point in report["results"]["recipe"]] == [1, 2]
    assert all(point["kl"] > 1 for points in report["results"].values() for point in points)
    assert (tmp_path / "modes.png").exists()
    assert "published: PacDCGAN2" in capsys.readouterr().out


def test_a_finished_run_is_not_trained_again(tmp_path):
    from rawgan.cli import main as rawgan

    run = tmp_path / "run"
    rawgan(["train", "--data", "stacked-mnist", "--width", "2", "--steps", "1", "--out", str(run)])
    modes.main(["--plain-steps", "1", "--samples", "64", "--run", str(run), "--results", str(tmp_path)])
    report = json.loads((tmp_path / "modes.json").read_text())
    assert [point["step"] for point in report["results"]["recipe"]] == [1]


def test_numbers_of_steps_below_1_are_refused():
    with pytest.raises(BenchError, match="--plain-steps and --plain-every must be at least 1"):
        modes.main(["--plain-steps", "0"])
