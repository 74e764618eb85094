"""Class-conditional GANs: their formulas against NumPy, whose labels go where, whole runs, and the commands."""

import dataclasses
import json
import re
import shutil

import numpy as np
import pytest
from PIL import Image
from watch import Watch

from rawgan import Tensor, grad, nn, ops
from rawgan.cli import main
from rawgan.cli.class_labels import number_of
from rawgan.config.noise import TrainConfig
from rawgan.data import ImageSet, load
from rawgan.errors import ArgumentError, ConfigError, DataError
from rawgan.gan import (
    PENALTIES,
    GraphedStep,
    ImageSpec,
    LossConfig,
    build,
    discriminator_step,
    generate,
    train_step,
)
from rawgan.gan.conditional import discriminator_output, with_scores
from rawgan.inference.trained_networks import restore
from rawgan.metrics import Classifier, Reference, load_classifier
from rawgan.metrics.evaluation import labels_like
from rawgan.metrics.extractors.classifier import ClassifierSpec
from rawgan.random import make_rng
from rawgan.storage import RunFolder
from rawgan.testing import check_layer, gradcheck
from rawgan.training import Trainer, train

KINDS = ["projection", "auxiliary"]
LABELS = np.array([2, 0, 1, 2])


def rng(seed=0):
    return np.random.default_rng(seed)


def small(kind, model="dcgan", **options):
    return build(model, ImageSpec(8), noise_size=3, width=2, conditional=kind, classes=3, **options)


def batch(gan, count=4):
    real = rng().uniform(-1, 1, (count, 8, 8, 1)).astype("float32")
    return Tensor(real), gan.noise(0, "z", count)


def softplus(x):
    return np.log1p(np.exp(x))


def cross_entropy(scores, labels):
    scores = scores.astype(np.float64)
    return np.mean(np.log(np.exp(scores).sum(axis=1)) - scores[np.arange(len(labels)), labels])


# --- the networks -------------------------------------------------------------------------------------------------


def test_branches_stand_side_by_side_and_their_gradients_are_exact():
    logit, scores = nn.Linear(3, 1, rng=rng(1)), nn.Linear(3, 2, bias=False, rng=rng(2))
    x = rng().standard_normal((3, 3)).astype("float32")
    np.testing.assert_array_equal(nn.Branches(logit, scores)(x).data, np.hstack([logit(x).data, scores(x).data]))
    assert check_layer(nn.Branches(logit, scores), x).error(2) < 1e-6


@pytest.mark.parametrize("kind", KINDS)
def test_the_gradients_of_a_verdict_are_exact(kind):
    def told(output):
        logits, class_loss = discriminator_output(kind, output, LABELS)
        return ops.sum(logits * logits) if class_loss is None else ops.sum(logits * logits) + class_loss

    assert gradcheck(told, rng().standard_normal((4, 4)), order=2, checks=()).error(2) < 1e-6


@pytest.mark.parametrize("model", ["dcgan", "tutorial", "residual"])
def test_projection_is_its_formula(model):
    """ψ(φ(x)) + ⟨embed(y), φ(x)⟩, the columns of the second layer being the table of embeddings."""
    gan = small("projection", model)
    real, _ = batch(gan)
    *body, heads = gan.discriminator.layers
    with gan.discriminator.evaluating():
        phi = nn.Sequential(*body)(real).data.astype(np.float64)
        found = gan.discriminate(real, LABELS)
    logit, scores = heads.branches
    bias = 0.0 if logit.b is None else logit.b.data
    embedded = scores.w.data.T[LABELS]
    expected = phi @ logit.w.data + bias + (embedded * phi).sum(axis=1, keepdims=True)
    assert (found.class_loss, scores.b) == (None, None)
    np.testing.assert_allclose(found.logits.data, expected, rtol=1e-5, atol=1e-6)
    assert np.abs(found.logits.data - gan.discriminate(real, (LABELS + 1) % 3).logits.data).min() > 0


