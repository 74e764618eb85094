"""Data of translators and enhancers: squares of photographs, held-out images, sizes, whites."""

import json
import re

import numpy as np
import pytest
from PIL import Image
from translation_runs import TINY, opened

from rawgan.cli import main
from rawgan.config.translation import CycleConfig, EnhanceConfig, Pix2pixConfig
from rawgan.errors import ArgumentError, DataError
from rawgan.inference.application import source_of, survey_of
from rawgan.inference.comparison import compare
from rawgan.inference.trained_networks import restore_networks, translation_config_of
from rawgan.storage import RunFolder
from rawgan.training import Trainer


def test_enhancers_learn_from_pieces_of_large_images(tmp_path):
    """At the size that these have; all those of an image are kept for measuring, and none of the others."""
    folder = tmp_path / "photos"
    folder.mkdir()
    rng = np.random.default_rng(0)
    images = {name: rng.integers(0, 256, (49, 70, 3), np.uint8) for name in "abcd"}
    for name, pixels in images.items():
        Image.fromarray(pixels).save(folder / f"{name}.png")
    options = TINY | {"data": str(folder), "image_size": 16}
    training = Trainer(EnhanceConfig.of(**options))
    assert (len(training.task.data), len(training.task.held_out)) == (3 * 12, 12)
    assert set(training.task.held_out.names) == {"d.png"}
    assert training.task.data.notes[0].startswith(
        "36 squares of 3 photographs to train with, 12 squares of 1 photograph held"
    )
    held_out = {image.tobytes() for image in training.task.held_out.images}
    assert {images["d"][32:48, 51:67].tobytes(), images["d"][:16, 3:19].tobytes()} <= held_out
    assert images["a"][:16, 3:19].tobytes() in {image.tobytes() for image in training.task.data.images}
    assert len(Trainer(EnhanceConfig.of(**options | {"batch_size": 2}, whole=True)).task.data) == 3


