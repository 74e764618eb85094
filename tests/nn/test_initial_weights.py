"""Initial weights: their distributions, and what layers ask for."""

import numpy as np
import pytest

from rawgan import nn
from rawgan.nn import init


def rng(seed=0):
    return np.random.default_rng(seed)


def test_glorot_uniform_fills_its_range_evenly():
    w = init.glorot_uniform((200, 100), 200, 100, rng())
    limit = np.sqrt(6 / 300)
    assert -limit <= w.min() < -0.99 * limit
    assert 0.99 * limit < w.max() <= limit
    np.testing.assert_allclose(w.std(), limit / np.sqrt(3), rtol=0.02)
    assert abs(w.mean()) < 0.02 * limit


@pytest.mark.parametrize(
    ("initializer", "std"), [(init.he_normal, np.sqrt(2 / 200)), (init.normal(0.05), 0.05), (init.normal(), 0.02)]
)
def test_normal_initial_weights(initializer, std):
    w = initializer((200, 100), 200, 100, rng())
    np.testing.assert_allclose(w.std(), std, rtol=0.02)
    assert abs(w.mean()) < 0.03 * std
    np.testing.assert_allclose((np.abs(w) < std).mean(), 0.6827, atol=0.01)  # normal, not merely as wide


@pytest.mark.parametrize("shape", [(6, 4), (4, 6), (2, 3, 4, 5), (2, 1, 1, 5)])
def test_orthogonal_initial_weights(shape):
    w = init.orthogonal(shape, 1, 1, rng())
    assert w.shape == shape
    matrix = w.reshape(-1, shape[-1])
    rows, columns = matrix.shape
    product = matrix.T @ matrix if rows >= columns else matrix @ matrix.T
    np.testing.assert_allclose(product, np.eye(min(rows, columns)), atol=1e-12)


def test_orthogonal_initial_weights_favour_no_sign():
    signs = [np.sign(init.orthogonal((3, 3), 3, 3, rng(seed))[0, 0]) for seed in range(200)]
    assert abs(sum(signs)) < 50  # without the sign of R's diagonal, QR gives nearly always the same


def fans(layer):
    """Arguments that a layer gives its initialiser: (shape, fan_in, fan_out)."""
    seen = []

    def spy(shape, fan_in, fan_out, generator):
        seen.append((shape, fan_in, fan_out))
        return np.zeros(shape)

    layer(spy)
    return seen


def test_layers_tell_the_initialiser_their_fans():
    assert fans(lambda init: nn.Linear(3, 5, rng=rng(), init=init)) == [((3, 5), 3, 5)]
    assert fans(lambda init: nn.Conv2d(4, 6, (3, 2), groups=2, rng=rng(), init=init)) == [((3, 2, 2, 6), 12, 18)]
    assert fans(lambda init: nn.ConvTranspose2d(4, 6, 3, groups=2, rng=rng(), init=init)) == [((3, 3, 3, 4), 18, 27)]
    assert fans(lambda init: nn.Embedding(7, 2, rng=rng(), init=init)) == [((7, 2), 7, 2)]


def test_layers_start_with_glorot_weights_and_no_bias_and_depend_on_the_generator_alone():
    a, b, other = nn.Conv2d(3, 8, 3, rng=rng(1)), nn.Conv2d(3, 8, 3, rng=rng(1)), nn.Conv2d(3, 8, 3, rng=rng(2))
    np.testing.assert_array_equal(a.w.data, b.w.data)
    assert (a.w.data != other.w.data).any()
    np.testing.assert_array_equal(a.b.data, np.zeros(8))
    expected = init.glorot_uniform((3, 3, 3, 8), 27, 72, rng(1)).astype("float32")
    np.testing.assert_array_equal(a.w.data, expected)
    assert (nn.BatchNorm(2).gamma.data == 1).all()
    assert (nn.BatchNorm(2).beta.data == 0).all()
