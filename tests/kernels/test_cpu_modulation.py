"""Channels of each image, scaled and summed by themselves, on the CPU: any sizes, any number of threads."""

import numba
import numpy as np
import pytest

from rawgan_kernels import Backend

cpu, reference = Backend("cpu"), Backend("reference")

SHAPES = [
    (2, 1),
    (3, 4, 2),
    (2, 300, 7, 17),
    (1, 90, 90, 16),
    (3, 5, 600),
    (5, 70, 70, 1),
    (0, 3, 4),
    (2, 0, 3),
    (2, 3, 0),
]
"""Rows without pixels, few channels, more than a block, more channels than a panel, and nothing."""


def draw(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_each_channel_of_each_image_is_scaled(shape, dtype):
    x, factors = draw(*shape).astype(dtype), draw(shape[0], shape[-1], seed=1).astype(dtype)
    np.testing.assert_array_equal(cpu.scale_channels(x, factors), reference.scale_channels(x, factors), strict=True)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_products_are_summed_for_each_channel_of_each_image(shape, dtype):
    a, b = draw(*shape), draw(*shape, seed=1)
    exact, bound = (reference.channel_products(*arrays) for arrays in ((a, b), (abs(a), abs(b))))
    y = cpu.channel_products(a.astype(dtype), b.astype(dtype))
    assert (y.dtype, y.shape) == (dtype, (shape[0], shape[-1]))
    assert (abs(y - exact) <= 4 * np.finfo(dtype).eps * bound).all()


def test_infinity_and_nan_stay_in_their_channel():
    x = np.ones((2, 50, 50, 3), np.float32)
    x[0, 49, 49, 1], x[1, 0, 0, 2] = np.inf, np.nan
    y = cpu.channel_products(x, np.ones_like(x))
    np.testing.assert_array_equal(y, [[2500, np.inf, 2500], [2500, 2500, np.nan]])


def test_the_bits_are_the_same_for_any_number_of_threads():
    x, factors = draw(3, 99, 99, 5).astype("float32"), draw(3, 5).astype("float32")
    found, before = [], numba.get_num_threads()
    try:
        for threads in (1, min(2, numba.config.NUMBA_NUM_THREADS)):
            numba.set_num_threads(threads)
            results = cpu.scale_channels(x, factors), cpu.channel_products(x, x), cpu.add(x, factors[0])
            found.append([result.tobytes() for result in results])
    finally:
        numba.set_num_threads(before)
    assert found[0] == found[1]
