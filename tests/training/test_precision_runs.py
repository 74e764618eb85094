"""Runs in reduced precision: they say so, end the same however often they were stopped, and differ from float32's."""

import json
import tomllib

import numpy as np
import pytest

from rawgan.cli import main
from rawgan.storage import RunFolder
from rawgan_kernels import chosen_precision

TINY = ["--width", "2", "--noise-size", "4", "--batch-size", "4", "--samples", "4", "--backend", "reference"]


@pytest.fixture
def train(tmp_path, monkeypatch, capsys):
    """Run `rawgan train` with options; returns its output and the arrays that it made."""
    monkeypatch.chdir(tmp_path)
    np.save("images.npy", np.random.default_rng(0).integers(0, 256, (12, 8, 8), np.uint8))

    def run(out, steps, *options):
        begin = ["--out", out, "--data", "images.npy", "--image-size", "8", *TINY]
        where = ["--resume", out] if (tmp_path / out).exists() else begin
        assert main(["train", *where, "--steps", str(steps), *options]) == 0
        return capsys.readouterr().out, RunFolder(tmp_path / out).newest_checkpoint()[0]

    return run


def equal(one, other):
    return all(np.array_equal(one.arrays[name], other.arrays[name]) for name in one.arrays)


def test_a_run_in_bf16_says_so_and_resumes_exactly(train, tmp_path):
    said, whole = train("whole", 4, "--precision", "bf16")
    assert "on cpu (reference kernels, bf16, rounded: no faster than float32 here)" in said
    assert tomllib.loads((tmp_path / "whole/config.toml").read_text())["precision"] == "bf16"
    assert whole.about.made_by["precision"] == "bf16"
    assert chosen_precision() == "float32"
    train("part", 2, "--precision", "bf16")
    said, resumed = train("part", 4)
    assert "bf16" in said
    assert "not bit-identical" not in said
    assert equal(resumed, whole)
    said, plain = train("plain", 4)
    assert "(reference kernels)" in said
    assert plain.about.made_by["precision"] == "float32"
    assert not equal(plain, whole)


def test_resuming_in_another_precision_says_so(train):
    train("run", 2)
    said, resumed = train("run", 4, "--precision", "tf32")
    assert "not bit-identical to an uninterrupted run, as these have changed: precision float32 → tf32\n" in said
    assert resumed.about.made_by["precision"] == "tf32"


def test_figures_name_the_precision_of_the_training(tmp_path):
    run = str(tmp_path / "points")
    assert main(["train", "--data", "ring8", "--steps", "2", "--out", run, "--precision", "bf16"]) == 0
    assert main(["evaluate", run, "--samples", "50"]) == 0
    assert json.loads((tmp_path / "points/evaluation.json").read_text())["precision"] == "bf16"
