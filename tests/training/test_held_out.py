"""Held-out images: D is looked at with them and never trained with them; and augmentation by default of few images."""

import json

import numpy as np
import pytest
from PIL import Image
from run_files import files

from rawgan import Tensor
from rawgan.cli import main
from rawgan.cli.docstrings import help_of
from rawgan.config.augmentation import SMALL
from rawgan.config.noise import TrainConfig
from rawgan.config.options import options_of
from rawgan.data import Batches, ImageSet
from rawgan.data.hold_out import FEW, hold_out_few
from rawgan.errors import ArgumentError
from rawgan.gan import logits_as_trained
from rawgan.storage import RunFolder
from rawgan.tasks import NoiseTask
from rawgan.training import Trainer, train

COUNT = 120


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """Images of which each is one grey, its number."""
    path = tmp_path_factory.mktemp("data") / "greys.npz"
    greys = np.broadcast_to(np.arange(COUNT)[:, None, None], (COUNT, 8, 8)).astype(np.uint8)
    np.savez(path, images=greys, labels=np.arange(COUNT) % 3)
    return str(path)


def config_of(place, **options):
    return TrainConfig.of(
        **{"data": place, "image_size": 8, "channels": 1, "width": 2, "noise_size": 4, "batch_size": 8, "samples": 4,
           "steps": 6, "sample_every": 3, **options}
    )  # fmt: skip


def numbers(images):
    """Numbers of the images, from pixels or from what networks see."""
    pixels = images if images.dtype == np.uint8 else np.round((images + 1) * 127.5)
    return {*pixels[:, 0, 0, 0].astype(int).tolist()}


# --- which images ----------------------------------------------------------------------------------------------------


def test_a_tenth_is_held_out_and_never_trained_with(place):
    task = Trainer(config_of(place, augment="none")).task
    trained = set.union(*(numbers(task.real(index).numpy()) for index in range(60)))
    held_out = numbers(task.held_out.images)
    assert (len(trained), len(held_out)) == (108, 12)
    assert not trained & held_out
    assert numbers(Trainer(config_of(place)).task.held_out.images) == held_out
    assert numbers(Trainer(config_of(place, seed=1)).task.held_out.images) != held_out


@pytest.mark.parametrize(
    ("count", "batch_size", "held_out"), [(99, 8, 0), (100, 8, 10), (100, 95, 0), (110, 99, 11), (20_000, 64, FEW)]
)
def test_not_more_are_held_out_than_can_be_spared(count, batch_size, held_out):
    rest, few = hold_out_few(ImageSet(np.zeros((count, 8, 8, 1), np.uint8), None, "zeros"), batch_size, 0)
    assert (len(rest), 0 if few is None else len(few)) == (count - held_out, held_out)


def test_an_image_of_each_class_stays():
    labels = np.r_[np.zeros(60, int), np.arange(1, 61)]
    rest, few = hold_out_few(ImageSet(np.zeros((120, 8, 8, 1), np.uint8), labels, "zeros"), 8, 0)
    assert len(few) == 12
    assert {*rest.labels.tolist()} == {*range(61)}


def test_test_images_are_the_held_out_ones_where_there_are_some(tmp_path):
    for part, grey, count in (("train", 50, 24), ("test", 200, 11)):
        (tmp_path / part).mkdir()
        for number in range(count):
            Image.new("L", (8, 8), grey).save(tmp_path / part / f"{number}.png")
    task = Trainer(config_of(str(tmp_path))).task
    assert len(task.data) == 24
    assert numbers(task.held_out.images) == {200}


def test_the_test_images_of_mnist_are_read_when_they_are_needed(monkeypatch):
    read = []
    monkeypatch.setattr("rawgan.tasks.held_out.load_test_images", lambda *arguments: read.append(1))
    monkeypatch.setattr("rawgan.tasks.held_out.few_of", lambda images, seed: images)
    trainer = Trainer(TrainConfig.of(width=2, batch_size=4))
    assert not read
    assert trainer.task.look_at_d(1) == {}
    assert read


@pytest.mark.parametrize("points", [True, False])
def test_without_such_images_there_is_no_figure(points, place, tmp_path):
    folder = RunFolder.create(tmp_path / "run", "x")
    config = TrainConfig.of(data="ring8", width=2) if points else config_of(place, batch_size=112)
    train(Trainer(config.replace(steps=2, sample_every=1, samples=4)), folder)
    assert all("d_held_out" not in line for line in folder.read_metrics())


# --- the figure ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("conditional", ["none", "projection"])
def test_the_figure_is_the_mean_probability_of_the_held_out_images(conditional, place, tmp_path):
    folder = RunFolder.create(tmp_path / "run", "x")
    trainer = Trainer(config_of(place, model="residual", conditional=conditional, augment="none"))
    train(trainer, folder)
    found = {line["step"]: line["d_held_out"] for line in folder.read_metrics() if "d_held_out" in line}
    assert {*found} == {3, 6}
    batch = Batches(trainer.task.held_out, 8, 0, "cpu", "held out")
    labels = batch.labels(0) if conditional == "projection" else None
    logits = trainer.gan.discriminate(Tensor(batch.batch(0)), labels).logits.numpy()
    assert found[6] == pytest.approx(float((1 / (1 + np.exp(-logits))).mean()), rel=1e-5)


