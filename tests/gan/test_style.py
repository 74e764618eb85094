"""The style-based model: its networks, the path-length penalty, truncation."""

import numpy as np
import pytest

from rawgan import Tensor, grad, nn, ops
from rawgan.cli import main
from rawgan.config.noise import TrainConfig
from rawgan.errors import ArgumentError
from rawgan.gan import ImageSpec, LossConfig, build, generate, generator_step, train_step, truncate
from rawgan.gan.networks.style import Block
from rawgan.gan.penalties.path_length import PathLength
from rawgan.random import make_rng
from rawgan.storage import RunFolder
from rawgan.testing import gradcheck
from rawgan.training import Trainer, train


def images(*shape):
    return Tensor(make_rng(0, "images").standard_normal(shape).astype("float32"))


def mean_square(x):
    return (x.data**2).mean()


# --- networks ---------------------------------------------------------------------------------------------------------


def test_layers_keep_the_scale_of_their_inputs():
    """Before any training, and up to the padding with zeros: else layers would not learn at one rate."""
    gan = build("style", ImageSpec(32, 3), width=8)
    mapping, synthesis = gan.generator.layers[:5], gan.generator[6]
    v = nn.Sequential(*mapping)(gan.noise(0, "test", 64))
    x = ops.broadcast_to(synthesis.constant, (64, 4, 4, 64))
    assert mean_square(v) == pytest.approx(1, rel=0.3)
    for block in synthesis.blocks:
        made = ops.leaky_relu(block.conv(x, v), 0.2)  # before the filter, which removes a part
        assert 0.65 < mean_square(made) / mean_square(x) < 1.1
        x = block(x, v)
    x = ops.upsample_bilinear(images(64, 4, 4, 3), 8)
    for layer in (nn.Sequential(*gan.discriminator.layers[:2]), *gan.discriminator.layers[2:5]):
        before, x = x, layer(x)
        assert 0.55 < mean_square(x) / mean_square(before) < 1.2


@pytest.mark.parametrize("alternating", [[1, 0], [0, 1], [1, 1]])
def test_features_have_no_pattern_that_repeats_every_two_pixels(alternating):
    """Weights of the transposed convolution that make one, along rows, columns or both, are filtered away."""
    block, rng = Block(1, 1, 1, vector=2, up=2, rng=np.random.default_rng(0)), np.random.default_rng(1)
    y, x = np.indices((4, 4))
    signs = (-1.0) ** (alternating[0] * y + alternating[1] * x)
    block.conv.w.data[...] = signs.reshape(block.conv.w.shape)
    v, features = Tensor(rng.normal(size=(2, 2)).astype("float32")), Tensor(np.ones((2, 6, 6, 1), "float32"))
    inner = slice(2, -2)  # away from the padding
    assert abs(block.conv(features, v).data[:, inner, inner]).min() > 0.1
    assert abs(block(features, v).data[:, inner, inner]).max() < 1e-5


@pytest.mark.parametrize("name", ["generator", "discriminator"])
def test_whole_networks_have_their_gradients(name):
    """By the input, through every layer, at orders 1 and 2. The folder slow checks every parameter, too."""
    gan = build("style", ImageSpec(8), width=1, noise_size=2)
    x = gan.noise(0, "test", 2) if name == "generator" else images(2, 8, 8, 1)
    network = gan.networks[name].to(dtype="float64")
    with network.frozen_buffers():  # or the noise of layers would be another in each call
        report = gradcheck(lambda x: network(x), x.data.astype("float64"), checks=())
        unused = [p for p in grad(ops.sum(network(x.astype("float64")) ** 2), network.parameters()) if not p.data.any()]
    assert report.error(1) < 1e-6
    assert report.error(2) < 1e-5
    assert unused == []


def test_a_spectral_norm_takes_the_place_of_the_constant_scale():
    """Else the result would be as much too small as the constant is."""
    x, scales = images(64, 8, 8, 1), []
    for normed in (False, True):
        d = build("style", ImageSpec(8), width=4, spectral_norm=normed).discriminator
        scales.append(mean_square(nn.Sequential(*d.layers[:3])(x)))
    assert scales[1] > 0.03 * scales[0]


