"""Classes with names: those of sub-folders, through training, sampling and measuring."""

import dataclasses
import json
import re
import shutil

import numpy as np
import pytest
from PIL import Image

from rawgan.cli import main
from rawgan.cli.class_labels import number_of
from rawgan.config.noise import TrainConfig
from rawgan.data import load
from rawgan.errors import ArgumentError, ConfigError, DataError
from rawgan.metrics import Classifier, Reference, load_classifier
from rawgan.metrics.extractors.classifier import ClassifierSpec
from rawgan.storage import RunFolder
from rawgan.training import Trainer


def rng(seed=0):
    return np.random.default_rng(seed)


@pytest.fixture(scope="module")
def animals(tmp_path_factory):
    """A folder of three classes, each bright in a row of its own, divided into images to train and to test with."""
    folder = tmp_path_factory.mktemp("data") / "animals"
    for part, count in (("train", 40), ("test", 40)):
        for number, name in enumerate(("bird", "cat", "dog")):
            (folder / part / name).mkdir(parents=True)
            for n in range(count):
                image = rng(n).integers(0, 60, (9, 9), np.uint8)
                image[3 * number : 3 * number + 3] += 180
                Image.fromarray(image).save(folder / part / name / f"{n}.png")
    return folder


TINY = ["--image-size", "8", "--width", "2", "--batch-size", "8", "--noise-size", "4", "--samples", "6", "--steps", "1"]


@pytest.fixture(scope="module")
def named(animals, tmp_path_factory):
    """A finished run."""
    out = tmp_path_factory.mktemp("run") / "run"
    assert main(["train", "--data", str(animals), *TINY, "--conditional", "auxiliary", "--out", str(out)]) == 0
    return out


def test_sub_folders_are_the_classes_of_a_run(named, animals, capsys):
    asked = RunFolder.open(named).read_config()
    assert (asked["classes"], asked["class_names"]) == (3, ["bird", "cat", "dog"])
    assert main(["train", "--resume", str(named), "--steps", "2"]) == 0
    assert "style on 120 images of 8×8×1 in 3 classes, 0 bird, 1 cat, 2 dog: 1 step" in capsys.readouterr().out
    training = Trainer(TrainConfig.from_dict(asked, "x"))
    labels = training.task.batches.labels(0)
    bright = training.task.real(0).data.mean(axis=(2, 3))[:, [1, 4, 6]].argmax(axis=1)
    np.testing.assert_array_equal(labels, bright)


def test_a_class_is_asked_for_by_name_or_number(named, capsys):
    made = []
    for label in ("cat", "1"):
        assert main(["sample", str(named), "--count", "4", "--label", label]) == 0
        path = named / "images-label-cat-seed-0.png"
        assert capsys.readouterr().out == f"{path}\n"
        made.append(path.read_bytes())
    assert made[0] == made[1]
    assert main(["sample", str(named), "--single", "--count", "6", "--out", str(named / "each")]) == 0
    assert sorted({path.name.split("-")[1] for path in (named / "each").iterdir()}) == ["bird", "cat", "dog"]
    assert main(["interpolate", str(named), "--walks", "2", "--frames", "2", "--label", "dog"]) == 0
    assert capsys.readouterr().out.endswith("interpolation-label-dog-seed-0.png\n")
    for label, message in (
        ("dgo", "label dgo: there is no such class; did you mean dog?\n  classes of this run: 0 bird, 1 cat, 2 dog\n"),
        ("3", "label must lie in 0 ... 2, but is 3\n"),
    ):
        assert main(["sample", str(named), "--label", label]) == 1
        assert capsys.readouterr().err == f"rawgan sample: {message}"


def test_a_name_comes_before_a_number():
    assert number_of("10", ["1", "10", "2"], 3) == 1
    assert number_of("0", ["1", "10", "2"], 3) == 0
    with pytest.raises(ArgumentError, match="classes of this run: numbers from 0 to 4"):
        number_of("cat", [], 5)


def test_pictures_say_which_class_a_row_is_of(named, monkeypatch):
    """Those of the run, of a sample and of a walk; not of one class alone, or where rows are no classes."""
    seen = []

    def watched(path, images, columns=None, scale=None, titles=(), caption=""):
        seen.append([*titles])
        return path

    for module in ("rawgan.tasks.noise", "rawgan.cli.commands.sample", "rawgan.cli.commands.interpolate"):
        monkeypatch.setattr(f"{module}.save_grid", watched)
    training = Trainer(TrainConfig.from_dict(RunFolder.open(named).read_config(), "x"))
    training.task.save_picture(named / "x.png", training.task.sample(), 1)
    for command in (["sample", "--count", "6"], ["sample", "--columns", "5"], ["sample", "--label", "cat"]):
        assert main([command[0], str(named), *command[1:]]) == 0
    assert main(["interpolate", str(named), "--walks", "4", "--frames", "2"]) == 0
    names = ["bird", "cat", "dog"]
    assert seen == [names, names, [], [], [*names, "bird"]]