def test_looking_changes_no_bit_of_the_run(place, tmp_path, monkeypatch):
    def left(name):
        folder = RunFolder.create(tmp_path / name, "x")
        train(Trainer(config_of(place, augment="ada", augment_images=100, spectral_norm=True, mirror=True)), folder)
        lines = [{k: v for k, v in line.items() if k != "d_held_out"} for line in folder.read_metrics()]
        return folder.checkpoints()[-1].read_bytes(), lines

    looked_at = left("with")
    monkeypatch.setattr(NoiseTask, "look_at_d", lambda self, step: {})
    assert left("without") == looked_at


@pytest.mark.parametrize("augment", ["ada", "diffaugment"])
def test_a_resumed_run_ends_with_the_same_bits(augment, place, tmp_path):
    """p of ADA has moved by then, and half of the signs for its next move are counted. With this seed, D takes some of
    the first images for real: r_t is above the target."""
    options = {"augment_images": 100, "augment_target": -1.0, "seed": 1} if augment == "ada" else {}
    config = config_of(place, augment=augment, mirror=True, steps=9, checkpoint_every=2, **options)
    whole, parts = (RunFolder.create(tmp_path / name, "x") for name in ("whole", "parts"))
    train(Trainer(config), whole)
    reached = []
    for stop in (2, 6, 9):
        checkpoint, _ = parts.newest_checkpoint()
        trainer = Trainer(config, checkpoint=checkpoint)
        reached.append(train(trainer, parts, should_stop=lambda trainer=trainer, stop=stop: trainer.reached >= stop))
    assert reached == [2, 6, 9]
    assert files(parts) == files(whole)
    if augment == "ada":
        found = [line["augment_p"] for line in whole.read_metrics()]
        assert found == pytest.approx([0, 0, 0, 0.32, 0.32, 0.32, 0.32, 0.64, 0.64])


def test_the_look_sees_what_d_sees_in_training(place):
    """Augmented, by draws of its own."""
    trainer, seen = Trainer(config_of(place, augment="diffaugment")), []
    trainer.step(1)
    forward = trainer.gan.discriminator.forward
    trainer.gan.discriminator.forward = lambda x: seen.append(x.numpy()) or forward(x)
    trainer.task.look_at_d(1)
    (batch,) = seen
    assert (batch == 0).any(axis=(1, 2, 3)).all()  # each has a square cut out
    image = Tensor(np.ones((8, 8, 8, 1), np.float32))
    first, again, other = (
        logits_as_trained(trainer.gan, image, trainer.task.loss_config, 0, draw).numpy() for draw in (0, 0, 1)
    )
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


# --- the default -----------------------------------------------------------------------------------------------------


def test_few_images_are_augmented_unless_an_option_says_otherwise(place, tmp_path):
    folder = RunFolder.create(tmp_path / "run", "x")
    train(Trainer(config_of(place, steps=1)), folder)
    assert folder.read_config()["augment"] == "diffaugment"
    assert TrainConfig.from_dict(folder.read_config(), "x").augmentation.name == "diffaugment"
    assert Trainer(config_of(place, augment="none")).config.augmentation.name == "none"
    assert Trainer(TrainConfig.of(width=2, batch_size=4)).config.augmentation.name == "none"
    assert TrainConfig.of(data="ring8").augmentation.name == "none"
    assert f"fewer than {SMALL:,} training images" in help_of(options_of(TrainConfig)["augment"])


def test_the_first_lines_say_it(place, tmp_path, capsys):
    flags = ["--image-size=8", "--width=2", "--batch-size=8", "--samples=4", "--steps=1"]
    assert main(["train", "--data", place, *flags, "--out", str(tmp_path / "a")]) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert "108 images of 8×8×1 (12 held out)" in said
    assert "--augment diffaugment, the default for fewer than 5,000 training images; --augment none leaves them" in said
    assert main(["train", "--data", place, *flags, "--augment", "none", "--out", str(tmp_path / "b")]) == 0
    assert "augment" not in capsys.readouterr().out
    assert json.loads((tmp_path / "a" / "metrics.jsonl").read_text())["step"] == 1


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"augment": "diffaugment", "data": "ring8"}, "augment is for images, but ring8 is points"),
        ({"mirror": True, "data": "ring8"}, "mirror is for images, but ring8 is points"),
        ({"augment_target": 0.5}, "augment_target and augment_images have no effect without --augment ada"),
        ({"augment": "diffaugment", "augment_images": 9}, "augment_target and augment_images have no effect without"),
        ({"augment": "cutmix"}, "there is no augment 'cutmix'; choose one of: none, ada, diffaugment"),
        (
            {"augment": "ada", "cuda_graph": True, "device": "cuda", "backend": "cuda"},
            "cuda_graph repeats a step, but augment ada draws other numbers in each",
        ),
    ],
)
def test_contradictions_are_found_before_training(options, message):
    with pytest.raises(ArgumentError) as error:
        TrainConfig.of(**options).check()
    assert str(error.value).startswith(message)


def test_translators_have_no_such_option(capsys):
    with pytest.raises(SystemExit):
        main(["pix2pix", "--augment", "ada"])
    assert "--augment" in capsys.readouterr().err
