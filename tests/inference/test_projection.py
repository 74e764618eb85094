"""Projection of pictures, and directions in which images vary most."""

import dataclasses

import numpy as np
import pytest

from rawgan import nn
from rawgan.errors import ArgumentError
from rawgan.gan import MODELS, ImageSpec, build
from rawgan.inference.directions import directions_of
from rawgan.inference.latents import LatentSpace
from rawgan.inference.projection import _Distance, _hidden_layers, project


def lively(model, **options):
    """Untrained networks whose images differ from each other as those of trained ones do."""
    gan = build(model, ImageSpec(8), **{"width": 4, "noise_size": 4} | options)
    for network in (gan.generator, gan.discriminator):
        for name, w in network.named_parameters():
            if w.ndim > 1 and model != "style":
                fan_in = w.size // w.shape[-2 if "Transpose" in name else -1]
                w.data[...] *= 1.5 / np.sqrt(fan_in) / max(float(w.data.std()), 1e-3)
    return gan


# --- projection -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("model", ["dcgan", "style", "tutorial"])
def test_an_image_of_the_generator_is_found_again(model):
    gan = lively(model)
    space = LatentSpace.of(gan)
    target = space.images(space.draw(5, "target", 1))[0]
    others = space.images(space.draw(6, "others", 64))
    typical = 10 * np.log10(4 / ((others - target) ** 2).mean(axis=(1, 2, 3)).min())
    found = project(gan, target, steps=60, starts=2)
    assert found.psnr > max(35, typical + 8)
    np.testing.assert_array_equal(space.images(found.vector[None])[0], found.image)


def test_the_class_of_a_picture_is_found():
    gan = lively("dcgan", conditional="projection", classes=3)
    space = LatentSpace.of(gan)
    target = space.images(space.draw(5, "target", 1), np.array([2]))[0]
    found = project(gan, target, steps=60)
    assert (found.label, found.psnr > 35) == (2, True)
    assert project(gan, target, 1, steps=2).label == 1


def test_a_projection_is_a_function_of_its_seed_and_leaves_the_networks_alone():
    gan = lively("style")
    gan.generator.train()
    before = {name: network.state_dict() for name, network in gan.networks.items()}
    target = np.random.default_rng(0).uniform(-1, 1, (8, 8, 1)).astype(np.float32)
    a, b, c = (project(gan, target, steps=6, seed=seed, shown=[0, 3]) for seed in (1, 1, 2))
    np.testing.assert_array_equal(a.vector, b.vector)
    assert not np.array_equal(a.vector, c.vector)
    assert sorted(a.path) == [0, 3, 6]
    for name, network in gan.networks.items():
        assert all(np.array_equal(x, before[name][key]) for key, x in network.state_dict().items())
        assert network.training


def test_noise_stays_where_the_generator_was_trained():
    gan = lively("dcgan", noise_size=64)
    far = np.where(np.indices((8, 8)).sum(axis=0)[..., None] % 2, 1, -1).astype(np.float32)
    found = project(gan, far, steps=40)
    assert 6 - 1e-4 < np.linalg.norm(found.vector) < 10 + 1e-4


def test_the_distance_is_that_of_pixels_and_of_scaled_features():
    gan = lively("residual")
    x = np.random.default_rng(0).uniform(-1, 1, (3, 8, 8, 1)).astype(np.float32)
    with gan.discriminator.evaluating():
        pixels, both = (_Distance(gan, x[0], weight)(nn_tensor(x)).numpy() for weight in (0.0, 0.5))
        np.testing.assert_allclose(pixels, ((x - x[0]) ** 2).mean(axis=(1, 2, 3)), rtol=1e-5)
        apart, y = [], nn_tensor(x)
        for layer, is_hidden in _hidden_layers(gan.discriminator):
            y = layer(y)
            if is_hidden:
                unit = y.numpy() / np.linalg.norm(y.numpy(), axis=-1, keepdims=True)
                apart.append(((unit - unit[:1]) ** 2).sum(axis=-1).mean(axis=(1, 2)))
    assert len(apart) >= 1
    np.testing.assert_allclose(both - pixels, 0.5 * np.mean(apart, axis=0), rtol=1e-3, atol=1e-5)


def nn_tensor(x):
    from rawgan import Tensor

    return Tensor(x)