def test_an_auxiliary_discriminator_names_classes():
    gan = small("auxiliary")
    real, _ = batch(gan)
    with gan.discriminator.evaluating():
        output = gan.discriminator(real).data
        found = gan.discriminate(real, LABELS)
    np.testing.assert_array_equal(found.logits.data, output[:, :1])
    assert found.class_loss.item() == pytest.approx(cross_entropy(output[:, 1:], LABELS), rel=1e-6)


@pytest.mark.parametrize("model", ["dcgan", "tutorial", "residual"])
def test_the_generator_reads_the_class_behind_the_noise(model):
    gan = small("projection", model)
    z = gan.noise(0, "z", 4)
    latent = gan.latent(z, LABELS)
    np.testing.assert_array_equal(latent.data[:, :3], z.data)
    np.testing.assert_array_equal(latent.data[:, 3:], np.eye(3)[LABELS])
    w = gan.generator[0].w.data  # what the class adds is its row: an embedding
    added = gan.generator[0](latent).data - gan.generator[0](np.hstack([z.data, np.zeros((4, 3), "float32")])).data
    np.testing.assert_allclose(added, w[3:][LABELS], atol=1e-5)


def test_an_average_and_spectral_norm_know_the_classes():
    gan = small("projection", spectral_norm=True, average_decay=0.9)
    logit, scores = gan.discriminator.layers[-1].branches
    assert isinstance(logit, nn.SpectralNorm)
    x = np.eye(scores.layer.w.shape[0], dtype="float32")
    for _ in range(50):
        y = scores(x)
    assert np.linalg.svd(y.data, compute_uv=False)[0] == pytest.approx(1, rel=1e-5)
    assert generate(gan.sampler, gan.latent(gan.noise(0, "z", 3), gan.cyclic_labels(3))).shape == (3, 8, 8, 1)


@pytest.mark.parametrize("kind", KINDS)
def test_weights_and_noise_without_classes_are_what_they_were(kind):
    gan, plain = small(kind), build("dcgan", ImageSpec(8), noise_size=3, width=2)
    np.testing.assert_array_equal(gan.noise(0, "z", 4).data, plain.noise(0, "z", 4).data)
    assert plain.latent(plain.noise(0, "z", 4), None).shape == (4, 3)
    assert (plain.cyclic_labels(4), plain.grid(0, "samples", 4).labels) == (None, None)


@pytest.mark.parametrize(
    ("use", "message"),
    [
        (lambda: small("embedding"), "there is no conditional GAN 'embedding'; choose one of: none, projection, "),
        (lambda: small("projection", pack=2), "pack 2: D would see images of several classes as one, but"),
        (lambda: small("none"), "dcgan: conditional none is for 2 classes or more, none for 0, not 3"),
        (lambda: build("dcgan", ImageSpec(8), conditional="auxiliary"), "dcgan: conditional auxiliary is for 2 cl"),
        (lambda: with_scores(nn.Sequential(nn.Tanh()), "projection", 3, rng()), "conditional projection: D must end"),
        (lambda: small("projection").discriminate(Tensor(np.zeros((4, 8, 8, 1)))), "this dcgan is conditional, so"),
        (lambda: build("dcgan", ImageSpec(8)).latent(Tensor([[1.0]]), LABELS), "this dcgan has no classes, so it "),
        (lambda: small("projection").latent(Tensor(np.zeros((4, 3))), LABELS + 1), "labels must lie in 0 … 2, but go "),
        (lambda: small("projection").latent(Tensor(np.zeros((4, 3))), LABELS[:1]), "labels must be whole numbers, one"),
        (lambda: small("projection").latent(Tensor(np.zeros((4, 3))), LABELS / 2), "labels must be whole numbers, one"),
    ],
)  # fmt: skip
def test_what_makes_no_sense_is_refused(use, message):
    with pytest.raises(ArgumentError) as error:
        use()
    assert str(error.value).startswith(message)


