"""Penalties and their gradients by D's weights, which are second derivatives, against PyTorch's."""

import numpy as np
import pytest
import torch

from bench.competitors import torch_networks
from bench.competitors.steps import converted
from rawgan import Tensor, grad
from rawgan.data import Batches, load
from rawgan.gan import PENALTIES, ImageSpec, build

BATCH = 6


def slopes(judge, images):
    """Squared norm of the slope at each image, to be differentiated again."""
    images = images.detach().requires_grad_(True)
    (found,) = torch.autograd.grad(judge(images).sum(), images, create_graph=True)
    return found.flatten(1).square().sum(1)


def to_one(judge, images):
    return (slopes(judge, images).sqrt() - 1).square().mean()


def in_torch(name, judge, real, fake, rng):
    """The same formulas from the papers, and the same random numbers."""
    match name:
        case "r1":
            return slopes(judge, real).mean() / 2
        case "r2":
            return slopes(judge, fake).mean() / 2
        case "r1+r2":
            return slopes(judge, real).mean() / 2 + slopes(judge, fake).mean() / 2
        case "wgan-gp":
            share = torch.from_numpy(rng.random((BATCH, 1, 1, 1)))
            return to_one(judge, share * real + (1 - share) * fake)
        case "dragan":
            noise = torch_networks.images_from_rawgan(rng.random((BATCH, 28, 28, 1)))
            return to_one(judge, real + 0.5 * real.std(unbiased=False) * noise)
    raise AssertionError(name)


@pytest.mark.parametrize("model", ["dcgan", "tutorial"])
@pytest.mark.parametrize("name", PENALTIES)
def test_penalties_and_their_gradients(name, model):
    ours = converted(build(model, ImageSpec(28), width=4, seed=1), "float64")
    theirs = torch_networks.build(model, 28, 1, width=4, dtype=torch.float64)
    torch_networks.load_rawgan(theirs.discriminator, ours.discriminator.state_dict())
    real = Batches(load("mnist", image_size=28, split="test"), BATCH, seed=0).batch(0, np.float64)
    fake = np.tanh(np.random.default_rng(1).standard_normal(real.shape))

    with ours.discriminator.frozen_buffers():
        price = PENALTIES[name].value(
            lambda images: ours.discriminate(images).logits, Tensor(real), Tensor(fake), np.random.default_rng(2)
        )
    expected = in_torch(
        name, theirs.discriminator, *map(torch_networks.images_from_rawgan, (real, fake)), np.random.default_rng(2)
    )
    assert price.item() == pytest.approx(expected.item(), rel=1e-10)

    theirs.discriminator.zero_grad()
    expected.backward()
    views = torch_networks.rawgan_views(gradients_of(theirs.discriminator))
    parameters = dict(ours.discriminator.named_parameters())
    found = grad(price, list(parameters.values()), unconnected="zero")
    scale = max(float(np.abs(gx.data).max()) for gx in found)
    assert scale > 0
    for (key, x), gx in zip(parameters.items(), found, strict=True):
        assert np.allclose(gx.data, views[key].numpy().reshape(x.shape), rtol=1e-8, atol=1e-10 * scale), key


def gradients_of(network):
    """The network itself, with its gradients in the place of its weights."""
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.copy_(torch.zeros_like(parameter) if parameter.grad is None else parameter.grad)
    return network
