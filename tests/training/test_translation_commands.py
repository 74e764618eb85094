"""Commands on runs of translators and enhancers, and their options."""

import json
import re

import numpy as np
import pytest
from translation_runs import STEPS, opened

from rawgan.cli import main
from rawgan.config.translation import CycleConfig, EnhanceConfig, Pix2pixConfig
from rawgan.errors import ArgumentError, ConfigError
from rawgan.inference.trained_networks import restore_networks
from rawgan.storage import RunFolder


def test_a_run_goes_on_where_it_is(runs, tmp_path, capsys):
    assert main(["enhance", "--resume", str(runs / "enhance"), "--out", str(tmp_path / "new")]) == 1
    assert "--out is for new runs" in capsys.readouterr().err


def test_flags_make_sense_of_what_a_file_says(data, tmp_path, capsys):
    file = tmp_path / "mine.toml"
    file.write_text("hole = 5\nwidth = 2\nbatch_size = 4\npatch = 16\nimage_size = 16\n")
    options = ["enhance", "--config", str(file), "--data", data, "--dry-run"]
    assert main([*options, "--task", "inpaint"]) == 0
    assert main(options) == 1
    assert f"{file}: hole is for --task inpaint" in capsys.readouterr().err
    assert main([*options, "--task", "inpaint", "--pixel-weight", "-1"]) == 1
    assert "enhance: pixel_weight must lie in" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["unet", "--noise-size", "3"], "noise_size has no effect on unet"),
        (["unet", "--factor", "2"], "factor has no effect on unet"),
        (["dcgan", "--patch", "16"], "patch has no effect on dcgan"),
        (["subpixel", "--factor", "16"], "factor must be 2, 4 or 8, but is 16"),
        (["subpixel", "--image-size", "30"], "images of 30 pixels cannot be shrunk by 4"),
        (["resnet", "--patch", "142"], "patch must be one of 16, 34, 70 for images of 28 pixels"),
        (["unet", "--width", "0"], "width must lie in 1"),
        (["unet", "--batch-size", "0"], "batch_size must lie in 1"),
    ],
)
def test_what_cannot_be_described_is_refused(options, words, capsys):
    assert main(["describe", *options]) == 1
    assert words in capsys.readouterr().err


def test_no_seed_for_what_has_no_noise(runs, capsys):
    assert main(["evaluate", str(runs / "enhance"), "--seed", "1"]) == 1
    assert "--seed is for noise" in capsys.readouterr().err


def test_resuming_by_another_command_is_refused(runs, capsys):
    assert main(["train", "--resume", str(runs / "enhance")]) == 1
    assert "is of rawgan 'enhance', not of rawgan train" in capsys.readouterr().err
    assert main(["enhance", "--resume", str(runs / "enhance"), "--steps", str(STEPS + 1)]) == 0


def test_runs_of_all_kinds_are_listed(runs, capsys):
    assert main(["runs", str(runs)]) == 0
    printed = capsys.readouterr().out
    assert "damaged" not in printed
    for what in ("enhance super-resolution", "enhance inpaint", "pix2pix unet", "cyclegan resnet"):
        assert what in printed


def test_what_makes_no_images_of_noise_says_so(runs, capsys):
    for command in ("sample", "interpolate"):
        assert main([command, str(runs / "pix2pix-edges")]) == 1
        assert f"give it some: rawgan apply {runs / 'pix2pix-edges'} IMAGES" in capsys.readouterr().err


def test_what_makes_images_of_noise_stands_beside_nothing(tmp_path, capsys):
    folder = RunFolder.create(tmp_path / "run", "x")
    folder.write_config({"command": "train"})
    assert main(["evaluate", str(folder.path), "--beside", str(folder.path)]) == 1
    assert "--beside is for runs that translate images" in capsys.readouterr().err


def test_evaluate_stands_beside_baselines(runs, capsys):
    assert main(["evaluate", str(runs / "enhance")]) == 0
    printed = capsys.readouterr().out
    assert "PSNR, dB" in printed
    assert "bicubic" in printed
    said = json.loads((runs / "enhance" / "evaluation.json").read_text())
    assert [*said["figures"]] == ["translated", "bicubic"]
    assert len(said["images"]["translated"]) == 3
    mean = np.mean([image["psnr"] for image in said["images"]["translated"]])
    assert said["figures"]["translated"]["psnr"] == pytest.approx(mean)


def test_another_run_is_measured_beside(runs, capsys):
    """It makes of the same noise, or whatever it is, what it makes when it is measured by itself."""
    run = runs / "enhance"
    assert main(["evaluate", str(run)]) == 0
    alone = json.loads((run / "evaluation.json").read_text())["figures"]["translated"]
    assert main(["evaluate", str(run), "--beside", str(run)]) == 0
    said = json.loads((run / "evaluation.json").read_text())
    assert [*said["figures"]] == ["translated", str(run), "bicubic"]
    assert said["figures"][str(run)] == alone == said["figures"]["translated"]
    assert [*said["images"]] == ["translated"]
    for other, words in (
        ("pix2pix-edges", "it has command pix2pix, not enhance"),
        ("cyclegan-inverted", "are not both of rawgan pix2pix or enhance"),
        ("enhance-inpaint", "it has task inpaint, not super-resolution, hole 5, not 10"),
    ):
        assert main(["evaluate", str(run), "--beside", str(runs / other)]) == 1
        assert words in capsys.readouterr().err


