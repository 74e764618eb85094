"""Augmentations: values against formulas, gradients of penalties through them, and where D sees them."""

import numpy as np
import pytest

import rawgan_kernels
from rawgan import Tensor, grad, ops
from rawgan.errors import ArgumentError
from rawgan.gan import (
    AUGMENTATIONS,
    GraphedStep,
    ImageSpec,
    LossConfig,
    PointSpec,
    TranslationSpec,
    build,
    build_translator,
    discriminator_step,
    generator_step,
    train_step,
    translation_step,
)
from rawgan.gan.augmentations import geometry
from rawgan.gan.augmentations.adaptation import AdaptiveProbability, sign_of_real
from rawgan.gan.augmentations.colour import coloured, random_colours
from rawgan.gan.augmentations.diffaugment import diffaugment
from rawgan.gan.augmentations.geometry import moved, random_places
from rawgan.gan.penalties import squared_slopes
from rawgan.gan.step import generator_loss
from rawgan.random import make_rng
from rawgan.testing import gradcheck
from rawgan.testing.backends import use_backend

P = 0.8


def images(count=4, size=8, channels=3, dtype="float32", seed=0):
    return Tensor(make_rng(seed, "images").uniform(-1, 1, (count, size, size, channels)).astype(dtype))


each_augmentation = pytest.mark.parametrize("name", AUGMENTATIONS)


# --- what every augmentation promises --------------------------------------------------------------------------------


@each_augmentation
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_shape_and_dtype_stay_and_so_do_the_images(channels, dtype, name):
    x = images(channels=channels, dtype=dtype)
    before = x.numpy().copy()
    y = AUGMENTATIONS[name].apply(x, make_rng(0, "draws"), P)
    assert (y.shape, y.dtype) == (x.shape, x.dtype)
    assert np.array_equal(x.numpy(), before)
    assert not np.allclose(y.numpy(), before)


@each_augmentation
def test_each_image_is_drawn_by_itself_and_again_by_the_same_numbers(name):
    alike = Tensor(np.repeat(images(1).numpy(), 6, axis=0))
    first, again = (AUGMENTATIONS[name].apply(alike, make_rng(0, "draws"), 1.0).numpy() for _ in range(2))
    assert np.array_equal(first, again)
    apart = {each.tobytes() for each in first}
    assert len(apart) == 6


@each_augmentation
@pytest.mark.parametrize("channels", [2, 4])
def test_colour_leaves_alpha_alone(channels, name):
    """Alpha that is the same everywhere stays so, but for pixels that are moved in or cut out."""
    x = images(16, channels=channels).numpy()
    x[..., -1] = 0.25
    alpha = AUGMENTATIONS[name].apply(Tensor(x), make_rng(0, "draws"), 1.0).numpy()[..., -1]
    assert {*np.unique(alpha.round(5)).tolist()} <= {0.25, 0.0}


@each_augmentation
def test_backends_agree(name):
    found = []
    for backend in ("reference", "cpu"):
        with use_backend(backend):
            found.append(AUGMENTATIONS[name].apply(images(), make_rng(0, "draws"), P).numpy())
    np.testing.assert_allclose(*found, rtol=0, atol=2e-6)


@each_augmentation
@pytest.mark.parametrize("channels", [1, 4])
def test_it_can_be_differentiated_twice(channels, name):
    """Behind it a D that bends, by the images and by D's weights; and a penalty on its slope."""
    size, rng = 4, make_rng(0, "w")
    x, w = images(1, size, channels, "float64"), rng.normal(size=(size * size * channels, 1)) / size

    def discriminate(x, w):
        seen = AUGMENTATIONS[name].apply(x, make_rng(3, "draws"), P)
        return ops.tanh(ops.matmul(ops.reshape(seen, (len(x), -1)), w))

    report = gradcheck(discriminate, x.numpy(), w)
    assert max(report.error(1), report.error(2)) < 1e-6
    of_penalty = gradcheck(lambda w: squared_slopes(lambda x: discriminate(x, w), x), w, order=1, checks=())
    assert of_penalty.error(1) < 1e-6


