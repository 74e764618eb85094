"""Measuring while training, and the best checkpoint, which is kept."""

import json
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image
from watch import Watch

from rawgan.cli import main
from rawgan.config.noise import TrainConfig
from rawgan.errors import ArgumentError, ConfigError
from rawgan.inference.trained_networks import restore
from rawgan.pictures import plot_losses
from rawgan.storage import RunFolder
from rawgan.storage.checkpoint import read
from rawgan.tasks import NoiseTask
from rawgan.training import Trainer, train

FIDS = [9.0, 5.0, 7.0, 5.0, 6.0]
"""Values to be measured, in turn: the best twice."""


@pytest.fixture(scope="module")
def config(tmp_path_factory):
    """A run of moments, on 12 random images."""
    path = tmp_path_factory.mktemp("data") / "images.npy"
    np.save(path, np.random.default_rng(0).integers(0, 256, (12, 8, 8), np.uint8))
    return TrainConfig.of(
        data=str(path), image_size=8, channels=1, steps=5, width=2, batch_size=4, noise_size=4, samples=4,
        sample_every=100, keep=2, evaluate_every=1, evaluate_samples=80,
    )  # fmt: skip


@pytest.fixture
def measured(monkeypatch):
    """Training whose figures are FIDS, by the step: what is measured for real takes longer."""
    extractor = SimpleNamespace(title="nothing", sha256="0" * 64)
    evaluator = SimpleNamespace(reference=SimpleNamespace(count=80, extractor=extractor))
    monkeypatch.setattr("rawgan.tasks.noise.Evaluator", lambda *args, **kwargs: evaluator)
    monkeypatch.setattr(NoiseTask, "measure", lambda task: {"fid": FIDS[task.gan.g_optimizer.steps - 1], "modes": 1})


def fids(folder):
    return [record.get("fid") for record in folder.read_metrics()]


def test_training_logs_what_evaluate_finds_and_keeps_the_best(config, tmp_path, capsys):
    folder, said = RunFolder.create(tmp_path / "run", "x"), {}
    training = Trainer(config.replace(data="mnist", image_size=28, steps=3, evaluate_every=2))
    train(training, folder, Watch(measured=said.__setitem__))
    first, second, third = folder.read_metrics()
    assert "fid" not in first
    assert "fid" not in third
    assert list(said) == [2]
    assert said[2] == {name: second[name] for name in said[2]}
    assert second["precision"] == said[2]["precision"]
    assert "histogram" not in second
    assert restore(folder, best=True)[1] == folder.best_step() == 2
    assert restore(folder)[1] == 3
    assert main(["evaluate", str(folder.path), "--best", "--samples", "80"]) == 0
    found = json.loads((folder.path / "evaluation.json").read_text())
    assert found["step"] == 2
    assert found["generated"]["fid"] == pytest.approx(second["fid"], rel=1e-6)
    assert main(["sample", str(folder.path), "--best"]) == 0


def test_measuring_leaves_the_training_alone(config):
    plain, other = (
        Trainer(config.replace(data="mnist", image_size=28, evaluate_every=each, evaluate_samples=80 if each else None))
        for each in (None, 1)
    )
    plain.step(1), other.step(1)
    other.task.measure()
    plain.step(2), other.step(2)
    mine, its = plain.checkpoint().arrays, other.checkpoint().arrays
    assert all(np.array_equal(array, its[name]) for name, array in mine.items())


def test_the_best_is_the_first_of_the_least(measured, config, tmp_path):
    folder = RunFolder.create(tmp_path / "run", "x")
    training = Trainer(config)
    train(training, folder)
    assert fids(folder) == FIDS
    assert folder.best_step() == 2
    assert [path.name for path in folder.checkpoints()] == ["step-000004.safetensors", "step-000005.safetensors"]
    assert read(folder.best_file).arrays.keys() == training.checkpoint().arrays.keys()


@pytest.mark.parametrize("stop", [1, 2, 3, 4])
def test_a_run_that_was_stopped_keeps_the_same_best(measured, stop, config, tmp_path):
    whole, stopped = (RunFolder.create(tmp_path / name, "x") for name in ("whole", "stopped"))
    train(Trainer(config), whole)
    seen = [0]
    train(
        Trainer(config),
        stopped,
        Watch(step=lambda record: seen.append(record["step"])),
        should_stop=lambda: seen[-1] >= stop,
    )
    train(Trainer(config, checkpoint=stopped.newest_checkpoint()[0]), stopped)
    assert fids(stopped) == FIDS
    assert stopped.best_file.read_bytes() == whole.best_file.read_bytes()


