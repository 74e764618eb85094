"""CUDA kernels on arrays that take the simulator long."""

import numpy as np
import pytest
from fake_cupy import simulated_gpu

from rawgan_kernels import Backend

cuda, reference = Backend("cuda"), Backend("reference")

pytestmark = pytest.mark.usefixtures("simulated_gpu")
__all__ = ["simulated_gpu"]  # a fixture


def test_channel_sums_of_more_channels_than_threads_agree():
    x = np.random.default_rng(0).standard_normal((2, 258)).astype("float32")
    found, expected = cuda.channel_sum(x), reference.channel_sum(x.astype("float64"))
    assert found.dtype == "float32"
    assert found.shape == expected.shape
    assert abs(found - expected).max() <= 3e-6 * abs(expected).max()
