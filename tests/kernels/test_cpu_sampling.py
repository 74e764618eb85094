"""The CPU's kernels of sampled images against the reference, in float32 and over several chunks of places."""

import numpy as np
import pytest

from rawgan.ops import affine_grid
from rawgan_kernels import Backend
from rawgan_kernels.cpu.grid_sample import CHUNK
from rawgan_kernels.places import PADDINGS

cpu, reference = Backend("cpu"), Backend("reference")
SIZE = 28
assert SIZE * SIZE > CHUNK


def draw(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape).astype("float32")


@pytest.mark.parametrize("channels", [1, 2, 3, 17])
@pytest.mark.parametrize("padding", PADDINGS)
def test_images_of_any_number_of_channels(padding, channels):
    x, gy = draw(2, SIZE, SIZE, channels), draw(2, SIZE, SIZE, channels, seed=1)
    grid = np.random.default_rng(2).uniform(-1.4, 1.4, (2, SIZE, SIZE, 2)).astype("float32")
    for name, arguments in (
        ("grid_sample", (x, grid, padding, False)),
        ("grid_sample_input_grad", (gy, grid, (SIZE, SIZE), padding, False)),
        ("grid_sample_grid_grad", (x, grid, gy, padding, False)),
    ):
        found, expected = (getattr(backend, name)(*arguments) for backend in (cpu, reference))
        np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5 * np.abs(expected).max(), err_msg=name)


@pytest.mark.parametrize("aligned", [False, True])
def test_centres_of_pixels_are_found_as_by_the_reference(aligned):
    """A place that is rounded differently lies between other pixels, and has another slope."""
    x, gy = draw(1, SIZE, SIZE, 1), draw(1, SIZE, SIZE, 1, seed=1)
    grid = affine_grid(np.eye(2, 3, dtype="float32")[None], x.shape, aligned).numpy()
    found, expected = (backend.grid_sample_grid_grad(x, grid, gy, "zeros", aligned) for backend in (cpu, reference))
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-4)