# --- path length ------------------------------------------------------------------------------------------------------


def test_the_path_length_of_a_linear_generator_is_its_formula():
    linear = nn.Linear(3, 8, bias=False, rng=np.random.default_rng(0))
    generator, penalty = nn.Sequential(linear, nn.Reshape(2, 2, 2)), PathLength()
    penalty.target.data[...] = 0.25
    found = penalty.value(generator, images(5, 3), np.random.default_rng(1))
    y = np.random.default_rng(1).standard_normal((5, 8)) / 2  # a pixel of 4 each
    w = Tensor(linear.w.data, requires_grad=True)
    lengths = ops.sqrt(ops.sum(ops.matmul(Tensor(y.astype("float32")), ops.transpose(w)) ** 2, axis=1))
    target = 0.25 + 0.01 * (lengths.data.mean() - 0.25)
    expected = ops.mean((lengths - target) ** 2)
    assert found.item() == pytest.approx(expected.item(), rel=1e-5)
    assert penalty.target.item() == pytest.approx(target, rel=1e-5)
    (slope,), (right,) = grad(found, [linear.w]), grad(expected, [w])
    np.testing.assert_allclose(slope.data, right.data, rtol=1e-4, atol=1e-6)


def test_paths_begin_behind_the_mapping_network():
    gan = build("style", ImageSpec(8), width=2, noise_size=3, g_penalty="path-length")
    z = gan.noise(0, "test", 4)
    with gan.generator.frozen_buffers():
        first = gan.g_penalty.value(gan.generator, z, np.random.default_rng(1)).item()
        gan.g_penalty.target.data[...] = 0.0
        v = nn.Sequential(*gan.generator.layers[:6])(z)
        rest = nn.Sequential(*gan.generator.layers[6:])
        assert gan.g_penalty.value(rest, v.detach(), np.random.default_rng(1)).item() == pytest.approx(first, rel=1e-5)


def test_a_lazy_penalty_on_g_is_added_with_its_weight_and_moves_no_buffer():
    """Gradients are seen in Adam's first moments, whose decay is 0 for this model."""
    config = LossConfig(g_penalty="path-length", g_penalty_weight=3.0, g_penalty_every=2)
    gans = [build("style", ImageSpec(8), width=2, noise_size=3, g_penalty="path-length") for _ in range(3)]
    moments = []
    for gan, settings, index in zip(gans, (LossConfig(), config, config), (0, 1, 2), strict=True):
        fake = gan.generator(gan.noise(0, "z", 8))
        figures = generator_step(gan, fake, images(8, 8, 8, 1), settings, index)
        assert ("g_penalty" in figures) == (index == 2)
        moments.append(np.concatenate([m.ravel() for m in gan.g_optimizer.state["m"]]))
        buffers = dict(gan.generator.named_buffers())
        assert buffers["6.blocks.1.noise.count"].item() == 1
    np.testing.assert_array_equal(moments[0], moments[1])
    twin = build("style", ImageSpec(8), width=2, noise_size=3, g_penalty="path-length")
    twin.generator(twin.noise(0, "z", 8))  # so that the noise of layers is the same
    with twin.generator.frozen_buffers():
        z, rng = twin.noise(0, "penalty on G", 4, 0), make_rng(0, "directions", 0)
        value = twin.g_penalty.value(twin.generator, z, rng)
    slopes = grad(value, twin.generator.parameters(), unconnected="zero")
    added = 6 * np.concatenate([slope.data.ravel() for slope in slopes])
    np.testing.assert_allclose(moments[2] - moments[0], added, rtol=1e-3, atol=1e-5)
    assert figures["g_penalty"].item() == pytest.approx(6 * value.item(), rel=1e-5)


