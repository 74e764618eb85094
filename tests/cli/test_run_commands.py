"""Commands that take a finished run."""

import re

import numpy as np
import pytest
from PIL import Image
from run_files import TINY

from rawgan.cli import main
from rawgan.storage import RunFolder


def test_sample_draws_a_grid(run, tmp_path, capsys):
    assert main(["sample", str(run)]) == 0
    assert capsys.readouterr().out == f"{run}/images-seed-0.png\n"
    out = tmp_path / "grid.png"
    assert main(["sample", str(run), "--count", "6", "--columns", "3", "--seed", "1", "--out", str(out)]) == 0
    with Image.open(out) as picture:
        assert picture.width / picture.height == pytest.approx(32 / 22)  # 3 × 2 images of 8 with 2 between and around
    first = out.read_bytes()
    main(["sample", str(run), "--count", "6", "--columns", "3", "--seed", "1", "--out", str(out)])
    assert out.read_bytes() == first
    main(["sample", str(run), "--count", "6", "--columns", "3", "--seed", "2", "--out", str(out)])
    assert out.read_bytes() != first


def test_sample_writes_single_images(run, capsys):
    assert main(["sample", str(run), "--single", "--count", "3"]) == 0
    files = sorted((run / "images-seed-0").iterdir())
    assert [file.name for file in files] == ["image-00000.png", "image-00001.png", "image-00002.png"]
    with Image.open(files[0]) as picture:
        assert picture.size == (8, 8)


def test_interpolate_draws_rows_or_moves(run, tmp_path, capsys):
    assert main(["interpolate", str(run), "--walks", "2", "--frames", "5"]) == 0
    with Image.open(run / "interpolation-seed-0.png") as picture:
        assert picture.width / picture.height == pytest.approx(52 / 22)
    out = tmp_path / "walk.gif"
    assert main(["interpolate", str(run), "--walks", "4", "--frames", "5", "--out", str(out)]) == 0
    with Image.open(out) as picture:
        assert picture.n_frames == 8  # 5 there, 3 back


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["sample", "nowhere"], "rawgan sample: nowhere does not exist"),
        (["sample", "RUN", "--seed", "-1"], "rawgan sample: seed must lie in 0 ... 18446744073709551615, but is -1"),
        (
            ["sample", "RUN", "--single", "--out", "config.toml"],
            "rawgan sample: config.toml could not be made: File exists",
        ),
        (["sample", "RUN", "--count", "10000000"], "rawgan sample: count must lie in 1 ... 1000000, but is 10000000"),
        (
            ["describe", "--image-size", "1792", "--width", "4096", "--noise-size", "65536"],
            "rawgan describe: these networks take ",
        ),
        (
            ["describe", "dcgan", "--batch-size", "1"],
            "rawgan describe: batch_size 1: dcgan's discriminator has batch norm in layer ",
        ),
        (["sample", "RUN", "--count", "0"], "rawgan sample: count must lie in 1 ... 1000000, but is 0"),
        (["interpolate", "RUN", "--frames", "1"], "rawgan interpolate: frames must lie in 2 ... 10000, but is 1"),
        (["interpolate", "RUN", "--out", "x.bmp"], "rawgan interpolate: "),
        (["describe", "dcgan", "--image-size", "30"], "rawgan describe: image size 30"),
    ],
)
def test_commands_refuse_in_one_sentence(options, message, run, capsys, monkeypatch):
    monkeypatch.chdir(run)
    assert main([str(run) if option == "RUN" else option for option in options]) == 1
    assert capsys.readouterr().err.startswith(message)


def test_describe_shows_every_layer(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "120")
    assert main(["describe", "tutorial", "--batch-size", "128"]) == 0
    printed = capsys.readouterr().out
    assert "Linear(784 → 512, no bias)" in printed
    assert "401,408" in printed
    assert "102.76 M" in printed  # 2 · 128 · 784 · 512
    assert re.search(r"training holds about \d+\.\d\d MiB", printed)


def test_info_names_versions_backends_and_devices(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "120")
    assert main(["info"]) == 0
    printed = capsys.readouterr().out
    assert np.__version__ in printed
    assert re.search(r"backends +│ reference, cpu", printed)
    assert "cuda" in printed


def test_resuming_says_what_it_passes_over_and_what_is_not_the_same(run, capsys):
    (newest,) = RunFolder(run).checkpoints()
    before = newest.read_bytes()
    later = newest.with_name("step-000009.safetensors")
    later.write_bytes(before[:-1])
    assert main(["train", "--resume", str(run), "--steps", "4", "--backend", "reference"]) == 0
    printed, said = capsys.readouterr()
    assert f"rawgan: {later} is damaged" in said
    assert f"set aside: {later}.damaged\n" in printed
    assert "not bit-identical to an uninterrupted run, as these have changed: kernels cpu → reference\n" in printed
    assert later.with_name("step-000009.safetensors.damaged").read_bytes() == before[:-1]
    assert main(["train", "--resume", str(run), "--seed", "9"]) == 1
    assert "--seed 9: the run to resume has 0" in capsys.readouterr().err
    assert main(["train", "--resume", str(run), "--dry-run"]) == 0


def test_runs_lists_what_there_is(run, images, tmp_path, capsys):
    (tmp_path / "none").mkdir()
    assert main(["runs", str(tmp_path / "none")]) == 0
    assert "no runs in " in capsys.readouterr().out
    assert main(["runs", "no/such/folder"]) == 1
    assert "no/such/folder: there is no such folder" in capsys.readouterr().err
    assert main(["train", "--data", images, "--out", str(tmp_path / "later"), "--steps", "2", *TINY]) == 0
    config = RunFolder(tmp_path / "later").config_file
    config.write_text(config.read_text().replace("style", "[bold]style"))
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "config.toml").write_text("x = ")
    for path in RunFolder(run).checkpoints():
        path.unlink()
    capsys.readouterr()
    with RunFolder(tmp_path / "later").locked():
        assert main(["runs", str(tmp_path)]) == 0
    printed = capsys.readouterr().out
    for part in ("running", "[bold]style", "damaged", "not TOML", "KiB", "images.npy"):
        assert part in printed.replace("\n", "")
    assert main(["runs", str(tmp_path)]) == 0
    assert "finished" in capsys.readouterr().out
