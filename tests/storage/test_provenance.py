"""Provenance of runs: recorded options and paths, images that have moved, other machines."""

import dataclasses
import json
import shutil
import tomllib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from run_files import files

from rawgan.cli import main
from rawgan.config import run as options
from rawgan.config.noise import TrainConfig
from rawgan.config.run import absolute
from rawgan.config.translation import CycleConfig, EnhanceConfig, Pix2pixConfig
from rawgan.errors import ArgumentError
from rawgan.gan.networks import MODELS
from rawgan.storage import RunFolder
from rawgan.storage import provenance as origin
from rawgan.storage.provenance import differences, environment
from rawgan.training import Trainer, trainer

TINY = ["--width", "2", "--batch-size", "4", "--samples", "4", "--image-size", "8", "--backend", "reference"]
TRAIN = ["train", "--data", "images.npy", "--noise-size", "4", "--sample-every", "9", *TINY]
NONE_MEANS_NONE = {
    "epochs", "evaluate_every", "evaluate_samples", "evaluate_features", "penalty_weight",
    "g_penalty_weight", "augment_target", "augment_images", "classes", "class_names", "init", "init_digest",
    "white", "targets", "targets_white", "features", "out", "config", "resume",
}  # fmt: skip
"""Options that are not left to a usual value where they do not appear."""


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    """Current folder with images."""
    folder = tmp_path / "here"
    folder.mkdir()
    monkeypatch.chdir(folder)
    np.save("images.npy", np.random.default_rng(0).integers(0, 256, (12, 8, 8), np.uint8))
    return folder


@pytest.fixture
def elsewhere(tmp_path, monkeypatch):
    """Function that changes to another folder."""
    (tmp_path / "elsewhere").mkdir()
    return lambda: monkeypatch.chdir(tmp_path / "elsewhere")


# --- options ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "config",
    [
        TrainConfig.of(image_size=28, channels=1, augment="none"),
        TrainConfig.of(
            model="residual", penalty="r1", learning_rate=0.5, image_size=28, channels=1, epochs=2.0, augment="ada"
        ),
        TrainConfig.of(data="ring8", evaluate_every=5),
        Pix2pixConfig.of(image_size=28, channels=1, source_channels=1, evaluate_every=5),
        Pix2pixConfig.of(image_size=28, channels=1, source_channels=1, pairs="grey"),
        EnhanceConfig.of(image_size=28, channels=1),
        EnhanceConfig.of(image_size=28, channels=1, task="denoise", penalty="r1", model="resnet"),
        CycleConfig.of(image_size=28, channels=1, style="thick"),
    ],
)
def test_a_run_records_every_option(config):
    found = config.with_absolute_paths()
    of_points = {"image_size", "channels"} if found.data.mixture else set()
    by_epochs = {"steps"} if config.optimiser.epochs else set()
    unset = {name for name, value in found.options.items() if value is None}
    assert unset <= NONE_MEANS_NONE | of_points | by_epochs
    assert found.derived.keys() >= {"steps", "learning_rate", "d_learning_rate", "d_width", "penalty_weight"}
    again = type(config).from_dict({k: v for k, v in found.to_dict().items() if v is not None}, "config.toml")
    assert again == found
    assert found.replace() == found
    assert found.underived.keys() & {"steps", "d_width", "d_learning_rate"} == set()


def test_a_run_keeps_its_options_if_defaults_change(monkeypatch):
    assert main([*TRAIN, "--steps", "2", "--out", "run"]) == 0
    written = tomllib.loads(Path("run/config.toml").read_text())
    assert (written["learning_rate"], written["d_learning_rate"], written["d_width"]) == (0.02, 0.02, 2)
    assert Path(written["data"]) == Path("images.npy").absolute()
    monkeypatch.setitem(MODELS, "style", dataclasses.replace(MODELS["style"], learning_rate=0.5))
    monkeypatch.setattr(options, "DEFAULT_STEPS", 7)
    config = TrainConfig.from_dict(tomllib.loads(Path("run/config.toml").read_text()), "config.toml")
    assert config.optimiser.learning_rate == config.replace(seed=1).optimiser.learning_rate == 0.02
    assert config.optimiser.steps == 2


def test_a_derived_option_is_derived_anew_in_a_new_run():
    assert main([*TRAIN, "--steps", "2", "--out", "run"]) == 0
    assert main(["train", "--config", "run", "--width", "3", "--model", "residual", "--out", "wide"]) == 0
    written = tomllib.loads(Path("wide/config.toml").read_text())
    assert (written["d_width"], written["learning_rate"], written["d_learning_rate"]) == (3, 0.0002, 0.0002)
    assert main(["train", "--resume", "run", "--steps", "3", "--learning-rate", "0.25"]) == 0
    assert tomllib.loads(Path("run/config.toml").read_text())["d_learning_rate"] == 0.25


