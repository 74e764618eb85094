"""Networks as a whole, by every parameter. The fast tests check dcgan like this, and style by its input."""

import numpy as np
import pytest

from rawgan.gan import ImageSpec, build
from rawgan.random import make_rng
from rawgan.testing import check_layer


@pytest.mark.parametrize("name", ["generator", "discriminator"])
def test_style_has_every_gradient(name):
    """By the input and every parameter, at orders 1 and 2, with every other promise of a Module."""
    gan = build("style", ImageSpec(8), width=1, noise_size=2)
    x = gan.noise(0, "test", 2).data if name == "generator" else make_rng(0, "images").standard_normal((2, 8, 8, 1))
    report = check_layer(gan.networks[name], x.astype("float64"), modes="train")
    assert report.error(1) < 1e-6
    assert report.error(2) < 1e-5


@pytest.mark.parametrize(("name", "shape"), [("generator", (4, 3)), ("discriminator", (4, 8, 8, 1))])
def test_tutorial_has_every_gradient(name, shape):
    gan = build("tutorial", ImageSpec(8), width=2, noise_size=3)
    report = check_layer(gan.networks[name], np.random.default_rng(0).standard_normal(shape), modes="train")
    assert not [row.input for row in report.rows if row.flat and row.order == 1]
