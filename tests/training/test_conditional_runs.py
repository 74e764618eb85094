"""Runs and commands of class-conditional GANs."""

import json

import numpy as np
import pytest
from PIL import Image
from watch import Watch

from rawgan.cli import main
from rawgan.config.noise import TrainConfig
from rawgan.errors import ArgumentError, ConfigError, DataError
from rawgan.gan import (
    ImageSpec,
    build,
    generate,
)
from rawgan.inference.trained_networks import restore
from rawgan.pictures.words import BAND
from rawgan.storage import RunFolder
from rawgan.training import Trainer, train

KINDS = ["projection", "auxiliary"]


def rng(seed=0):
    return np.random.default_rng(seed)


def small(kind, model="dcgan", **options):
    return build(model, ImageSpec(8), noise_size=3, width=2, conditional=kind, classes=3, **options)


@pytest.fixture(scope="module")
def squares(tmp_path_factory):
    """Images whose upper half is bright in class 0, whose lower half in class 1, and their labels."""
    labels = np.arange(300) % 2
    images = rng().integers(0, 60, (300, 8, 8), np.uint8)
    for image, label in zip(images, labels, strict=True):
        image[4 * label : 4 * label + 4] += 180
    path = tmp_path_factory.mktemp("data") / "squares.npz"
    np.savez(path, images=images, labels=labels)
    return str(path)


def config(squares, **options):
    tiny = {
        "model": "dcgan",
        "image_size": 8,
        "width": 2,
        "noise_size": 4,
        "batch_size": 8,
        "samples": 6,
        "sample_every": 99,
    }
    return TrainConfig.of(data=squares, **{"steps": 4, **tiny, **options})


def test_each_update_is_about_the_classes_of_its_own_real_images(squares, monkeypatch):
    options = {"conditional": "auxiliary", "d_steps": 3, "g_steps": 2, "objective": "wasserstein", "augment": "none"}
    training = Trainer(config(squares, **options))
    asked, judged = [], []
    forward, discriminate = training.gan.generator.forward, type(training.gan).discriminate
    training.gan.generator.forward = lambda x: asked.append(x.data[:, 4:].argmax(axis=1)) or forward(x)
    monkeypatch.setattr(
        type(training.gan),
        "discriminate",
        lambda gan, x, labels: judged.append((x.data, labels)) or discriminate(gan, x, labels),
    )
    training.step(1), training.step(2)
    a, b, c, d, e, f = (training.task.batches.labels(index) for index in range(6))
    for found, expected in zip(asked, [a, b, c, c, d, e, f, f], strict=True):
        np.testing.assert_array_equal(found, expected)
    expected = [a, a, b, b, c, c, c, c, d, d, e, e, f, f, f, f]
    for (_, found), labels in zip(judged, expected, strict=True):
        np.testing.assert_array_equal(found, labels)
    np.testing.assert_array_equal(judged[2][0], training.task.real(1).data)


RECIPES = {
    "projection": {"conditional": "projection", "ema": 0.9, "spectral_norm": True, "d_steps": 2, "g_steps": 2},
    "auxiliary": {"conditional": "auxiliary", "model": "tutorial", "instance_noise": 0.1, "smooth_real": 0.1},
    "style": {"conditional": "auxiliary", "model": "style", "width": 1, "g_penalty": "path-length"},
    "pairs": {"conditional": "projection", "model": "residual", "objective": "relativistic", "penalty": "r1+r2"},
    "between": {"conditional": "auxiliary", "model": "residual", "objective": "wasserstein", "penalty": "wgan-gp"},
}


@pytest.mark.parametrize("name", RECIPES)
def test_conditional_runs_go_on_bit_for_bit(name, squares, tmp_path):
    asked = config(squares, **RECIPES[name])
    whole, parted = (RunFolder.create(tmp_path / kind, "x") for kind in ("whole", "parted"))
    training = Trainer(asked)
    train(training, whole)
    steps = []
    train(Trainer(asked), parted, Watch(steps.append), should_stop=lambda: len(steps) == 2)
    train(Trainer(TrainConfig.from_dict(parted.read_config(), "x"), checkpoint=parted.newest_checkpoint()[0]), parted)
    assert parted.checkpoints()[-1].read_bytes() == whole.checkpoints()[-1].read_bytes()
    assert parted.metrics_file.read_bytes() == whole.metrics_file.read_bytes()
    assert parted.sample_path(4).read_bytes() == whole.sample_path(4).read_bytes()
    lines = whole.read_metrics()
    assert ("class_real" in lines[0]) == (asked.networks.conditional == "auxiliary")
    assert all(np.isfinite(list(line.values())).all() for line in lines)
    gan, _ = restore(whole)
    np.testing.assert_array_equal(generate(gan.sampler, gan.grid(0, "samples", 6).latent), training.task.sample())


