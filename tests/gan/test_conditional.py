"""Class-conditional GANs: their formulas against NumPy, and the labels of the data."""

import dataclasses

import numpy as np
import pytest

from rawgan import Tensor, grad, nn, ops
from rawgan.data import ImageSet
from rawgan.errors import ArgumentError, DataError
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
from rawgan.metrics.evaluation import labels_like
from rawgan.random import make_rng
from rawgan.testing import check_layer, gradcheck

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
