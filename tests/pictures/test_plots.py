"""Plots that do not depend on settings of the user, and pictures that end no run, however they fail."""

import os
from pathlib import Path

import matplotlib
import numpy as np
import pytest

from rawgan.config.noise import TrainConfig
from rawgan.data import ring8
from rawgan.diagnosis.layer_plot import plot_layers
from rawgan.diagnosis.probe import Layer
from rawgan.errors import ConfigError, FileError
from rawgan.pictures import plots
from rawgan.pictures.curves import plot_losses
from rawgan.pictures.grids import save_grid
from rawgan.pictures.plots import plotting
from rawgan.pictures.scatter import save_scatter
from rawgan.storage import RunFolder
from rawgan.tasks import noise
from rawgan.training import Trainer, train
from rawgan.training.background import TRIED_AGAIN, Background
from rawgan.training.extensions import curves, samples

SET = {"axes.facecolor": "red", "text.usetex": True, "font.size": 30.0, "savefig.facecolor": "blue"}
RECORDS = [{"step": 1, "d_loss": 0.7, "g_loss": 0.6, "d_real": 0.5, "d_fake": 0.5}]
LAYERS = [Layer("generator, layer 0 Tanh()", 0.5, 0.1, None, None, None, 4, None, None)]
DRAWN = {
    "losses": lambda path: plot_losses(path, RECORDS),
    "points": lambda path: save_scatter(path, np.zeros((8, 2), np.float32), ring8(), "step 1"),
    "layers": lambda path: plot_layers(path, LAYERS),
}


@pytest.mark.parametrize("kind", DRAWN)
def test_settings_of_the_user_change_no_bit(kind, tmp_path):
    DRAWN[kind](tmp_path / "a.png")
    with matplotlib.rc_context(SET):
        DRAWN[kind](tmp_path / "b.png")
        assert matplotlib.rcParams["axes.facecolor"] == "red"  # as it was
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()


def test_matplotlib_is_imported_without_settings_of_the_user(tmp_path, monkeypatch):
    """Neither the environment nor a file matters, here or in the home folder, which may even be a pipe."""
    monkeypatch.chdir(tmp_path)
    os.mkfifo("matplotlibrc")  # to open it would take for ever
    Path("home").mkdir()
    Path("home/matplotlibrc").write_bytes(b"\xff\xfe")
    monkeypatch.setenv("MPLBACKEND", "module://nowhere")
    monkeypatch.setenv("MATPLOTLIBRC", "home")
    own = os.path.join(matplotlib.get_data_path(), "matplotlibrc")
    for error in (None, KeyboardInterrupt):
        try:
            with plots._without_settings():
                assert not {"MPLBACKEND", "MATPLOTLIBRC"} & os.environ.keys()
                assert [os.path.exists(name) for name in ("matplotlibrc", "home/matplotlibrc", "home", own)] == [
                    False, False, True, True,
                ]  # fmt: skip
                if error:
                    raise error
        except KeyboardInterrupt:
            pass
        assert (os.environ["MPLBACKEND"], os.environ["MATPLOTLIBRC"]) == ("module://nowhere", "home")
        assert os.path.exists("matplotlibrc")


def test_a_user_without_a_home_has_plots(monkeypatch):
    def homeless():
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(Path, "home", homeless)
    monkeypatch.delenv("MPLCONFIGDIR", raising=False)
    with plots._without_settings():
        assert Path(os.environ["MPLCONFIGDIR"]).is_dir()
    monkeypatch.setenv("MPLCONFIGDIR", "/somewhere")  # for the end of the test to take it away again
    with plots._without_settings():
        assert os.environ["MPLCONFIGDIR"] == "/somewhere"


@pytest.mark.parametrize("error", [RuntimeError("no LaTeX"), KeyError("Agg"), MemoryError(), ImportError("no ft2font")])
def test_a_plot_that_cannot_be_drawn_is_an_error_of_rawgan(error, tmp_path):
    path = tmp_path / "plot.png"
    path.write_bytes(b"the old one")
    with pytest.raises(ConfigError) as caught, plotting(path, (2, 2), dpi=20):
        raise error
    assert str(caught.value).startswith(f"{path} could not be drawn: {type(error).__name__}")
    assert [each.name for each in tmp_path.iterdir()] == ["plot.png"]
    assert path.read_bytes() == b"the old one"


def test_a_plot_on_a_full_disk_names_its_file(tmp_path, monkeypatch):
    def full(path, data):
        raise FileError(f"{path} could not be written: No space left on device")

    monkeypatch.setattr(plots, "write_file", full)
    with pytest.raises(FileError, match="could not be written: No space"), plotting(tmp_path / "a.png", (2, 2), dpi=20):
        pass