@pytest.mark.parametrize("kind", KINDS)
def test_a_class_that_is_asked_for_is_made(kind, squares):
    training = Trainer(config(squares, conditional=kind, width=4, learning_rate=0.005, samples=20, batch_size=16))
    for number in range(1, 81):
        record = training.step(number)
    brightness = training.task.sample().mean(axis=(2, 3)).reshape(2, 10, 2, 4).mean(axis=3)  # class, image, half
    assert (brightness[0, :, 0] > brightness[0, :, 1] + 0.5).all()
    assert (brightness[1, :, 1] > brightness[1, :, 0] + 0.5).all()
    if kind == "auxiliary":
        assert max(record["class_real"], record["class_fake"]) < 0.1 < np.log(2)


def test_samples_are_a_row_for_each_class_of_the_same_noise(squares):
    training = Trainer(config(squares, conditional="projection", samples=7))
    latent = training.task._grid.latent.data.reshape(2, 3, 6)
    np.testing.assert_array_equal(latent[0, :, :4], latent[1, :, :4])
    assert len({row.tobytes() for row in latent[0, :, :4]}) == 3
    assert latent[..., 4:].argmax(axis=2).tolist() == [[0] * 3, [1] * 3]
    assert (training.task.columns, Trainer(config(squares)).task.columns) == (3, None)
    few = small("projection").grid(0, "samples", 2)  # fewer images than classes
    assert (few.labels.tolist(), few.columns) == ([0, 1], 1)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"conditional": "projection", "pack": 2}, ArgumentError, "pack 2: D would see images of several classes"),
        ({"classes": 2}, ArgumentError, "classes 2 has no effect without --conditional"),
        ({"conditional": "projection", "classes": 3}, DataError, "squares.npz: its labels number 2 classes, but "),
        (
            {"conditional": "auxiliary", "device": "cuda", "backend": "cuda", "cuda_graph": True},
            ArgumentError, "cuda_graph repeats a step, but conditional auxiliary has other labels in each",
        ),
    ],
)  # fmt: skip
def test_contradictions_are_found_before_training(options, error, message, squares):
    with pytest.raises(error) as caught:
        Trainer(config(squares, **options))
    assert str(caught.value).startswith(message)


# --- commands -----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def run(squares, tmp_path_factory):
    """A finished run of two steps."""
    folder = RunFolder.create(tmp_path_factory.mktemp("run") / "run", "x")
    train(Trainer(config(squares, conditional="projection", steps=2)), folder)
    return folder.path


def test_train_is_asked_for_classes(squares, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "140")
    options = ["--model", "dcgan", "--image-size", "8", "--width", "2", "--batch-size", "8", "--dry-run"]
    options += ["--conditional", "projection"]
    assert main(["train", "--data", squares, *options]) == 0
    printed = capsys.readouterr().out
    assert "  Linear(4 → 1) " in printed
    assert "  Linear(4 → 2, no bias) " in printed
    assert "Linear(102 → " in printed
    assert "8 × 3 " in printed


def test_in_a_terminal_classes_alternate(squares):
    """One of each class, of the same noise, and then the next: as many as there is room for."""
    training = Trainer(config(squares, conditional="projection"))
    samples = np.arange(6).reshape(6, 1, 1, 1)  # three of each class
    images, group = training.task.shown(samples)
    assert group == 2
    assert images.ravel().tolist() == [0, 3, 1, 4, 2, 5]


