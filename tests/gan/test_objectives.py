"""Objectives and gradient penalties: their formulas, and their gradients."""

import functools

import numpy as np
import pytest

from rawgan import Tensor, grad, ops
from rawgan.errors import ArgumentError
from rawgan.gan import (
    OBJECTIVES,
    PENALTIES,
    ImageSpec,
    LossConfig,
    build,
    discriminator_step,
    losses_of,
)
from rawgan.gan.objectives import PairedLosses
from rawgan.gan.penalties import squared_slopes
from rawgan.random import make_rng
from rawgan.testing import gradcheck

LOGITS = np.array([[-2.0], [0.3], [1.7]])
OTHERS = np.array([[0.5], [-1.1], [2.2]])


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


# --- objectives ---------------------------------------------------------------------------------------------------

FORMULAS = {
    "non-saturating": (lambda r, f: -np.log(sigmoid(r)) - np.log(1 - sigmoid(f)), lambda f, r: -np.log(sigmoid(f))),
    "minimax": (lambda r, f: -np.log(sigmoid(r)) - np.log(1 - sigmoid(f)), lambda f, r: np.log(1 - sigmoid(f))),
    "least-squares": (lambda r, f: ((r - 1) ** 2 + f**2) / 2, lambda f, r: (f - 1) ** 2 / 2),
    "hinge": (lambda r, f: np.maximum(0, 1 - r) + np.maximum(0, 1 + f), lambda f, r: -f),
    "wasserstein": (lambda r, f: f - r, lambda f, r: -f),
    "relativistic": (lambda r, f: -np.log(sigmoid(r - f)), lambda f, r: -np.log(sigmoid(f - r))),
}


@pytest.mark.parametrize("name", OBJECTIVES)
def test_objectives_are_their_formulas(name):
    play = losses_of(name)
    for_d, for_g = FORMULAS[name]
    real, fake = Tensor(LOGITS), Tensor(OTHERS)
    if isinstance(play, PairedLosses):
        d, g = play.discriminator(real, fake), play.generator(fake, real)
    else:
        d, g = play.real(real) + play.fake(fake), play.generator(fake)
    assert d.item() == pytest.approx(for_d(LOGITS, OTHERS).mean(), rel=1e-12)
    assert g.item() == pytest.approx(for_g(OTHERS, LOGITS).mean(), rel=1e-12)


@pytest.mark.parametrize("name", ["non-saturating", "least-squares"])
def test_smoothed_targets(name):
    play = losses_of(name, 0.1, 0.2)
    p, q = sigmoid(LOGITS), sigmoid(OTHERS)
    expected = {
        "non-saturating": (-0.9 * np.log(p) - 0.1 * np.log(1 - p), -0.2 * np.log(q) - 0.8 * np.log(1 - q)),
        "least-squares": ((LOGITS - 0.9) ** 2 / 2, (OTHERS - 0.2) ** 2 / 2),
    }[name]
    assert play.real(Tensor(LOGITS)).item() == pytest.approx(expected[0].mean(), rel=1e-12)
    assert play.fake(Tensor(OTHERS)).item() == pytest.approx(expected[1].mean(), rel=1e-12)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("minmax",), "there is no objective 'minmax'; choose one of: hinge, least-squares, "),
        (("hinge", 0.1), "smooth_real moves targets, which hinge does not have; objectives with them: least-squares"),
        (("minimax", 0.0, 0.5), "smooth_fake must be at least 0 and below 0.5, but is 0.5"),
    ],
)
def test_objectives_without_a_meaning(arguments, message):
    with pytest.raises(ArgumentError) as error:
        losses_of(*arguments)
    assert str(error.value).startswith(message)


# --- penalties ----------------------------------------------------------------------------------------------------


def linear(x, w):
    """D(x) = w · x, whose slope is w everywhere."""
    return ops.matmul(ops.reshape(x, (len(x), -1)), w)


@pytest.fixture
def images():
    rng = np.random.default_rng(0)
    return [Tensor(rng.standard_normal((5, 2, 2, 1))) for _ in range(2)]