def test_the_classifier_of_a_folder_judges_its_classes(named, animals, tmp_path, capsys):
    file = tmp_path / "animals.safetensors"
    assert (
        main(["train-classifier", "--data", str(animals), "--image-size", "8", "--epochs", "3", "--out", str(file)])
        == 0
    )
    assert "of 120 images that it was not trained on" in capsys.readouterr().out  # those to test with
    assert load_classifier(file).class_names == ("bird", "cat", "dog")
    assert main(["evaluate", str(named), "--features", str(file), "--samples", "100"]) == 0
    printed = capsys.readouterr().out
    assert re.search(r"per cent of each class  bird: \d+\.\d  cat: \d+\.\d  dog: \d+\.\d", printed)
    assert "label_kept" in json.loads((named / "evaluation.json").read_bytes())["floor"]


def test_a_classifier_of_other_classes_does_not_know_these(named, animals, tmp_path):
    """A folder of the same name may have others."""
    extractor = Classifier(ClassifierSpec(8, 1, 3, "animals", class_names=("bird", "cat", "wolf")))
    images, test = (load(animals, image_size=8, split=split) for split in ("train", "test"))
    assert Reference.of(extractor, images, test, 100).accuracy is None
    extractor.spec = dataclasses.replace(extractor.spec, class_names=("bird", "cat", "dog"))
    assert Reference.of(extractor, images, test, 100).accuracy is not None


def test_classes_that_changed_are_refused(named, animals, tmp_path, capsys):
    other = tmp_path / "animals"
    shutil.copytree(animals, other)
    (other / "train" / "dog").rename(other / "train" / "wolf")
    options = ["--data", str(other), *TINY, "--conditional", "projection", "--dry-run"]
    assert main(["train", *options]) == 1
    message = "train/ and test/ need the same classes: wolf only in train/; dog only in test/"
    assert message in capsys.readouterr().err
    (other / "test" / "dog").rename(other / "test" / "wolf")
    assert main(["train", *options]) == 0
    asked = TrainConfig.from_dict(RunFolder.open(named).read_config() | {"data": str(other)}, "x")
    with pytest.raises(DataError, match=r"its classes are bird, cat, wolf, but those of the run bird, cat, dog\n"):
        Trainer(asked)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"class_names": ["a"], "classes": 2}, "class_names must name each of 2 classes"),
        ({"class_names": ["a", "a"], "classes": 2}, "class_names must name each of 2 classes"),
        ({"class_names": ["a", "../b"], "classes": 2}, "class_names must be names that files can have"),
        ({"class_names": ["a", ".."], "classes": 2}, "class_names must be names that files can have"),
        ({"class_names": "cat", "classes": 2}, "class_names = 'cat', but it should be a list of names"),
        ({"class_names": [1, 2], "classes": 2}, "but it should be a list of names"),
    ],
)
def test_names_that_are_none_are_refused(values, message):
    with pytest.raises(ConfigError, match=message):
        TrainConfig.from_dict({"conditional": "projection", **values}, "x")


def test_transparency_is_trained_measured_and_written(tmp_path, capsys):
    """Four channels; pictures show a checkerboard behind them."""
    folder, out = tmp_path / "photos", tmp_path / "run"
    folder.mkdir()
    for n in range(200):
        pixels = rng(n).integers(0, 256, (8, 8, 4), np.uint8)
        pixels[:4, :, 3], pixels[4:, :, 3] = 0, 255
        Image.fromarray(pixels).save(folder / f"{n:03}.png")
    train = ["train", "--data", str(folder), *TINY, "--channels", "4", "--out", str(out)]
    assert main([*train, "--evaluate-every", "1", "--evaluate-features", "random"]) == 0
    assert np.isfinite([json.loads(line)["fid"] for line in (out / "metrics.jsonl").read_text().splitlines()]).all()
    assert "style on 180 images of 8×8×4 (20 held out): 1 step" in capsys.readouterr().out
    assert main(["sample", str(out), "--single", "--count", "2"]) == 0
    assert main(["sample", str(out)]) == 0
    with Image.open(out / "images-seed-0" / "image-00000.png") as single, Image.open(out / "images-seed-0.png") as grid:
        assert (single.mode, single.size, grid.mode) == ("RGBA", (8, 8), "RGB")
    with Image.open(out / "samples" / "step-000001.png") as picture:
        assert picture.mode == "RGB"
    extractor = Classifier(ClassifierSpec(8, 3, 2, "others"))
    file = tmp_path / "judge.safetensors"
    file.write_bytes(extractor.to_bytes())
    assert main(["evaluate", str(out), "--features", str(file)]) == 0
    assert np.isfinite(json.loads((out / "evaluation.json").read_bytes())["generated"]["fid"])
    assert main(["diagnose", str(out)]) in (0, 1)
    resumed = TrainConfig.from_dict(RunFolder.open(out).read_config(), "x")
    assert Trainer(resumed).task.data.images[:, :4, :, 3].max() == 0