def test_figures_are_means_over_photographs_and_not_over_squares(tmp_path, capsys):
    """One of those held out has 12 squares and the other one, which is far from what comes out, but 2."""
    folder = tmp_path / "photos"
    folder.mkdir()
    rng = np.random.default_rng(0)
    for n in range(20):
        few = n == 19
        pixels = rng.integers(0, 256, (16 if few else 48, 32 if few else 64, 3), np.uint8)
        Image.fromarray(pixels if few else pixels // 8).save(folder / f"{n:02}.png")
    run = tmp_path / "run"
    options = ["--data", str(folder), "--image-size", "16", "--width", "2", "--patch", "16", "--batch-size", "2"]
    assert main(["enhance", *options, "--steps", "1", "--evaluate-every", "1", "--out", str(run)]) == 0
    (record,) = RunFolder.open(run).read_metrics()
    assert main(["evaluate", str(run)]) == 0
    assert "14 squares of 2 photographs not trained with" in " ".join(capsys.readouterr().out.split())
    said = json.loads((run / "evaluation.json").read_text())
    images, figures = said["images"]["translated"], said["figures"]["translated"]
    assert [image["image"] for image in images] == ["09.png", "19.png"]
    for name in ("psnr", "l1", "ssim"):
        assert figures[name] == pytest.approx(np.mean([image[name] for image in images]))
        assert record[name] == pytest.approx(figures[name], rel=1e-3)
    assert images[1]["l1"] > 5 * images[0]["l1"]
    training = Trainer(translation_config_of(RunFolder.open(run)))
    gan, _ = restore_networks(*opened(run))
    squares = compare(
        training.config, gan, training.task.data, training.task.held_out.part(training.task.held_out.names == "09.png")
    )
    assert squares.figures["translated"]["l1"] == pytest.approx(images[0]["l1"])


def test_what_would_have_to_be_enlarged_is_no_truth_to_learn(data, tmp_path):
    """Of arrays, folders whose images are made smaller, and squares."""
    with pytest.raises(DataError, match="its images are 16 × 16 pixels, smaller than 32 × 32"):
        Trainer(EnhanceConfig.of(**TINY | {"data": data, "image_size": 32}))
    folder = tmp_path / "photos"
    folder.mkdir()
    for name, side in (("a", 16), ("b", 40), ("c", 40), ("d", 40)):
        Image.fromarray(np.random.default_rng(0).integers(0, 256, (side, side, 3), np.uint8)).save(
            folder / f"{name}.png"
        )
    options = TINY | {"data": str(folder), "image_size": 32, "batch_size": 2}
    for whole in (True, False):
        training = Trainer(EnhanceConfig.of(**options, whole=whole))
        assert {*training.task.data.names, *training.task.held_out.names} == {"b.png", "c.png", "d.png"}
    others = Trainer(Pix2pixConfig.of(**options, pairs="edges"))
    assert {*others.task.data.names, *others.task.held_out.names} == {"a.png", "b.png", "c.png", "d.png"}
    assert others.task.data.notes == ("enlarged 1 image smaller than 32 × 32 pixels: a.png",)


@pytest.mark.parametrize(
    ("kind", "options"), [(Pix2pixConfig, {"pairs": "edges"}), (EnhanceConfig, {}), (CycleConfig, {})]
)
def test_a_sub_folder_to_test_with_is_held_out(kind, options, tmp_path):
    rng = np.random.default_rng(0)
    for part, count in (("train", 8), ("val", 3)):
        (tmp_path / part).mkdir()
        for n in range(count):
            Image.fromarray(rng.integers(0, 256, (16, 16, 3), np.uint8)).save(tmp_path / part / f"{n}.png")
    training = Trainer(kind.of(**TINY | {"data": str(tmp_path), "image_size": 16, **options}))
    assert {name.split("/")[0] for name in training.task.data.names} == {"train"}
    assert sorted(training.task.held_out.names) == ["val/0.png", "val/1.png", "val/2.png"]


def test_the_two_kinds_of_a_cycle_have_a_white_each(tmp_path):
    for name, white in (("a", 1023), ("b", 65535)):
        (tmp_path / name).mkdir()
        for n in range(6):
            pixels = np.full((16, 16), white // (n + 1), np.uint16)
            Image.fromarray(pixels).save(tmp_path / name / f"{n}.png")
    options = TINY | {"image_size": 16, "data": str(tmp_path / "a"), "targets": str(tmp_path / "b"), "batch_size": 2}
    config = Trainer(CycleConfig.of(**options)).config
    assert (config.data.white, config.targets.white) == (1023, 65535)
    file = tmp_path / "a" / "0.png"
    for back, value in ((False, 1), (True, -1 + 2 * 4 / 255)):
        source, _ = source_of(file, config, survey=survey_of([file], config.white_of_sources(back)))
        assert source == pytest.approx(value)
    with pytest.raises(ArgumentError, match=r"targets_white 1\.0 has no effect without --targets"):
        CycleConfig.of(targets_white=1.0).check()


def test_exact_images_are_no_trouble(tmp_path, capsys):
    """An enhancer that begins as an interpolation makes a blank image of a blank one, which counts like all others, as
    if a single value were wrong by 1."""
    images = np.random.default_rng(0).integers(0, 256, (100, 16, 16, 1), np.uint8)
    images[::2] = 255
    np.save(tmp_path / "images.npy", images)
    run = tmp_path / "run"
    options = ["--data", str(tmp_path / "images.npy"), "--image-size", "16", "--width", "2", "--patch", "16"]
    options += ["--batch-size", "2", "--steps", "1", "--learning-rate", "1e-9", "--evaluate-every", "1"]
    assert main(["enhance", *options, "--out", str(run)]) == 0
    assert re.search(r"step 1  PSNR \d+\.\d\d  L1 0\.\d+", capsys.readouterr().out)
    assert main(["evaluate", str(run)]) == 0
    said = json.loads((run / "evaluation.json").read_text())
    values = [image["psnr"] for image in said["images"]["translated"]]
    assert values.count(pytest.approx(20 * np.log10(255) + 10 * np.log10(16 * 16))) > 1
    assert said["figures"]["translated"]["psnr"] == pytest.approx(np.mean(values))
