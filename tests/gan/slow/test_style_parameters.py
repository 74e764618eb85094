"""The style-based networks, by every parameter."""

import pytest

from rawgan.gan import ImageSpec, build
from rawgan.random import make_rng
from rawgan.testing import check_layer


@pytest.mark.parametrize("name", ["generator", "discriminator"])
def test_whole_networks_have_every_gradient(name):
    """By the input and every parameter, at orders 1 and 2, with every other promise of a Module."""
    gan = build("style", ImageSpec(8), width=1, noise_size=2)
    x = gan.noise(0, "test", 2).data if name == "generator" else make_rng(0, "images").standard_normal((2, 8, 8, 1))
    report = check_layer(gan.networks[name], x.astype("float64"), modes="train")
    assert report.error(1) < 1e-6
    assert report.error(2) < 1e-5
