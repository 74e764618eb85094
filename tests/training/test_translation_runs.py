"""Runs of translators and enhancers: the same folders, checkpoints and resuming as those of `rawgan train`."""

import numpy as np
import pytest
from PIL import Image
from run_files import files
from translation_runs import RUNS, STEPS, TINY, config_of
from watch import Watch

from rawgan.cli import main
from rawgan.config.translation import CycleConfig, EnhanceConfig, Pix2pixConfig
from rawgan.errors import ArgumentError
from rawgan.inference.comparison import compare
from rawgan.inference.trained_networks import restore_networks, translation_config_of
from rawgan.storage import RunFolder
from rawgan.tasks.enhance import EnhanceTask
from rawgan.tasks.pairs import batches_of, paired_task
from rawgan.tasks.translation import translated
from rawgan.training import Trainer, train


@pytest.mark.parametrize("name", RUNS)
def test_a_run_that_was_stopped_ends_with_the_same_bits(name, data, tmp_path):
    config = config_of(name, data)
    whole, folder = RunFolder.create(tmp_path / "whole", "x"), RunFolder.create(tmp_path / "stopped", "x")
    train(Trainer(config), whole)
    seen = []
    train(Trainer(config), folder, Watch(step=lambda r: seen.append(r["step"])), should_stop=lambda: bool(seen[2:]))
    assert len(seen) == 3
    checkpoint, _ = folder.newest_checkpoint()
    train(Trainer(translation_config_of(folder), checkpoint=checkpoint), folder)
    assert files(folder) == files(whole)


@pytest.mark.parametrize("name", RUNS)
def test_what_is_restored_makes_the_images_of_the_run(name, data, tmp_path):
    training, folder = Trainer(config_of(name, data)), RunFolder.create(tmp_path / "run", "x")
    train(training, folder)
    config = translation_config_of(folder)
    assert config == training.config
    gan, about = restore_networks(folder, config)
    assert about.step == STEPS
    assert len(training.task.held_out) == 3  # a tenth
    again = Trainer(config)
    again.task.gan = gan
    np.testing.assert_array_equal(again.task.sample(), training.task.sample())


@pytest.mark.parametrize("task", ["denoise", "inpaint"])
def test_each_step_loses_something_else_and_always_the_same(task, data):
    training = Trainer(EnhanceConfig.of(data=data, image_size=16, task=task, **TINY))
    images = training.task.batches.batch(0)
    training.task.batches.batch = lambda index: images
    first, second, again = (training.task.pair(index)[0].data for index in (0, 2, 0))
    np.testing.assert_array_equal(first, again)
    assert np.abs(first - second).mean() > 0.01


def test_images_held_out_are_never_trained_with(data):
    training = Trainer(config_of("super-resolution", data))
    trained = {image.tobytes() for image in training.task.data.images}
    assert not trained & {image.tobytes() for image in training.task.held_out.images}
    assert len(training.task.data) == 27


@pytest.mark.parametrize(("kind", "more"), [(EnhanceConfig, set()), (CycleConfig, {"back"})])
def test_the_pixels_are_measured_and_the_best_is_kept(kind, more, data, tmp_path):
    folder = RunFolder.create(tmp_path / "run", "x")
    train(Trainer(kind.of(data=data, image_size=16, evaluate_every=1, **TINY)), folder)
    assert {"psnr", "ssim", "l1"} | more <= folder.read_metrics()[0].keys()
    errors = [record["l1"] for record in folder.read_metrics()]
    assert folder.best_step() == 1 + errors.index(min(errors))


def test_of_two_folders_nothing_says_which_is_best(data, tmp_path):
    """Round trips are best where nothing is translated."""
    folder = RunFolder.create(tmp_path / "run", "x")
    train(Trainer(CycleConfig.of(data=data, targets=data, image_size=16, evaluate_every=1, **TINY)), folder)
    assert "back" in folder.read_metrics()[0]
    assert "l1" not in folder.read_metrics()[0]
    assert folder.best_step() is None


def test_a_source_of_other_channels_than_it_says_is_refused(data):
    with pytest.raises(ArgumentError, match="source_channels is 3, but sources have 1"):
        Trainer(Pix2pixConfig.of(data=data, image_size=16, pairs="edges", source_channels=3, **TINY))


def test_baselines_choose_by_images_of_their_own(data, monkeypatch):
    """By as many as it says, whatever a batch is; and not under the noise that is measured."""
    monkeypatch.setattr("rawgan.tasks.translation.AT_ONCE", 8)
    config, seen = EnhanceConfig.of(data=data, image_size=16, channels=3, task="denoise", **TINY), []

    def baselines(config, source, target):
        seen.append(source - target)
        return {}

    monkeypatch.setattr(EnhanceTask, "baselines", staticmethod(baselines))
    training, held_out = paired_task(config).parts(config)
    compare(config, Trainer(config).gan, training, held_out)
    (noise,) = seen
    assert len(noise) == len(training) == 27
    source, target = next(batches_of(config, held_out, "cpu"))
    assert np.abs(source.data - target.data - noise[:3]).max() > 0.1


@pytest.mark.parametrize("task", ["denoise", "inpaint"])
def test_what_an_image_has_lost_does_not_depend_on_how_many_there_are(task, data):
    config = EnhanceConfig.of(data=data, image_size=16, channels=3, task=task, **TINY)
    images, _ = paired_task(config).parts(config)
    few, many = (next(batches_of(config, images.part(slice(count)), "cpu"))[0].data for count in (5, 20))
    np.testing.assert_array_equal(few, many[:5])