def test_evaluate_of_a_cycle(runs, capsys):
    assert main(["evaluate", str(runs / "cyclegan-inverted")]) == 0
    assert "kind as intended" in capsys.readouterr().out
    said = json.loads((runs / "cyclegan-inverted" / "evaluation.json").read_text())
    assert [*said["figures"]] == ["A to B", "real B", "B to A", "real A"]
    for way in ("A to B", "B to A"):
        assert {"style", "back", "psnr", "l1", "ssim"} <= said["figures"][way].keys()
        assert np.mean([image["psnr"] for image in said["images"][way]]) == pytest.approx(said["figures"][way]["psnr"])


@pytest.mark.parametrize(("kind", "steps"), [(EnhanceConfig, 1000), (Pix2pixConfig, 1000), (CycleConfig, 3000)])
def test_runs_are_as_long_as_the_help_says(kind, steps, capsys):
    assert kind.of().optimiser.total_steps(937) == steps
    with pytest.raises(SystemExit):
        main([kind.command, "--help"])
    assert "Default: 1000, for cyclegan 3000" in re.sub(r"[│\s]+", " ", capsys.readouterr().out)


def test_the_configuration_must_say_channels(tmp_path):
    folder = RunFolder.create(tmp_path / "run", "x")
    folder.write_config({"command": "enhance"})
    with pytest.raises(ConfigError, match="must say channels"):
        restore_networks(*opened(folder.path))


@pytest.mark.parametrize(
    ("config", "message"),
    [
        (Pix2pixConfig.of(data="photos", targets="paintings", pairs="edges"), "both say where pairs come from"),
        (Pix2pixConfig.of(reverse=True), "reverse is for pairs in files, but these are edges"),
        (Pix2pixConfig.of(targets="paintings"), "targets is for two folders, but data is mnist"),
        (Pix2pixConfig.of(pairs="side-by-side"), "mnist has single images; make pairs of them, by --pairs edges, grey"),
        (Pix2pixConfig.of(data="photos", targets=""), "targets must be the name of a set or the path"),
        (CycleConfig.of(targets=""), "targets must be the name of a set or the path"),
        (EnhanceConfig.of(whole=True), "whole is for folders of images, but data is mnist"),
        (EnhanceConfig.of(data="no/such.npy", whole=True), "whole is for folders of images"),
        (EnhanceConfig.of(pixel_weight=0.0, adversarial_weight=0.0), "are all 0: nothing is to be learnt"),
        (Pix2pixConfig.of(source_channels=-7), "source_channels must lie in 1 ... 4, but is -7; leave it out"),
        (Pix2pixConfig.of(patch=33), "patch must be one of 16, 34, 70 for images of 28 pixels, but is 33"),
        (CycleConfig.of(patch=142), "patch must be one of 16, 34, 70 for images of 28 pixels, but is 142"),
        (EnhanceConfig.of(task="denoise", factor=8), "factor is for --task super-resolution, not for denoise"),
        (EnhanceConfig.of(noise=0.1), "noise is for --task denoise"),
        (EnhanceConfig.of(features="mine"), "features has no effect without feature_weight, which is 0"),
        (Pix2pixConfig.of(data="ring8"), "ring8 is points, but pix2pix needs images"),
        (Pix2pixConfig.of(pixel_weight=-1.0), "pixel_weight must lie in 0"),
        (EnhanceConfig.of(model="unet"), "model unet is not for super-resolution"),
        (EnhanceConfig.of(image_size=30), "images of 30 pixels cannot be shrunk by 4"),
        (EnhanceConfig.of(task="inpaint", hole=28), "hole 28 leaves nothing of images of 28 pixels"),
        (CycleConfig.of(style="cubist"), "a style is some of thick, slanted, inverted"),
        (CycleConfig.of(style="thick,thick"), "a style is some of"),
        (CycleConfig.of(targets="paintings", style="thick"), "both say what the other kind is"),
        (CycleConfig.of(history=-1), "history must lie in 0"),
    ],
)
def test_options_that_make_no_sense_are_refused(config, message):
    with pytest.raises(ArgumentError, match=message):
        config.check()


@pytest.mark.parametrize("kind", [Pix2pixConfig, EnhanceConfig, CycleConfig])
def test_options_that_are_about_noise_are_none(kind, capsys):
    """Pixels are measured; there are no classes, and no noise."""
    with pytest.raises(ConfigError, match=r"a\.toml: there is no option 'evaluate_features'; did you mean"):
        kind.from_dict({"evaluate_every": 5, "evaluate_features": "mine"}, "a.toml")
    with pytest.raises(SystemExit) as stopped:
        main([kind.command, "--evaluate-features", "mine"])
    assert stopped.value.code == 2
    assert "--evaluate-features" in capsys.readouterr().err


@pytest.mark.parametrize("command", ["pix2pix", "enhance", "cyclegan"])
def test_a_dry_run_shows_the_networks_and_writes_nothing(command, data, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    options = ["--width", "2", "--patch", "16", "--batch-size", "4", "--image-size", "16", "--dry-run"]
    more = ["--pairs", "edges"] if command == "pix2pix" else []
    assert main([command, "--data", data, *options, *more]) == 0
    printed = capsys.readouterr().out
    assert "generator, batch 4" in printed
    assert "nothing was written" in printed
    assert not list(tmp_path.iterdir())
