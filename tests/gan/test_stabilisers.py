"""Averages, packing, layers that stabilise a GAN, and runs with all options."""

import dataclasses

import numpy as np
import pytest
from watch import Watch

from rawgan import Tensor, nn
from rawgan.config.noise import TrainConfig
from rawgan.errors import ArgumentError, ShapeError
from rawgan.gan import (
    ImageSpec,
    LossConfig,
    build,
    discriminator_step,
    generator_step,
    train_step,
)
from rawgan.random import make_rng
from rawgan.storage import RunFolder
from rawgan.testing import check_layer
from rawgan.training import Trainer, train


@pytest.fixture
def noisy_images(tmp_path):
    """Path of 24 images of 8×8 pixels."""
    path = tmp_path / "images.npy"
    np.save(path, np.random.default_rng(0).integers(0, 256, (24, 8, 8), np.uint8))
    return str(path)


# --- layers and networks ------------------------------------------------------------------------------------------


def test_spectral_norm_divides_by_the_largest_singular_value():
    rng = np.random.default_rng(0)
    layer = nn.SpectralNorm(nn.Linear(5, 3, bias=False, rng=rng), rng=rng)
    x = np.eye(5, dtype="float32")
    for _ in range(50):
        y = layer(x)
    w = layer.layer.w.data
    np.testing.assert_allclose(y.data, w / np.linalg.svd(w, compute_uv=False)[0], rtol=1e-5)
    before = layer.u.data.copy()
    layer.eval()(x)
    with layer.train().frozen_buffers():
        layer(x)
    np.testing.assert_array_equal(layer.u.data, before)


@pytest.mark.parametrize("model", ["dcgan", "tutorial", "residual", "style"])
def test_every_weight_of_d_is_spectrally_normed(model):
    gan = build(model, ImageSpec(8), width=2, spectral_norm=True, conditional="projection", classes=3)
    modules = dict(gan.discriminator.modules())
    weighted = [name for name, module in modules.items() if isinstance(module, nn.Linear | nn.Conv2d)]
    assert weighted
    assert all(isinstance(modules[name.removesuffix(".layer")], nn.SpectralNorm) for name in weighted)


@pytest.mark.parametrize("kind", [nn.Linear, nn.Conv2d, nn.ConvTranspose2d])
def test_spectrally_normed_layers_have_their_gradients(kind):
    rng = np.random.default_rng(0)
    inside = kind(3, 2, rng=rng) if kind is nn.Linear else kind(3, 2, 2, stride=2, rng=rng)
    layer = nn.SpectralNorm(inside, rng=rng).eval()
    shape = (4, 3) if kind is nn.Linear else (2, 4, 4, 3)
    w = inside.w.data.astype("float64")
    x = rng.standard_normal(shape)
    matrix = w.reshape(-1, w.shape[-1])
    v = matrix @ layer.u.data
    v /= np.linalg.norm(v)
    u = v @ matrix
    sigma = (v @ matrix) @ (u / np.linalg.norm(u))
    plain = kind(3, 2, rng=rng) if kind is nn.Linear else kind(3, 2, 2, stride=2, rng=rng)
    plain.load_state_dict({"w": (w / sigma).astype("float32"), "b": inside.b.data})
    np.testing.assert_allclose(layer(x.astype("float32")).data, plain(x.astype("float32")).data, rtol=1e-4, atol=1e-6)


def test_minibatch_std_is_its_formula():
    x = np.random.default_rng(0).standard_normal((8, 2, 3, 5))
    y = nn.MinibatchStd(4)(x).data
    np.testing.assert_array_equal(y[..., :5], x)
    for start in (0, 4):
        expected = np.sqrt(x[start : start + 4].var(axis=0) + 1e-8).mean()
        np.testing.assert_allclose(y[start : start + 4, ..., 5], expected, rtol=1e-12)
    with pytest.raises(ShapeError, match=r"x must be \(N, H, W, C\)\n  x \(8, 2, 3\)"):
        nn.MinibatchStd(4)(x[..., 0])
    with pytest.raises(ArgumentError, match="group must be an integer >= 2"):
        nn.MinibatchStd(1)
    # Partners well apart: the root bends within a step of the finite differences where two nearly agree.
    x[1::2] += 5
    assert check_layer(nn.MinibatchStd(2), x[:4]).error(2) < 1e-6