@pytest.mark.parametrize("at", [1, 2])
def test_a_best_that_was_not_written_before_a_kill_is_made_of_its_checkpoint(
    measured, at, config, tmp_path, monkeypatch
):
    class Killed(BaseException):
        pass

    whole, killed = (RunFolder.create(tmp_path / name, "x") for name in ("whole", "killed"))
    train(Trainer(config), whole)
    save = RunFolder.save_best

    def killing(folder, made):
        if made.about.step == at:
            raise Killed
        save(folder, made)

    with monkeypatch.context() as patch:
        patch.setattr(RunFolder, "save_best", killing)
        with pytest.raises(Killed):
            train(Trainer(config), killed)
    assert killed.best_step() == (1 if at == 2 else None)
    checkpoint = killed.newest_checkpoint()[0]
    assert checkpoint.about.step == at
    train(Trainer(config, checkpoint=checkpoint), killed, should_stop=lambda: True)
    assert killed.best_step() == at
    train(Trainer(config, checkpoint=checkpoint), killed)
    assert killed.best_file.read_bytes() == whole.best_file.read_bytes()


def test_a_best_of_steps_that_are_taken_back_goes_with_them(measured, config, tmp_path):
    folder = RunFolder.create(tmp_path / "run", "x")
    train(Trainer(config), folder)
    folder.rewind(1, lambda step: False)
    assert folder.best_step() is None
    assert fids(folder) == FIDS[:1]
    folder.close()
    train(Trainer(config), folder)  # from the beginning: what was lost is measured again
    assert folder.best_step() == 2


def test_a_damaged_best_is_replaced(measured, config, tmp_path):
    folder = RunFolder.create(tmp_path / "run", "x")
    train(Trainer(config.replace(steps=2)), folder)
    folder.best_file.write_bytes(b"no checkpoint")
    assert folder.best_step() is None
    train(Trainer(config, checkpoint=folder.newest_checkpoint()[0]), folder)
    assert folder.best_step() == 2  # there is a checkpoint of that step


def test_a_damaged_best_of_which_there_is_no_checkpoint_is_the_best_there_is(measured, config, tmp_path):
    folder = RunFolder.create(tmp_path / "run", "x")
    train(Trainer(config.replace(steps=3, keep=1)), folder)
    folder.best_file.write_bytes(b"no checkpoint")
    train(Trainer(config, checkpoint=folder.newest_checkpoint()[0]), folder)
    assert folder.best_step() == 4


def test_without_measuring_there_is_no_best(config, tmp_path, capsys):
    folder = RunFolder.create(tmp_path / "run", "x")
    train(Trainer(config.replace(steps=1, evaluate_every=None, evaluate_samples=None)), folder)
    with pytest.raises(ConfigError, match=r"as none was measured\s+train with --evaluate-every"):
        restore(folder, best=True)
    assert main(["sample", str(folder.path), "--best"]) == 1


def test_what_cannot_be_measured_is_refused_before_training(tmp_path):
    with pytest.raises(ArgumentError, match="has no effect without evaluate_every"):
        TrainConfig.of(evaluate_samples=100).check()
    np.save(tmp_path / "images.npy", np.zeros((20, 8, 8), np.uint8))
    with pytest.raises(ArgumentError, match="two sets of 12 real images or more, but there are 10 for each"):
        Trainer(TrainConfig.of(data=str(tmp_path / "images.npy"), image_size=8, batch_size=4, evaluate_every=1))
    with pytest.raises(ArgumentError, match="70000 samples are compared with as many real images"):
        Trainer(TrainConfig.of(evaluate_every=1, evaluate_samples=70_000))


def test_the_plot_shows_where_the_best_is(tmp_path):
    records = [{"step": step, "d_loss": 1.0, "g_loss": 1.0} for step in range(1, 5)]
    sizes = []
    for name, figures in (("without", {}), ("with", {"fid": 3.0}), ("broken", {"fid": float("nan")})):
        path = plot_losses(tmp_path / f"{name}.png", [record | figures for record in records])
        with Image.open(path) as picture:
            sizes.append(picture.height)
    assert sizes[0] < sizes[1] == sizes[2]