# --- the step -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_losses_are_their_formulas(kind):
    """What the step reports of D, against NumPy."""
    gan, twin = small(kind), small(kind)
    real, z = batch(gan)
    fake = gan.generator(gan.latent(z, LABELS)).detach()
    logits, scores = zip(
        *((y[:, :1], y[:, 1:]) for y in (twin.discriminator(x).data for x in (real, fake))), strict=True
    )
    if kind == "projection":
        logits = [x + np.take_along_axis(s, LABELS[:, None], axis=1) for x, s in zip(logits, scores, strict=True)]
    found = {name: x.item() for name, x in discriminator_step(gan, real, fake, given=LABELS).items()}
    loss, d_real, d_fake = found.pop("d_loss"), found.pop("d_real"), found.pop("d_fake")
    assert loss == pytest.approx(softplus(-logits[0]).mean() + softplus(logits[1]).mean(), rel=1e-5)
    assert (d_real, d_fake) == pytest.approx([np.mean(1 / (1 + np.exp(-x))) for x in logits], rel=1e-5)
    names = ("class_real", "class_fake") if kind == "auxiliary" else ()
    expected = {name: cross_entropy(s, LABELS) for name, s in zip(names, scores, strict=False)}
    assert found == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("objective", ["non-saturating", "hinge", "relativistic"])
@pytest.mark.parametrize("kind", KINDS)
def test_both_networks_go_down_the_slope_of_loss_and_class_loss(kind, objective):
    """The optimisers are given the gradients of what D and G are to minimise, computed here in one go."""
    gan, twin = small(kind, "residual"), small(kind, "residual")  # without batch norm in D: halves may be joined
    loss_config, (real, z) = LossConfig(objective), batch(gan)
    fake, play = twin.generator(twin.latent(z, LABELS)), LossConfig(objective).losses
    seen = {}
    for name, optimizer in (("d", gan.d_optimizer), ("g", gan.g_optimizer)):
        optimizer.step = lambda gradients, name=name: seen.update({name: gradients})  # and D stays as it is
    train_step(gan, real, z, loss_config, labels=LABELS)
    (r, r_loss), (f, f_loss) = twin.discriminate(real, LABELS), twin.discriminate(fake, LABELS)
    if objective == "relativistic":
        for_d, for_g = play.discriminator(r, f), play.generator(f, r)
    else:
        for_d, for_g = play.real(r) + play.fake(f), play.generator(f)
    if kind == "auxiliary":
        for_d, for_g = for_d + r_loss + f_loss, for_g + f_loss
    for name, loss, optimizer in (("d", for_d, twin.d_optimizer), ("g", for_g, twin.g_optimizer)):
        for found, expected in zip(seen[name], grad(loss, optimizer.parameters, create_graph=True), strict=True):
            np.testing.assert_allclose(found.data, expected.data, rtol=2e-4, atol=2e-6, err_msg=name)


@pytest.mark.parametrize("name", PENALTIES)
def test_penalties_are_of_the_slope_at_the_class_of_the_image(name):
    """What a penalty adds to D's gradients, with a D that bends, so that each image has a slope of its own."""
    inner, logit, scores = nn.Linear(64, 4, rng=rng(1)), nn.Linear(4, 1, rng=rng(2)), nn.Linear(4, 3, rng=rng(3))
    network = nn.Sequential(nn.Flatten(), inner, nn.Tanh(), nn.Branches(logit, scores))
    gan, seen = small("projection"), []
    optimizer = type(gan.d_optimizer)(network.parameters(), 1e-3)
    optimizer.step = seen.append
    gan = dataclasses.replace(gan, discriminator=network, d_optimizer=optimizer)
    real, z = batch(gan)
    fake = gan.generator(gan.latent(z, LABELS)).detach()
    for loss_config in (LossConfig(), LossConfig(penalty=name)):
        discriminator_step(gan, real, fake, loss_config, given=LABELS)

    def judge(x):
        phi = ops.tanh(inner(ops.reshape(x, (4, 64))))
        embedded = ops.take(ops.transpose(scores.w), LABELS)
        return logit(phi) + ops.sum(embedded * phi, axis=1, keepdims=True)

    price = PENALTIES[name].value(judge, real, fake, make_rng(0, "penalty", 0))
    for plain, found, expected in zip(*seen, grad(price, optimizer.parameters, unconnected="zero"), strict=True):
        np.testing.assert_allclose(found.data - plain.data, expected.data, rtol=1e-3, atol=1e-5)


