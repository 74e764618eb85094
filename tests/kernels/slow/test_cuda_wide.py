"""CUDA kernels on arrays that take the simulator long."""

import numpy as np
import pytest
from fake_cupy import simulated_gpu

from rawgan_kernels import Backend

cuda, reference = Backend("cuda"), Backend("reference")

pytestmark = pytest.mark.usefixtures("simulated_gpu")
__all__ = ["simulated_gpu"]  # a fixture


def draw(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape).astype("float32")


def agree(name, *args):
    """Assert that a kernel agrees with the reference in float64. Returns its results as a tuple."""
    exact = (x.astype("float64") if isinstance(x, np.ndarray) else x for x in args)
    found, expected = getattr(cuda, name)(*args), getattr(reference, name)(*exact)
    pairs = [(found, expected)] if isinstance(found, np.ndarray) else list(zip(found, expected, strict=True))
    for x, y in pairs:
        assert x.dtype == "float32"
        assert x.shape == y.shape
        assert abs(x - y).max() <= 3e-6 * abs(y).max()
    return tuple(x for x, _ in pairs)


def test_channel_sums_of_more_channels_than_threads_agree():
    agree("channel_sum", draw(2, 258))


def test_layer_norms_of_more_values_than_threads_agree():
    """Its gradients of gamma and beta are sums of more columns than threads, as channel sums may be."""
    x, gamma, beta = draw(2, 257), draw(257, seed=1), draw(257, seed=2)
    _, mean, var = agree("normalize", x, gamma, beta, (1,), 1e-5, 0.2)
    agree("normalize_grad", x, draw(2, 257, seed=3), gamma, beta, mean, var, (1,), 1e-5, 0.2)