# --- pictures of a run -----------------------------------------------------------------------------------------------


@pytest.fixture
def config(tmp_path):
    """A small run."""
    np.save(tmp_path / "images.npy", np.random.default_rng(0).integers(0, 256, (12, 8, 8), np.uint8))
    return TrainConfig.of(
        data=str(tmp_path / "images.npy"), image_size=8, steps=3, width=2, noise_size=4, batch_size=4, samples=4,
        sample_every=1, checkpoint_every=1, backend="reference",
    )  # fmt: skip


def run(config, path):
    told = []
    folder = RunFolder.create(path, "x")
    train(Trainer(config), folder, tell=told.append)
    return folder, told


@pytest.mark.parametrize(
    ("what", "error", "told_of"),
    [
        ("plot_losses", RuntimeError("no LaTeX"), "losses.png could not be made: no LaTeX"),
        ("plot_losses", FileError("x could not be written"), "x could not be written"),
        ("animate_folder", MemoryError(), "samples.gif could not be made: MemoryError"),
        ("save_grid", RecursionError(), "step-000002.png could not be made: RecursionError"),
        ("save_grid", FileError("x could not be written"), "x could not be written"),
    ],
)
def test_no_picture_ends_a_run_or_costs_a_checkpoint(what, error, told_of, config, tmp_path, monkeypatch):
    def fail(*arguments, **options):
        raise error

    place = {"plot_losses": curves, "animate_folder": samples, "save_grid": noise}[what]
    monkeypatch.setattr(place, what, fail)
    folder, told = run(config, tmp_path / "run")
    assert [path.name for path in folder.checkpoints()] == [f"step-{step:06d}.safetensors" for step in (1, 2, 3)]
    assert len(folder.read_metrics()) == 3
    assert any(what.endswith(f"{told_of}; training goes on") for what in told)


def test_samples_that_exceed_memory_end_no_run(config, tmp_path, monkeypatch):
    def fail(self):
        raise MemoryError("too many")

    monkeypatch.setattr(noise.NoiseTask, "sample", fail)
    folder, told = run(config, tmp_path / "run")
    assert len(folder.checkpoints()) == 3
    assert told[0] == f"{folder.sample_path(0)} could not be made: too many; training goes on"


def test_a_picture_that_failed_is_written_later(config, tmp_path, monkeypatch):
    """As on a disk that is full for a while: in the end, there are the same bits."""
    whole, told = run(config, tmp_path / "whole")
    assert told == []
    refused = []

    def once(path, *arguments, **options):
        if len(refused) < 2:
            refused.append(path)
            raise FileError(f"{path} could not be written: No space left on device")
        return save_grid(path, *arguments, **options)

    monkeypatch.setattr(noise, "save_grid", once)
    folder, told = run(config, tmp_path / "run")
    assert told == [f"{folder.sample_path(0)} could not be written: No space left on device; training goes on"]
    pictures = [*folder.samples(), folder.animation_file]
    assert [path.name for path in folder.samples()] == [path.name for path in whole.samples()]
    assert [path.read_bytes() for path in pictures] == [
        path.read_bytes() for path in [*whole.samples(), whole.animation_file]
    ]


def test_few_pictures_are_kept_of_those_that_always_fail():
    tried = []

    def refuse(path):
        tried.append(path)
        raise FileError(f"{path} could not be written")

    told, paths = [], [f"{number}.png" for number in range(TRIED_AGAIN + 4)]
    with Background(told.append) as background:
        for path in paths:
            background.draw(refuse, path)
    assert told == [f"{path} could not be written; training goes on" for path in paths]
    assert set(tried[-TRIED_AGAIN - 1 :]) == set(paths[-TRIED_AGAIN - 1 :])


def test_repeated_failures_are_reported_once():
    def fail(path):
        raise RuntimeError("no LaTeX")

    told = []
    with Background(told.append) as background:
        for _ in range(5):
            background.draw(fail, "losses.png")
    assert told == ["losses.png could not be made: no LaTeX; training goes on"]


def test_a_checkpoint_that_fails_does_end_the_run(config, tmp_path, monkeypatch):
    def fail(*arguments):
        raise FileError("the checkpoint could not be written")

    monkeypatch.setattr(RunFolder, "save_checkpoint", fail)
    with pytest.raises(FileError, match="the checkpoint could not be written"):
        run(config, tmp_path / "run")