def test_paths_are_recorded_as_absolute(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    assert absolute("~/images") == str(tmp_path / "home" / "images")
    assert absolute("./mnist") == str(Path.cwd() / "mnist")
    assert [absolute(name) for name in ("mnist", "cifar10", "ring8")] == ["mnist", "cifar10", "ring8"]

    def gone():
        raise FileNotFoundError

    monkeypatch.setattr(Path, "absolute", lambda path: gone())
    assert absolute("images") == "images"


# --- images that have moved ------------------------------------------------------------------------------------------


def resumed(*arguments):
    return main(["train", "--resume", "run", "--steps", "4", *arguments])


@pytest.fixture
def whole(here):
    """Files of a run of four steps whose data was not moved."""
    assert main([*TRAIN, "--steps", "4", "--out", "whole"]) == 0
    return files(RunFolder("whole"))


def the_same(path, whole):
    """True if a run has the same files, except for the places of its images."""
    left = files(RunFolder(path))
    names = {name for name in whole if not name.endswith((".toml", ".safetensors"))}
    arrays = [RunFolder(each).newest_checkpoint()[0].arrays for each in (path, "whole")]
    return all(left[name] == whole[name] for name in names) and all(
        np.array_equal(arrays[0][name], arrays[1][name]) for name in arrays[1]
    )


def test_a_run_goes_on_from_anywhere(here, elsewhere, whole, capsys):
    assert main([*TRAIN, "--steps", "2", "--out", "run"]) == 0
    shutil.move("run", here.parent / "moved")
    elsewhere()
    assert main(["train", "--resume", "../moved", "--steps", "4"]) == 0
    assert main(["diagnose", "../moved"]) == 0
    assert "not bit-identical" not in capsys.readouterr().out
    shutil.move("../moved", here / "run")
    assert main(["train", "--resume", str(here / "run")]) == 0


def test_a_run_goes_on_with_images_that_have_moved(whole, capsys, tmp_path):
    assert main([*TRAIN, "--steps", "2", "--out", "run"]) == 0
    before = Path("images.npy").absolute()
    Path("images.npy").rename(tmp_path / "moved.npy")
    capsys.readouterr()
    for command in (["train", "--resume", "run", "--steps", "4"], ["diagnose", "run"]):
        assert main(command) == 1
        error = capsys.readouterr().err
        assert str(before) in error
        assert error.endswith("  run was trained with it; if it is elsewhere now, give --data PLACE\n")
    assert main(["diagnose", "run", "--data", str(tmp_path / "moved.npy")]) == 0
    assert resumed("--data", str(tmp_path / "moved.npy")) == 0
    assert the_same("run", whole)
    assert tomllib.loads(Path("run/config.toml").read_text())["data"] == str(tmp_path / "moved.npy")
    assert resumed() == 0  # it knows now


def test_a_run_goes_on_with_no_other_images(capsys):
    assert main([*TRAIN, "--steps", "2", "--out", "run"]) == 0
    images = np.load("images.npy")
    images[3, 4, 5] ^= 1
    np.save("others.npy", images)
    np.save("fewer.npy", images[:9])
    for place in ("others.npy", "fewer.npy"):
        for command in (["train", "--resume", "run", "--steps", "4"], ["diagnose", "run"]):
            capsys.readouterr()
            assert main([*command, "--data", place]) == 1
            assert f"--data {absolute(place)}: differs from what step 2 was trained with" in (capsys.readouterr().err)
    assert [path.name for path in RunFolder("run").checkpoints()] == ["step-000002.safetensors"]
    assert main(["diagnose", "run", "--targets", "others.npy"]) == 1
    assert "--targets others.npy: run has no targets; leave it out" in capsys.readouterr().err


def test_a_config_edited_by_hand_is_accepted_if_the_images_are_the_same(whole, capsys):
    assert main([*TRAIN, "--steps", "2", "--out", "run"]) == 0
    Path("images.npy").rename("pictures.npy")
    toml = Path("run/config.toml")
    toml.write_text(toml.read_text().replace("images.npy", "pictures.npy"))
    assert resumed() == 0
    assert the_same("run", whole)


def test_evaluate_finds_images_that_have_moved(capsys, monkeypatch):
    """This includes two folders, and a run that another one is compared with."""
    rng = np.random.default_rng(0)
    for folder in ("a", "b"):
        Path(folder).mkdir()
        for number in range(12):
            Image.fromarray(rng.integers(0, 256, (16, 16), np.uint8)).save(f"{folder}/{number}.png")
    small = ["--data", "a", "--targets", "b", "--image-size", "16", "--width", "2", "--batch-size", "2"]
    for run in ("run", "beside"):
        made = ["pix2pix", *small, "--patch", "16", "--steps", "1", "--backend", "reference", "--out", run]
        assert main(made) == 0
    Path("a").rename("c")
    Path("b").rename("d")
    capsys.readouterr()
    assert main(["evaluate", "run"]) == 1
    error = capsys.readouterr().err
    assert "give --data PLACE" in error
    assert "give --targets PLACE" in error
    assert main(["evaluate", "run", "--data", "d", "--targets", "c"]) == 1  # the wrong way round
    assert "differs from what step 1 was trained with" in capsys.readouterr().err
    assert main(["evaluate", "run", "--data", "c", "--targets", "d", "--beside", "beside"]) == 0
    figures = json.loads(Path("run/evaluation.json").read_text())["figures"]
    assert figures.keys() >= {"beside"}


def test_a_network_that_looks_at_images_is_known_by_its_digest(tmp_path, capsys):
    """A classifier's file may move, but must be the same."""
    from rawgan.metrics.extractors.stored_classifier import DIGITS

    shutil.copy(DIGITS, "judge.safetensors")
    config = TrainConfig.of(evaluate_every=5, evaluate_features="judge.safetensors").with_absolute_paths()
    found = origin.digests_of_files(config.files)
    shutil.move("judge.safetensors", "moved.safetensors")
    moved = config.replace(evaluate_features="moved.safetensors")
    unset = TrainConfig.of(evaluate_every=5)
    assert origin.digests_of_files(moved.files) == found == origin.digests_of_files(unset.files)
    from rawgan.inference.moved_data import check_same_data
    from rawgan.storage.checkpoint import About

    about = About(2, 4, config.to_dict(), made_by=found)
    check_same_data(moved, about, found)
    with pytest.raises(ArgumentError, match=r"--evaluate-features .*: differs from what step 2"):
        check_same_data(moved, about, {"evaluate_features": "another"})


# --- another machine -------------------------------------------------------------------------------------------------


def test_a_checkpoint_records_its_provenance():
    found = environment("cpu", "cpu")
    assert found.keys() >= {
        "rawgan", "python", "numpy", "numba", "llvmlite", "pillow", "matplotlib", "machine", "blas", "numpy features",
        "cpu", "cpu features", "compiled for", "compiled for features", "optimisation",
    }  # fmt: skip
    assert found["numpy"] == np.__version__
    assert "cpu" in environment("reference", "cpu")
    assert "compiled for" not in environment("reference", "cpu")


def test_another_machine_is_named_in_one_line(monkeypatch, capsys):
    assert main([*TRAIN, "--steps", "2", "--out", "run"]) == 0
    capsys.readouterr()
    assert resumed() == 0
    assert "not bit-identical" not in capsys.readouterr().out
    there = environment("reference", "cpu") | {"blas": "another 1.0", "numpy features": "SSE", "gpu": "none such"}
    monkeypatch.setattr(trainer, "environment", lambda kernels, device: there)
    assert main(["train", "--resume", "run", "--steps", "5"]) == 0
    (line,) = [line for line in capsys.readouterr().out.splitlines() if "not bit-identical" in line]
    assert "blas scipy-openblas" in line or "→ another 1.0" in line
    assert "numpy features without" in line
    assert "gpu none → none such" in line


def test_environment_variables_that_change_results_are_noticed(monkeypatch):
    before = environment.__wrapped__("reference", "cpu")
    monkeypatch.setenv("OPENBLAS_CORETYPE", "Prescott")
    assert differences(before, environment.__wrapped__("reference", "cpu")) == ["OPENBLAS_CORETYPE none → Prescott"]


def test_a_few_of_many_features_are_named():
    many = " ".join(f"f{number}" for number in range(9))
    assert differences({"cpu features": many}, {"cpu features": ""}) == [
        "cpu features without f0, f1, f2, f3, f4, f5 and 3 more"
    ]
    assert differences({"a": "1"}, {"a": "1"}) == []


def test_a_missing_library_is_named():
    assert differences({"scipy": "1.0"}, {}) == ["scipy 1.0 → none"]


def test_training_records_its_provenance():
    training = Trainer(TrainConfig.of(data="images.npy", image_size=8, width=2, batch_size=4, backend="reference"))
    facts = {**environment("reference", "cpu"), "precision": "float32", **origin.digest_of(training.task.data)}
    assert training.made_by() == facts