def test_what_is_measured_and_shown_of_a_hole_is_what_apply_makes(data):
    training = Trainer(config_of("inpaint", data))
    source, target = training.task._shown
    made = translated(training.gan, source)
    known = source.data[..., -1] < 0
    np.testing.assert_array_equal(made[known], target.data[known])
    assert np.abs(made - target.data)[~known].min() > 0
    np.testing.assert_array_equal(training.task.sample()[1::3], made)


def test_images_that_are_others_by_now_are_noticed(tmp_path, capsys):
    """One more in the folder, and others are held out."""
    rng, folder = np.random.default_rng(0), tmp_path / "images"
    folder.mkdir()
    for n in range(20):
        Image.fromarray(rng.integers(0, 256, (16, 16, 3), np.uint8)).save(folder / f"{n}.png")
    options = ["--width", "2", "--patch", "16", "--batch-size", "4", "--image-size", "16", "--whole"]
    run = str(tmp_path / "run")
    assert main(["enhance", "--data", str(folder), *options, "--steps", "2", "--out", run]) == 0
    assert main(["evaluate", run]) == 0
    assert "some of them it may have seen" not in capsys.readouterr().out
    Image.fromarray(rng.integers(0, 256, (16, 16, 3), np.uint8)).save(folder / "new.png")
    assert main(["evaluate", run, "--beside", run]) == 0
    printed = capsys.readouterr().out
    assert printed.count(f"{run} was trained with other images, and may have seen some of these") == 1
    assert main(["enhance", "--resume", run, "--steps", "3"]) == 1
    error = capsys.readouterr().err
    assert f"{folder}: there are 19 and 2 images, but step 2 was trained when there were 18 and 2" in error
    (folder / "new.png").rename(folder / "0.png")
    assert main(["enhance", "--resume", run, "--steps", "3"]) == 0
    assert "not bit-identical to an uninterrupted run, as these have changed: images 18:" in capsys.readouterr().out


def test_runs_of_the_same_folder_stand_beside_each_other_however_it_is_called(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for one, other in (
        (EnhanceConfig.of(data="photos"), EnhanceConfig.of(data=str(tmp_path / "photos"))),
        (Pix2pixConfig.of(data="a", targets="b"), Pix2pixConfig.of(data="./a", targets=str(tmp_path / "b"))),
    ):
        assert one.facts == other.facts
    assert EnhanceConfig.of(data="photos").facts != EnhanceConfig.of(data="paintings").facts


def test_squares_of_photographs_are_measured_whatever_the_seed(photos):
    assert EnhanceConfig.of(data=str(photos)).facts == EnhanceConfig.of(data=str(photos), seed=1).facts
    for config in (EnhanceConfig.of(data=str(photos), whole=True), EnhanceConfig.of(data="images.npy")):
        assert config.facts != config.replace(seed=1).facts


def test_grey_images_are_made_coloured_for_those_that_are(tmp_path):
    rng = np.random.default_rng(0)
    np.save(tmp_path / "grey.npy", rng.integers(0, 256, (20, 16, 16, 1), np.uint8))
    np.save(tmp_path / "colour.npy", rng.integers(0, 256, (20, 16, 16, 3), np.uint8))
    for data, targets in (("grey", "colour"), ("colour", "grey")):
        options = {"data": str(tmp_path / f"{data}.npy"), "targets": str(tmp_path / f"{targets}.npy")}
        training = Trainer(CycleConfig.of(image_size=16, **TINY | options))
        assert training.task.data.shape == training.task.others.shape == training.task.held_out.shape == (16, 16, 3)
        assert training.config.data.channels == 3


def test_the_kinds_of_a_cycle_share_no_image():
    """Of the packaged digits: halves of the training images, one of them in a style."""
    training = Trainer(CycleConfig.of(width=2, batch_size=2, style="inverted"))
    digits = {image.tobytes() for image in training.task.data.images}
    assert not digits & {(255 - image).tobytes() for image in training.task.others.images}
    np.testing.assert_array_equal(training.task.others_held_out.images, 255 - training.task.held_out.images)


def test_each_kind_of_a_cycle_has_an_order_of_its_own(data):
    """Even if their files belong together: or what is learnt without pairs would have been learnt with them."""
    training = Trainer(CycleConfig.of(data=data, targets=data, image_size=16, **TINY))
    assert any((training.task.batches.indices(step) != training.task._others.indices(step)).any() for step in range(3))


def test_a_style_is_shown_beside_what_it_should_be():
    training = Trainer(CycleConfig.of(width=2, batch_size=2, style="inverted", samples=16))
    samples = training.task.sample()
    assert training.task.columns % 4 == 0
    np.testing.assert_allclose(samples[2], -samples[0], atol=1e-6)
    np.testing.assert_allclose(samples[10], -samples[8], atol=1e-6)


def test_colours_made_of_greys_and_a_classifiers_eye(data, tmp_path):
    """Pairs of colour images; and digits, of which the packaged classifier sees the features."""
    assert Trainer(Pix2pixConfig.of(data=data, image_size=16, pairs="grey", **TINY)).step(1)["pixel"] > 0
    seen = Trainer(EnhanceConfig.of(feature_weight=1.0, **TINY)).step(1)
    assert seen["feature"] > 0
    with pytest.raises(ArgumentError, match="the classifier is of mnist, images of 28 pixels"):
        Trainer(EnhanceConfig.of(data=data, image_size=16, feature_weight=1.0, **TINY))
    with pytest.raises(ArgumentError, match="and 1 channel, not of stacked-mnist"):
        Trainer(EnhanceConfig.of(data="stacked-mnist", feature_weight=1.0, **TINY))