def test_a_graph_of_a_step_takes_no_labels(monkeypatch):
    monkeypatch.setattr("rawgan_kernels.backend_of", lambda array: "cuda")
    with pytest.raises(ArgumentError, match="GraphedStep: labels, which change from step to step"):
        GraphedStep(small("projection"))


# --- the data -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (None, "photos: these images have no labels, and so no classes\n  known sets have some, IDX folders"),
        ([0, 1, 3, 3], "photos: labels must number the classes 0, 1, 2, … without a gap, but 3 classes are"),
        ([1, 2, 1, 2], "photos: labels must number the classes 0, 1, 2, … without a gap, but 2 classes are"),
        ([-1, 0, 1, 1], "photos: labels must number the classes 0, 1, 2, … without a gap, but 3 classes are"),
    ],
)
def test_labels_that_number_no_classes(labels, message):
    images = ImageSet(np.zeros((4, 8, 8, 1), np.uint8), labels and np.array(labels), "photos")
    for use in (images.count_classes, lambda: labels_like(images, 3, 0)):
        with pytest.raises(DataError) as error:
            use()
        assert str(error.value).startswith(message)


def test_labels_in_the_shares_of_the_data():
    labels = np.repeat([0, 1, 2], [70, 20, 10])
    images = ImageSet(np.zeros((100, 8, 8, 1), np.uint8), rng().permutation(labels), "zeros")
    drawn = labels_like(images, 31, 5)
    assert np.abs(np.bincount(drawn) - [21.7, 6.2, 3.1]).max() < 1
    np.testing.assert_array_equal(drawn, labels_like(images, 31, 5))
    assert not np.array_equal(drawn, np.sort(drawn))


# --- runs ---------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module", autouse=True)
def _quick():
    """Without plots: matplotlib takes longer than these runs."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("rawgan.training.extensions.curves.plot_losses", lambda path, records: path)
        yield


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
    tiny = {"image_size": 8, "width": 2, "noise_size": 4, "batch_size": 8, "samples": 6, "sample_every": 99}
    return TrainConfig.of(data=squares, **{"steps": 4, **tiny, **options})


def test_each_update_is_about_the_classes_of_its_own_real_images(squares, monkeypatch):
    training = Trainer(config(squares, conditional="auxiliary", d_steps=3, g_steps=2, objective="wasserstein"))
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
    assert ("class_real" in lines[0]) == (asked.conditional == "auxiliary")
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
    options = ["--image-size", "8", "--width", "2", "--batch-size", "8", "--conditional", "projection", "--dry-run"]
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
        assert picture.width / picture.height == pytest.approx(32 / 22)  # 3 × 2 images of 8 with 2 between and around
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
    with pytest.raises(ConfigError, match="a conditional run's configuration must say classes, as rawgan writes it"):
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

    monkeypatch.setattr("rawgan.cli.commands.evaluate.generate", made)
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


# --- classes with names -------------------------------------------------------------------------------------------


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
    assert "dcgan on 120 images of 8×8×1 in 3 classes, 0 bird, 1 cat, 2 dog: 1 step" in capsys.readouterr().out
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
    assert (
        main(["train", "--data", str(folder), *TINY, "--channels", "4", "--evaluate-every", "1", "--out", str(out)])
        == 1
    )
    assert "train one on them, if they have labels" in capsys.readouterr().err
    assert main(["train", "--data", str(folder), *TINY, "--channels", "4", "--out", str(out)]) == 0
    assert "dcgan on 200 images of 8×8×4: 1 step" in capsys.readouterr().out
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