@pytest.mark.parametrize(("n", "size"), [(0, 1), (1, 1), (3, 3), (6, 3), (7, 7), (10, 2)])
def test_minibatch_std_makes_equal_groups_of_any_batch(n, size):
    x = np.random.default_rng(0).standard_normal((n, 2, 3, 5))
    channel = nn.MinibatchStd(4)(x).data[..., 5]
    assert channel.shape == (n, 2, 3)
    for start in range(0, n, size):
        expected = np.sqrt(x[start : start + size].var(axis=0) + 1e-8).mean()
        np.testing.assert_allclose(channel[start : start + size], expected, rtol=1e-12)


def test_residual_adds_its_shortcut():
    rng = np.random.default_rng(0)
    main, shortcut = nn.Sequential(nn.Linear(3, 2, rng=rng)), nn.Sequential(nn.Linear(3, 2, rng=rng))
    x = rng.standard_normal((4, 3)).astype("float32")
    np.testing.assert_array_equal(nn.Residual(main, shortcut)(x).data, main(x).data + shortcut(x).data)
    assert check_layer(nn.Residual(main, shortcut), x).error(2) < 1e-6


def test_packed_images_are_channels_of_one():
    gan = build("dcgan", ImageSpec(8, 3), width=2, pack=2)
    images = np.random.default_rng(0).standard_normal((6, 8, 8, 3)).astype("float32")
    seen = gan.discriminator.forward
    packed = []
    gan.discriminator.forward = lambda x: packed.append(x.data) or seen(x)
    assert gan.discriminate(Tensor(images)).logits.shape == (3, 1)
    for pair in range(3):
        np.testing.assert_array_equal(packed[0][pair, ..., :3], images[2 * pair])
        np.testing.assert_array_equal(packed[0][pair, ..., 3:], images[2 * pair + 1])
    with pytest.raises(ArgumentError, match="5 images cannot be packed by 2"):
        gan.discriminate(Tensor(images[:5]))


def test_the_average_follows():
    gan = build("dcgan", ImageSpec(8), width=2, average_decay=0.9)
    assert gan.sampler is gan.average
    assert build("dcgan", ImageSpec(8), width=2).average is None
    expected = gan.average.state_dict()
    for index in range(3):
        for p in gan.generator.parameters():
            p.data += 1.0
        gan.generator.layers[2].running_mean.data += 0.5
        gan.update_average(index)
        decay = min(0.9, (1 + index) / (10 + index))
        now = gan.generator.state_dict()
        expected = {name: decay * x + (1 - decay) * now[name] for name, x in expected.items()}
    for name, x in gan.average.state_dict().items():
        np.testing.assert_allclose(x, expected[name], rtol=1e-6, err_msg=name)


def test_the_average_follows_once_a_step(noisy_images):
    training = Trainer(TrainConfig.of(data=noisy_images, image_size=8, width=2, batch_size=4, g_steps=2, ema=0.5))
    for number in (1, 2):
        before = training.gan.average.state_dict()
        training.step(number)
        now, decay = training.gan.generator.state_dict(), number / (number + 9)
        for name, x in training.gan.average.state_dict().items():
            np.testing.assert_allclose(x, decay * before[name] + (1 - decay) * now[name], rtol=1e-5, atol=1e-7)


def test_instance_noise_fades():
    gan = build("dcgan", ImageSpec(8), width=2)
    seen = []
    forward = gan.discriminator.forward
    gan.discriminator.forward = lambda x: seen.append(x.data) or forward(x)
    real = Tensor(np.zeros((200, 8, 8, 1), "float32"))
    for index, spread in ((0, 0.5), (5, 0.25), (10, 0.0), (99, 0.0)):
        discriminator_step(gan, real, real, LossConfig(instance_noise=0.5, noise_steps=10), index)
        assert seen[-1].std() == pytest.approx(spread, rel=0.05)
    assert not np.array_equal(seen[0], seen[1])  # real and generated images each have their own


def test_each_update_draws_its_own_numbers():
    gan = build("residual", ImageSpec(8), width=2, noise_size=3)
    seen = []
    forward = gan.discriminator.forward
    gan.discriminator.forward = lambda x: seen.append(x.data) or forward(x)
    images = Tensor(make_rng(0, "x").uniform(-1, 1, (4, 8, 8, 1)).astype("float32"))
    loss_config = LossConfig(penalty="wgan-gp", instance_noise=0.5)
    for _ in range(2):  # two updates of D in one step
        discriminator_step(gan, images, images * 0.5, loss_config, 0)
    generator_step(gan, gan.generator(gan.noise(0, "z", 4)), images, loss_config, 0)
    assert len({x.tobytes() for x in seen}) == len(seen) == 7  # real, fake, between; again; and G's


# --- whole runs -----------------------------------------------------------------------------------------------------