@pytest.mark.parametrize("model", sorted(name for name, model in MODELS.items() if model.spec is ImageSpec))
def test_every_discriminator_has_features_that_do_not_depend_on_the_batch(model):
    gan = build(model, ImageSpec(16), width=2, noise_size=4, conditional="projection", classes=2)
    x = np.random.default_rng(0).uniform(-1, 1, (3, 16, 16, 1)).astype(np.float32)
    with gan.discriminator.evaluating():
        together = _Distance(gan, x[0], 1.0)(nn_tensor(x)).numpy()
        alone = [_Distance(gan, x[0], 1.0)(nn_tensor(x[k : k + 1])).numpy()[0] for k in range(3)]
    np.testing.assert_allclose(together, alone, rtol=1e-4, atol=1e-6)
    assert any(is_hidden for _, is_hidden in _hidden_layers(gan.discriminator))
    assert together[0] == pytest.approx(0, abs=1e-9)


def test_packed_discriminators_compare_copies_of_an_image():
    gan = build("residual", ImageSpec(8), width=2, noise_size=4, pack=3)
    assert project(gan, np.zeros((8, 8, 1), np.float32), steps=1).path[1].shape == (8, 8, 1)


def test_a_picture_of_another_shape_is_refused():
    with pytest.raises(ArgumentError, match=r"a picture of shape \(9, 8, 1\), but images have shape \(8, 8, 1\)"):
        project(build("dcgan", ImageSpec(8), width=2), np.zeros((9, 8, 1), np.float32))


# --- directions -------------------------------------------------------------------------------------------------------


def linear(model, generator):
    gan = build(model, ImageSpec(4) if model == "dcgan" else ImageSpec(8), width=2, noise_size=4)
    return dataclasses.replace(gan, generator=generator, ema=None)


def orthogonal(n, seed):
    return np.linalg.qr(np.random.default_rng(seed).standard_normal((n, n)))[0]


def test_directions_of_a_linear_generator_are_the_components_of_its_images():
    layer, values = nn.Linear(4, 64, rng=np.random.default_rng(0)), np.array([8.0, 4.0, 2.0, 1.0])
    u, v = orthogonal(4, 0), orthogonal(64, 1)[:4]
    layer.w.data[...] = u.T @ (values[:, None] * v)  # images z W, with z in R⁴
    gan = dataclasses.replace(
        build("dcgan", ImageSpec(8), width=2, noise_size=4), generator=nn.Sequential(layer, nn.Reshape(8, 8, 1))
    )
    found = directions_of(LatentSpace.of(gan), 3)
    assert found.vectors.shape == (3, 4)
    np.testing.assert_allclose(np.abs(found.vectors @ u[:3].T), np.eye(3), atol=0.06)  # of 4096 slopes
    np.testing.assert_allclose(found.shares, (values**2 / (values**2).sum())[:3], rtol=0.1)
    np.testing.assert_array_equal(found.deviations, 1)
    assert (found.vectors[np.arange(3), np.abs(found.vectors).argmax(axis=1)] > 0).all()


def test_directions_of_a_linear_mapping_are_its_components():
    layer, values = nn.Linear(4, 4, rng=np.random.default_rng(0)), np.array([3.0, 1.5, 0.7, 0.1])
    u, v = orthogonal(4, 0), orthogonal(4, 1)
    layer.w.data[...] = u.T @ (values[:, None] * v)
    layer.b.data[...] = 5.0  # the mean does not matter
    rest = [nn.Linear(4, 64, rng=np.random.default_rng(1)), nn.Reshape(8, 8, 1)]
    gan = dataclasses.replace(
        build("style", ImageSpec(8), width=2, noise_size=4), generator=nn.Sequential(layer, nn.Truncation(4), *rest)
    )
    found = directions_of(LatentSpace.of(gan), 9)  # more than there are
    assert found.vectors.shape == (4, 4)
    np.testing.assert_allclose(np.abs(found.vectors @ v.T), np.eye(4), atol=0.03)
    np.testing.assert_allclose(found.deviations, values, rtol=0.03)
    moved = found.moved(np.zeros(4), np.array([0.0, 2.0]))
    np.testing.assert_allclose(np.linalg.norm(moved[:, 1], axis=1), 2 * values, rtol=0.03)
