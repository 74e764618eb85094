"""The networks of `attention`: where they look at the whole image, their norms, and their gradients as a whole."""

import numpy as np
import pytest

from rawgan import Tensor, grad, nn
from rawgan.cli import main
from rawgan.config.noise import TrainConfig
from rawgan.gan import ImageSpec, LossConfig, build, layer_costs, train_step


def small(size=8, channels=1, **options):
    return build("attention", ImageSpec(size, channels), width=2, noise_size=3, **options)


def awake(network):
    """A network whose attention takes part in its output."""
    for _, layer in network.modules():
        if isinstance(layer, nn.SelfAttention):
            layer.gamma[:] = 0.7
    return network


@pytest.mark.parametrize(
    ("size", "attended"), [(8, 4), (10, 5), (28, 14), (32, 16), (40, 10), (48, 12), (56, 14), (64, 16), (128, 16)]
)
def test_each_network_looks_once_and_at_16_pixels_at_most(size, attended):
    gan = small(size, 3)
    images = Tensor(np.zeros((2, size, size, 3), np.float32))
    for network, x in ((gan.generator, gan.noise(0, "z", 2)), (gan.discriminator, images)):
        looks = [row.output[1:3] for row in layer_costs(network, x) if "SelfAttention" in row.layer]
        assert looks == [(attended, attended)]
    assert gan.generator(gan.noise(0, "z", 2)).shape == images.shape
    assert gan.discriminator(images).shape == (2, 1)


def test_attention_costs_its_products():
    gan = small(64, 3)
    (row,) = (row for row in layer_costs(gan.generator, gan.noise(0, "z", 2)) if "SelfAttention" in row.layer)
    channels, places = row.output[-1], 16 * 16
    assert row.flops >= 2 * 2 * places * places * (1 + channels)
    assert row.activation_bytes < 4 * 2 * places * places  # less than the scores would take


@pytest.mark.parametrize("side", ["generator", "discriminator"])
def test_every_weight_is_spectrally_normed(side):
    modules = dict(getattr(small(), side).modules())
    kinds = nn.Linear | nn.Conv2d | nn.ConvTranspose2d
    weighted = [name for name, module in modules.items() if isinstance(module, kinds)]
    assert len(weighted) == 5  # three of them in the attention
    assert all(isinstance(modules[name.removesuffix(".layer")], nn.SpectralNorm) for name in weighted)
    plain = small(spectral_norm=False)
    assert not any(isinstance(module, nn.SpectralNorm) for _, module in plain.discriminator.modules())


@pytest.mark.parametrize("side", ["generator", "discriminator"])
def test_gradients_of_a_whole_network(side):
    """Slope and curvature along a random direction through all inputs and parameters, against differences."""
    gan, rng = small(), np.random.default_rng(0)
    network = awake(getattr(gan, side)).to(dtype="float64")
    x = Tensor(rng.uniform(-1, 1, (3, 3) if side == "generator" else (3, 8, 8, 1)), requires_grad=True)
    leaves = [x, *network.parameters()]
    starts = [leaf.data.copy() for leaf in leaves]
    directions = [rng.standard_normal(leaf.shape) for leaf in leaves]
    weights = Tensor(rng.standard_normal((3, 8, 8, 1) if side == "generator" else (3, 1)))

    def along(gradients):
        return sum((g * Tensor(d)).sum() for g, d in zip(gradients, directions, strict=True))

    def at(distance, create_graph=False):
        for leaf, start, direction in zip(leaves, starts, directions, strict=True):
            leaf[...] = start + distance * direction
        with network.frozen_buffers():
            loss = (network(x) * weights).sum()
        return loss, along(grad(loss, leaves, create_graph=create_graph))

    step = 1e-6
    (low, low_slope), (high, high_slope) = at(-step), at(step)
    _, slope = at(0.0, create_graph=True)
    curvature = along(grad(slope, leaves, unconnected="zero"))  # the last bias has none
    assert slope.item() == pytest.approx((high - low).item() / (2 * step), rel=1e-6)
    assert curvature.item() == pytest.approx((high_slope - low_slope).item() / (2 * step), rel=1e-5)


def test_its_own_defaults():
    config = TrainConfig.of(model="attention")
    assert (config.objective.name, config.networks.spectral_norm, config.networks.width) == ("hinge", True, 32)
    given = TrainConfig.of(model="attention", objective="non-saturating", spectral_norm=False)
    assert (given.objective.name, given.networks.spectral_norm) == ("non-saturating", False)
    config.check()


def test_a_step_teaches_the_attention_of_a_conditional_gan():
    gan = small(conditional="projection", classes=3, average_decay=0.9)
    labels = np.array([0, 1, 2, 0])
    real = Tensor(np.random.default_rng(0).uniform(-1, 1, (4, 8, 8, 1)).astype("float32"))
    for step in range(2):
        train_step(gan, real, gan.noise(0, "z", 4, step), LossConfig("hinge"), step, labels)
        gan.update_average(step)
    gammas = {
        (side, name): float(abs(x.data).max())
        for side, network in gan.kept.items()
        for name, x in network.state_tensors().items()
        if name.endswith(".gamma") and x.size == 1
    }
    assert {side for side, _ in gammas} == {"generator", "discriminator", "average"}
    assert min(gammas.values()) > 0


def test_it_is_described(capsys):
    assert main(["describe", "attention", "--image-size", "32", "--width", "8", "--batch-size", "2"]) == 0
    printed = capsys.readouterr().out
    assert printed.count("SelfAttention(8)") == 2
