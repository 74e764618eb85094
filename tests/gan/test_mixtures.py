"""Mixtures of points: sampling, training, pictures, figures, commands."""

import json
import math

import numpy as np
import pytest
from PIL import Image
from rich.console import Console
from watch import Watch

from rawgan.cli import main
from rawgan.cli.terminal.view import View
from rawgan.config.noise import FOR_POINTS, TrainConfig
from rawgan.data import MIXTURES, PointBatches, grid25, ring8
from rawgan.errors import ArgumentError, ConfigError, ShapeError
from rawgan.gan import GAN, ImageSpec, LossConfig, PointSpec, build, generate, train_step
from rawgan.gan.networks import models_for
from rawgan.inference.trained_networks import config_of, restore
from rawgan.metrics import evaluate_points, floor_of, quality
from rawgan.pictures.scatter import RASTER, quality_in_words, rasters, real_points, save_points
from rawgan.storage import RunFolder
from rawgan.tensor import Tensor
from rawgan.training import Trainer, train

TINY = {"width": 4, "batch_size": 8, "samples": 20, "sample_every": 2, "checkpoint_every": 2}


def small(**options):
    return TrainConfig.of(data="grid25", **{**TINY, "steps": 4, **options})


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A finished run."""
    path = tmp_path_factory.mktemp("points") / "run"
    train(Trainer(small()), RunFolder.create(path, "x"))
    return path


def bits(folder):
    files = [*folder.samples(), folder.animation_file, folder.checkpoints()[-1], folder.metrics_file]
    return {path.name: path.read_bytes() for path in files}


def size_of(path):
    with Image.open(path) as picture:
        return picture.size


# --- data ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", MIXTURES)
def test_a_mixtures_own_samples_are_of_high_quality(name):
    mixture = MIXTURES[name]()
    points = mixture.sample(40_000, np.random.default_rng(0))
    found = quality(points, mixture)
    assert found.modes == len(mixture.centres) == int(name[-2:].strip("g"))
    assert found.high_quality == pytest.approx(1 - math.exp(-4.5), abs=0.002)  # within 3 σ in the plane
    assert found.counts == pytest.approx(np.full(found.modes, found.counts.mean()), rel=0.1)
    spread = points - mixture.centres[np.linalg.norm(points[:, None] - mixture.centres, axis=2).argmin(axis=1)]
    assert spread.std(axis=0) == pytest.approx(mixture.std, rel=0.02)


def test_published_mixtures():
    assert np.linalg.norm(ring8().centres, axis=1) == pytest.approx(1)
    assert sorted(set(grid25().centres.ravel())) == [-4, -2, 0, 2, 4]
    assert (ring8().std, grid25().std) == (0.01, 0.05)


def test_points_off_the_modes_do_not_count():
    found = quality([[0, 0], [0, 0.149], [0, 0.151], [2, 2], [1, 1]], grid25())
    assert (found.modes, found.high_quality) == (2, pytest.approx(0.6))
    with pytest.raises(ShapeError, match=r"points must be \(N, 2\)"):
        quality(np.zeros((3, 3)), ring8())
    with pytest.raises(ArgumentError, match="not finite"):
        quality([[np.nan, 0]], ring8())


def test_figures_by_name_and_their_floor():
    figures = evaluate_points([[0, 0], [2, 2], [1, 1], [2, 2]], grid25())
    assert (figures["modes"], figures["high_quality"], sum(figures["histogram"])) == (2, 0.75, 3)
    assert figures["unmatched"] == pytest.approx(1 - 2 / 25)  # of 1 and 2 in 4 points, each component has 1 in 25
    assert figures["histogram"][12] == 1  # (0, 0), in the middle
    floor = floor_of(grid25(), 2500, seed=0)
    assert floor.keys() == figures.keys()
    assert floor["modes"] == 25
    assert 0.98 < floor["high_quality"] < 1


def test_batches_are_fresh_and_a_function_of_seed_and_number():
    batches = PointBatches(grid25(), 1000, seed=3)
    later = PointBatches(grid25(), 1000, seed=3).batch(7)
    assert (later.shape, later.dtype) == ((1000, 2), np.float32)
    np.testing.assert_array_equal(batches.batch(7), later)
    for other in (batches.batch(8), PointBatches(grid25(), 1000, seed=4).batch(7)):
        assert not np.isin(other, later).all(axis=1).any()
    found = quality(later * 4, grid25())  # networks see the centres within −1 … 1
    assert (found.modes, found.high_quality > 0.97) == (25, True)
    assert batches.per_epoch == 100
    with pytest.raises(ArgumentError, match="step=-1: expected 0 or more"):
        batches.batch(-1)
    with pytest.raises(ArgumentError, match="batch_size=0: expected at least 1"):
        PointBatches(ring8(), 0, seed=0)


# --- networks --------------------------------------------------------------------------------------------------------


def test_mlp_generates_and_discriminates_points():
    gan = build("mlp", PointSpec(), noise_size=3, width=5)
    points = gan.generator(gan.noise(0, "test", 7))
    assert (points.shape, gan.discriminate(points).logits.shape) == ((7, 2), (7, 1))
    assert [x.shape for x in gan.discriminator.parameters()] == [(2, 5), (5,), (5, 5), (5,), (5, 5), (5,), (5, 1), (1,)]
    far = gan.generator(gan.noise(0, "test", 7) * 1000.0)
    assert np.abs(far.numpy()).max() > 10  # no tanh


def test_kinks_of_units_lie_all_over_the_plane_and_not_at_0():
    (w, b, *_) = (x.numpy() for x in build("mlp", PointSpec(), width=64).discriminator.parameters())
    places = np.abs(b) / np.linalg.norm(w, axis=0)
    assert places.max() <= math.sqrt(2)
    assert (places > 0.1).mean() > 0.7


def test_packed_points_lie_side_by_side():
    gan = build("mlp", PointSpec(), width=4, pack=3)
    points = np.random.default_rng(0).normal(size=(6, 2)).astype(np.float32)
    expected = gan.discriminator(Tensor(points.reshape(2, 6)))
    np.testing.assert_array_equal(gan.discriminate(Tensor(points)).logits.numpy(), expected.numpy())


@pytest.mark.parametrize(
    ("model", "kind", "message"),
    [
        ("mlp", ImageSpec(8), f"mlp makes points, not images; take one of: {', '.join(models_for(ImageSpec))}"),
        ("dcgan", PointSpec(), "dcgan makes images, not points; take one of: mlp"),
    ],
)
def test_each_model_is_for_its_kind(model, kind, message):
    with pytest.raises(ArgumentError) as error:
        build(model, kind)
    assert str(error.value) == message


@pytest.mark.parametrize("penalty", ["r1+r2", "wgan-gp", "dragan"])
def test_every_penalty_takes_points(penalty):
    gan = build("mlp", PointSpec(), noise_size=2, width=4, average_decay=0.9)
    real = Tensor(PointBatches(ring8(), 6, seed=0).batch(0))
    outcome = train_step(gan, real, gan.noise(0, "train", 6), LossConfig(penalty=penalty, instance_noise=0.1))
    assert np.isfinite(outcome.d_loss.item())


def test_a_gan_learns_where_points_are():
    """Far better than untrained networks; `python -m bench mixtures` measures the rest."""
    training = Trainer(TrainConfig.of(data="ring8", model="mlp", steps=150, width=32, noise_size=2, samples=500))

    def from_the_ring():
        return np.abs(np.linalg.norm(training.task.sample(), axis=1) - 1).mean()

    before = from_the_ring()
    for step in range(1, 151):
        training.step(step)
    assert from_the_ring() < before / 1.5


# --- runs ------------------------------------------------------------------------------------------------------------


def test_other_defaults_for_points_which_the_run_records(run):
    assert TrainConfig.of(data="ring8").model == "mlp"
    assert TrainConfig.of().model == "style"
    asked = config_of(RunFolder.open(run))
    assert asked == small().with_absolute_paths()
    assert {name: asked.options[name] for name in FOR_POINTS.keys() - TINY.keys()} == {
        name: value for name, value in FOR_POINTS.items() if name not in TINY
    }


def test_pictures_are_of_one_size_and_move(run):
    folder = RunFolder.open(run)
    assert len(folder.samples()) == 3
    assert {size_of(path) for path in folder.samples()} == {(600, 624)}
    with Image.open(folder.animation_file) as animation:
        assert (animation.n_frames, animation.size) == (3, (600, 624))


def test_samples_are_where_the_mixture_is(run):
    """The networks' 1 is the mixture's 4."""
    folder = RunFolder.open(run)
    gan, _ = restore(folder)
    z = gan.noise(0, "test", 4)
    np.testing.assert_array_equal(generate(gan.sampler, z, extent=4.0), 4 * generate(gan.sampler, z))
    training = Trainer(config_of(folder), checkpoint=folder.newest_checkpoint()[0])
    own = generate(gan.sampler, gan.noise(0, "samples", TINY["samples"]))
    np.testing.assert_array_equal(training.task.sample(), 4 * own)


def test_a_run_that_was_interrupted_ends_with_the_same_bits(tmp_path):
    config = small(steps=5, sample_every=4, half_life=2, ema=0.9, penalty="r1+r2", objective="relativistic", pack=2)
    whole, parts = (RunFolder.create(tmp_path / name, "x") for name in ("whole", "parts"))
    train(Trainer(config), whole)
    steps = []
    assert train(Trainer(config), parts, Watch(steps.append), should_stop=lambda: len(steps) == 3) == 3
    assert train(Trainer(config, checkpoint=parts.newest_checkpoint()[0]), parts) == 5
    assert bits(parts) == bits(whole)


def test_points_are_measured_while_training_and_the_best_step_is_kept(tmp_path):
    folder = RunFolder.create(tmp_path / "run", "x")
    figures = {1: 0.5, 2: 0.2, 3: 0.3, 4: 0.4}
    training = Trainer(small(evaluate_every=1, evaluate_samples=30))
    assert training.task.measure().keys() == {"modes", "high_quality", "unmatched"}
    training.task._evaluator.measure = lambda points, labels: {
        "unmatched": figures[training.reached],
        "count": len(points),
    }
    train(training, folder)
    assert [(one["unmatched"], one["count"]) for one in folder.read_metrics()] == [(x, 30) for x in figures.values()]
    assert folder.best_step() == 2


def test_learning_rates_fall_by_half_in_a_half_life():
    training = Trainer(small(half_life=2))
    seen = []
    take = training.task.step
    training.task.step = lambda index: (
        seen.append((index, training.gan.g_optimizer.lr, training.gan.d_optimizer.lr)) or take(index)
    )
    for step in (1, 3, 5):
        training.step(step)
    rates = [2e-3, 1e-3, 5e-4]
    assert [rate for _, rate, _ in seen] == pytest.approx(rates)
    assert [rate for _, _, rate in seen] == pytest.approx([2 * rate for rate in rates])
    assert training.gan.g_optimizer.lr == 2e-3  # which checkpoints hold


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"data": "mnist", "model": "mlp"},
            "model mlp makes points, but mnist is images\n"
            f"  take --model {' or '.join(models_for(ImageSpec))}, or points: --data ring8 or grid25",
        ),
        ({"data": "ring8", "model": "dcgan"}, "model dcgan makes images, but ring8 is points\n  take --model mlp"),
        ({"data": "ring8", "channels": 3}, "channels is for images, but ring8 is points; leave it out"),
        (
            {"cuda_graph": True, "device": "cuda", "backend": "cuda", "half_life": 9},
            "cuda_graph is for constant learning rates; leave out half_life",
        ),
    ],
)
def test_options_that_contradict_each_other(options, message):
    with pytest.raises(ArgumentError) as error:
        TrainConfig.of(**options).check()
    assert str(error.value) == message


# --- pictures --------------------------------------------------------------------------------------------------------


def test_points_become_pictures_and_numbers(tmp_path):
    points = ring8().sample(9, np.random.default_rng(0))
    picture = save_points(tmp_path / "p.png", points, ring8(), "step 1")
    numbers = save_points(tmp_path / "p.npy", points, ring8(), "step 1")
    table = save_points(tmp_path / "p.csv", points, ring8(), "step 1")
    assert size_of(picture) == (600, 624)
    np.testing.assert_array_equal(np.load(numbers), points)
    np.testing.assert_allclose(np.loadtxt(table, delimiter=",", skiprows=1), points, rtol=1e-6)
    with pytest.raises(ArgumentError, match=r"points go into a \.png picture"):
        save_points(tmp_path / "p.txt", points, ring8(), "step 1")


def test_colours_tell_good_points_from_bad():
    from matplotlib.figure import Figure

    from rawgan.pictures.scatter import draw_points

    axes = Figure().subplots()
    draw_points(axes, np.array([[1, 0], [0, 0], [0, 0.5]], np.float32), ring8())
    real, good, bad = (drawn.get_offsets() for drawn in axes.collections)
    assert (len(real), good.tolist(), bad.tolist()) == (3, [[1, 0]], [[0, 0], [0, 0.5]])


def test_rasters_have_x_to_the_right_and_y_upwards():
    real, made = rasters(np.array([[0.9, 0.2], [99, 0]], np.float32), ring8())[..., 0]
    ((row, column),) = np.argwhere(made)
    assert column > 0.8 * RASTER
    assert 0.3 * RASTER < row < RASTER / 2
    assert real.any()
    assert len(real_points(grid25(), 10)) == 10


def test_the_terminal_shows_points_beside_real_ones(monkeypatch):
    training = Trainer(small())
    console = Console(record=True, width=100, height=30, force_terminal=True, color_system="truecolor")
    with View(console, training) as view:
        view.show(2, training.task.sample())
    assert (
        f"step 2: real points, and {quality_in_words(quality(training.task.sample(), grid25()))}"
        in console.export_text()
    )
    assert len(view.picture) == 24  # two squares of 46 pixels, and what is between and around them


# --- the command line ------------------------------------------------------------------------------------------------


def test_train_evaluate_sample(tmp_path, capsys):
    out = tmp_path / "run"
    options = ["--width", "4", "--batch-size", "8", "--samples", "9", "--steps", "2"]
    assert main(["train", "--data", "ring8", "--out", str(out), *options]) == 0
    printed = capsys.readouterr().out
    assert printed.startswith("mlp on ring8, 8 Gaussians: 2 steps of 8 points, on cpu (cpu kernels)\n")
    assert "step 2: 0 of 8 modes, 0.0 % of high quality\n" in printed
    assert f"more points: rawgan sample {out}\n" in printed

    assert main(["evaluate", str(out), "--samples", "200"]) == 0
    printed = " ".join(capsys.readouterr().out.split())
    said = json.loads((out / "evaluation.json").read_text())
    assert (said["step"], said["samples"], said["floor"]["modes"]) == (2, 200, 8)
    generated = said["generated"]
    assert sum(generated["histogram"]) == pytest.approx(200 * generated["high_quality"])
    assert f"high quality {generated['high_quality']:.3f} {said['floor']['high_quality']:.3f}" in printed
    assert (out / "points.png").exists()

    assert main(["sample", str(out), "--count", "5", "--seed", "3"]) == 0
    assert capsys.readouterr().out == f"{out}/points-seed-3.png\n{out}/points-seed-3.npy\n"
    assert np.load(out / "points-seed-3.npy").shape == (5, 2)
    assert main(["sample", str(out), "--out", str(tmp_path / "p.csv")]) == 0
    assert len((tmp_path / "p.csv").read_text().splitlines()) == 2501


def test_defaults_follow_the_data_and_flags_have_the_last_word(tmp_path, capsys):
    file = tmp_path / "own.toml"
    file.write_text('data = "mnist"\nwidth = 6\n')
    for options in (["--data", "ring8", "--width", "6"], ["--config", str(file), "--data=ring8"]):
        assert main(["train", *options, "--batch-size", "8", "--dry-run"]) == 0
        printed = capsys.readouterr().out
        assert "mlp generator, batch 8" in printed
        assert "Linear(2 → 6)" in printed
        assert "data: drawn as it is needed; nothing was written" in printed


def test_describe_takes_what_train_does(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "120")
    assert main(["describe", "mlp"]) == 0
    printed = capsys.readouterr().out
    assert f"mlp generator, batch {FOR_POINTS['batch_size']}" in printed
    assert f"Linear({FOR_POINTS['noise_size']} → {FOR_POINTS['width']})" in printed
    assert main(["describe", "mlp", "--image-size", "32"]) == 1
    assert "image_size has no effect on mlp; leave it out" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            ["interpolate"],
            "makes points, and a walk from point to point is not a picture\n  see them all: rawgan sample ",
        ),
        (["sample", "--single"], "--single and --columns are for images, but "),
        (["evaluate", "--features", "x"], "--features is for images, but "),
    ],
)
def test_options_and_commands_about_images_are_refused(options, message, run, capsys):
    command, *rest = options
    assert main([command, str(run), *rest]) == 1
    assert message in capsys.readouterr().err


def test_a_run_of_points_is_no_run_of_images(run):
    path = run.parent / "other"
    folder = RunFolder.create(path, "x")
    folder.write_config({**small().to_dict(), "model": "dcgan"})
    with pytest.raises(ConfigError, match="model dcgan makes images, but grid25 is points"):
        restore(folder)
    assert isinstance(restore(RunFolder.open(run))[0], GAN)