def test_the_model_has_a_penalty_of_its_own():
    style = TrainConfig.of(model="style")
    assert (style.penalty.name, style.penalty.weight, style.penalty.every, style.networks.width) == ("r1", 1.0, 16, 16)
    assert style.replace(penalty="dragan").penalty.weight == 10.0
    assert TrainConfig.of(model="style", penalty_weight=0.5).replace(seed=1).loss_config().penalty_weight == 0.5
    lazy = TrainConfig.of(model="style", g_penalty="path-length", g_penalty_every=8).loss_config()
    assert (lazy.g_penalty, lazy.g_penalty_weight, lazy.g_penalty_every) == ("path-length", 2.0, 8)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"model": "dcgan", "g_penalty": "path-length"},
            "g_penalty path-length: dcgan's generator has batch norm in layer 2 BatchNorm, ",
        ),
        ({"g_penalty_weight": 1.0}, "g_penalty_weight and g_penalty_every have no effect without --g-penalty"),
    ],
)
def test_contradictions_are_found_before_training(options, message):
    with pytest.raises(ArgumentError) as error:
        TrainConfig.of(**options).check()
    assert str(error.value).startswith(message)
    TrainConfig.of(data="ring8", g_penalty="path-length").check()
    TrainConfig.of(model="style", g_penalty="none", penalty="none").check()


# --- truncation -------------------------------------------------------------------------------------------------------


def test_truncation_moves_vectors_towards_the_average_of_training():
    gan = build("style", ImageSpec(8), width=2, noise_size=3)
    train_step(gan, images(8, 8, 8, 1), gan.noise(0, "train", 8))
    layer, z = gan.generator[5], gan.noise(0, "test", 5)
    v = nn.Sequential(*gan.generator.layers[:5])(gan.noise(0, "train", 8)).data
    seen = layer.average.numpy()
    assert np.abs(seen).max() > 0
    assert np.abs(seen).max() < 0.02 * np.abs(v).max()  # 0.005 of the first batch's mean
    plain = generate(gan.generator, z)
    truncate(gan, None)
    np.testing.assert_array_equal(generate(gan.generator, z), plain)
    truncate(gan, 0.0)
    alike = generate(gan.generator, z)
    np.testing.assert_allclose(alike, np.broadcast_to(alike[:1], alike.shape), atol=1e-6)
    truncate(gan, 0.5)
    mapped = nn.Sequential(*gan.generator.layers[:5])(z)
    with gan.generator.evaluating():
        between = nn.Sequential(*gan.generator.layers[6:])(Tensor(seen) + (mapped - Tensor(seen)) * 0.5)
    np.testing.assert_allclose(generate(gan.generator, z), between.data, rtol=1e-5, atol=1e-6)


def test_without_a_mapping_network_truncation_scales_the_noise_and_leaves_the_class():
    plain = build("dcgan", ImageSpec(8), width=2, noise_size=3, conditional="projection", classes=2)
    less, z, labels = truncate(plain, 0.5), plain.noise(0, "test", 4), np.array([0, 1, 1, 0])
    assert truncate(plain, None) is plain
    np.testing.assert_array_equal(less.latent(z, labels).data[:, :3], z.data / 2)
    np.testing.assert_array_equal(less.latent(z, labels).data[:, 3:], np.eye(2)[labels])
    np.testing.assert_array_equal(
        less.grid(0, "test", 4).latent.data[:, :3], plain.grid(0, "test", 4).latent.data[:, :3] / 2
    )
    np.testing.assert_array_equal(plain.latent(z, labels).data[:, :3], z.data)  # the one before is as it was


def test_commands_truncate(tmp_path, capsys):
    folder = RunFolder.create(tmp_path, "x")
    config = TrainConfig.of(
        model="style", steps=1, width=1, noise_size=2, batch_size=4, samples=4, image_size=8, data="mnist"
    )
    train(Trainer(config), folder)
    run, whole, less = str(folder.path), tmp_path / "whole.png", tmp_path / "less.png"
    assert main(["sample", run, "--count", "4", "--out", str(whole)]) == 0
    assert main(["sample", run, "--count", "4", "--truncation", "0.1", "--out", str(less)]) == 0
    assert whole.read_bytes() != less.read_bytes()
    assert main(["interpolate", run, "--walks", "2", "--truncation", "0", "--out", str(tmp_path / "walk.png")]) == 0
    assert main(["sample", run, "--truncation", "2"]) != 0
    assert "truncation must lie in 0 ... 1" in capsys.readouterr().err