def test_commands_ask_for_classes(run, tmp_path, capsys):
    assert 'conditional = "projection"\nclasses = 2\n' in (run / "config.toml").read_text()
    with Image.open(run / "samples" / "step-000002.png") as picture:
        height = picture.height - BAND  # without the caption
        assert picture.width / height == pytest.approx(32 / 22)  # 3 × 2 images of 8 with 2 between and around
    for options, name in (
        (["--count", "6"], "images-seed-0.png"), (["--count", "6", "--label", "1"], "images-label-1-seed-0.png"),
    ):  # fmt: skip
        assert main(["sample", str(run), *options]) == 0
        assert capsys.readouterr().out == f"{run / name}\n"
    with Image.open(run / "images-seed-0.png") as grid, Image.open(run / "images-label-1-seed-0.png") as ones:
        scale = grid.width // 32
        row, same = (np.asarray(image)[::scale, ::scale] for image in (grid, ones))  # 2 × 3 and, near a square, 2 × 3
        np.testing.assert_array_equal(row[12:20], same[2:10])  # the same noise, asked for class 1
        assert (row[2:10] != row[12:20]).any()
    assert main(["sample", str(run), "--single", "--count", "5", "--out", str(tmp_path / "each")]) == 0
    names = [f"label-{label}-0000{n}.png" for label in range(2) for n in range(2)]
    assert sorted(path.name for path in (tmp_path / "each").iterdir()) == names
    for options, name in (([], "interpolation"), (["--label", "0"], "interpolation-label-0")):
        assert main(["interpolate", str(run), "--walks", "3", "--frames", "4", *options]) == 0
        assert capsys.readouterr().out.endswith(f"{name}-seed-0.png\n")
    first, second = (
        np.asarray(Image.open(run / f"{n}-seed-0.png")) for n in ("interpolation", "interpolation-label-0")
    )
    third = len(first) // 3
    np.testing.assert_array_equal(first[:third], second[:third])  # the first walk is of class 0 in both
    assert (first[third : 2 * third] != second[third : 2 * third]).any()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["sample", "RUN", "--label", "2"], "rawgan sample: label must lie in 0 ... 1, but is 2\n"),
        (["interpolate", "RUN", "--label", "-1"], "rawgan interpolate: label must lie in 0 ... 1, but is -1\n"),
        (["train", "--resume", "RUN", "--conditional", "none"], "rawgan train: --conditional none: the run to resume "),
    ],
)
def test_commands_refuse_in_one_sentence(options, message, run, capsys):
    assert main([str(run) if option == "RUN" else option for option in options]) == 1
    assert capsys.readouterr().err.startswith(message)


def test_a_run_without_classes_is_asked_for_none(squares, tmp_path, capsys):
    folder = RunFolder.create(tmp_path / "plain", "x")
    train(Trainer(config(squares, steps=1)), folder)
    for command in ("sample", "interpolate"):
        assert main([command, str(folder.path), "--label", "1"]) == 1
        assert capsys.readouterr().err.startswith(f"rawgan {command}: label 1: this run was trained without classes\n")
    folder.write_config({**folder.read_config(), "conditional": "projection"})
    with pytest.raises(ConfigError, match="a run's configuration must say classes, as rawgan writes it"):
        restore(folder)


def test_evaluation_says_how_many_labels_were_kept(run, squares, tmp_path, capsys, monkeypatch):
    file = tmp_path / "squares.safetensors"
    assert main(["train-classifier", "--data", squares, "--image-size", "8", "--epochs", "2", "--out", str(file)]) == 0
    capsys.readouterr()

    def made(generator, latent, **options):
        """Images of the class asked for, but in one of four of the other."""
        classes = latent.data[:, 4:].argmax(axis=1)
        shown = np.where(np.arange(len(classes)) % 4 == 0, 1 - classes, classes)
        images = rng(1).uniform(-1, -0.6, (len(classes), 8, 8, 1)).astype("float32")
        images[np.arange(8)[None] // 4 == shown[:, None]] += 1.4
        assert abs(classes.mean() - 0.5) < 0.01
        return images

    monkeypatch.setattr("rawgan.cli.evaluation.images.generate", made)
    assert main(["evaluate", str(run), "--features", str(file)]) == 0
    printed = capsys.readouterr().out
    said = json.loads((run / "evaluation.json").read_bytes())
    assert said["generated"].keys() == said["floor"].keys()
    assert said["floor"]["label_kept"] == 1.0
    assert said["generated"]["label_kept"] == pytest.approx(0.75, abs=0.01)
    (row,) = [line.split() for line in printed.splitlines() if "of the class asked for" in line]
    asked = config(squares, conditional="projection", evaluate_every=1, evaluate_features=str(file))
    monkeypatch.setattr("rawgan.tasks.noise.generate", made)
    assert Trainer(asked).task.measure()["label_kept"] == said["generated"]["label_kept"]
    assert row[5:7] == [f"{said['generated']['label_kept']:.4f}", "1.0000"]


@pytest.mark.parametrize("model", ["dcgan", "tutorial"])
def test_describe_shows_the_heads(model, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "140")
    assert main(["describe", model, "--width", "8", "--conditional", "auxiliary", "--classes", "7"]) == 0
    printed = capsys.readouterr().out
    assert "Linear(107 →" in printed
    assert "64 × 8 " in printed