@pytest.mark.parametrize("name", PENALTIES)
def test_penalties_of_a_linear_discriminator_are_their_formulas(name, images):
    w = Tensor(np.array([[0.5], [-1.0], [2.0], [0.1]]), requires_grad=True)
    penalty = PENALTIES[name].value(functools.partial(linear, w=w), *images, np.random.default_rng(0))
    squared = (w.data**2).sum()
    to_one = (np.sqrt(squared) - 1) ** 2
    expected = {"r1": squared / 2, "r2": squared / 2, "r1+r2": squared, "wgan-gp": to_one, "dragan": to_one}[name]
    assert penalty.item() == pytest.approx(expected, rel=1e-12)
    slope = {"r1": 1, "r2": 1, "r1+r2": 2}.get(name, 2 * (1 - 1 / np.sqrt(squared)))
    np.testing.assert_allclose(grad(penalty, [w])[0].data, slope * w.data, rtol=1e-12)


@pytest.mark.parametrize("name", PENALTIES)
def test_the_gradient_of_a_penalty_is_exact(name, images):
    """Compare with finite differences, through two convolutions and an activation."""
    rng = np.random.default_rng(1)
    weights = [rng.standard_normal(shape) for shape in ((2, 2, 1, 3), (3, 1))]

    def penalty(w, v):
        def discriminate(x):
            h = ops.tanh(ops.conv2d(x, w))  # (N, 1, 1, 3)
            return ops.matmul(ops.reshape(h, (len(x), 3)), v)

        return PENALTIES[name].value(discriminate, *images, np.random.default_rng(0))

    assert gradcheck(penalty, *weights, order=1, checks=()).error(1) < 1e-7  # the images stay float64


@pytest.mark.parametrize("name", PENALTIES)
def test_a_flat_discriminator_gives_no_nan(name, images):
    w = Tensor(np.zeros((4, 1)), requires_grad=True)
    penalty = PENALTIES[name].value(functools.partial(linear, w=w), *images, np.random.default_rng(0))
    assert np.isfinite(penalty.item())
    np.testing.assert_array_equal(grad(penalty, [w])[0].data, 0)


def test_points_between_and_points_around(images):
    seen = []

    def discriminate(x):
        seen.append(x.data)
        return ops.sum(x, axis=(1, 2, 3))

    real, fake = images
    PENALTIES["wgan-gp"].value(discriminate, real, fake, np.random.default_rng(0))
    share = (seen[0] - fake.data) / (real.data - fake.data)
    np.testing.assert_allclose(share, np.broadcast_to(share[:, :1, :1], share.shape))
    assert ((share > 0) & (share < 1)).all()
    PENALTIES["dragan"].value(discriminate, real, fake, np.random.default_rng(0))
    away = (seen[1] - real.data) / real.data.std()
    assert ((away > 0) & (away < 0.5)).all()


def test_squared_slopes_are_of_each_image():
    x = np.arange(6.0).reshape(3, 2)
    np.testing.assert_allclose(squared_slopes(lambda x: ops.sum(x * x, axis=1), Tensor(x)).data, 4 * (x**2).sum(1))


def test_an_unknown_penalty():
    with pytest.raises(ArgumentError, match=r"^there is no penalty 'r3'; choose one of: dragan, r1, "):
        PENALTIES.find("r3")


def test_a_lazy_penalty_counts_as_much_as_the_steps_it_leaves_out():
    z, real = None, None
    moved = []
    lazy = LossConfig(penalty="r1", penalty_every=4)
    for loss_config, index in (
        (LossConfig(penalty="r1", penalty_weight=4.0), 3),
        (lazy, 4),
        (lazy, 3),
        (LossConfig(), 3),
    ):
        gan = build("residual", ImageSpec(8), width=2, noise_size=3)
        real, z = Tensor(make_rng(0, "x").uniform(-1, 1, (4, 8, 8, 1)).astype("float32")), gan.noise(0, "z", 4)
        discriminator_step(gan, real, gan.generator(z).detach(), loss_config, index)
        moved.append(gan.discriminator.state_dict())
    np.testing.assert_array_equal(moved[0]["0.w"], moved[1]["0.w"])
    np.testing.assert_array_equal(moved[2]["0.w"], moved[3]["0.w"])
    assert not np.array_equal(moved[0]["0.w"], moved[2]["0.w"])