@each_augmentation
def test_reduced_precision_of_products_moves_no_pixel(name):
    x = images(size=32)
    exact = AUGMENTATIONS[name].apply(x, make_rng(0, "draws"), P).numpy()
    with rawgan_kernels.precision("bf16"):
        assert np.array_equal(AUGMENTATIONS[name].apply(x, make_rng(0, "draws"), P).numpy(), exact)


# --- DiffAugment -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("size", [8, 10])
def test_diffaugment_is_its_published_formula(size, channels):
    """Image by image and pixel by pixel."""
    x = images(5, size, channels, "float64").numpy()
    rng = make_rng(1, "draws")
    brightness, saturation, contrast = (rng.random(5) for _ in range(3))
    most, hole = int(size / 8 + 0.5), int(size / 2 + 0.5)
    (down, top), (along, left) = (  # vertical, horizontal
        (rng.integers(-most, most + 1, 5), rng.integers(0, size + 1 - hole % 2, 5) - hole // 2) for _ in range(2)
    )
    found = diffaugment(Tensor(x), make_rng(1, "draws")).numpy()
    for n, image in enumerate(x):
        y = image + brightness[n] - 0.5
        y = (y - y.mean(2, keepdims=True)) * (2 * saturation[n]) + y.mean(2, keepdims=True)
        y = (y - y.mean()) * (contrast[n] + 0.5) + y.mean()
        for i in range(size):
            for j in range(size):
                inside = 0 <= i - down[n] < size and 0 <= j - along[n] < size
                is_cut = top[n] <= i < top[n] + hole and left[n] <= j < left[n] + hole
                expected = y[i - down[n], j - along[n]] if inside and not is_cut else 0.0
                np.testing.assert_allclose(found[n, i, j], expected, atol=1e-12)


# --- ADA -------------------------------------------------------------------------------------------------------------


def test_ada_does_nothing_while_p_is_0():
    x = images()
    assert moved(x, make_rng(0, "draws"), 0.0) is x
    assert coloured(x, make_rng(0, "draws"), 0.0) is x


def test_geometry_is_an_affine_map_of_mirrored_images():
    """Bilinear sampling, written out for one pixel after another."""
    x, size = images(6, 7, 2, "float64"), 7
    places = random_places(6, size, make_rng(2, "draws"), 1.0)
    found = moved(x, make_rng(2, "draws"), 1.0).numpy()
    wide = np.concatenate([x.numpy(), x.numpy()[:, ::-1]], axis=1)  # twice as high, and then periodic
    wide = np.concatenate([wide, wide[:, :, ::-1]], axis=2)
    for n in range(6):
        for i in range(size):
            for j in range(size):
                centre = np.array([(2 * j + 1) / size - 1, (2 * i + 1) / size - 1, 1.0])
                u, v, _ = ((places[n] @ centre) + 1) * size / 2 - 0.5
                (a, b), (s, t) = (int(np.floor(v)), int(np.floor(u))), (v % 1, u % 1)
                pixel = lambda i, j, n=n: wide[n, i % (2 * size), j % (2 * size)]  # noqa: E731
                expected = (
                    (1 - s) * (1 - t) * pixel(a, b) + (1 - s) * t * pixel(a, b + 1)
                    + s * (1 - t) * pixel(a + 1, b) + s * t * pixel(a + 1, b + 1)
                )  # fmt: skip
                np.testing.assert_allclose(found[n, i, j], expected, atol=1e-10)


def test_geometry_is_made_of_the_published_steps():
    """The image after all steps, forwards: the map of places is the inverse of their product."""
    count, size = 50, 16
    rng, half = make_rng(4, "draws"), np.pi / 2
    found = random_places(count, size, make_rng(4, "draws"), 1.0)

    def drawn(values):
        return values() if rng.random(count) is not None else None

    flip = drawn(lambda: rng.choice([-1.0, 1.0], count))
    quarter = drawn(lambda: rng.integers(4, size=count)) * half
    pixels = drawn(lambda: np.round(rng.uniform(-1 / 8, 1 / 8, (2, count)) * size))
    scale = drawn(lambda: 2 ** rng.normal(0, 0.2, count))
    before = drawn(lambda: rng.uniform(-np.pi, np.pi, count))
    stretch = drawn(lambda: 2 ** rng.normal(0, 0.2, count))
    after = drawn(lambda: rng.uniform(-np.pi, np.pi, count))
    shift = drawn(lambda: rng.normal(0, 0.25, (2, count)))
    for n in range(count):
        turn = lambda angle: np.array(  # noqa: E731
            [[np.cos(angle), np.sin(angle), 0], [-np.sin(angle), np.cos(angle), 0], [0, 0, 1]]
        )
        move = lambda x, y: np.array([[1, 0, -x], [0, 1, -y], [0, 0, 1]])  # noqa: E731
        steps = [
            np.diag([flip[n], 1, 1]), turn(quarter[n]), move(*(2 / size * pixels[:, n])),
            np.diag([scale[n], scale[n], 1]), turn(before[n]), np.diag([stretch[n], 1 / stretch[n], 1]),
            turn(after[n]), move(*shift[:, n]),
        ]  # fmt: skip
        forwards = np.eye(3)
        for step in steps:
            forwards = step @ forwards
        np.testing.assert_allclose(found[n] @ forwards, np.eye(3), atol=1e-12)


def test_blitting_copies_pixels():
    """A flip, a turn by 90° and a translation by whole pixels, as of numpy."""
    x = images(1, 8, 3, "float64")
    for places, expected in (
        (geometry.scaling(np.array([-1.0]), np.array([1.0])), x.numpy()[:, :, ::-1]),
        (geometry.rotation(np.array([np.pi / 2])), np.rot90(x.numpy(), 1, (1, 2))),
    ):
        grid = ops.affine_grid(Tensor(places[:, :2]), x.shape)
        np.testing.assert_allclose(ops.grid_sample(x, grid, padding_mode="reflection").numpy(), expected, atol=1e-12)


@pytest.mark.parametrize("p", [0.1, 0.5])
def test_p_is_the_probability_of_each_transformation(p):
    count = 40_000
    places = random_places(count, 2**20, make_rng(0, "draws"), p)
    same = float((places == np.eye(3)).all(axis=(1, 2)).mean())
    assert same == pytest.approx((1 - p / 2) * (1 - 0.75 * p) * (1 - p) ** 5, abs=0.01)  # both rotations: 1 − p
    matrix, offset = random_colours(count, make_rng(0, "draws"), p)
    same = float(((matrix == np.eye(3)).all(axis=(1, 2)) & (offset == 0)).mean())
    assert same == pytest.approx((1 - p / 2) * (1 - p) ** 4, abs=0.01)


def test_colour_is_the_product_of_the_published_matrices():
    """Householder's reflection, Rodrigues' rotation, and the rest, as matrices of homogeneous colours."""
    count, rng = 20, make_rng(5, "draws")
    x = images(count, 3, 3, "float64").numpy()
    found = coloured(Tensor(x), make_rng(5, "draws"), 1.0).numpy()
    grey = coloured(Tensor(x[..., :1].copy()), make_rng(5, "draws"), 1.0).numpy()

    def drawn(values):
        return values, rng.random(count)

    (brightness, _), (contrast, _), (luma, _), (angle, _), (saturation, _) = (
        drawn(rng.normal(0, 0.2, count)), drawn(2 ** rng.normal(0, 0.5, count)), drawn(rng.choice([-1.0, 1.0], count)),
        drawn(rng.uniform(-np.pi, np.pi, count)), drawn(2 ** rng.normal(0, 1.0, count)),
    )  # fmt: skip
    v = np.array([1, 1, 1, 0]) / np.sqrt(3)
    axis, eye = np.outer(v, v), np.eye(4)
    cross = np.zeros((4, 4))
    cross[:3, :3] = np.cross(v[:3], np.eye(3)).T
    for n in range(count):
        c = eye.copy()
        c[:3, 3] = brightness[n]
        c = np.diag([contrast[n]] * 3 + [1]) @ c
        c = (eye - (1 - luma[n]) * axis) @ c
        turn = axis + np.cos(angle[n]) * (eye - axis) + np.sin(angle[n]) * cross
        turn[3, 3] = 1
        c = turn @ c
        keep = np.diag([0, 0, 0, 1.0])
        c = (axis + (np.diag([1.0, 1, 1, 0]) - axis) * saturation[n] + keep) @ c
        np.testing.assert_allclose(found[n], x[n] @ c[:3, :3].T + c[:3, 3], atol=1e-12)
        of_grey = np.concatenate([x[n, ..., :1]] * 3, axis=2) @ c[:3, :3].T + c[:3, 3]
        np.testing.assert_allclose(grey[n], of_grey.mean(2, keepdims=True), atol=1e-12)


# --- p follows how much D overfits -----------------------------------------------------------------------------------


def test_p_moves_every_four_updates_by_the_images_seen():
    state, seen = AdaptiveProbability(), []
    for update, r in enumerate([1.0, 1.0, 0.5, 0.3, 0.5, 0.5, 0.5, 0.5, 1.0, 1.0, 1.0, 1.0]):
        state.follow(Tensor(np.float32(r)), update, batch_size=10, target=0.6, images=100)
        seen.append(round(state.p.item(), 6))
    assert seen == [0, 0, 0, 0.4, 0.4, 0.4, 0.4, 0, 0, 0, 0, 0.4]  # the mean of the first four is 0.7
    for update in range(400):
        state.follow(Tensor(np.float32(1)), update, batch_size=10, images=100)
    assert state.p.item() == 1


def test_r_t_is_the_mean_sign_of_the_logits_of_real_images():
    real, fake = Tensor([2.0, -0.5, 0.25, 1.0]), Tensor([1.0, 0.0])
    assert sign_of_real(real, fake, centred=True).item() == 0.5
    shifted = real + 100.0, fake + 100.0
    assert sign_of_real(*shifted, centred=True).item() == 1
    assert sign_of_real(*shifted, centred=False).item() == sign_of_real(real, fake, centred=False).item() == 0


@pytest.mark.parametrize("objective", ["non-saturating", "relativistic"])
def test_a_step_of_ada_reports_p_and_r_t(objective):
    gan = build("residual", ImageSpec(8), width=2, noise_size=3, augment="ada")
    config, real = LossConfig(objective, augment="ada", augment_images=64, augment_target=-1.5), images(channels=1)
    found = [train_step(gan, real, gan.noise(0, "z", 4, n), config, n).by_name() for n in range(5)]
    assert [each["augment_p"].item() for each in found] == [0, 0, 0, 0.25, 0.25]
    assert all(-1 <= each["r_t"].item() <= 1 for each in found)
    assert not any(each["r_t"].requires_grad for each in found)
    assert set(gan.kept) == {"generator", "discriminator", "augmentation"}


# --- where D sees it -------------------------------------------------------------------------------------------------


@pytest.fixture
def watched():
    """A GAN, and the images that its D has seen so far."""
    gan, seen = build("residual", ImageSpec(8), width=2, noise_size=3), []
    forward = gan.discriminator.forward
    gan.discriminator.forward = lambda x: seen.append(x.numpy()) or forward(x)
    return gan, seen


@pytest.mark.parametrize("objective", ["non-saturating", "relativistic"])
def test_d_sees_augmented_images_in_both_steps_and_in_penalties(objective, watched):
    gan, seen = watched
    real, config = images(channels=1), LossConfig(objective, penalty="r1", augment="diffaugment", seed=7)
    fake = gan.generator(gan.noise(0, "z", 4))
    discriminator_step(gan, real, fake.detach(), config)
    generator_step(gan, fake, real, config)
    of_d, of_g = make_rng(7, "augmentation of D", 0), make_rng(7, "augmentation of G", 0)
    expected = [diffaugment(each, of_d) for each in (real, fake, real)] + [diffaugment(fake, of_g)]
    if objective == "relativistic":
        expected.append(diffaugment(real, of_g))
    assert len(seen) == len(expected)
    for found, wanted in zip(seen, expected, strict=True):
        np.testing.assert_allclose(found, wanted.numpy(), atol=1e-6)


def test_instance_noise_comes_on_top(watched):
    gan, seen = watched
    real = images(channels=1)
    discriminator_step(gan, real, real, LossConfig(augment="diffaugment", instance_noise=0.3), 0)
    noise = 0.3 * make_rng(0, "instance noise of D", 0).standard_normal(real.shape)
    expected = diffaugment(real, make_rng(0, "augmentation of D", 0)).numpy() + noise
    np.testing.assert_allclose(seen[0], expected, atol=1e-6)


def test_g_learns_through_the_augmentation():
    """Its gradient is that of the loss on augmented images, by finite differences of one of its biases."""
    gan = build("residual", ImageSpec(8), width=2, noise_size=3)
    for network in gan.networks.values():
        network.to(dtype="float64")
    z, config = Tensor(make_rng(0, "z").normal(size=(4, 3))), LossConfig(augment="diffaugment")
    bias = [p for p in gan.generator.parameters() if p.ndim == 1][-1]

    def loss():
        return generator_loss(gan, gan.generator(z), images(channels=1, dtype="float64"), config)[0]

    (found,) = grad(loss(), [bias])
    values = []
    for step in (1e-6, -2e-6):
        bias[...] = bias.numpy() + step
        values.append(loss().item())
    assert found.numpy().sum() == pytest.approx((values[0] - values[1]) / 2e-6, rel=1e-4)


def test_packed_and_conditional_gans_take_it():
    real, config = images(channels=1), LossConfig(augment="diffaugment")
    packed = build("dcgan", ImageSpec(8), width=2, noise_size=3, pack=2)
    train_step(packed, real, packed.noise(0, "z", 4), config)
    labelled = build("dcgan", ImageSpec(8), width=2, noise_size=3, conditional="projection", classes=3)
    train_step(labelled, real, labelled.noise(0, "z", 4), config, labels=np.array([0, 1, 2, 0]))


@pytest.mark.parametrize(
    ("config", "message"),
    [
        (LossConfig(augment="cutmix"), "there is no augmentation 'cutmix'; choose one of: ada, diffaugment"),
        (LossConfig(augment="ada"), r"augment ada needs a probability that it adapts: build\(…, augment='ada'\)"),
    ],
)
def test_what_cannot_be_augmented_is_refused(config, message):
    gan = build("dcgan", ImageSpec(8), width=2, noise_size=3)
    with pytest.raises(ArgumentError, match=message):
        train_step(gan, images(channels=1), gan.noise(0, "z", 4), config)


def test_points_and_translated_images_are_refused():
    config = LossConfig(augment="diffaugment")
    points = build("mlp", PointSpec(), width=2, noise_size=2)
    with pytest.raises(ArgumentError, match="augment diffaugment is for images that are made from noise, not for mlp"):
        train_step(points, Tensor(np.zeros((4, 2), np.float32)), points.noise(0, "z", 4), config)
    translator = build_translator("unet", TranslationSpec(8, 1, 1), width=2, patch=16)
    with pytest.raises(ArgumentError, match="not for unet; leave it out"):
        translation_step(translator, images(channels=1), images(channels=1), config)


def test_a_cuda_graph_cannot_draw(monkeypatch):
    monkeypatch.setattr("rawgan_kernels.backend_of", lambda array: "cuda")
    with pytest.raises(ArgumentError, match="but augment diffaugment draws other numbers\n  take train_step"):
        GraphedStep(build("dcgan", ImageSpec(8), width=2), LossConfig(augment="diffaugment"))


def test_slopes_are_by_the_images_before_the_augmentation():
    """As in the published R1: what a translation moves out of the image has no slope."""
    x = images(1, 8, 1, "float64")
    slope = squared_slopes(lambda seen: ops.sum(diffaugment(seen, make_rng(0, "draws")), axis=(1, 2, 3)), x)
    assert slope.shape == (1,)
    assert slope.item() > 0