RECIPES = {
    "relativistic": {"model": "residual", "objective": "relativistic", "penalty": "r1+r2", "ema": 0.9},
    "wasserstein": {"model": "residual", "objective": "wasserstein", "penalty": "wgan-gp", "d_steps": 2},
    "hinge": {"objective": "hinge", "spectral_norm": True, "g_steps": 2, "d_learning_rate": 4e-4},
    "dragan": {
        "model": "residual",
        "penalty": "dragan",
        "penalty_every": 2,
        "instance_noise": 0.1,
        "noise_steps": 3,
        "pack": 2,
    },
    "attention": {"model": "attention", "ema": 0.9},
    "ada": {
        "model": "residual",
        "augment": "ada",
        "augment_images": 100,
        "penalty": "r1",
        "mirror": True,
        "d_steps": 2,
    },
    "style": {"model": "style", "penalty_every": 2, "g_penalty": "path-length", "g_penalty_every": 2, "ema": 0.9},
    "smooth": {"objective": "least-squares", "smooth_real": 0.1, "smooth_fake": 0.1},
}


@pytest.mark.parametrize("name", RECIPES)
def test_runs_with_every_option_go_on_bit_for_bit(name, noisy_images, tmp_path):
    config = TrainConfig.of(
        data=noisy_images, image_size=8, channels=1, steps=4, width=2, noise_size=4, batch_size=8, samples=4,
        sample_every=9, **RECIPES[name],
    )  # fmt: skip
    whole, parted = (RunFolder.create(tmp_path / kind, "x") for kind in ("whole", "parted"))
    train(Trainer(config), whole)
    steps = []
    train(Trainer(config), parted, Watch(steps.append), should_stop=lambda: len(steps) == 2)
    train(Trainer(config, checkpoint=parted.newest_checkpoint()[0]), parted)
    assert parted.checkpoints()[-1].read_bytes() == whole.checkpoints()[-1].read_bytes()
    assert parted.metrics_file.read_bytes() == whole.metrics_file.read_bytes()
    assert parted.sample_path(4).read_bytes() == whole.sample_path(4).read_bytes()


def test_more_updates_see_other_images_and_noise(noisy_images):
    config = TrainConfig.of(
        data=noisy_images, image_size=8, channels=1, steps=4, width=2, noise_size=4, batch_size=4, d_steps=3, g_steps=2
    )
    training = Trainer(config)
    reals, noises = [], []
    real, noise = training.task.real, training.task._noise
    training.task.real = lambda index: reals.append(index) or real(index)
    training.task._noise = lambda index: noises.append(index) or noise(index)
    records = [training.step(number) for number in (1, 2)]
    assert reals == [0, 1, 2, 3, 4, 5]
    assert noises == [0, 1, 2, 3, 4, 5, 6, 7]
    assert [record["epoch"] for record in records] == [3 / 6, 6 / 6]
    assert (training.gan.d_optimizer.steps, training.gan.g_optimizer.steps) == (6, 4)
    assert config.replace(steps=None, epochs=2).optimiser.total_steps(6) == 4


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"ema": 1.0}, "ema must be at least 0 and less than 1, but is 1.0"),
        (
            {"model": "dcgan", "penalty_weight": 3.0},
            "penalty_weight and penalty_every have no effect without --penalty",
        ),
        ({"batch_size": 9, "pack": 2}, "batch_size 9 must be a multiple of pack 2"),
        ({"objective": "hinge", "smooth_real": 0.1}, "smooth_real moves targets, which hinge does not have"),
        ({"instance_noise": -0.1}, "instance_noise must lie in 0 ... 10, but is -0.1"),
    ],
)
def test_contradictions_are_found_before_training(options, message):
    with pytest.raises(ArgumentError) as error:
        TrainConfig.of(**options).check()
    assert str(error.value).startswith(message)


def test_the_recipe_of_dcgan_is_the_plain_one():
    plain = TrainConfig.of(model="dcgan").loss_config()
    assert plain == dataclasses.replace(LossConfig(), noise_steps=2000)
    gan, twin = (build("dcgan", ImageSpec(8), width=2, noise_size=3) for _ in range(2))
    real = Tensor(np.random.default_rng(0).uniform(-1, 1, (4, 8, 8, 1)).astype("float32"))
    one = train_step(gan, real, gan.noise(0, "z", 4))
    other = train_step(twin, real, twin.noise(0, "z", 4), TrainConfig.of().loss_config(), 7)
    assert [x.item() for x in one[:4]] == [x.item() for x in other[:4]]
